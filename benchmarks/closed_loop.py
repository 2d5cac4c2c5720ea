"""What the clinic costs: a trial's closed loop beside the integration alone of the very same inputs, and where the rest goes.

It measures time, not medicine. Every call to the integrator is kept while the loop runs and made again without the clinic:
same doses, same stops, same output times. Both run in turns, so that a busy machine slows both alike. Run it as
`python benchmarks/closed_loop.py hd_il2_rcc --patients 1000 10000`; with `--store` the table goes to `benchmarks/results`.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any
from unittest.mock import patch

import numpy as np

from cytotrial import course as course_module
from cytotrial import trial
from cytotrial.catalogue import Library, load_library
from cytotrial.clinic import apply
from cytotrial.engine.ensemble import Ensemble, processors
from cytotrial.engine.kernel import CompiledModel
from cytotrial.engine.machine import host_machine
from cytotrial.engine.outputs import Outputs
from cytotrial.protocol.protocol import Protocol, with_overrides
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.results.store import RunWriter
from cytotrial.side_by_side import side_by_side

STAGES = ("truth and chance events", "observation", "grading", "rules", "carrying out", "records")
RESULTS = Path(__file__).parent / "results"
KIBIBYTES_PER_MEBIBYTE = 1024


class TapedEnsemble(Ensemble):
    """An ensemble that keeps what it was made of and every call that changes it."""

    tapes: list[Tape]

    def __init__(self, model: CompiledModel, parameters: np.ndarray, initial: np.ndarray, **settings: Any) -> None:
        super().__init__(model, parameters, initial, **settings)
        # Alone, it has all processors.
        self.tape = Tape(lambda: Ensemble(model, parameters, initial, **{**settings, "threads": processors()}))
        self.tapes.append(self.tape)

    def schedule(self, *given: Any) -> None:
        """As the ensemble's own, and kept."""
        self.tape.calls.append(("schedule", given, {}))
        super().schedule(*given)

    def cancel_inputs(self, cancelled: np.ndarray) -> None:
        """As the ensemble's own, and kept: as it is now, since the caller uses the array again."""
        self.tape.calls.append(("cancel_inputs", (cancelled.copy(),), {}))
        super().cancel_inputs(cancelled)

    def set_state(self, *given: Any) -> None:
        """As the ensemble's own, and kept."""
        self.tape.calls.append(("set_state", given, {}))
        super().set_state(*given)

    def advance(self, *given: Any, **named: Any) -> Outputs:
        """As the ensemble's own, and kept."""
        self.tape.calls.append(("advance", given, named))
        started = thread_time()
        outputs = super().advance(*given, **named)
        self.tape.here += thread_time() - started
        return outputs


@dataclass
class Tape:
    """One chunk's calls to its ensemble; `here` is the processor time that the caller's own thread spent in integrating."""

    make: Callable[[], Ensemble]
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    here: float = 0.0

    def replay(self) -> Seconds:
        """How long the integration takes when nothing else is done."""
        ensemble, seconds = self.make(), Seconds(0.0, 0.0)
        for name, given, named in self.calls:
            started = Seconds.now()
            getattr(ensemble, name)(*given, **named)
            if name == "advance":
                seconds += Seconds.now() - started
        return seconds


@dataclass(frozen=True)
class Seconds:
    """Time by the clock, and of all processors together."""

    wall: float
    busy: float

    @classmethod
    def now(cls) -> Seconds:
        """The clocks."""
        return cls(perf_counter(), process_time())

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.busy + other.busy)

    def __sub__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall - other.wall, self.busy - other.busy)


@dataclass(frozen=True)
class Measured:
    """One size: each repeat of the whole loop and of the integration alone, and the processor seconds of the stages."""

    patients: int
    loops: tuple[Seconds, ...]
    records: tuple[float, ...]
    integrations: tuple[Seconds, ...]
    stages: Counter[str]
    peak_mib: float

    def ratios(self) -> np.ndarray:
        """Processor time of the closed loop over that of the integration alone, one per repeat; tables not yet written."""
        pairs = zip(self.loops, self.records, self.integrations, strict=True)
        return np.array([(loop.busy - records) / alone.busy for loop, records, alone in pairs])

    def recorded_ratios(self) -> np.ndarray:
        """As `ratios`, with the tables written into the run folder."""
        return np.array([loop.busy / alone.busy for loop, alone in zip(self.loops, self.integrations, strict=True)])

    def wall_ratios(self) -> np.ndarray:
        """As `recorded_ratios`, by the clock: what waits while others use the processors is in it."""
        return np.array([loop.wall / alone.wall for loop, alone in zip(self.loops, self.integrations, strict=True)])

    def shares(self) -> dict[str, float]:
        """Processor time of each stage over that of the integration alone."""
        busy = sum(alone.busy for alone in self.integrations)
        return {name: self.stages[name] / busy for name in STAGES}


@contextmanager
def taped() -> Iterator[list[Tape]]:
    """While it lasts, every course keeps the calls to its ensemble."""
    TapedEnsemble.tapes = []
    with patch.object(course_module, "Ensemble", TapedEnsemble):
        yield TapedEnsemble.tapes


def measure(protocol: Protocol, library: Library, *, repeats: int, threads: int | None = None) -> Measured:
    """A closed loop as `trial.run_trial` runs it, from drawn patients to tables, and the integration alone, in turns."""
    prepared = trial.prepare(protocol, library)
    recipe = trial.recipe_of(protocol, library, prepared.biology)
    parts = trial.in_chunks(protocol, trial.PATIENTS_PER_CHUNK)
    drawn = [(arm, trial.draw_chunk(protocol, prepared, recipe, numbers)) for arm, numbers in parts]
    at_once, workers = trial.side_by_side_of(len(parts), threads)
    recorded = trial.RECORDED_TRAJECTORIES
    loops, integrations, records = [], [], []
    stages: Counter[str] = Counter()
    for _ in range(repeats):
        before = stages["records"]
        with taped() as tapes, RunWriter.temporary() as writer:
            started = Seconds.now()
            chunks = (
                trial.ready_chunk(protocol, library, prepared, arm, patients, threads=workers, recorded=recorded)
                for arm, patients in drawn
            )
            for chunk in side_by_side(chunks, partial(_follow, stages), at_once=at_once, told=lambda running: None):
                with _clocked(stages, "records"):
                    trial.store_chunk(writer, chunk)
            loops.append(Seconds.now() - started)
            stages["truth and chance events"] -= sum(tape.here for tape in tapes)
            records.append(stages["records"] - before)
        integrations.append(sum((tape.replay() for tape in tapes), Seconds(0.0, 0.0)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES_PER_MEBIBYTE
    return Measured(protocol.patients, tuple(loops), tuple(records), tuple(integrations), stages, peak)


def _follow(stages: Counter[str], chunk: trial.Chunk, tell: Callable[[float], None]) -> None:
    """The loop of `trial.simulate_chunk`, with a clock at every step; the caller takes off what was integrated."""
    course, clinic = chunk.course, chunk.clinic
    while True:
        with _clocked(stages, "observation"):
            chart = clinic.observe(course)
        with _clocked(stages, "grading"):
            grades = clinic.grade(chart)
        with _clocked(stages, "rules"):
            orders = clinic.manage(chart, grades)
        with _clocked(stages, "carrying out"):
            apply(course, orders)
        tell(course.fraction())
        if not course.is_open():
            course.leave()
            return
        with _clocked(stages, "truth and chance events"):
            course.advance()


@contextmanager
def _clocked(stages: Counter[str], stage: str) -> Iterator[None]:
    # Processor time of this thread: what another chunk does meanwhile is not in it.
    started = thread_time()
    yield
    stages[stage] += thread_time() - started


def table(found: Sequence[Measured], title: str) -> str:
    """The measurements as Markdown: ratios, not seconds, which belong to one machine."""
    lines = [
        f"# {title}",
        "",
        f"Measured on {_machine()}; `benchmarks/closed_loop.py`. Ratios to the integration alone of the same inputs.",
        "",
        "| patients | closed loop | lowest | highest | with its tables written | by the clock | "
        + " | ".join(STAGES)
        + " | peak memory [MiB] |",
        "|" + "---:|" * (7 + len(STAGES)),
    ]
    for one in found:
        ratios = one.ratios()
        shown = (np.median(ratios), ratios.min(), ratios.max(), np.median(one.recorded_ratios()), np.median(one.wall_ratios()))
        cells = [f"{one.patients:,}", *(f"{value:.2f}" for value in shown)]
        cells += [f"{share:.3f}" for share in one.shares().values()]
        lines.append("| " + " | ".join([*cells, f"{one.peak_mib:.0f}"]) + " |")
    return "\n".join(
        [*lines, "", "Processor time, but for the column by the clock, which has the tables in it; medians of the repeats.", ""]
    )


def _machine() -> str:
    machine = host_machine()
    return f"{processors()} processors, {machine.processor}, vectors of {machine.lanes} doubles"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, and stores the table where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("protocol", nargs="?", default="hd_il2_rcc")
    parser.add_argument("--patients", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--store", action="store_true", help="keep the table in benchmarks/results")
    asked = parser.parse_args(arguments)
    library = load_library()
    base = read_protocol(find_protocol(asked.protocol, library), library)
    found = []
    for patients in asked.patients:
        plan = with_overrides(base, patients=patients)
        found.append(measure(plan, library, repeats=asked.repeats, threads=asked.threads))
    text = table(found, f"The closed loop of {asked.protocol}")
    sys.stdout.write(text)
    if asked.store:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"closed_loop_{asked.protocol}.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
