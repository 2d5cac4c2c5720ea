"""The table, the record and the documentation page, from made-up runs of a small system."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.engine.page import write_page
from benchmarks.engine.peer import Prepared
from benchmarks.engine.precision import Match, Point, Ratio
from benchmarks.engine.report import Entry, Level, Report, write_report
from benchmarks.engine.task import Task

LEVEL = Level("p99", 1.5e-4)


@pytest.fixture
def task(system, patients):
    """Two infusions a day apart into the small system."""
    parameters, initial = patients
    return Task(
        biology=SimpleNamespace(system=system),
        parameters=np.where(np.arange(7) == 3, 0.9, parameters),
        initial=initial,
        breaks=np.array([0.0, 1.0, 24.0, 25.0]),
        inputs=np.array([[1.0], [0.0], [1.0], [0.0]]),
        infusion=0,
        rates=np.linspace(20.0, 40.0, len(parameters)),
        times=np.array([1.0, 12.0, 30.0, 48.0]),
    )


def test_each_patient_gets_its_own_rate_and_only_what_changes_is_an_event(task):
    events = task.events(3)
    assert events.time[events.patient == 1].tolist() == [0.0, 1.0, 24.0, 25.0]
    np.testing.assert_allclose(events.value[events.time == 24.0], task.rates[:3])
    np.testing.assert_allclose(task.inputs_of(2)[:, 0], [task.rates[2], 0.0, task.rates[2], 0.0])


def test_fewer_doses_are_the_first_ones(task):
    assert task.with_doses(1).inputs[:, 0].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_parameters_that_all_share_are_told_from_those_that_vary(task):
    assert task.shared == {3: 0.9}
    assert task.varied == (0, 1, 2, 4, 5, 6)


def test_the_reference_is_far_closer_than_the_errors_compared(task):
    ensemble = task.ensemble(10, rtol=1e-5)
    found = ensemble.advance(task.end, task.times).states.reshape(10, 4, -1)
    assert 0 < task.scaled_errors(found, task.reference(10)).max() < 1e-3


def test_the_table_has_a_row_per_entry_and_says_who_was_not_compared(task, tmp_path):
    prepared = Prepared(None, 1.5, "7.1", "its defaults")
    entry = Entry(
        *("a peer", LEVEL, 2, Ratio(3.25, 3.0, 3.5)),
        Match(1e-4, 0.1, math.nan),
        Point(1e-4, 0.1, 1.4e-4, 1e-3, 9.0),
        40,
        prepared,
    )
    curves = {"a peer": (Point(1e-3, 0.1, 1e-3, 1e-2, 5.0), Point(1e-4, 0.2, 1e-4, 1e-3, 9.0))}
    report = Report("a_protocol", task, 9, [entry], {"another": "it needs R"}, curves)
    files = {file.name: file.read_text(encoding="utf-8") for file in write_report(report, tmp_path, levels=[LEVEL])}
    assert "| a peer | 2 | 3.25 | 3 to 3.5 |  | 1.0e-04 | 1.4e-04 | 1.0e-03 | 40 |" in files["engine.md"]
    assert "- another: it needs R" in files["engine.md"]
    record = json.loads(files["engine.json"])
    assert record["entries"][0]["ratio"] == {"median": 3.25, "low": 3.0, "high": 3.5}
    assert record["missing"] == {"another": "it needs R"}
    assert files["engine.svg"].startswith("<svg")


def test_the_page_marks_the_default_and_names_every_way_to_fail(task, tmp_path):
    def measure(some: Task, patients: int, rtol: float) -> Point:
        doses = int((some.inputs > 0).sum())
        return Point(rtol, 1.0 + doses, rtol / 10, rtol, 100.0 * doses)

    file = tmp_path / "engine.md"
    write_page(file, task, protocol="a_protocol", patients=10, measure=measure, build=tmp_path)
    text = file.read_text(encoding="utf-8")
    assert "| **1e-04** (default) | 1e-05 | 1e-04 | 200 | 1 |" in text
    assert "| 0 | 0 | 0.33 |" in text
    for name in ("step floor", "not finite", "too many steps"):
        assert f"- **{name}**: " in text
