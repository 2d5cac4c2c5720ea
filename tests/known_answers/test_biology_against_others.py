"""The shipped biology by our engine against others: SciPy's LSODA, and libRoadRunner's reading of the exported SBML."""

from __future__ import annotations

import libsbml
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cytotrial.engine import Ensemble, EventKind, Events, Tolerances

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

DOSES = np.array([0.0, 8.0, 16.0])
INFUSION_HOURS = 0.25
NANOMOLES_PER_KG = 2.4  # 600,000 IU/kg
END = 72.0
GRID = np.concatenate([np.arange(1.0, 24.0), np.arange(24.0, END + 1, 4.0)])
EVENT_TIMES = np.sort(np.concatenate([DOSES, DOSES + INFUSION_HOURS]))


@pytest.fixture(scope="module")
def people(bench):
    """Parameters, starts and infusion rates of a patient with the table's parameters and three drawn ones."""
    drawn = bench.draw(np.arange(1, 4))
    typical = bench.biology.parameter_values({name: values[:1] for name, values in drawn.covariates.items()})
    parameters = np.concatenate([typical, drawn.parameters])
    initial = np.concatenate([bench.biology.initial_states(typical), drawn.initial])
    weight = drawn.covariates["weight"][[0, 0, 1, 2]]
    return parameters, initial, NANOMOLES_PER_KG * weight / INFUSION_HOURS


@pytest.fixture(scope="module")
def ours(bench, people):
    """Our states (patients, times, states) at a tolerance."""
    parameters, initial, rates = people
    target = bench.biology.system.inputs.index("aldesleukin__infusion")

    def integrate(**tolerances):
        inputs = np.tile(bench.biology.input_defaults(), (len(initial), 1))
        ensemble = Ensemble(bench.model, parameters, initial, inputs=inputs, tolerances=Tolerances(**tolerances), threads=1)
        for patient, rate in enumerate(rates):
            values = np.where(np.isin(EVENT_TIMES, DOSES), rate, 0.0)
            ensemble.schedule(Events(patient, EVENT_TIMES, target, EventKind.SET_INPUT, values))
        outputs = ensemble.advance(END, GRID)
        assert not ensemble.status.any()
        return outputs.states.reshape(len(initial), GRID.size, -1)

    return integrate


@pytest.fixture(scope="module")
def by_lsoda(bench, people):
    """States (patients, times, states) by LSODA near its limit, restarted at every event, with the compiled rates."""
    parameters, initial, rates = people
    target = bench.biology.system.inputs.index("aldesleukin__infusion")
    inputs = bench.biology.input_defaults()[None, :].copy()
    nominal = np.asarray(bench.biology.system.nominal)
    result = np.empty((len(initial), GRID.size, initial.shape[1]))
    for patient, start in enumerate(initial):
        state, own = start, parameters[patient : patient + 1]
        for begin, end in zip(EVENT_TIMES, [*EVENT_TIMES[1:], END], strict=True):
            inputs[0, target] = rates[patient] if begin in DOSES else 0.0
            inside = (begin < GRID) & (end >= GRID)
            solution = solve_ivp(
                lambda _time, y, own=own: bench.model.derivatives(y[None, :], own, inputs)[0],
                *((begin, end), state),
                **{"method": "LSODA", "t_eval": np.unique(np.append(GRID[inside], end)), "rtol": 1e-10},
                **{"atol": 1e-12 * nominal, "first_step": 1e-6},
            )
            assert solution.success
            result[patient, inside] = solution.y.T[: inside.sum()]
            state = solution.y[:, -1]
    return result


def scaled(found, reference, nominal):
    """Differences relative to the size of each value and the size that matters of its state."""
    return np.abs(found - reference) / (np.abs(reference) + nominal)


def test_at_a_tight_tolerance_the_biology_agrees_with_lsoda_to_one_in_a_million(bench, ours, by_lsoda):
    assert scaled(ours(rtol=1e-8), by_lsoda, bench.biology.system.nominal).max() <= 1e-6


def test_at_the_default_tolerance_99_percent_agree_with_lsoda_to_two_in_ten_thousand(bench, ours, by_lsoda):
    assert np.quantile(scaled(ours(), by_lsoda, bench.biology.system.nominal), 0.99) <= 2e-4


@pytest.mark.slow
def test_the_exported_model_read_by_libroadrunner_has_our_rates(bench):
    # Rates, not runs: libRoadRunner writes every rule out in full, and takes minutes for a step of a biology of this size.
    roadrunner = pytest.importorskip(
        "roadrunner", reason="libroadrunner is not installed; `pip install libroadrunner` to compare"
    )
    biology, names = bench.biology, bench.biology.system.states
    # What the population does not draw is read by nothing; libRoadRunner wants a value all the same.
    covariates = {name: np.zeros(1) for name in biology.covariates} | dict(bench.draw([1]).covariates)
    document = libsbml.readSBMLFromString(biology.sbml())
    for name, values in covariates.items():
        document.getModel().getParameter(name).setValue(float(values[0]))
    config = roadrunner.Config
    config.setValue(config.LLVM_BACKEND, config.LLJIT)
    config.setValue(config.LLJIT_OPTIMIZATION_LEVEL, config.NONE)
    runner = roadrunner.RoadRunner(libsbml.writeSBMLToString(document))
    parameters = biology.parameter_values(covariates)
    rest, nominal = biology.initial_states(parameters), np.asarray(biology.system.nominal)
    inputs = biology.input_defaults()[None, :]
    generator = np.random.default_rng(8)
    for _ in range(5):
        states = rest * np.exp(generator.normal(0, 0.1, rest.shape)) + nominal * generator.uniform(0, 0.1, rest.shape)
        for name, value in zip(names, states[0], strict=True):
            runner[name] = value
        found = np.array([runner.getValue(f"{name}'") for name in names])
        expected = bench.model.derivatives(states, parameters, inputs)[0]
        # Terms cancel within a rate; in a day the difference is below a thousand-millionth of what matters.
        np.testing.assert_array_less(24 * np.abs(found - expected), 1e-9 * (nominal + np.abs(states[0])))
