"""Balances of the shipped biology: drug, fluid and albumin are neither made nor lost but where the equations say so."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import Ensemble, EventKind, Events

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

ROWS = 40
# Sums of a few terms that cancel, in double precision, against the largest of them.
ROUNDING = 1e-11
POOLS = ("central", "peripheral", "depot", "transit")


# What else takes drug away from plasma water: the kidney's share, uptake by cells, and binding to soluble receptor.
BLOOD_ALONE = {
    "aldesleukin.renal_share": 0.0,
    "signalling.uptake_nk": 0.0,
    "signalling.uptake_nk_bright": 0.0,
    "signalling.uptake_treg": 0.0,
    "signalling.uptake_activated": 0.0,
    "signalling.soluble_units": 1e30,
}


@pytest.fixture(scope="module")
def typical(bench):
    """Patients of all sizes with the table's parameters, and drug that leaves by elimination alone."""
    covariates = bench.draw(np.arange(1, ROWS + 1)).covariates
    return covariates, bench.biology.parameter_values(covariates, overrides=BLOOD_ALONE)


@pytest.fixture(scope="module")
def anywhere(bench, typical):
    """Random states and inputs around rest, their rates of change, and all of them by name, (rows,)."""
    _, parameters = typical
    generator = np.random.default_rng(6)
    system = bench.biology.system
    rest = bench.biology.initial_states(parameters)
    nominal = np.asarray(system.nominal)
    states = np.abs(rest) * np.exp(generator.normal(0, 0.2, rest.shape)) + nominal * generator.uniform(0, 0.3, rest.shape)
    states[:, system.states.index("body_core_temperature")] = generator.uniform(36, 41, ROWS)
    inputs = generator.uniform(0, 1, (ROWS, len(system.inputs)))
    rates = bench.model.derivatives(states, parameters, inputs)
    assert np.isfinite(rates).all()
    named = {name: states[:, index] for index, name in enumerate(system.states)}
    named |= {name: parameters[:, index] for index, name in enumerate(system.parameters)}
    named |= {name: inputs[:, index] for index, name in enumerate(system.inputs)}
    return named, {name: rates[:, index] for index, name in enumerate(system.states)}


def assert_balanced(change, *terms):
    """The change is the sum of the terms, up to rounding of the largest."""
    largest = np.maximum.reduce([np.abs(term) for term in (change, *terms)])
    assert (largest > 0).all()
    assert (np.abs(change - sum(terms)) <= ROUNDING * largest).all()


def test_drug_changes_only_by_infusion_elimination_and_degradation(anywhere):
    values, rates = anywhere
    own = {name.removeprefix("aldesleukin__"): value for name, value in values.items() if name.startswith("aldesleukin__")}
    relative = values["weight"] / own["reference_weight"]
    eliminated = own["clearance"] * relative**0.75 * own["central"] / (own["central_volume"] * relative)
    degraded = (1 - own["bioavailability"]) * own["absorption"] * own["depot"]
    change = sum(rates[f"aldesleukin__{pool}"] for pool in POOLS)
    assert_balanced(change, own["infusion"], -eliminated, -degraded)


def test_cells_and_kidney_take_their_share_of_the_drug(bench, typical):
    covariates, without = typical
    states = bench.biology.initial_states(without)
    states[:, bench.biology.system.states.index("aldesleukin__central")] = 100.0
    inputs = np.tile(bench.biology.input_defaults(), (ROWS, 1))
    columns = [bench.biology.system.states.index(f"aldesleukin__{pool}") for pool in POOLS]
    loss = [
        -bench.model.derivatives(states, parameters, inputs)[:, columns].sum(axis=1)
        for parameters in (
            without,
            bench.biology.parameter_values(covariates, overrides={**BLOOD_ALONE, "signalling.uptake_treg": 1.0}),
            bench.biology.parameter_values(covariates, overrides={**BLOOD_ALONE, "signalling.soluble_units": 1.0}),
        )
    ]
    assert (loss[1] > loss[0]).all()
    assert (loss[2] < loss[0]).all()


def test_fluid_changes_only_by_what_is_taken_in_and_what_is_lost(anywhere):
    values, rates = anywhere
    own = {name.removeprefix("fluid_balance__"): value for name, value in values.items() if name.startswith("fluid_balance__")}
    fever = np.maximum(values["body_core_temperature"] - own["resting_temperature"], 0)
    insensible = own["relative_size"] * (
        own["resting_insensible"] * (1 + own["insensible_per_degree"] * fever) + own["insensible_ward"] * values["ward"]
    )
    stool = values["gut__diarrhoea"] / values["gut__hours_a_day"]
    change = rates["plasma_volume"] + rates["interstitial_volume"]
    assert_balanced(change, rates["fluid_balance__taken_in"], -rates["kidney__urine_volume"], -insensible, -stool)


def test_albumin_changes_only_by_synthesis_and_breakdown(anywhere):
    values, rates = anywhere
    own = {name.removeprefix("fluid_balance__"): value for name, value in values.items() if name.startswith("fluid_balance__")}
    liver = {name.removeprefix("acute_phase__"): value for name, value in values.items() if name.startswith("acute_phase__")}
    response = np.clip((liver["crp"] - liver["resting_crp"]) / liver["full_response"], 0, 1)
    at_rest = own["resting_plasma_volume"] * own["resting_albumin"]
    at_rest = at_rest + own["accessible_share"] * own["resting_interstitial_volume"] * own["resting_interstitial_albumin"]
    concentration = own["plasma_albumin"] / values["plasma_volume"]
    asked = 1 + own["oncotic_response"] * np.maximum(1 - concentration / own["resting_albumin"], 0)
    synthesis = own["synthesis"] * own["relative_size"]
    made = synthesis * (1 - (1 - own["synthesis_left"]) * response) * asked
    in_body = own["plasma_albumin"] + own["interstitial_albumin"]
    broken_down = synthesis / at_rest * (1 + response) * in_body
    change = rates["fluid_balance__plasma_albumin"] + rates["fluid_balance__interstitial_albumin"]
    assert_balanced(change, made, -broken_down)


def test_without_clearance_all_drug_given_stays_in_the_body(bench, typical):
    covariates, _ = typical
    system = bench.biology.system
    nothing_lost = BLOOD_ALONE | {"aldesleukin.clearance": 1e-12, "aldesleukin.bioavailability": 1.0}
    parameters = bench.biology.parameter_values(covariates, overrides=nothing_lost)
    inputs = np.tile(bench.biology.input_defaults(), (ROWS, 1))
    ensemble = Ensemble(bench.model, parameters, bench.biology.initial_states(parameters), inputs=inputs, threads=1)
    amounts = np.random.default_rng(7).uniform(1, 200, ROWS)
    infusion, depot = system.inputs.index("aldesleukin__infusion"), system.states.index("aldesleukin__depot")
    for patient, amount in enumerate(amounts):
        ensemble.schedule(Events(patient, [0.0, 0.25], infusion, EventKind.SET_INPUT, [amount / 0.25, 0.0]))
        ensemble.schedule(Events(patient, 8.0, depot, EventKind.ADD_TO_STATE, amount))
    ensemble.advance(48.0)
    assert not ensemble.status.any()
    kept = sum(ensemble.states[:, system.states.index(f"aldesleukin__{pool}")] for pool in POOLS)
    # Linear invariants are kept by every step, so the tolerance of the integrator does not enter.
    np.testing.assert_allclose(kept, 2 * amounts, rtol=1e-9)


def test_without_drug_a_patient_at_rest_stays_at_rest(bench):
    # The tumour and running totals move by themselves; all else is anchored to its own balance.
    patients = bench.draw(np.arange(1, 21))
    inputs = np.tile(bench.biology.input_defaults(), (20, 1))
    rates = bench.model.derivatives(patients.initial, patients.parameters, inputs)
    still = [index for index, name in enumerate(bench.biology.system.states) if bench.biology.states[name].at_rest]
    nominal = np.asarray(bench.biology.system.nominal)
    assert len(still) > 30
    # Less than a thousandth of the size that matters in a day.
    assert (np.abs(rates[:, still]) * 24 <= 1e-3 * nominal[still]).all()
