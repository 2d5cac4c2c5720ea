"""Patients in motion: their visits, what is true in between, and how doses, care and cures enter the biology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.course import Course, ready_treatment
from cytotrial.engine import Tolerances, compile_model
from cytotrial.manage.care import switches
from cytotrial.model.composition import compose
from cytotrial.population.draw import Patients
from cytotrial.protocol.protocol import Courses, Treatment
from cytotrial.protocol.regimen import parse_regimen

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

PATIENTS = 3
EVERYBODY = np.ones(PATIENTS, dtype=bool)
FIRST = np.array([True, False, False])


@pytest.fixture(scope="module")
def biology(library):
    return compose(library, drugs=["aldesleukin"], disease="renal_cell_carcinoma")


@pytest.fixture(scope="module")
def model(biology):
    return compile_model(biology.system)


@pytest.fixture(scope="module")
def patients(biology):
    """Three typical patients of 60, 75 and 90 kg."""
    covariates = {
        "weight": np.array([60.0, 75.0, 90.0]),
        "height": np.full(PATIENTS, 175.0),
        "age": np.full(PATIENTS, 50.0),
        "female": np.zeros(PATIENTS),
        "performance_status": np.zeros(PATIENTS),
    }
    parameters = biology.parameter_values(covariates)
    return Patients(np.arange(1, PATIENTS + 1), covariates, {}, parameters, biology.initial_states(parameters))


@pytest.fixture
def start(library, biology, model, patients):
    """A course under a regimen sentence (None: no drug), with scans, visits after the last dose, and a follow-up [h]."""

    def make(sentence, *, scans=(), after=(), end=100.0, support="none", other_death=None, who=patients):
        given = []
        if sentence:
            courses = Courses(1, 0.0, "always")
            treatment = Treatment("aldesleukin", parse_regimen(sentence), None, "unmanaged", courses, support)
            care = switches(library.support[support], biology.system.inputs)
            given = [ready_treatment(treatment, library.drugs["aldesleukin"], who, care)]
        times = {"scans": np.array(scans, dtype=float), "after_last_dose": np.array(after, dtype=float)}
        settings = {"end": end, "seed": 1, "threads": 1, "recorded": 2, "other_death": other_death}
        return Course(model, biology, who, given=given, **times, **settings)

    return make


def dose(course, *, at=EVERYBODY, fraction=1.0):
    """Gives what is due to these patients and withholds it from the others; turns care on as the clinic would."""
    given = course.given[0]
    time, present = course.visit.occasion.time, course.visit.occasion.present
    due = given.agenda.due(time, present)
    giving = due & at
    course.start_care(given, giving)
    durations, routes = given.agenda.durations(), given.agenda.routes()
    given.agenda.skip(due & ~at, time, course.ids, reasons="")
    amounts = given.agenda.give(giving, np.full(PATIENTS, fraction), time, course.ids, reasons="")
    course.give(given, amounts, durations, routes, giving)


def in_time(events, number):
    """(time, value) of one patient's events in the order of time."""
    own = events[events["ID"] == number].sort_values("TIME", kind="stable")
    return own[["TIME", "VALUE"]].to_numpy().tolist()


def visits(course):
    """Times of all visits of the first patient, dosed at every slot."""
    times = []
    while True:
        if course.visit.occasion.present[0]:
            times.append(float(course.visit.occasion.time[0]))
        if course.given:
            dose(course)
        if not course.is_open():
            return times
        course.advance()


def test_the_first_visit_is_before_the_first_dose_and_is_a_scan(start):
    occasion = start("1 MIU/kg iv over 15 min every 8 h, 2 doses").visit.occasion
    assert occasion.time.tolist() == [0.0] * PATIENTS
    assert occasion.first.all()
    assert occasion.scan_due.all()
    assert occasion.dose_due.all()


def test_without_drug_and_scans_the_only_other_visit_is_the_end(start):
    assert visits(start(None, end=100.0)) == [0.0, 100.0]


def test_visits_are_at_doses_at_scans_some_time_after_the_last_dose_and_at_the_end(start):
    course = start("1 MIU/kg iv over 15 min every 8 h, 3 doses", scans=(50.0, 300.0), after=(24.0, 72.0), end=100.0)
    assert visits(course) == [0.0, 8.0, 16.0, 40.0, 50.0, 88.0, 100.0]


def test_a_dose_and_a_scan_at_one_time_are_one_visit(start):
    course = start("1 MIU/kg iv over 15 min every 8 h, 2 doses", scans=(8.0,))
    dose(course)
    course.advance()
    assert course.visit.occasion.dose_due.all()
    assert course.visit.occasion.scan_due.all()


def test_each_patient_goes_to_their_own_next_visit(start):
    course = start("1 MIU/kg iv over 15 min every 8 h, 3 doses", end=100.0)
    given = course.given[0]
    given.agenda.delay(FIRST, np.full(PATIENTS, 5.0), reasons="")
    dose(course)
    course.advance()
    assert course.visit.occasion.time.tolist() == [5.0, 8.0, 8.0]
    assert course.visit.occasion.dose_due.all()


def test_those_who_are_finished_have_no_further_visit(start):
    course = start(None, scans=(10.0, 20.0), end=100.0)
    course.advance()
    course.finish(FIRST)
    course.advance()
    assert course.visit.occasion.present.tolist() == [False, True, True]
    assert course.visit.occasion.time.tolist() == [10.0, 20.0, 20.0]
    course.finish(EVERYBODY)
    assert not course.is_open()


def test_a_death_of_another_cause_ends_the_follow_up_where_it_happens(start):
    death = np.array([30.0, np.inf, 900.0])
    course = start("1 MIU/kg iv over 15 min every 8 h, 9 doses", scans=(50.0,), end=100.0, other_death=death)
    assert visits(course) == [0.0, 8.0, 16.0, 24.0]
    course.leave()
    slots = course.given[0].agenda.table()
    assert course.inputs().groupby("ID")["TIME"].max().loc[1] < 30.0
    assert course.trajectories().groupby("ID")["TIME"].max()[1] == 30.0
    assert slots[slots["ID"] == 1]["ACTION"].tolist() == ["give"] * 4 + ["not reached"] * 5
    assert set(slots[(slots["ID"] == 1) & (slots["ACTION"] == "not reached")]["REASON"]) == {"death"}
    assert set(slots[slots["ID"] != 1]["ACTION"]) == {"give"}
    assert course.happenings.deaths().empty
    assert course.happenings.is_of_an_event().tolist() == [False] * PATIENTS


def test_the_fraction_of_the_follow_up_rises_from_nothing_to_all(start):
    course = start(None, scans=(25.0,), end=100.0)
    fractions = [course.fraction()]
    while course.is_open():
        course.advance()
        fractions.append(course.fraction())
    assert fractions == [0.0, 0.25, 1.0]


def test_extremes_between_two_visits_are_seen_at_the_second(start):
    course = start("600000 IU/kg iv over 15 min every 24 h, 2 doses", end=100.0)
    dose(course)
    course.advance()
    interval, truth = course.visit.interval, course.visit.truth
    fever = course.trajectories().query("ID == 1 and TIME <= 24")["temperature"]
    assert interval.hours.tolist() == [24.0] * PATIENTS
    # Trajectories are kept in single precision.
    assert interval.maximum["temperature"][0] == pytest.approx(fever.max(), rel=1e-6)
    assert interval.maximum["temperature"][0] > truth["temperature"][0] + 0.1
    assert (interval.minimum["systolic_pressure"] < truth["systolic_pressure"]).all()
    assert (interval.increase["urine_total"] > 0).all()


def test_trajectories_are_kept_of_the_first_patients_alone(start):
    course = start(None, scans=(10.0,), end=20.0)
    visits(course)
    assert set(course.trajectories()["ID"]) == {1, 2}
    assert course.trajectories().query("ID == 1")["TIME"].is_monotonic_increasing


def test_an_infusion_is_a_rate_for_its_duration(start, patients):
    course = start("600000 IU/kg iv over 15 min every 8 h, 1 dose")
    dose(course)
    course.advance()
    events = course.inputs().query("ID == 1")
    assert events[["TIME", "TARGET", "KIND", "UNIT", "WHAT"]].to_numpy().tolist() == [
        [0.0, "aldesleukin.infusion", "set", "nmol/h", "dose"],
        [0.25, "aldesleukin.infusion", "set", "nmol/h", "dose"],
    ]
    amount = 600_000 * 4.0e-6 * patients.covariates["weight"][0]
    assert events["VALUE"].tolist() == pytest.approx([amount / 0.25, 0.0])


def test_an_injection_is_an_amount_at_once(start):
    course = start("9 MIU flat sc every 12 h, 1 dose")
    dose(course)
    course.advance()
    events = course.inputs()
    assert events["KIND"].tolist() == ["add"] * PATIENTS
    assert events["TARGET"].tolist() == ["aldesleukin.depot"] * PATIENTS
    assert events["VALUE"].tolist() == pytest.approx([36.0] * PATIENTS)


def test_a_continuous_infusion_flows_without_a_gap_or_a_stop_in_between(start):
    course = start("18 MIU/m2/day iv continuous for 3 days", end=100.0)
    course.given[0].agenda.start += 2 / 3  # in floating point, 2/3 + 24 + 24 is a hair more than 2/3 + 48
    visits(course)
    events = course.inputs().query("ID == 1").sort_values("TIME", kind="stable")
    rates, times = events["VALUE"].to_numpy(), events["TIME"].to_numpy()
    assert times[[0, -1]] == pytest.approx([2 / 3, 72 + 2 / 3])
    assert rates[-1] == 0.0
    # A dose that ended a hair after the next one began would turn that one off.
    assert (rates[:-1] * np.diff(times)).sum() == pytest.approx(72 * rates[0], rel=1e-12)


def test_a_dose_of_nothing_enters_nothing(start):
    course = start("600000 IU/kg iv over 15 min every 8 h, 2 doses")
    dose(course, fraction=0.0)
    course.advance()
    assert course.inputs().empty


def test_care_holds_from_the_first_dose_given_until_after_the_last_planned_one(start):
    course = start("600000 IU/kg iv over 15 min every 8 h, 3 doses", support="standard", end=100.0)
    dose(course, at=~FIRST)
    course.advance()
    dose(course)
    course.advance()
    dose(course)
    while course.is_open():
        course.advance()
    ward = course.inputs().query("TARGET == 'ward'")
    assert in_time(ward, 1) == [[8.0, 1.0], [16.25 + 28, 0.0]]
    assert in_time(ward, 2) == [[0.0, 1.0], [16.25 + 28, 0.0]]


def test_a_stopped_cycle_sends_the_patient_home_earlier_and_the_old_plan_is_called_off(start):
    course = start("600000 IU/kg iv over 15 min every 8 h, 9 doses", support="standard", end=150.0)
    dose(course)
    course.advance()
    given = course.given[0]
    course.stop_care(given, FIRST)
    given.agenda.stop_cycle(FIRST, course.visit.occasion.time, course.ids, reasons="")
    visits(course)
    ward = course.inputs().query("TARGET == 'ward'")
    assert in_time(ward, 1) == [[0.0, 1.0], [8.0 + 28, 0.0]]
    assert in_time(ward, 2) == [[0.0, 1.0], [64.25 + 28, 0.0]]


def test_what_lies_beyond_the_end_has_not_entered_the_biology(start):
    course = start("18 MIU/m2/day iv continuous for 3 days", end=30.0)
    visits(course)
    assert course.inputs().query("ID == 1")["TIME"].tolist() == [0.0, 24.0]


def test_a_tumour_too_small_to_live_is_cured_at_a_visit_and_the_cure_is_recorded(start, biology, patients):
    name, (limit, extinct) = next(iter(biology.extinctions(patients.parameters).items()))
    column = biology.system.states.index(name)
    course = start(None, scans=(10.0,), end=20.0)
    start_states = course.states
    assert (start_states[:, column] > limit).all()
    patients.initial[0, column] = limit[0] - 1
    try:
        course = start(None, scans=(10.0,), end=20.0)
        course.remove_extinct()
    finally:
        patients.initial[0, column] = start_states[0, column]
    assert course.states[:, column].tolist() == [extinct, *start_states[1:, column]]
    while course.is_open():
        course.advance()
        course.remove_extinct()
    # What little grows between two visits is removed again at the next.
    assert course.states[0, column] == extinct
    assert (course.states[1:, column] > limit[1:]).all()
    cures = course.inputs()
    assert cures["TIME"].tolist()[0] == 0.0
    assert set(cures["ID"]) == {1}
    for name_of_column, value in {"TARGET": name.replace("__", "."), "KIND": "set", "VALUE": extinct, "WHAT": "cure"}.items():
        assert set(cures[name_of_column]) == {value}


def test_an_agenda_left_at_the_end_says_so(start):
    course = start("600000 IU/kg iv over 15 min every 8 h, 5 doses", end=20.0)
    visits(course)
    course.leave()
    table = course.given[0].agenda.table()
    lost = table[table["ACTION"] == "not reached"]
    assert len(table) == 5 * PATIENTS
    assert lost["REASON"].tolist() == ["end of follow-up"] * 2 * PATIENTS
    assert sorted(set(lost["TIME"])) == [24.0, 32.0]


def test_those_who_fail_are_named_with_time_and_reason_and_leave_their_doses_unreached(start, monkeypatch):
    monkeypatch.setattr("cytotrial.course.Tolerances", lambda: Tolerances(max_steps=1))
    course = start("600000 IU/kg iv over 15 min every 8 h, 5 doses", end=20.0)
    visits(course)
    course.leave()
    failures = course.failures()
    assert failures["ID"].tolist() == [1, 2, 3]
    assert failures["STATUS"].tolist() == ["too many steps"] * PATIENTS
    assert (failures["TIME"] < 8.0).all()
    table = course.given[0].agenda.table()
    assert table["ACTION"].value_counts().to_dict() == {"not reached": 4 * PATIENTS, "give": PATIENTS}
    assert set(table.loc[table["ACTION"] == "not reached", "REASON"]) == {"the simulation failed"}


def test_whoever_has_no_start_comes_to_no_visit_is_named_and_dies_of_nothing(start, patients):
    who = replace(patients, without_start=frozenset({2}))
    course = start("600000 IU/kg iv over 15 min every 8 h, 5 doses", end=40.0, other_death=np.full(PATIENTS, 20.0), who=who)
    others = np.array([True, False, True])
    assert course.visit.occasion.present.tolist() == others.tolist()
    assert course.visit.occasion.first.tolist() == others.tolist()
    visits(course)
    course.leave()
    assert course.happenings.death_time.tolist() == [20.0, np.inf, 20.0]
    failures = course.failures()
    assert failures[["ID", "TIME", "STATUS"]].to_numpy().tolist() == [[2, 0.0, "no steady state"]]
    table = course.given[0].agenda.table()
    assert set(table.loc[table["ID"] == 2, "REASON"]) == {"the simulation failed"}
    assert set(course.trajectories()["ID"]) == {1}


def test_those_who_do_not_fail_are_not_named(start):
    course = start("600000 IU/kg iv over 15 min every 8 h, 5 doses", end=20.0)
    visits(course)
    assert course.failures().empty
