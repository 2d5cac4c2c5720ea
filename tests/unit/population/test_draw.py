"""Virtual patients: covariates, named streams, refusals with their reasons, and populations that nobody can belong to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cytotrial.errors import LibraryError, ProtocolError
from cytotrial.formats.population import Eligibility, NamedPopulation, PlausibilityLimit
from cytotrial.model.composition import compose
from cytotrial.population import draw as draw_module
from cytotrial.population.draw import Recipe, draw_patients, varies

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

TITLE = {"en": "a title", "fr": "un titre"}
PATIENTS = np.arange(1, 2_001)


@pytest.fixture(scope="module")
def biology(library):
    return compose(library, drugs=["aldesleukin"], disease="renal_cell_carcinoma")


@pytest.fixture(scope="module")
def population(library):
    return library.diseases["renal_cell_carcinoma"].populations.populations["trials_1985_1993"]


def nothing_measured(_parameters, _states):
    return {}


def drawn(biology, population, *, numbers=PATIENTS, seed=1, resting=nothing_measured, **recipe):
    return draw_patients(biology, Recipe(population, **recipe), seed=seed, numbers=numbers, resting=resting)


def changed(population, **covariates):
    content = population.model_dump(by_alias=True)
    content["covariates"] |= covariates
    return NamedPopulation.model_validate(content)


def requiring(**conditions):
    return Eligibility.model_validate({"title": TITLE, "require": conditions})


def test_patients_do_not_depend_on_order_or_company(biology, population):
    whole = drawn(biology, population)
    order = np.random.default_rng(2).permutation(PATIENTS)
    shuffled = drawn(biology, population, numbers=order)
    assert np.array_equal(shuffled.parameters, whole.parameters[order - 1])
    assert np.array_equal(shuffled.initial, whole.initial[order - 1])
    alone = drawn(biology, population, numbers=np.array([17]))
    assert np.array_equal(alone.parameters[0], whole.parameters[16])
    assert np.array_equal(alone.initial[0], whole.initial[16])


def test_patients_do_not_depend_on_company_when_some_are_drawn_again(biology, population):
    adults = requiring(age={"finding": "age", "at_most": 52})
    whole = drawn(biology, population, eligibility=adults)
    alone = drawn(biology, population, eligibility=adults, numbers=PATIENTS[::7])
    assert np.array_equal(alone.parameters, whole.parameters[::7])


def test_another_seed_gives_other_patients(biology, population):
    first, second = (drawn(biology, population, seed=seed, numbers=PATIENTS[:50]) for seed in (1, 2))
    assert not np.any(first.covariates["weight"] == second.covariates["weight"])


def test_a_parameter_that_starts_to_vary_shifts_no_other(biology, population):
    name = "aldesleukin.to_tissue"
    before = drawn(biology, population)
    assert name not in before.varied
    row = biology.parameters[name].row.model_copy(update={"between_sd": 0.3})
    wider = replace(biology, parameters={**biology.parameters, name: replace(biology.parameters[name], row=row)})
    after = drawn(wider, population)
    assert set(after.varied) == {*before.varied, name}
    assert all(np.array_equal(after.varied[other], before.varied[other]) for other in before.varied)
    assert all(np.array_equal(after.covariates[other], before.covariates[other]) for other in before.covariates)


def test_the_correlations_of_a_population_reach_its_patients(biology, population):
    weight, height = (drawn(biology, population).covariates[name] for name in ("weight", "height"))
    # Spearman's coefficient of a normal pair with correlation 0.5 is 0.483; its SD for 2,000 pairs is below 0.02, so that
    # four of them are missed once in 16,000 seeds. Sex is correlated with both and the limits cut little.
    assert stats.spearmanr(weight, height).statistic == pytest.approx(0.483, abs=0.08)


def test_a_choice_has_its_values_with_their_probabilities(biology, population):
    female = drawn(biology, population).covariates["female"]
    assert set(female) == {0.0, 1.0}
    # A share of 0.29 in 2,000 has SD 0.0101; four of them are missed once in 16,000 seeds.
    assert female.mean() == pytest.approx(0.29, abs=0.041)


def test_a_fixed_covariate_is_the_same_for_all_and_units_are_converted(biology, population):
    fixed = {"distribution": "fixed", "unit": "g", "centre": 70_000, "status": "assumed"}
    assert drawn(biology, changed(population, weight=fixed)).covariates["weight"] == pytest.approx(70.0)


def test_covariates_stay_inside_their_limits(biology, population):
    age = drawn(biology, population).covariates["age"]
    assert age.min() > 20
    assert age.max() < 75
    assert np.unique(age).size == PATIENTS.size


def test_overrides_become_the_centre_of_what_varies_and_the_value_of_what_does_not(biology, population):
    overrides = {"aldesleukin.clearance": 8.0, "aldesleukin.to_tissue": 0.5}
    patients = drawn(biology, population, overrides=overrides)
    # The median of 2,000 with log-SD 0.4 has SD 0.011; four of them are missed once in 16,000 seeds.
    assert np.log(np.median(patients.varied["aldesleukin.clearance"]) / 8.0) == pytest.approx(0.0, abs=0.05)
    column = biology.system.parameters.index("aldesleukin__to_tissue")
    assert (patients.parameters[:, column] == 0.5).all()


def test_what_varies_is_what_the_tables_say(biology):
    assert varies(biology.parameters["aldesleukin.clearance"])
    assert not varies(biology.parameters["aldesleukin.to_tissue"])


def test_those_who_are_not_eligible_are_drawn_again_and_counted(biology, population):
    patients = drawn(biology, population, eligibility=requiring(young={"finding": "age", "at_most": 52}))
    assert patients.covariates["age"].max() <= 52
    everybody = drawn(biology, population)
    kept = everybody.covariates["age"] <= 52
    assert np.array_equal(patients.parameters[kept], everybody.parameters[kept])
    # Half are refused at each draw, so about as many draws are refused as there are patients.
    assert set(patients.rejected) == {"not eligible: young"}
    assert patients.rejected["not eligible: young"] == pytest.approx(PATIENTS.size, rel=0.15)


def test_refusals_are_counted_by_reason(biology, population):
    def resting(parameters, _states):
        return {"albumin": parameters[:, column] / 10}

    column = biology.system.parameters.index("fluid_balance__resting_albumin")
    limits = [PlausibilityLimit(finding="albumin", low=34.0, high=60.0, unit="g/L")]
    young = requiring(young={"finding": "age", "at_most": 60}, unknown={"lab": "creatinine", "at_most": 0.1})
    patients = drawn(biology, population, resting=resting, plausible=limits, eligibility=young)
    # Nobody is refused for what the composition does not measure.
    assert set(patients.rejected) == {"not plausible: albumin", "not eligible: young"}
    assert patients.varied["fluid_balance.resting_albumin"].min() >= 34.0


def test_a_value_that_is_not_a_number_is_not_plausible(biology, population, monkeypatch):
    monkeypatch.setattr(draw_module, "MOST_ATTEMPTS", 3)
    limits = [PlausibilityLimit(finding="albumin", low=0.0, high=99.0, unit="g/dL")]
    with pytest.raises(LibraryError, match=r"not plausible: albumin \(6\)"):
        drawn(
            biology,
            population,
            numbers=PATIENTS[:2],
            plausible=limits,
            resting=lambda parameters, _: {"albumin": np.full(len(parameters), np.nan)},
        )


def test_a_criterion_that_nobody_can_meet_is_a_clear_error(biology, population):
    with pytest.raises(LibraryError) as caught:
        drawn(biology, population, numbers=PATIENTS[:5], eligibility=requiring(old={"finding": "age", "above": 75}))
    assert "5 patients were refused 200 times each: not eligible: old (1000)." in str(caught.value)
    assert "Loosen the eligibility, or correct the population." in str(caught.value)


def test_a_covariate_that_the_population_lacks_is_named(biology, population):
    lacking = population.model_copy(update={"covariates": {"age": population.covariates["age"]}, "correlations": []})
    with pytest.raises(ProtocolError, match="covariate 'weight' is missing, and the biology reads it"):
        drawn(biology, lacking)
