"""The dosing agenda: what becomes of planned slots when doses are withheld, delayed or stopped, and when courses follow."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.manage.agenda import Agenda, Plan
from cytotrial.protocol.planned import PlannedDose

PATIENTS = 3
IDS = np.arange(1, PATIENTS + 1)
FIRST_ONLY = np.array([True, False, False])
WHY = ["creatinine", "", ""]
# Two cycles of three doses every 8 h, a week apart.
HOURS = (0.0, 8.0, 16.0, 168.0, 176.0, 184.0)


def planned_doses():
    return tuple(
        PlannedDose(hours, 1.0, "nmol", "flat", "iv", 0.25, cycle=1 + index // 3, number=1 + index % 3)
        for index, hours in enumerate(HOURS)
    )


@pytest.fixture
def agenda():
    """Three patients, at most two courses, two weeks from the last dose of one to the first of the next."""
    plan = Plan("drug", planned_doses(), most_courses=2, rest_hours=336.0, only_if="always")
    return Agenda(plan, np.tile(np.arange(10.0, 16.0), (PATIENTS, 1)))


def at(hours):
    return np.full(PATIENTS, float(hours))


def everybody():
    return np.ones(PATIENTS, dtype=bool)


def give(agenda, hours, mask=None, fraction=1.0):
    mask = everybody() if mask is None else mask
    return agenda.give(mask, np.full(PATIENTS, fraction), at(hours), IDS, reasons="")


def rows(agenda, patient=1):
    table = agenda.table()
    return table[table["ID"] == patient].sort_values(["COURSE", "CYCLE", "DOSE"])


def test_the_first_slot_is_due_at_time_zero(agenda):
    assert agenda.next_time.tolist() == [0.0] * PATIENTS
    assert agenda.due(at(0), everybody()).all()
    assert not agenda.due(at(0), ~everybody()).any()
    assert agenda.starts_cycle(everybody()).all()


def test_giving_moves_on_to_the_next_slot_and_returns_the_amount(agenda):
    assert give(agenda, 0).tolist() == [10.0] * PATIENTS
    assert agenda.next_time.tolist() == [8.0] * PATIENTS
    assert not agenda.starts_cycle(everybody()).any()
    assert agenda.last_given.tolist() == [0.0] * PATIENTS


def test_a_smaller_dose_planned_is_told_as_a_share_of_the_largest(agenda):
    assert agenda.planned_share() == pytest.approx([10 / 15] * PATIENTS)
    give(agenda, 0)
    assert agenda.planned_share() == pytest.approx([11 / 15] * PATIENTS)


def test_a_withheld_dose_is_not_made_up_later(agenda):
    give(agenda, 0)
    agenda.skip(FIRST_ONLY, at(8), IDS, reasons=agenda.words.numbers(WHY))
    give(agenda, 8, ~FIRST_ONLY)
    assert agenda.next_time.tolist() == [16.0] * PATIENTS
    for hours in HOURS[2:]:
        give(agenda, hours)
    assert rows(agenda)["ACTION"].tolist() == ["give", "withhold", "give", "give", "give", "give"]
    assert rows(agenda)["GIVEN"].tolist() == [10.0, 0.0, 12.0, 13.0, 14.0, 15.0]
    assert rows(agenda).iloc[1]["REASON"] == "creatinine"
    assert rows(agenda).iloc[1]["PLANNED"] == 11.0


def test_a_reduced_dose_is_recorded_as_such(agenda):
    assert give(agenda, 0, fraction=0.5).tolist() == [5.0] * PATIENTS
    assert rows(agenda)["ACTION"].tolist() == ["reduce"]


def test_stopping_a_cycle_keeps_the_next_one(agenda):
    give(agenda, 0)
    agenda.stop_cycle(FIRST_ONLY, at(8), IDS, reasons=agenda.words.numbers(WHY))
    assert agenda.next_time.tolist() == [168.0, 8.0, 8.0]
    assert agenda.cycle.tolist() == [2, 1, 1]
    lost = rows(agenda)[rows(agenda)["ACTION"] == "stop cycle"]
    assert lost[["TIME", "CYCLE", "DOSE", "GIVEN"]].to_numpy().tolist() == [[8.0, 1, 2, 0.0], [16.0, 1, 3, 0.0]]


def test_a_stop_between_two_cycles_does_not_touch_the_next_cycle(agenda):
    # Another drug of the arm stops the cycle while this one rests.
    for hours in HOURS[:3]:
        give(agenda, hours)
    agenda.stop_cycle(everybody(), at(100), IDS, reasons="")
    assert agenda.next_time.tolist() == [168.0] * PATIENTS
    assert set(agenda.table()["ACTION"]) == {"give"}


def test_stopping_at_the_first_dose_of_a_cycle_loses_that_cycle(agenda):
    agenda.stop_cycle(FIRST_ONLY, at(0), IDS, reasons=agenda.words.numbers(WHY))
    assert agenda.next_time.tolist() == [168.0, 0.0, 0.0]
    assert len(rows(agenda)) == 3


def test_stopping_a_course_keeps_a_further_course_at_its_planned_time(agenda):
    give(agenda, 0)
    agenda.stop_course(FIRST_ONLY, at(8), IDS, reasons=agenda.words.numbers(WHY))
    assert agenda.at_gate.tolist() == [True, False, False]
    assert agenda.next_time[0] == 184.0 + 336.0
    assert rows(agenda)["ACTION"].tolist() == ["give"] + ["stop course"] * 5


def test_stopping_the_drug_ends_it_for_good(agenda):
    give(agenda, 0)
    agenda.stop_drug(FIRST_ONLY, at(8), IDS, reasons=agenda.words.numbers(WHY))
    assert agenda.is_closed.tolist() == [True, False, False]
    assert np.isinf(agenda.next_time[0])
    assert not agenda.due(at(1e6), everybody())[0]
    assert not agenda.gate_due(at(1e6), everybody())[0]
    assert len(rows(agenda)) == len(HOURS)


def test_stopping_the_drug_at_the_gate_loses_no_slot_twice(agenda):
    for hours in HOURS:
        give(agenda, hours)
    agenda.stop_drug(FIRST_ONLY, at(200), IDS, reasons=agenda.words.numbers(WHY))
    assert agenda.is_closed.tolist() == [True, False, False]
    assert len(agenda.table()) == PATIENTS * len(HOURS)


def test_a_delay_moves_the_rest_of_the_course_and_its_gate(agenda):
    give(agenda, 0)
    agenda.delay(FIRST_ONLY, at(24), reasons=agenda.words.numbers(WHY))
    assert agenda.next_time.tolist() == [32.0, 8.0, 8.0]
    give(agenda, 32, FIRST_ONLY)
    assert agenda.next_time[0] == 40.0
    for hours in HOURS[2:]:
        give(agenda, hours + 24, FIRST_ONLY)
    assert agenda.next_time[0] == 184.0 + 24.0 + 336.0


def test_a_delayed_slot_is_recorded_once_with_the_reason_of_the_delay(agenda):
    agenda.delay(FIRST_ONLY, at(24), reasons=agenda.words.numbers(WHY))
    assert agenda.table().empty
    give(agenda, 24, FIRST_ONLY)
    give(agenda, 32, FIRST_ONLY)
    assert rows(agenda)[["TIME", "ACTION", "GIVEN", "REASON"]].to_numpy().tolist() == [
        [24.0, "delay", 10.0, "creatinine"],
        [32.0, "give", 11.0, ""],
    ]


def test_a_delayed_slot_that_is_given_up_is_recorded_as_withheld(agenda):
    agenda.delay(FIRST_ONLY, at(24), reasons=agenda.words.numbers(WHY))
    agenda.skip(FIRST_ONLY, at(24), IDS, reasons=agenda.words.numbers(WHY))
    assert rows(agenda)["ACTION"].tolist() == ["withhold"]
    give(agenda, 32, FIRST_ONLY)
    assert rows(agenda)["ACTION"].tolist() == ["withhold", "give"]


def test_the_end_of_a_cycle_is_the_end_of_its_last_planned_dose_and_moves_with_delays(agenda):
    assert agenda.cycle_end().tolist() == [16.25] * PATIENTS
    agenda.delay(FIRST_ONLY, at(24), reasons=agenda.words.numbers(WHY))
    assert agenda.cycle_end().tolist() == [40.25, 16.25, 16.25]


def test_the_rest_counts_from_the_last_planned_dose(agenda):
    for hours in HOURS:
        give(agenda, hours)
    assert agenda.at_gate.all()
    assert agenda.next_time.tolist() == [184.0 + 336.0] * PATIENTS
    assert not agenda.due(at(520), everybody()).any()
    assert agenda.gate_due(at(520), everybody()).all()
    assert not agenda.gate_due(at(519), everybody()).any()


def test_a_further_course_starts_anew_and_the_last_one_has_no_gate(agenda):
    for hours in HOURS:
        give(agenda, hours)
    agenda.open_course(FIRST_ONLY, at(520))
    agenda.close(~FIRST_ONLY)
    assert agenda.course.tolist() == [2, 1, 1]
    assert agenda.due(at(520), everybody()).tolist() == [True, False, False]
    for hours in HOURS:
        give(agenda, 520 + hours, FIRST_ONLY)
    assert agenda.is_closed.all()
    assert len(rows(agenda, 1)) == 2 * len(HOURS)
    assert len(rows(agenda, 2)) == len(HOURS)


def test_what_is_left_of_a_course_at_the_end_was_not_reached(agenda):
    give(agenda, 0)
    agenda.stop_course(FIRST_ONLY, at(8), IDS, reasons=agenda.words.numbers(WHY))
    agenda.leave(at(10), IDS, reasons="end")
    assert "not reached" not in set(rows(agenda, 1)["ACTION"])
    assert rows(agenda, 2)["ACTION"].tolist() == ["give"] + ["not reached"] * 5
    assert rows(agenda, 2)["TIME"].tolist() == [0.0, 10.0, 16.0, 168.0, 176.0, 184.0]
    assert (agenda.table().groupby("ID").size() == len(HOURS)).all()


def test_a_table_without_rows_has_all_columns(agenda):
    assert agenda.table().columns.tolist()[:3] == ["ID", "TIME", "DRUG"]
