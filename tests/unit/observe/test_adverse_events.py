"""Episodes of adverse events from grades."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.observe.adverse_events import AdverseEvents
from cytotrial.observe.grading import Grader, Grades, Term

GRADER = Grader("G v1", {"fever": Term("fever", "Fever", "General", ())}, ())


def episodes(*rounds: list[int], first: int = 0) -> pd.DataFrame:
    """The table for grades per round and patient, eight hours apart."""
    patients = len(rounds[0])
    events = AdverseEvents(GRADER, patients)
    for number, grades in enumerate(rounds):
        events.add(
            Grades({"fever": 0}, np.array([grades], dtype=np.int8)),
            who=np.arange(patients),
            time=np.full(patients, 8.0 * number),
            first=np.full(patients, number == first),
            course=np.ones(patients, dtype=np.int64),
            cycle=np.full(patients, 1 + number // 3),
        )
    return events.to_table(arm="A", ids=np.arange(1, patients + 1))


def test_an_episode_runs_from_the_first_grade_to_the_first_visit_without() -> None:
    table = episodes([0], [1], [3], [2], [0])
    row = table.iloc[0]
    assert len(table) == 1
    assert (row.GRADE, row.ASTTM, row.TIME_WORST, row.AENTM, row.CYCLE) == (3, 8.0, 16.0, 32.0, 1)
    assert (row.ARM, row.ID, row.TERM, row.SOC, row.VERSION) == ("A", 1, "Fever", "General", "G v1")


def test_the_time_of_the_worst_grade_is_when_it_was_first_reached() -> None:
    assert episodes([0], [1], [3], [3], [0])["TIME_WORST"].tolist() == [16.0]


def test_an_unknown_grade_keeps_an_episode_open() -> None:
    table = episodes([0], [1], [-1], [0])
    assert table[["ASTTM", "AENTM"]].to_numpy().tolist() == [[8.0, 24.0]]


def test_an_episode_that_has_not_ended_has_no_end() -> None:
    assert episodes([0], [2])["AENTM"].isna().all()


def test_a_recurrence_is_an_episode_of_its_own() -> None:
    table = episodes([0], [1], [0], [2], [0])
    assert table["GRADE"].tolist() == [1, 2]
    assert table["CYCLE"].tolist() == [1, 2]


def test_what_was_there_at_baseline_is_an_event_only_once_it_worsens() -> None:
    assert len(episodes([1], [1], [0], [1])) == 0
    table = episodes([1], [2], [1], [1])
    assert table[["GRADE", "ASTTM", "AENTM"]].to_numpy().tolist() == [[2.0, 8.0, 16.0]]


def test_an_unknown_baseline_counts_as_none() -> None:
    assert episodes([-1], [1])["GRADE"].tolist() == [1]


def test_an_absent_patient_starts_and_ends_nothing() -> None:
    events = AdverseEvents(GRADER, 1)
    for present, grade in ((True, 0), (True, 2), (False, 0), (True, 2)):
        who = np.arange(1 if present else 0)
        events.add(
            Grades({"fever": 0}, np.full((1, who.size), grade, dtype=np.int8)),
            who=who,
            time=np.zeros(who.size),
            first=np.zeros(who.size, dtype=bool),
            course=np.ones(who.size, dtype=np.int64),
            cycle=np.ones(who.size, dtype=np.int64),
        )
    assert len(events.to_table(arm="A", ids=np.array([1]))) == 1


def test_a_table_without_events_has_its_columns() -> None:
    table = episodes([0], [0])
    assert list(table.columns)[:4] == ["ARM", "ID", "TERM", "SOC"]
    assert str(table["ASTTM"].dtype) == "float64"


@given(rounds=st.lists(st.sampled_from([-1, 0, 1, 2, 3, 4]), min_size=2, max_size=12))
def test_episodes_do_not_overlap_and_hold_the_worst_grade_seen(rounds: list[int]) -> None:
    table = episodes([0], *[[grade] for grade in rounds])
    worst = max([grade for grade in rounds if grade > 0], default=0)
    assert table["GRADE"].max() == worst if worst else len(table) == 0
    ends = table["AENTM"].fillna(np.inf).to_numpy()
    assert (table["ASTTM"].to_numpy()[1:] >= ends[:-1]).all()
    assert (ends > table["ASTTM"].to_numpy()).all()


def test_patients_do_not_meet() -> None:
    table = episodes([0, 0], [1, 0], [0, 2], [0, 0])
    assert table[["ID", "GRADE"]].to_numpy().tolist() == [[1, 1], [2, 2]]
    assert table["AENTM"].tolist() == pytest.approx([16.0, 24.0])
