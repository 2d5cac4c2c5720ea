"""Two runs beside each other, arm by arm, and what makes them differ. It compares what they say, not whether they are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cytotrial.results.comparing import Group, compare_groups, no_comparison
from cytotrial.results.result import Result
from cytotrial.results.tables import readable

HASHES = ("library", "code")


@dataclass(frozen=True)
class RunsCompared:
    """Two runs compared: `table` as `compare_groups` gives it, whether patients are `paired`, and what the runs differ in."""

    table: pd.DataFrame
    paired: bool
    differences: tuple[str, ...]


def compare_runs(run: Result, other: Result) -> RunsCompared:
    """`run` against `other`: arms of the same name, or every arm of `run` against the first of `other` where no name is shared.

    Patients are paired where both runs hold the same virtual patients: same numbers, same covariates.
    """
    paired = _same_patients(run, other)
    shared = [arm for arm in run.arms if arm in other.arms]
    pairs = [(arm, arm) for arm in shared] or [(arm, other.arms[0]) for arm in run.arms]
    names = (run.folder.name, other.folder.name)
    if names[0] == names[1]:
        names = (str(run.folder), str(other.folder))
    frames = [
        compare_groups(
            Group.of(run, first, name=_shown(names[0], first, run)),
            Group.of(other, second, name=_shown(names[1], second, other)),
            paired=paired,
        )
        for first, second in pairs
    ]
    table = readable(pd.concat(frames, ignore_index=True)) if frames else no_comparison()
    return RunsCompared(table, paired, tuple(_differences(run, other)))


def _shown(run: str, arm: str, result: Result) -> str:
    return run if len(result.arms) == 1 else f"{run}: {arm}"


def _same_patients(run: Result, other: Result) -> bool:
    """Whether the first arms hold the same patients; parameters that only one composition has do not count."""
    frames = [one.table("patients") for one in (run, other)]
    firsts = [
        frame[frame["ARM"] == one.arms[0]].drop(columns="ARM").set_index("ID")
        for frame, one in zip(frames, (run, other), strict=True)
    ]
    columns = [name for name in firsts[0].columns if name in firsts[1].columns]
    return run.design == other.design == "twins" and bool(columns) and firsts[0][columns].equals(firsts[1][columns])


def _differences(run: Result, other: Result) -> list[str]:
    """What the two questions and the two versions differ in: 'follow_up: 36 months against 60 months'."""
    first, second = (_flat(one.manifest.protocol) for one in (run, other))
    lines = [
        f"{name}: {_said(first.get(name))} against {_said(second.get(name))}"
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name) and not name.startswith(("title", "compare_with"))
    ]
    hashes = run.manifest.hashes, other.manifest.hashes
    return lines + [f"the version of the {name}" for name in HASHES if hashes[0].get(name) != hashes[1].get(name)]


def _flat(content: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of nested mappings and lists by its path."""
    if isinstance(content, dict):
        parts = [_flat(value, f"{path}.{key}" if path else str(key)) for key, value in content.items()]
    elif isinstance(content, list):
        parts = [_flat(value, f"{path}[{number}]") for number, value in enumerate(content)]
    else:
        return {path: content}
    return {key: value for part in parts for key, value in part.items()}


def _said(value: Any) -> str:
    return "not stated" if value is None else str(value)
