"""What has been seen so far, and for how long it counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan

Recorder = Callable[..., Chart]


def test_the_latest_value_counts_until_it_is_too_old(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [1.0, 2.0]}, first=True)
    record(history, 16, {"creatinine": [None, 3.0]})
    assert history.latest("creatinine").tolist() == [1.0, 3.0]
    record(history, 24, {})
    assert np.isnan(history.latest("creatinine")).tolist() == [True, False]


def test_the_baseline_is_the_first_visit_and_never_a_later_one(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [1.0, None]}, first=True)
    record(history, 24, {"creatinine": [2.0, 2.0]})
    baseline = history.baseline("creatinine")
    assert baseline[0] == 1.0
    assert np.isnan(baseline[1])


def test_absent_patients_keep_what_they_had(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [1.0, 1.0]}, first=True)
    record(history, [8, 500], {"creatinine": [2.0, 9.0]}, present=[True, False])
    assert history.latest("creatinine").tolist() == [2.0, 1.0]
    assert history.now.tolist() == [8.0, 0.0]


def test_tables_hold_one_row_per_measured_value_with_its_unit(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    values = {"creatinine": [1.0, None], "temperature": [37.0, 38.0], "tumour_diameter": [50.0, 60.0]}
    record(history, 0, values, first=True)
    tables = history.to_tables(arm="A", ids=np.array([11, 12]))
    assert tables["labs"].to_dict("records") == [
        {"ARM": "A", "ID": 11, "TIME": 0.0, "PARAMCD": "CREAT", "NAME": "creatinine", "AVAL": 1.0, "AVALU": "mg/dL"}
    ]
    assert tables["vitals"][["ID", "PARAMCD", "AVAL"]].to_numpy().tolist() == [[11, "TEMP", 37.0], [12, "TEMP", 38.0]]


def test_tables_without_a_measurement_have_their_columns(plan: MonitoringPlan) -> None:
    tables = History(plan, 1).to_tables(arm="A", ids=np.array([1]))
    assert list(tables["labs"].columns) == ["ARM", "ID", "TIME", "PARAMCD", "NAME", "AVAL", "AVALU"]
    assert len(tables["vitals"]) == 0


def test_some_of_the_patients_are_seen_as_in_company(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 3)
    record(history, 0, {"creatinine": [1.0, 2.0, 3.0]}, first=True)
    chart = record(history, [8, 9, 10], {"creatinine": [4.0, None, 6.0]})
    history.add_grades({"fever": np.array([1, -1, 3], dtype=np.int8)}, chart)
    rows = np.array([2, 0])
    some = history.of(rows)
    assert some.patients == 2
    assert some.plan is plan
    assert some.latest("creatinine").tolist() == [6.0, 4.0]
    assert some.baseline("creatinine").tolist() == [3.0, 1.0]
    assert some.measured_at("creatinine").tolist() == [10.0, 8.0]
    for mine, all_of_it in (
        (some.series("creatinine"), history.series("creatinine")),
        (some.grade_series("fever"), history.grade_series("fever")),
    ):
        assert len(mine) == len(all_of_it)
        for record_of_some, whole in zip(mine, all_of_it, strict=True):
            assert record_of_some.value.tolist() == whole.value[rows].tolist()
            assert record_of_some.time.tolist() == whole.time[rows].tolist()
            assert record_of_some.since.tolist() == whole.since[rows].tolist()


def test_the_last_rounds_of_some_patients_can_be_cut_out(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    for time in (0, 8, 16):
        record(history, time, {"creatinine": [1.0 + time, 2.0 + time]})
    last = history.of(np.array([1])).series("creatinine")[1:]
    assert [one.value.tolist() for one in last] == [[10.0], [18.0]]


def test_of_nobody_nothing_has_been_seen(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [1.0, 2.0]}, first=True)
    nobody = history.of(np.array([], dtype=np.int64))
    assert nobody.patients == 0
    assert nobody.latest("creatinine").shape == (0,)


def test_parts_of_the_tables_are_the_tables_patient_after_patient(
    plan: MonitoringPlan, record: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cytotrial.observe.history.PATIENTS_AT_ONCE", 1)
    history = History(plan, 3)
    record(history, 0, {"creatinine": [1.0, None, 3.0], "temperature": [37.0, 38.0, 39.0]}, first=True)
    record(history, [8, 9, 10], {"creatinine": [4.0, 5.0, 6.0]}, present=[True, False, True])
    ids = np.array([11, 12, 13])
    parts = [(table, part["ID"].unique().tolist()) for table, part in history.parts(arm="A", ids=ids)]
    assert parts == [("labs", [11]), ("vitals", [11]), ("vitals", [12]), ("labs", [13]), ("vitals", [13])]
    labs = history.to_tables(arm="A", ids=ids)["labs"]
    assert labs[["ID", "TIME", "AVAL"]].to_numpy().tolist() == [[11, 0, 1], [11, 8, 4], [13, 0, 3], [13, 10, 6]]


def test_patients_who_are_not_kept_are_not_in_the_tables(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"temperature": [37.0, 38.0]}, first=True)
    tables = history.to_tables(arm="A", ids=np.array([11, 12]), keep=np.array([False, True]))
    assert tables["vitals"]["ID"].tolist() == [12]


def test_a_multiple_of_the_baseline_follows_a_baseline_that_came_later(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [1.1, None]}, first=True)
    assert history.multiple_of_baseline("creatinine", 3.0)[0] == 3.3
    record(history, 8, {"creatinine": [None, 1.4]}, first=True)
    assert history.multiple_of_baseline("creatinine", 3.0).tolist() == [3.3, 4.2]
    assert history.of(np.array([1])).multiple_of_baseline("creatinine", 3.0).tolist() == [4.2]
