"""What was given and withheld so far."""

from __future__ import annotations

import numpy as np

from cytotrial.manage.ledger import Ledger
from cytotrial.manage.policy import DELAY, GIVE, STOP_CYCLE, WITHHOLD
from cytotrial.manage.rules import Decision


def decided(codes: list[np.int8], *, due: list[bool] | None = None, wait: float = 0.0) -> Decision:
    patients = len(codes)
    action = np.array(codes, dtype=np.int8)
    return Decision(
        due=np.ones(patients, dtype=bool) if due is None else np.array(due),
        action=action,
        fraction=np.where(action == GIVE, 1.0, 0.0),
        level_fraction=np.ones(patients),
        policy_step=np.full(patients, -1, dtype=np.int16),
        met=np.zeros((0, patients), dtype=np.int8),
        delay_hours=np.where(action == DELAY, wait, 0.0),
        intervention=np.full(patients, -1, dtype=np.int16),
        latched=np.zeros((0, patients), dtype=bool),
        moved_by=np.full(patients, -1, dtype=np.int16),
    )


def test_doses_given_and_withheld_are_counted_apart() -> None:
    ledger = Ledger.start(4).after(decided([GIVE, WITHHOLD, STOP_CYCLE, GIVE], due=[True, True, True, False]))
    assert ledger.doses_in_cycle.tolist() == [1, 0, 0, 0]
    assert ledger.doses_in_course.tolist() == [1, 0, 0, 0]
    assert ledger.withheld_in_a_row.tolist() == [0, 1, 0, 0]


def test_a_new_cycle_counts_doses_from_zero_and_a_new_course_counts_cycles_from_zero() -> None:
    at = np.array([True, False])
    ledger = Ledger.start(2).begin_course(np.ones(2, dtype=bool)).begin_cycle(np.ones(2, dtype=bool))
    ledger = ledger.after(decided([GIVE, GIVE])).after(decided([WITHHOLD, WITHHOLD])).begin_cycle(at)
    assert ledger.cycles.tolist() == [2, 1]
    assert ledger.doses_in_cycle.tolist() == [0, 1]
    assert ledger.doses_in_course.tolist() == [1, 1]
    assert ledger.withheld_in_a_row.tolist() == [0, 1]
    ledger = ledger.begin_course(at)
    assert ledger.courses.tolist() == [2, 1]
    assert ledger.cycles.tolist() == [0, 1]
    assert ledger.doses_in_course.tolist() == [0, 1]


def test_waiting_adds_up_until_the_dose_is_given_or_lost() -> None:
    ledger = Ledger.start(1)
    for _ in range(2):
        ledger = ledger.after(decided([DELAY], wait=24.0))
    assert ledger.waited_hours.tolist() == [48.0]
    assert ledger.withheld_in_a_row.tolist() == [0]
    assert ledger.after(decided([GIVE])).waited_hours.tolist() == [0.0]
