"""Table and picture of a comparison, as JSON, Markdown and SVG. It measures nothing."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import llvmlite.binding as llvm
from benchmarks.engine.peer import Prepared
from benchmarks.engine.picture import work_precision_svg
from benchmarks.engine.precision import Match, Point, Ratio
from benchmarks.engine.task import Task

_FEATURES = ("avx512f", "avx2", "fma", "sse4.2", "neon")
_VECTORS = {"avx512f": "avx512", "avx2": "avx2", "sse4.2": "sse4", "neon": "neon"}


@dataclass(frozen=True)
class Level:
    """An error at which all are compared: of which kind ('p99' or 'largest'), and how much."""

    error: str
    value: float

    def __str__(self) -> str:
        return f"{'99th percentile' if self.error == 'p99' else 'largest error'} {self.value:g}"


@dataclass(frozen=True)
class Entry:
    """One peer at one level: how many times as long as the project on one processor it takes for a patient."""

    name: str
    level: Level
    threads: int
    ratio: Ratio
    match: Match
    check: Point
    patients: int
    prepared: Prepared


@dataclass(frozen=True)
class Report:
    """A whole comparison."""

    protocol: str
    task: Task
    repeats: int
    entries: Sequence[Entry]
    missing: Mapping[str, str]
    curves: Mapping[str, Sequence[Point]]
    note: str = ""


def write_report(report: Report, folder: Path, *, levels: Sequence[Level]) -> list[Path]:
    """`engine_<vectors>.json`, `.md` and `.svg` in a folder, named by this processor's widest vectors."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"engine_{vectors()}.{kind}" for kind in ("json", "md", "svg")]
    files[0].write_text(json.dumps(_record(report), indent=1) + "\n", encoding="utf-8")
    files[1].write_text(markdown(report, levels=levels), encoding="utf-8")
    files[2].write_text(work_precision_svg(report.curves, title=f"Work and precision: {report.protocol}"), encoding="utf-8")
    return files


def markdown(report: Report, *, levels: Sequence[Level]) -> str:
    """The table for people."""
    task = report.task
    lines = [
        "# The engine beside its peers",
        "",
        f"Made by `python dev.py bench` on {date.today().isoformat()}. Protocol `{report.protocol}`: "
        f"{len(task.system.states)} states, {len(task.varied)} parameters that differ between patients, "
        f"{task.breaks.size} changes of inputs, {task.times.size} output times over {task.end / 24:g} days.",
        "",
        f"Processor: {processor()}.",
        "",
        *([report.note, ""] if report.note else []),
        "A time is that of one patient, relative to the project on one processor, run by turns with it: the median of "
        f"{report.repeats} repeats, with the interval that covers it in 90 % of cases. On one processor it is the time that "
        "the processor worked for it, on two the time by the clock. Compiling is apart. The error is "
        "relative to the size of each value plus the size that matters of its state, over all states, output times and "
        "patients, against the project at rtol 1e-10 (which tests hold to SciPy's LSODA).",
        "",
        f"![work and precision](engine_{vectors()}.svg)",
        "",
    ]
    for level in levels:
        lines += [f"## At equal error: {level}", "", *_table([entry for entry in report.entries if entry.level == level]), ""]
    lines += ["## How each was set up", "", "| | version | compiling [s] | set-up |", "|---|---|---|---|"]
    known = {entry.name: entry.prepared for entry in report.entries}
    lines += [
        f"| {name} | {prepared.version} | {prepared.compile_seconds:.1f} | {prepared.setting} |"
        for name, prepared in known.items()
    ]
    if report.missing:
        lines += ["", "Not compared:", "", *(f"- {name}: {why}" for name, why in report.missing.items())]
    return "\n".join([*lines, ""])


def _table(entries: Sequence[Entry]) -> list[str]:
    head = ["| | processors | time, project = 1 | 90 % interval | steps | rtol | 99th percentile | largest | patients |"]
    rows = [
        f"| {entry.name} | {entry.threads} | {entry.ratio.median:.3g} | {entry.ratio.low:.3g} to {entry.ratio.high:.3g} | "
        f"{'' if entry.match.steps != entry.match.steps else f'{entry.match.steps:.0f}'} | {entry.match.rtol:.1e} | "
        f"{entry.check.p99:.1e} | {entry.check.largest:.1e} | {entry.patients} |"
        for entry in entries
    ]
    return [*head, "|---|---|---|---|---|---|---|---|---|", *rows]


def vectors() -> str:
    """The widest vectors of this processor that the engine knows, as in a file's name; 'other' where it knows none.

    >>> vectors() in ("avx512", "avx2", "sse4", "neon", "other")
    True
    """
    features = llvm.get_host_cpu_features()
    return next((short for name, short in _VECTORS.items() if features.get(name)), "other")


def processor() -> str:
    """The processor and what matters of its features."""
    features = llvm.get_host_cpu_features()
    known = [name for name in _FEATURES if features.get(name)]
    return f"{llvm.get_host_cpu_name()} ({platform.machine()}; {', '.join(known) or 'no vector features known'})"


def _record(report: Report) -> dict[str, object]:
    return {
        "protocol": report.protocol,
        "date": date.today().isoformat(),
        "processor": processor(),
        "states": len(report.task.system.states),
        "varied_parameters": len(report.task.varied),
        "changes": int(report.task.breaks.size),
        "output_times": int(report.task.times.size),
        "repeats": report.repeats,
        "note": report.note,
        "entries": [
            {
                **{"name": entry.name, "error": entry.level.error, "level": entry.level.value, "threads": entry.threads},
                **{"ratio": asdict(entry.ratio), "rtol": entry.match.rtol, "steps": entry.match.steps},
                **{"p99": entry.check.p99, "largest": entry.check.largest, "patients": entry.patients},
                **{"version": entry.prepared.version, "compile_seconds": entry.prepared.compile_seconds},
                "setting": entry.prepared.setting,
            }
            for entry in report.entries
        ],
        "curves": {name: [asdict(point) for point in points] for name, points in report.curves.items()},
        "missing": dict(report.missing),
    }
