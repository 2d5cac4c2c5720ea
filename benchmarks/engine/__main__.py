"""Runs the comparison: work-precision curves first, then interleaved repeats at equal error. See `benchmarks/README.md`."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.engine.amici_peer import Amici
from benchmarks.engine.answers import changed_answers, step_sizes
from benchmarks.engine.cvode import Cvode
from benchmarks.engine.diffrax_peer import Diffrax
from benchmarks.engine.lsoda import Lsoda
from benchmarks.engine.mrgsolve_peer import Mrgsolve
from benchmarks.engine.native import keep_memory
from benchmarks.engine.page import ANSWERED, ANSWERS_AT, SIZES, TIGHTEST, write_page
from benchmarks.engine.peer import MissingPeerError, Outcome, Peer, Prepared, Stopwatch
from benchmarks.engine.precision import Match, Point, match_error, median_ratio
from benchmarks.engine.project import CppPrint, Project
from benchmarks.engine.report import Entry, Level, Report, write_report
from benchmarks.engine.roadrunner_peer import RoadRunner
from benchmarks.engine.scipy_lsoda import ScipyLsoda
from benchmarks.engine.task import Task, make_task

PROTOCOL = "hd_il2_rcc"
REFERENCE_PATIENTS = 20
LEVELS = (Level("p99", 1.5e-4), Level("largest", 1e-3))
LONGEST_CURVE_RUN = 60.0  # seconds: a peer gets fewer patients rather than more time


@dataclass(frozen=True)
class _Ready:
    """A peer made ready, and its curve."""

    peer: Peer
    prepared: Prepared
    patients: int
    curve: tuple[Point, ...]

    def match(self, level: Level) -> Match | None:
        return match_error(self.curve, error=level.error, level=level.value)


def peers() -> list[Peer]:
    """Everybody, the project first."""
    return [
        Project(),
        CppPrint(),
        Cvode("CVODE from C++, tuned", tuned=True),
        Cvode("CVODE from C++, defaults", tuned=False),
        Cvode("CVODE from C++, defaults, dense", tuned=False, sparse=False, patients=48),
        Lsoda(),
        Amici(),
        RoadRunner(),
        Mrgsolve(),
        ScipyLsoda(),
        Diffrax(),
    ]


def main() -> int:
    """The exit status."""
    options = _options()
    keep_memory()
    chosen = [peer for peer in peers() if not options.peers or any(part in peer.name.lower() for part in options.peers)]
    project = Project()
    chosen = [project, *(peer for peer in chosen if peer.name != project.name)]
    if options.patients:
        chosen = [replace(peer, patients=min(peer.patients, options.patients)) for peer in chosen]  # type: ignore[type-var]
    task = make_task(options.protocol, patients=max(REFERENCE_PATIENTS, *(peer.patients for peer in chosen)))
    print(f"{options.protocol}: {len(task.system.states)} states, {task.breaks.size} changes, {task.times.size} output times")
    folder = Path(options.build or tempfile.mkdtemp(prefix="cytotrial-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    if options.page:
        write_page(
            *(Path(options.page), task),
            protocol=options.protocol,
            patients=REFERENCE_PATIENTS,
            measure=_measure,
            answers=changed_answers(options.protocol, patients=ANSWERED, rtols=ANSWERS_AT, tightest=TIGHTEST),
            sizes=step_sizes(SIZES),
            build=folder,
        )
        print(f"written: {options.page}")
        return 0
    reference = task.reference(REFERENCE_PATIENTS)
    chosen_names = {peer.name for peer in chosen}
    ready = []
    missing = {peer.name: "left out of this run by --peers." for peer in peers() if peer.name not in chosen_names}
    for peer in chosen:
        try:
            ready.append(_prepare(peer, task, reference, folder))
        except MissingPeerError as error:
            missing[peer.name] = str(error)
            print(f"{peer.name}: skipped: {error}", flush=True)
    entries: list[Entry] = []
    files: list[Path] = []
    curves = {one.peer.name: one.curve for one in ready}
    report = Report(options.protocol, task, options.repeats, entries, {**missing, **_unmatched(ready)}, curves, options.note)
    # Written anew with every entry: an hour's work is not lost with its last minute.
    for entry in _compare(ready, task, reference, repeats=options.repeats):
        entries.append(entry)
        files = write_report(report, Path(options.output), levels=LEVELS)
    print(f"written: {', '.join(str(file) for file in files)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python dev.py bench", description="The engine beside its peers at equal error.")
    parser.add_argument("--protocol", default=PROTOCOL, help="a shipped protocol or a file whose first treatment is infusions")
    parser.add_argument("--peers", nargs="*", default=[], type=str.lower, help="only those whose name contains one of these")
    parser.add_argument("--patients", type=int, default=0, help="at most so many for each")
    parser.add_argument("--repeats", type=int, default=9, help="interleaved repeats at equal error")
    parser.add_argument("--page", default="", help="write the documentation page here instead of comparing")
    parser.add_argument("--note", default="", help="a sentence for the table: what else the machine did meanwhile, say")
    parser.add_argument("--build", default="", help="keep compiled peers in this folder")
    parser.add_argument("--output", default="benchmarks/results", help="folder of table and picture")
    return parser.parse_args()


def _prepare(peer: Peer, task: Task, reference: np.ndarray, folder: Path) -> _Ready:
    """Compiles a peer and measures its curve."""
    prepared = peer.prepare(task, folder)
    print(f"{peer.name}: ready in {prepared.compile_seconds:.1f} s; {prepared.setting}", flush=True)
    patients, curve = min(peer.patients, 10 * REFERENCE_PATIENTS), []
    for rtol in peer.rtols:
        outcome = prepared.ready.run(patients, rtol=rtol, threads=1)
        curve.append(_point(outcome, task, reference, rtol))
        point = curve[-1]
        errors = f"99th percentile {point.p99:.1e}, largest {point.largest:.1e}"
        print(f"  rtol {rtol:.0e}: {errors}, {point.steps:.0f} steps, {point.failed} failed", flush=True)
        if outcome.seconds.clock > LONGEST_CURVE_RUN:
            patients = max(2, int(patients * LONGEST_CURVE_RUN / outcome.seconds.clock))
    return _Ready(
        peer, prepared, min(peer.patients, patients) if patients < 10 * REFERENCE_PATIENTS else peer.patients, tuple(curve)
    )


def _point(outcome: Outcome, task: Task, reference: np.ndarray, rtol: float) -> Point:
    patients = len(outcome.states)
    known = min(patients, len(reference))
    finished = np.isfinite(outcome.states[:known]).all(axis=(1, 2))
    errors = task.scaled_errors(outcome.states[:known][finished], reference[:known][finished])
    p99, largest = (float(np.quantile(errors, 0.99)), float(errors.max())) if finished.any() else (math.inf, math.inf)
    return Point(rtol, outcome.seconds.of(1) / patients, p99, largest, outcome.steps, int((~finished).sum()))


def _compare(ready: Sequence[_Ready], task: Task, reference: np.ndarray, *, repeats: int) -> Iterator[Entry]:
    """Every peer beside the project at each level, run by turns so that what else the machine does falls on both."""
    project = ready[0]
    for level in LEVELS:
        own = project.match(level)
        if own is None:
            print(f"the project has no run on each side of {level}; no comparison there.")
            continue
        for one in ready:
            for threads in (1, 2) if one.peer.threads and level is LEVELS[0] else (1,):
                found = one.match(level)
                if found is None:
                    continue
                rows = [_turn(project, own, one, found, threads=threads) for _ in range(repeats)]
                patients = _patients(one, found)
                check = _point(one.prepared.ready.run(patients, rtol=found.rtol, threads=1), task, reference, found.rtol)
                ratio = median_ratio([theirs / ours for ours, theirs in rows])
                print(
                    f"{level}: {one.peer.name}, {threads} threads: {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})",
                    flush=True,
                )
                yield Entry(one.peer.name, level, threads, ratio, found, check, patients, one.prepared)


def _measure(task: Task, patients: int, rtol: float) -> Point:
    """The project alone on one processor: the fastest of seven runs by the processor's own clock."""
    reference = task.reference(min(patients, REFERENCE_PATIENTS))
    outcomes = []
    for _ in range(7):
        ensemble = task.ensemble(patients, rtol=rtol)
        with Stopwatch() as watch:
            states = ensemble.advance(task.end, task.times).states.reshape(patients, task.times.size, -1)
        outcomes.append(Outcome(states, watch.seconds, float(ensemble.steps.accepted.mean())))
    return _point(min(outcomes, key=lambda outcome: outcome.seconds.processor), task, reference, rtol)


def _unmatched(ready: Sequence[_Ready]) -> dict[str, str]:
    """Who has no run on each side of any level, and what is known of it all the same."""
    fastest, found = min(point.seconds_per_patient for point in ready[0].curve), {}
    for one in ready:
        if not any(one.match(level) for level in LEVELS):
            runs = "; ".join(
                f"rtol {point.rtol:.0e}: 99th percentile {point.p99:.1e}, {point.failed} failed, "
                f"about {point.seconds_per_patient / fastest:.0f} times the project's fastest run"
                for point in one.curve
            )
            found[one.peer.name] = f"no two runs without failed patients on the two sides of a level ({runs})"
    return found


def _turn(project: _Ready, own: Match, one: _Ready, found: Match, *, threads: int) -> tuple[float, float]:
    """Seconds per patient of the project on one processor and of a peer, the project measured before and after."""
    before, theirs, after = (
        turn.prepared.ready.run(patients, rtol=match.rtol, threads=used).seconds.of(threads) / patients
        for turn, match, used, patients in (
            (project, own, 1, _patients(project, own)),
            (one, found, threads, _patients(one, found)),
            (project, own, 1, _patients(project, own)),
        )
    )
    return (before + after) / 2, theirs


def _patients(one: _Ready, found: Match) -> int:
    """About a second's worth, at least two patients, at most what the peer is given."""
    return max(2, min(one.patients, int(1.0 / found.seconds_per_patient)))


if __name__ == "__main__":
    sys.exit(main())
