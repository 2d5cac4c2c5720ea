"""A small sound library to break in tests, a monitoring plan over all findings, and charts written by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from cytotrial.formats import InterfaceFile, MonitoringFile
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import read_yaml

LIBRARY = Path(__file__).parents[2] / "src" / "cytotrial" / "library"
PORTS = Path(__file__).parent / "observe" / "ports.yaml"
SOUND = Path(__file__).parent / "model" / "sound_library"

Change = str | tuple[str, str] | None
WriteLibrary = Callable[..., Path]
Recorder = Callable[..., Chart]


@pytest.fixture
def write_library(tmp_path: Path) -> WriteLibrary:
    """Writes the sound library with changes by path: a text replaces a file, a pair replaces a part of it, None removes it.

    It has two shared files of ports and sources, a body, a remedy and an illness.
    """

    def write(changes: Mapping[str, Change] | None = None) -> Path:
        root = tmp_path / "library"
        shutil.copytree(SOUND, root)
        for name, change in (changes or {}).items():
            path = root / name
            if change is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            text = change if isinstance(change, str) else _replaced(path.read_text(encoding="utf-8"), *change)
            path.write_text(text, encoding="utf-8")
        return root

    return write


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the sound library has no '{old}'"
    return text.replace(old, new)


@pytest.fixture(scope="session")
def ports() -> InterfaceFile:
    """All the findings the clinic may see."""
    return read_yaml(PORTS, InterfaceFile).content


@pytest.fixture(scope="session")
def plan(ports: InterfaceFile) -> MonitoringPlan:
    """A monitoring plan over all the findings the clinic may see."""
    file = read_yaml(LIBRARY / "monitoring" / "standard.yaml", MonitoringFile).content
    return MonitoringPlan.from_file(file, ports.observables)


@pytest.fixture
def record() -> Recorder:
    """Adds one chart to a history: values by finding, one number per patient, None where not measured."""

    def add(
        history: History,
        time: float | Sequence[float],
        values: Mapping[str, Sequence[float | None]],
        *,
        first: bool = False,
        since: float | None = None,
        present: Sequence[bool] | None = None,
    ) -> Chart:
        patients = history.patients
        times = np.broadcast_to(np.asarray(time, dtype=float), patients).copy()
        chart = Chart(
            time=times,
            present=np.ones(patients, dtype=bool) if present is None else np.asarray(present),
            first=np.full(patients, first),
            since=times if since is None else np.full(patients, float(since)),
            values={name: np.array([np.nan if v is None else v for v in row], dtype=float) for name, row in values.items()},
        )
        history.add(chart)
        return chart

    return add
