"""The table, the record and the documentation page, from made-up runs of a small system."""

from __future__ import annotations

import json
import math
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from benchmarks.engine.answers import Changed, Size, changed
from benchmarks.engine.page import write_page
from benchmarks.engine.peer import Prepared, Stopwatch
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
    report = Report("a_protocol", task, 9, [entry], {"another": "it needs R"}, curves, "Nothing else ran.")
    written = write_report(report, tmp_path, levels=[LEVEL])
    files = {file.suffix: file.read_text(encoding="utf-8") for file in written}
    assert "| a peer | 2 | 3.25 | 3 to 3.5 |  | 1.0e-04 | 1.4e-04 | 1.0e-03 | 40 |" in files[".md"]
    assert "- another: it needs R" in files[".md"]
    assert "\nNothing else ran.\n" in files[".md"]
    record = json.loads(files[".json"])
    assert record["entries"][0]["ratio"] == {"median": 3.25, "low": 3.0, "high": 3.5}
    assert record["missing"] == {"another": "it needs R"}
    assert record["note"] == "Nothing else ran."
    assert files[".svg"].startswith("<svg")


def test_tables_of_processors_with_other_vectors_stand_side_by_side(task, tmp_path, monkeypatch):
    report = Report("a_protocol", task, 9, [], {}, {"a peer": (Point(1e-3, 0.1, 1e-3, 1e-2, 5.0),)})
    names = []
    for features in ({"avx2": True}, {"avx2": True, "avx512f": True}, {}):
        monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda features=features: features)
        table = write_report(report, tmp_path, levels=[])[1]
        names.append(table.name)
        assert f"({table.stem}.svg)" in table.read_text(encoding="utf-8")
    assert names == ["engine_avx2.md", "engine_avx512.md", "engine_other.md"]


def test_the_page_marks_the_default_and_names_every_way_to_fail(task, tmp_path):
    def measure(some: Task, patients: int, rtol: float) -> Point:
        doses = int((some.inputs > 0).sum())
        return Point(rtol, 1.0 + doses, rtol / 10, rtol, 100.0 * doses)

    file = tmp_path / "engine.md"
    answers = [Changed(1e-4, 0.001, 0.02, 0.0)]
    sizes = [Size("a_protocol", 5, 11, 300), Size("another", 9, 30, 2500)]
    write_page(*(file, task), protocol="a_protocol", patients=10, measure=measure, answers=answers, sizes=sizes, build=tmp_path)
    text = file.read_text(encoding="utf-8")
    assert "| **1e-04** (default) | 1e-05 | 1e-04 | 200 | 1 |" in text
    assert "| 0 | 0 | 0.33 |" in text
    assert "| **1e-04** (default) | 0.1 % | 2 % | 0 % |" in text
    assert "| `another` | 9 | 30 | 2,500 |" in text
    for name in ("step floor", "not finite", "too many steps"):
        assert f"- **{name}**: " in text


def test_time_on_one_processor_is_the_processors_and_on_two_the_clocks():
    watch = Stopwatch()
    with watch:
        time.sleep(0.2)
    assert watch.seconds.of(2) >= 0.2
    assert watch.seconds.of(1) < 0.1
    before = watch.seconds.clock
    with watch:
        time.sleep(0.01)
    assert watch.seconds.clock >= before + 0.01


def run_of(actions: list[str], best: list[str]) -> SimpleNamespace:
    """A run of two patients, each with two doses and two scans."""
    doses = pd.DataFrame(
        {"ARM": "A", "ID": [1, 1, 2, 2], "DRUG": "d", "COURSE": 1, "CYCLE": 1, "DOSE": [1, 2, 1, 2], "ACTION": actions}
    )
    responses = pd.DataFrame({"ARM": "A", "ID": [1, 1, 2, 2], "TIME": [0.0, 9.0, 0.0, 9.0], "BEST": best})
    return SimpleNamespace(table=lambda name: {"doses": doses, "responses": responses}[name])


def test_two_runs_differ_by_doses_decided_otherwise_and_by_the_last_best_response():
    exact = run_of(["give", "give", "give", "hold"], ["SD", "PR", "SD", "SD"])
    other = run_of(["give", "give", "hold", "hold"], ["PR", "PR", "SD", "PR"])
    assert changed(exact, exact, rtol=1e-3) == Changed(1e-3, 0.0, 0.0, 0.0)
    assert changed(other, exact, rtol=1e-3) == Changed(1e-3, 0.25, 0.5, 0.5)
