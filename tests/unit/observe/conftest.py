"""A monitoring plan over all the findings the clinic may see, and charts written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from cytotrial.formats import InterfaceFile, MonitoringFile
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import read_yaml

LIBRARY = Path(__file__).parents[3] / "src" / "cytotrial" / "library"
PORTS = Path(__file__).parents[1] / "observe" / "ports.yaml"

Recorder = Callable[..., Chart]


@pytest.fixture(scope="session")
def ports() -> InterfaceFile:
    return read_yaml(PORTS, InterfaceFile).content


@pytest.fixture(scope="session")
def library() -> Path:
    return LIBRARY


@pytest.fixture(scope="session")
def plan(ports: InterfaceFile) -> MonitoringPlan:
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
