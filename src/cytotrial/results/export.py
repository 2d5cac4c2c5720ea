"""Writes a run in the shapes other programs read, CSV, ADaM, NONMEM, and its figures. The run itself is not changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from cytotrial.errors import Place, Problem, RunFolderError, did_you_mean
from cytotrial.results.adam import DATASETS, study_id
from cytotrial.results.nonmem import compartments, dose_events
from cytotrial.results.printed import SUFFIXES
from cytotrial.results.tables import COLUMNS

if TYPE_CHECKING:
    from cytotrial.results.result import Result

README = "README.txt"
MISSING = {"nonmem": "."}


def export(result: Result, to: str, *, folder: Path) -> list[Path]:
    """Writes the files of a shape ('csv', 'adam', 'nonmem') to a folder; returns their paths, the README last.

    Raises:
        RunFolderError: no such shape, or the folder has such files already or cannot be written.
    """
    if to not in SHAPES:
        raise RunFolderError([Problem(Place(path="to"), f"no shape is called '{to}'.", did_you_mean(to, SHAPES))])
    frames = {folder / f"{name}.csv": make for name, make in SHAPES[to](result).items()}
    readme = folder / README
    existing = [path for path in [*frames, readme] if path.exists()]
    if existing:
        advice = "Choose another folder; nothing is overwritten."
        raise RunFolderError([Problem(Place(str(existing[0])), "this file exists already.", advice)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, make in frames.items():
            make().to_csv(path, index=False, lineterminator="\n", na_rep=MISSING.get(to, ""))
        readme.write_text(_readme(result, to), encoding="utf-8")
    except OSError as failure:
        raise RunFolderError([Problem(Place(str(folder)), f"cannot be written: {failure.strerror}.")]) from None
    return [*frames, readme]


def export_figures(result: Result, kind: str, *, folder: Path) -> list[Path]:
    """Writes every figure of a run as svg, pdf or png, with matplotlib; returns their paths.

    Raises:
        RunFolderError: no such kind, matplotlib is not installed, a figure is there already, or the folder cannot be written.
    """
    if kind not in SUFFIXES:
        raise RunFolderError(
            [Problem(Place(path="figures"), f"no figure is written as '{kind}'.", did_you_mean(kind, SUFFIXES))]
        )
    paths = {name: folder / f"{name}.{kind}" for name in result.plots()}
    existing = [path for path in paths.values() if path.exists()]
    if existing:
        advice = "Choose another folder; nothing is overwritten."
        raise RunFolderError([Problem(Place(str(existing[0])), "this file exists already.", advice)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise RunFolderError([Problem(Place(str(folder)), f"cannot be written: {failure.strerror}.")]) from None
    return [result.plot(name).save(path) for name, path in paths.items()]


Frames = Mapping[str, Callable[[], pd.DataFrame]]


def _tables(result: Result) -> Frames:
    return {name: lambda name=name: result.table(name) for name in COLUMNS}  # type: ignore[misc]


def _adam(result: Result) -> Frames:
    return {name.lower(): lambda make=make: make(result) for name, make in DATASETS.items()}  # type: ignore[misc]


def _nonmem(result: Result) -> Frames:
    return {"dose_events": lambda: dose_events(result), "compartments": lambda: compartments(result)}


SHAPES: Mapping[str, Callable[[Result], Frames]] = MappingProxyType({"csv": _tables, "adam": _adam, "nonmem": _nonmem})
WORDS = MappingProxyType(
    {
        "csv": "The tables of run/1, one file each. TIME is in hours from the first planned dose.\n"
        "An empty cell was not measured.",
        "adam": "Shaped like CDISC ADaM, not validated against it. There are no dates: ADY, ASTDY and ARELTM are relative to\n"
        "the first planned dose. Terms are those of the grading named in AEDICT; dictionary codes are not given.",
        "nonmem": "Dose events of what was really given: AMT in nmol, TIME in hours, RATE in nmol/h (0 is a bolus).\n"
        "'.' is missing. compartments.csv says which drug and route each CMT is.",
    }
)


def _readme(result: Result, to: str) -> str:
    lines = [result.manifest.notice, f"Study {study_id(result)}, seed {result.manifest.seed}.", WORDS[to]]
    return "\n\n".join(lines) + "\n"
