"""Invariants of the whole chain, question to answer: same bits, dose 0, twins, replay, failures, interruption, reuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cytotrial import trial as trial_module
from cytotrial.engine import Ensemble, EventKind, Events, Tolerances
from cytotrial.errors import ProtocolError, RunFolderError, SimulationError
from cytotrial.population.draw import draw_patients
from cytotrial.protocol.protocol import with_overrides
from cytotrial.results.tables import COLUMNS
from cytotrial.trial import run_trial

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

PATIENTS = 8
# Six doses every 8 h fill two days; after 5 days of rest the second cycle starts on day 8, and its last dose is 40 h later.
NEXT_COURSE = 7 * 24 + 40 + 14 * 24
SLOTS = 12  # of a course: two cycles of six doses
# Without the stops other steps are taken; at the default tolerance that moves a state by less than this part of its size.
WITHOUT_STOPS = 1e-3


@pytest.fixture(scope="session")
def answer(bench):
    """The short trial, all patients at once, by two workers."""
    return run_trial(bench.protocol, bench.library, keep=False, threads=2)


# ---------------------------------------------------------------- same bits


@pytest.mark.parametrize(("chunk", "threads"), [(3, 1), (5, 2)])
def test_the_numbers_do_not_depend_on_workers_or_on_the_size_of_chunks(bench, answer, same_tables, chunk, threads):
    other = run_trial(bench.protocol, bench.library, keep=False, threads=threads, chunk=chunk)
    for name in COLUMNS:
        same_tables(answer.table(name), other.table(name))


def test_a_patient_alone_is_the_patient_in_company(bench, answer, same_tables):
    alone = run_trial(with_overrides(bench.protocol, patients=2), bench.library, keep=False, chunk=1)
    for name in COLUMNS:
        frame = answer.table(name)
        same_tables(frame[frame["ID"] <= 2].reset_index(drop=True), alone.table(name))


def test_the_order_of_patients_is_irrelevant(bench, to_the_end, same_tables):
    numbers = np.arange(1, 9)
    found = []
    for order in (numbers, np.random.default_rng(3).permutation(numbers)):
        patients = bench.draw(order)
        course = bench.course(patients, bench.treatments(0, patients))
        clinic = bench.clinic(course, 0)
        to_the_end(course, clinic)
        states = pd.DataFrame(course.states, columns=list(bench.biology.system.states)).assign(ID=order)
        found.append({**clinic.tables(), "doses": course.given[0].agenda.table(), "inputs": course.inputs(), "states": states})
    for name, frame in found[0].items():
        same_tables(frame, found[1][name])


# ---------------------------------------------------------------- replay


def replayed(bench, patients, events, stops):
    """States at the end after everything given, scheduled at once, and the same stops (None: none but the last)."""
    biology = bench.biology
    ensemble = Ensemble(
        bench.model,
        patients.parameters,
        patients.initial,
        inputs=np.tile(biology.input_defaults(), (patients.numbers.size, 1)),
        threads=1,
    )
    row = {number: index for index, number in enumerate(patients.numbers)}
    targets = {name.replace("__", "."): ("set", index) for index, name in enumerate(biology.system.inputs)}
    targets |= {name.replace("__", "."): ("add", index) for index, name in enumerate(biology.system.states)}
    for event in events.itertuples():
        kind, index = targets[event.TARGET]
        assert kind == event.KIND
        code = EventKind.SET_INPUT if kind == "set" else EventKind.ADD_TO_STATE
        ensemble.schedule(Events(row[event.ID], event.TIME, index, code, event.VALUE))
    for stop in stops:
        ensemble.advance(np.where(np.isnan(stop), ensemble.time, stop))
    assert not ensemble.status.any()
    return ensemble.states


@pytest.fixture(scope="session")
def driven(bench, to_the_end):
    """Eight treated patients at the end of their follow-up, with their stops."""
    patients = bench.draw(np.arange(1, 9))
    course = bench.course(patients, bench.treatments(0, patients))
    stops = to_the_end(course, bench.clinic(course, 0))
    return patients, course, stops


def test_everything_given_replayed_with_the_same_stops_gives_the_same_bits(bench, driven):
    patients, course, stops = driven
    events = course.inputs()
    assert {"dose", "care"} <= set(events["WHAT"])
    assert "cure" not in set(events["WHAT"])
    assert np.array_equal(replayed(bench, patients, events, stops), course.states)


def test_everything_given_replayed_without_the_stops_agrees_within_tolerance(bench, driven):
    patients, course, stops = driven
    last = np.nanmax(np.stack(stops), axis=0)
    found = replayed(bench, patients, course.inputs(), [last])
    scale = np.abs(course.states) + np.asarray(bench.biology.system.nominal)
    assert (np.abs(found - course.states) / scale).max() <= WITHOUT_STOPS


def test_what_was_called_off_is_not_among_the_inputs(bench, driven):
    # A cycle that ends early lets the ward go early: on and off take turns, and the follow-up may end while it is on.
    _, course, _ = driven
    events = course.inputs()
    for (_, _), turns in events[events["WHAT"] == "care"].groupby(["ID", "TARGET"]):
        values = turns.sort_values("TIME", kind="stable")["VALUE"].tolist()
        assert values == ([1.0, 0.0] * len(values))[: len(values)]


def test_every_dose_given_enters_the_biology_in_full(bench, driven):
    _, course, _ = driven
    doses = course.given[0].agenda.table()
    given = doses.loc[doses["GIVEN"] > 0, "GIVEN"].sum()
    events = course.inputs()
    rates = events[(events["WHAT"] == "dose") & (events["VALUE"] > 0)]
    # The regimen infuses every dose over 15 minutes.
    assert rates["VALUE"].sum() * 0.25 == pytest.approx(given, rel=1e-12)


# ---------------------------------------------------------------- arms


def test_dose_zero_is_no_drug(bench, to_the_end):
    patients = bench.draw(np.arange(1, 9))
    dosed = bench.course(patients, bench.treatments(0, patients))
    stops = [dosed.visit.occasion.time]
    while dosed.is_open():
        given = dosed.given[0]
        time, present = dosed.visit.occasion.time, dosed.visit.occasion.present
        given.agenda.open_course(given.agenda.gate_due(time, present), time)
        due = given.agenda.due(time, present)
        durations, routes = given.agenda.durations(), given.agenda.routes()
        amounts = given.agenda.give(due, np.zeros(due.size), time, dosed.ids, reasons="")
        dosed.give(given, amounts, durations, routes, due)
        dosed.advance()
        stops.append(dosed.visit.occasion.time)
    assert dosed.inputs().empty
    # The observed patients stop at the same times, so that the same steps are taken.
    observed = bench.course(patients, [], scans=np.unique(np.concatenate(stops)[np.concatenate(stops) > 0]))
    while observed.is_open():
        observed.advance()
    assert np.array_equal(observed.states, dosed.states)


def test_arms_without_drug_are_equal(answer, same_tables):
    for name in ("patients", "labs", "vitals", "responses", "survival", "adverse_events", "trajectories"):
        frame = answer.table(name)
        first, second = (frame[frame["ARM"] == arm].drop(columns="ARM") for arm in ("Observed", "Observed again"))
        assert len(first)
        same_tables(first, second)


def test_twin_arms_share_patients_and_noise(answer):
    people = answer.table("patients")
    first, second = (people[people["ARM"] == arm].drop(columns="ARM") for arm in ("Treated", "Observed"))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True), check_exact=True)
    labs = answer.table("labs").query("TIME == 0")
    values = labs.pivot_table(index=["ID", "PARAMCD"], columns="ARM", values="AVAL", aggfunc="first")
    assert len(values) >= PATIENTS
    assert (values["Treated"] == values["Observed"]).all()


def test_few_of_those_drawn_for_the_shipped_population_are_refused(bench):
    patients = bench.draw(np.arange(1, 301))
    refused = sum(patients.rejected.values())
    assert refused < 30
    assert {reason.split(":")[0] for reason in patients.rejected} <= {"not plausible", "not eligible"}


def test_randomised_arms_split_the_patients(bench, make_protocol):
    protocol = make_protocol({"design: twins": "design: randomised", "follow_up: 6 weeks": "follow_up: 2 weeks"})
    people = run_trial(protocol, bench.library, keep=False).table("patients")
    assert sorted(people["ID"]) == list(range(1, PATIENTS + 1))
    assert people["ARM"].value_counts().to_dict() == {"Treated": 3, "Observed": 3, "Observed again": 2}


def test_doses_reached_lost_and_left_add_up_to_those_planned(answer):
    doses = answer.table("doses")
    slots = doses.groupby(["ID", "COURSE"]).size()
    assert (slots == SLOTS).all()
    assert not doses.duplicated(["ID", "COURSE", "CYCLE", "DOSE"]).any()
    assert (doses.loc[~doses["ACTION"].isin(["give", "reduce", "delay"]), "GIVEN"] == 0).all()
    assert (doses.loc[doses["ACTION"] == "give", "GIVEN"] == doses.loc[doses["ACTION"] == "give", "PLANNED"]).all()


def test_a_course_that_the_follow_up_cuts_short_shows_what_was_not_reached(bench, make_protocol):
    protocol = make_protocol({"follow_up: 6 weeks": "follow_up: 30 h", "rules: label1992": "rules: unmanaged"})
    doses = run_trial(protocol, bench.library, keep=False).table("doses")
    counts = doses.groupby("ACTION").size().to_dict()
    assert counts == {"give": 4 * PATIENTS, "not reached": 8 * PATIENTS}
    assert set(doses.loc[doses["ACTION"] == "not reached", "REASON"]) == {"end of follow-up"}


# ---------------------------------------------------------------- further courses


def test_the_rest_is_from_the_last_planned_dose_to_the_first_of_the_next_course(answer):
    doses = answer.table("doses")
    first = doses[doses["COURSE"] == 2].groupby("ID")["TIME"].min()
    assert len(first)
    assert (first == NEXT_COURSE).all()


def test_only_those_whose_tumour_allows_it_have_a_further_course(bench, make_protocol):
    changes = {"only_if: always": "only_if: response", "rules: label1992": "rules: unmanaged", "size: 8": "size: 24"}
    result = run_trial(make_protocol(changes), bench.library, keep=False)
    doses = result.table("doses")
    scans = result.table("responses").query(f"ARM == 'Treated' and TIME <= {NEXT_COURSE}")
    last = scans.sort_values("TIME").groupby("ID")["OVERALL"].last()
    again = set(doses.loc[doses["COURSE"] == 2, "ID"])
    assert again == set(last.index[last.isin(["CR", "PR"])])
    assert len(again) < 24


# ---------------------------------------------------------------- failures


RUNAWAY = 3  # the patient whose kidney would be injured without bound


@pytest.fixture
def runaway(monkeypatch, bench):
    """Gives one patient a kidney that heals backwards."""
    column = bench.biology.system.parameters.index("kidney__healing_time")

    def draw(*arguments, **named):
        patients = draw_patients(*arguments, **named)
        patients.parameters[patients.numbers == RUNAWAY, column] *= -0.1
        return patients

    monkeypatch.setattr(trial_module, "draw_patients", draw)


@pytest.mark.usefixtures("runaway")
def test_a_patient_that_fails_is_counted_and_named_and_the_others_go_on(bench, answer, same_tables):
    result = run_trial(bench.protocol, bench.library, keep=False)
    failures = result.table("failures")
    assert set(failures["ID"]) == {RUNAWAY}
    assert "Treated" in set(failures["ARM"])
    assert result.manifest.failures == len(failures)
    assert failures["STATUS"].isin(["step floor", "not finite"]).all()
    assert (failures["REASON"].str.len() > 0).all()
    assert ((failures["TIME"] > 0) & (failures["TIME"] < bench.protocol.follow_up_hours)).all()
    for name in COLUMNS:
        if name != "failures":
            others, expected = (frame[frame["ID"] != RUNAWAY] for frame in (result.table(name), answer.table(name)))
            same_tables(others, expected)
    doses = result.table("doses").query("ID == @RUNAWAY")
    assert len(doses) == SLOTS * doses["COURSE"].max()
    lost = doses[doses["ACTION"] == "not reached"]
    assert set(lost["REASON"]) <= {"the simulation failed"}


@pytest.fixture
def one_step(monkeypatch):
    """Lets nobody take more than one step between two visits."""
    monkeypatch.setattr(trial_module, "Tolerances", lambda: Tolerances(max_steps=1))


@pytest.mark.usefixtures("one_step")
def test_when_everybody_fails_there_is_no_answer(bench, tmp_path):
    with pytest.raises(SimulationError, match="failed for all 24 patients"):
        run_trial(bench.protocol, bench.library, folder=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_no_folder(bench, tmp_path):
    def interrupt(progress):
        if progress.fraction > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(bench.protocol, bench.library, folder=tmp_path / "run", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- reuse, and settings


@pytest.fixture
def brief(make_protocol):
    """A protocol of two patients for a day."""
    return make_protocol({"size: 8": "size: 2", "follow_up: 6 weeks": "follow_up: 24 h"})


def test_the_same_question_again_reuses_the_run(bench, brief, tmp_path):
    folder = tmp_path / "run"
    first = run_trial(brief, bench.library, folder=folder)
    stages = []
    second = run_trial(brief, bench.library, folder=folder, progress=lambda progress: stages.append(progress.stage))
    assert stages[-1] == "reused: the same run is there already"
    assert second.manifest.created == first.manifest.created
    assert second.manifest.hashes == first.manifest.hashes


def test_another_question_does_not_overwrite_a_run(bench, brief, tmp_path):
    folder = tmp_path / "run"
    run_trial(brief, bench.library, folder=folder)
    other = with_overrides(brief, seed=2)
    with pytest.raises(RunFolderError, match="holds the run of another question"):
        run_trial(other, bench.library, folder=folder)
    assert run_trial(other, bench.library, folder=folder, replace=True).manifest.seed == 2


def test_progress_rises_from_nothing_to_all(bench, brief):
    told = []
    run_trial(brief, bench.library, keep=False, progress=told.append)
    fractions = [progress.fraction for progress in told]
    assert fractions[0] == 0.0
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert (told[-1].done, told[-1].patients) == (6, 6)


def test_wrong_settings_are_reported_all_at_once(bench, brief):
    wrong = with_overrides(
        brief,
        set={"aldesleukin.clearence": "3 L/h", "aldesleukin.clearance": "3 kg", "aldesleukin.absorption": "9 1/h"},
    )
    with pytest.raises(ProtocolError) as caught:
        run_trial(wrong, bench.library, keep=False)
    text = str(caught.value)
    assert "set.aldesleukin.clearence: unknown parameter" in text
    assert "Did you mean 'aldesleukin.clearance'?" in text
    assert "Expected a value in 'L/h'." in text
    assert "9 1/h is outside what 'aldesleukin.absorption' can be." in text
    assert "Expected at least 0.08 and at most 1.5 1/h." in text
    assert "3 problems; nothing was simulated." in text


def test_a_setting_moves_the_centre_of_a_parameter_that_varies_and_nothing_else(bench, bench_for, brief):
    numbers = np.arange(1, 41)
    own = bench.draw(numbers)
    new = bench_for(with_overrides(brief, set={"clearance": "134 mL/min"})).draw(numbers)
    # Half the centre; the limits cut both distributions a little differently.
    assert np.median(new.varied["aldesleukin.clearance"] / own.varied["aldesleukin.clearance"]) == pytest.approx(0.5, abs=0.02)
    others = [name for name in own.varied if name != "aldesleukin.clearance"]
    assert len(others) > 5
    assert all(np.array_equal(new.varied[name], own.varied[name]) for name in others)
