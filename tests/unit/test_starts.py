"""States that start at their steady state: declared, found for each patient, and a trial in which some have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cytotrial.catalogue import load_library
from cytotrial.checks import check_library
from cytotrial.engine import compile_model
from cytotrial.errors import LibraryError, SimulationError
from cytotrial.evidence.time_courses import bench_of, give_regimen
from cytotrial.formats.population import PlausibilityLimit
from cytotrial.model.composition import compose
from cytotrial.population.draw import Recipe, draw_patients
from cytotrial.protocol.resolving import read_protocol
from cytotrial.results.tables import COLUMNS
from cytotrial.starts import settling, steady_part_of
from cytotrial.trial import run_trial

MODULE = "physiology/body/module.yaml"
TABLE = "physiology/body/parameters.csv"
WARMTH = "{unit: degC, nominal: 1, initial: warmth_at_rest,"
MESSENGER = "{unit: nmol, kind: pool, nominal: 1, initial: messenger_at_rest,"
BODY = """schema: module/1
title: {en: Body, fr: Corps}
states:
  warmth: {unit: degC, nominal: 1, initial: steady, title: {en: Warmth, fr: Chaleur}}
  messenger:
    {unit: nmol, kind: pool, nominal: 1, initial: steady, guess: 2 * messenger_at_rest, title: {en: Messenger, fr: Messager}}
"""
HEIGHT = ("covariates:\n", "covariates:\n  height: {unit: cm, title: {en: Height, fr: Taille}}\n")
TALL = ("    covariates:\n", "    covariates:\n      height: {distribution: fixed, unit: cm, centre: 170, status: assumed}\n")
SETTLES = {MODULE: BODY, "interface.yaml": HEIGHT, "diseases/illness/population.yaml": TALL}
# The rate at which warmth returns is below 0 in about one patient in ten: warmth then runs away from its rest.
RUNS_AWAY = {**SETTLES, TABLE: ("k_warmth,0.5,1/h,log,0.2", "k_warmth,0.5,1/h,linear,0.4")}
LOST = (6, 7, 9)  # of the first ten patients of seed 1


@pytest.fixture
def settles(write_library):
    return load_library(write_library(SETTLES))


@pytest.fixture
def runs_away(write_library):
    return load_library(write_library(RUNS_AWAY))


def composed(library):
    return compose(library, drugs=["remedy"], disease="illness")


def same(one, other):
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))


# ---------------------------------------------------------------- declared


def test_steady_states_are_named_and_begin_the_search_at_the_guess_or_at_their_nominal_size(settles):
    biology = composed(settles)
    assert biology.steady_states == ("warmth", "messenger")
    guess = biology.initial_states(biology.parameter_values({"weight": np.array([50.0])}))
    assert guess[0, :2] == pytest.approx([1.0, 2 * 0.1 * 0.06 * 50])


def test_a_biology_without_steady_states_has_nothing_to_settle(write_library):
    biology = composed(load_library(write_library()))
    assert biology.steady_states == ()
    assert steady_part_of(biology) is None
    assert settling(biology, None) is None


def test_the_unit_of_a_guess_is_checked(write_library):
    change = {MODULE: ("initial: warmth_at_rest", "initial: steady, guess: messenger_at_rest")}
    with pytest.raises(LibraryError, match=r"module\.yaml:4:60: the guess of 'warmth' needs the unit degC"):
        composed(load_library(write_library(change)))


def test_a_sound_library_with_steady_states_has_no_findings(settles):
    assert check_library(settles) == []


# ---------------------------------------------------------------- found


def drawn(library, numbers, **recipe):
    biology = composed(library)
    model = compile_model(biology.system)
    population = library.diseases["illness"].populations.populations["all"]

    def resting(parameters, states):
        inputs = np.tile(biology.input_defaults(), (len(states), 1))
        return dict(zip(biology.system.observables, model.observe(states, parameters, inputs).T, strict=True))

    settle = settling(biology, steady_part_of(biology), threads=1)
    recipe = Recipe(population, **recipe)
    return biology, draw_patients(biology, recipe, seed=1, numbers=numbers, resting=resting, settle=settle)


def test_patients_start_where_their_gain_and_loss_meet(settles):
    biology, patients = drawn(settles, np.arange(1, 51))
    table = dict(zip(biology.system.parameters, patients.parameters.T, strict=True))
    assert patients.has_start.all()
    assert patients.initial[:, 0] == pytest.approx(table["body__warmth_at_rest"], rel=1e-6)
    assert patients.initial[:, 1] == pytest.approx(table["body__messenger_at_rest"], rel=1e-6)
    assert (patients.initial[:, 2:] == 0).all()


def test_plausibility_looks_at_patients_at_rest_and_not_at_guesses(settles):
    limit = PlausibilityLimit(finding="thermometer", low=36.9, high=37.1, unit="degC")
    _, patients = drawn(settles, np.arange(1, 21), plausible=[limit])
    assert not patients.rejected


def test_whoever_has_no_start_is_not_drawn_again(runs_away):
    limit = PlausibilityLimit(finding="thermometer", low=36.9, high=37.1, unit="degC")
    biology, patients = drawn(runs_away, np.arange(1, 11), plausible=[limit])
    assert patients.without_start == set(LOST)
    assert not patients.rejected
    assert patients.numbers[~patients.has_start].tolist() == list(LOST)
    lost = patients.parameters[~patients.has_start]
    assert (lost[:, biology.system.parameters.index("body__k_warmth")] < 0).all()


def test_patients_do_not_depend_on_company(runs_away):
    _, whole = drawn(runs_away, np.arange(1, 11))
    _, some = drawn(runs_away, np.array([9, 2]))
    np.testing.assert_array_equal(whole.initial[[8, 1]], some.initial)
    assert some.without_start == {9}


def test_time_courses_of_a_patient_without_start_are_not_told(settles):
    usual = bench_of(settles, drugs=["remedy"], disease="illness")
    lost = bench_of(settles, drugs=["remedy"], disease="illness", settings={"k_warmth": "-0.1 1/h"})
    nothing = {"regimen": None, "drug": None, "support": "standard", "until": 48.0}
    found = [give_regimen(bench, bench.typical(), **nothing) for bench in (usual, lost)]
    assert [courses.failed.tolist() for courses in found] == [[False], [True]]
    assert found[0].observables["thermometer"][0] == pytest.approx(37.0, abs=1e-3)
    assert np.isnan(found[1].observables["thermometer"]).all()
    assert np.isnan(found[1].states["warmth"]).all()


# ---------------------------------------------------------------- in a trial


def trial(library, **options):
    return run_trial(read_protocol(library.protocols["trial"], library), library, keep=False, **options)


def test_a_trial_from_steady_states_is_that_from_their_formulas(settles, write_library, tmp_path):
    root = settles.root
    by_search = trial(settles, threads=1)
    (root / MODULE).write_text(BODY.replace("steady, guess: 2 * ", "").replace("steady", "warmth_at_rest"), encoding="utf-8")
    by_formula = trial(load_library(root), threads=1)
    assert by_search.table("failures").empty
    for name in ("labs", "vitals"):
        one, other = (result.table(name)["AVAL"].to_numpy() for result in (by_search, by_formula))
        assert one == pytest.approx(other, rel=1e-3)


def test_patients_without_start_are_counted_and_named_and_the_others_go_on(runs_away):
    result = trial(runs_away, threads=1)
    failures = result.table("failures")
    assert failures["ID"].tolist() == list(LOST)
    assert set(failures["STATUS"]) == {"no steady state"}
    assert failures["REASON"].str.contains("did not come to rest").all()
    assert (failures["TIME"] == 0).all()
    assert result.manifest.failures == len(LOST)
    assert result.manifest.patients == 10
    for name in ("labs", "vitals", "inputs", "trajectories", "responses", "decisions"):
        assert set(result.table(name)["ID"]) == set(range(1, 11)) - set(LOST)
    doses = result.table("doses")
    lost = doses[doses["ID"].isin(LOST)]
    assert set(lost["ACTION"]) == {"not reached"}
    assert set(lost["REASON"]) == {"the simulation failed"}
    assert set(doses.loc[~doses["ID"].isin(LOST), "ACTION"]) == {"give"}


def test_patients_without_start_stay_in_every_denominator(runs_away):
    result = trial(runs_away, threads=1)
    survival = result.table("survival").set_index("ID").loc[list(LOST)]
    assert (survival["AVAL"] == 0).all()
    assert (survival["CNSR"] == 1).all()
    assert set(survival["EVNTDESC"]) == {"never began: the simulation failed"}
    efficacy = result.efficacy().set_index("endpoint")["patients"]
    assert efficacy["objective response"] == 10
    assert efficacy["progression-free survival, median"] == 10


@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (3, 2)])
def test_the_numbers_do_not_depend_on_chunks_or_threads(runs_away, chunk, threads):
    whole, parts = trial(runs_away, threads=1), trial(runs_away, chunk=chunk, threads=threads)
    for name in COLUMNS:
        same(whole.table(name), parts.table(name))


def test_a_trial_in_which_nobody_has_a_start_has_no_answer(write_library):
    library = load_library(write_library({**SETTLES, TABLE: ("k_warmth,0.5,1/h,log,0.2", "k_warmth,-0.5,1/h,linear,0.01")}))
    with pytest.raises(SimulationError, match="failed for all 10 patients"):
        trial(library)
