"""Supportive care: on with a cycle's first dose, off some time after its last, one switch held by several treatments."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.catalogue import load_library
from cytotrial.manage.care import CarePlan, Switch, switches

WARD = Switch("ward", 0, 1.0, 28.0)
BOTH = np.array([True, True])
FIRST = np.array([True, False])


def at(*hours):
    return np.array(hours, dtype=float)


@pytest.fixture
def plan():
    return CarePlan(2, np.array([1, 2]), seed=1)


def turned(turns):
    """(time, value) of the turns that the first patient is part of, in the order of time."""
    return sorted((turn.time[0], turn.value) for turn in turns if turn.at[0])


def test_care_starts_with_the_dose_and_ends_the_stated_time_after_the_last_planned_dose(plan):
    turns = plan.dose_given("drug", [WARD], at=FIRST, time=at(0, 0), cycle_end=at(100, 100))
    assert turned(turns) == [(0.0, 1.0), (128.0, 0.0)]
    assert not any(turn.at[1] for turn in turns)


def test_later_doses_of_the_cycle_change_nothing(plan):
    plan.dose_given("drug", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.dose_given("drug", [WARD], at=BOTH, time=at(8, 8), cycle_end=at(100, 100))
    assert turned(turns) == []


def test_care_starts_with_the_first_dose_given_where_the_first_slot_was_withheld(plan):
    plan.dose_given("drug", [WARD], at=~FIRST, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.dose_given("drug", [WARD], at=BOTH, time=at(8, 8), cycle_end=at(100, 100))
    assert turned(turns) == [(8.0, 1.0), (128.0, 0.0)]
    assert not any(turn.at[1] for turn in turns)


def test_a_delay_moves_the_end_of_care(plan):
    plan.dose_given("drug", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.dose_given("drug", [WARD], at=BOTH, time=at(32, 8), cycle_end=at(124, 100))
    assert turned(turns) == [(152.0, 0.0)]
    assert turns[0].forget
    assert not any(turn.at[1] for turn in turns)


ORDERED = Switch("drip", 1, 1.0, 24.0, entry="drip", ordered=True)


def test_what_waits_for_an_order_does_not_start_with_a_dose(plan):
    assert plan.dose_given("drug", [ORDERED], at=BOTH, time=at(0, 0), cycle_end=at(100, 100)) == []


def test_an_order_holds_for_its_time_and_each_further_one_renews_it(plan):
    assert turned(plan.ordered("drug", [ORDERED], at=FIRST, time=at(8, 8))) == [(8.0, 1.0), (32.0, 0.0)]
    renewed = plan.ordered("drug", [ORDERED], at=FIRST, time=at(16, 16))
    assert turned(renewed) == [(40.0, 0.0)]
    assert any(turn.forget for turn in renewed)


def test_the_stop_of_a_cycle_does_not_end_what_was_ordered(plan):
    plan.ordered("drug", [ORDERED], at=FIRST, time=at(8, 8))
    assert turned(plan.cycle_stops("drug", [ORDERED], at=FIRST, time=at(9, 9))) == []


def test_care_ends_earlier_when_the_cycle_is_stopped(plan):
    plan.dose_given("drug", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.cycle_stops("drug", [WARD], at=FIRST, time=at(40, 40))
    assert turned(turns) == [(68.0, 0.0)]
    assert turns[0].forget
    assert not turns[0].at[1]


def test_stopping_after_the_last_dose_never_prolongs_care(plan):
    plan.dose_given("drug", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    assert turned(plan.cycle_stops("drug", [WARD], at=BOTH, time=at(120, 120))) == []


def test_a_stop_before_any_dose_turns_nothing(plan):
    assert turned(plan.cycle_stops("drug", [WARD], at=BOTH, time=at(0, 0))) == []


def test_a_new_cycle_turns_care_on_again(plan):
    plan.dose_given("drug", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.dose_given("drug", [WARD], at=BOTH, time=at(336, 336), cycle_end=at(436, 436))
    assert turned(turns) == [(336.0, 1.0), (464.0, 0.0)]


def test_a_switch_held_by_two_treatments_stays_on_when_one_of_them_stops(plan):
    plan.dose_given("first", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    plan.dose_given("second", [WARD], at=BOTH, time=at(8, 8), cycle_end=at(60, 60))
    assert turned(plan.cycle_stops("second", [WARD], at=FIRST, time=at(10, 10))) == []
    # Now the longer one stops too: the shorter one has already given the switch up at 38 h.
    assert turned(plan.cycle_stops("first", [WARD], at=FIRST, time=at(20, 20))) == [(48.0, 0.0)]


def test_when_the_longer_of_two_treatments_stops_the_other_still_holds_the_switch(plan):
    plan.dose_given("first", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    plan.dose_given("second", [WARD], at=BOTH, time=at(8, 8), cycle_end=at(60, 60))
    assert turned(plan.cycle_stops("first", [WARD], at=FIRST, time=at(10, 10))) == [(88.0, 0.0)]


def test_a_second_treatment_does_not_shorten_what_the_first_holds(plan):
    plan.dose_given("first", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.dose_given("second", [WARD], at=BOTH, time=at(8, 8), cycle_end=at(60, 60))
    assert turned(turns)[-1] == (128.0, 0.0)


def test_two_treatments_that_start_in_the_same_hour_leave_the_switch_on(plan):
    plan.dose_given("one", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.dose_given("other", [WARD], at=FIRST, time=at(0, 0), cycle_end=at(200, 200))
    forgotten, on = turns
    assert forgotten.forget
    assert (on.time[0], on.value) == (0.0, 1.0)
    assert on.at.tolist() == [True, False]


def test_a_stop_in_the_hour_of_another_treatments_start_leaves_the_switch_on(plan):
    plan.dose_given("one", [WARD], at=BOTH, time=at(0, 0), cycle_end=at(100, 100))
    turns = plan.cycle_stops("one", [WARD], at=FIRST, time=at(0, 0))
    assert turned(turns) == [(0.0, 1.0), (28.0, 0.0)]


def test_care_of_a_share_reaches_that_share_of_the_patients_and_the_same_ones_in_every_arm():
    ids = np.arange(1, 4001)
    everybody, start, end = np.ones(ids.size, dtype=bool), np.zeros(ids.size), np.full(ids.size, 100.0)
    some = Switch("antibiotics", 1, 1.0, 28.0, share=0.4)
    arms = [
        CarePlan(2, ids, seed=7).dose_given("drug", [WARD, some], at=everybody, time=start, cycle_end=end) for _ in range(2)
    ]
    reached = [{turn.switch.name: turn.at for turn in turns if turn.value} for turns in arms]
    assert reached[0]["ward"].all()
    # Binomial: the standard error is 0.008, so four of them fail by chance in fewer than one of 10,000 seeds.
    assert reached[0]["antibiotics"].mean() == pytest.approx(0.4, abs=0.031)
    assert (reached[0]["antibiotics"] == reached[1]["antibiotics"]).all()


def test_who_gets_care_of_a_share_does_not_depend_on_the_other_patients_and_stays_the_same_in_later_cycles():
    some = Switch("antibiotics", 0, 1.0, 28.0, share=0.5)

    def reached(ids, time):
        plan = CarePlan(1, ids, seed=3)
        now = np.full(ids.size, time)
        turns = plan.dose_given("drug", [some], at=np.ones(ids.size, dtype=bool), time=now, cycle_end=now + 100)
        return turns[-1].at

    first = reached(np.arange(1, 101), 0.0)
    assert 0 < first.sum() < 100
    assert (reached(np.arange(41, 61), 0.0) == first[40:60]).all()
    assert (reached(np.arange(1, 101), 336.0) == first).all()


def test_the_end_of_a_cycle_turns_nothing_in_patients_whom_the_share_leaves_out():
    ids = np.arange(1, 51)
    some = Switch("antibiotics", 0, 1.0, 28.0, share=0.5)
    plan = CarePlan(1, ids, seed=3)
    everybody, start = np.ones(ids.size, dtype=bool), np.zeros(ids.size)
    given = plan.dose_given("drug", [some], at=everybody, time=start, cycle_end=start + 100)[-1].at
    stopped = plan.cycle_stops("drug", [some], at=everybody, time=start + 40)
    assert (stopped[0].at == given).all()


def test_switches_that_a_composition_lacks_are_left_out():
    library = load_library()
    support = library.support["standard"]
    assert {switch.name for switch in switches(support, ["x", "ward"])} == {"ward"}
    assert [switch.index for switch in switches(support, ["x", "ward"])] == [1]
    assert [switch.after_hours for switch in switches(support, ["ward"])] == [28.0]
    assert switches(library.support["none"], ["ward"]) == ()
