"""The engine against solutions known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from cytotrial.engine import Ensemble, EventKind, Events, Tolerances, compile_model
from cytotrial.engine.methods import RODAS4, RODAS5P
from cytotrial.model.system import OdeSystem, symbol

GRID = np.linspace(0.5, 48.0, 96)
NEAR = {"rtol": 1e-7, "atol": 1e-9}  # a hundred times the tolerance of each step, for a few hundred steps


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")

    def build(equations, *, parameters=(), inputs=(), method=RODAS5P):
        names = {name: symbol(name) for name in (*equations, *parameters, *inputs)}
        rates = tuple(sympy.sympify(text, locals=names) for text in equations.values())
        nominal = np.ones(len(equations))
        system = OdeSystem(tuple(equations), tuple(parameters), tuple(inputs), (), rates, (), nominal)
        return compile_model(system, method=method, cache_folder=folder)

    return build


def solve(model, parameters, initial, events=None, *, rtol=1e-9, grid=GRID):
    ensemble = Ensemble(model, np.array([parameters], float), np.array([initial], float), tolerances=Tolerances(rtol=rtol))
    if events is not None:
        ensemble.schedule(events)
    states = ensemble.advance(grid[-1], grid).states
    assert not ensemble.status.any()
    return states, ensemble


def test_an_infusion_into_one_compartment(build):
    clearance, volume, rate, end = 5.0, 12.0, 30.0, 6.0
    model = build({"drug": "(rate - clearance*drug)/volume"}, parameters=("clearance", "volume"), inputs=("rate",))
    events = Events([0, 0], [0.0, end], 0, EventKind.SET_INPUT, [rate, 0.0])
    states, _ = solve(model, [clearance, volume], [0.0], events)
    k = clearance / volume
    exact = rate / clearance * (np.exp(-k * np.maximum(GRID - end, 0)) - np.exp(-k * GRID))
    np.testing.assert_allclose(states[:, 0], exact, **NEAR)


def test_first_order_absorption_after_boluses(build):
    model = build({"depot": "-ka*depot", "drug": "ka*depot - k*drug"}, parameters=("ka", "k"))
    ka, k, dose = 0.9, 0.2, 10.0
    times = np.array([0.0, 8.0, 16.0])
    states, _ = solve(model, [ka, k], [0.0, 0.0], Events(0, times, 0, EventKind.ADD_TO_STATE, dose))
    # At a dose's own time the output is the value before it, and its term is 0 there anyway.
    since = np.maximum(GRID[:, None] - times, 0)
    exact = (dose * ka / (ka - k) * (np.exp(-k * since) - np.exp(-ka * since))).sum(axis=1)
    np.testing.assert_allclose(states[:, 1], exact, **NEAR)


def test_turnover_returns_to_its_baseline(build):
    model = build({"response": "kin - kout*response"}, parameters=("kin", "kout"))
    states, _ = solve(model, [3.0, 0.5], [1.0])
    np.testing.assert_allclose(states[:, 0], 6.0 - 5.0 * np.exp(-0.5 * GRID), **NEAR)


def test_a_very_stiff_decay_follows_its_slow_forcing(build):
    model = build({"slow": "-0.1*slow", "fast": "1e6*(slow - fast)"})
    states, ensemble = solve(model, [], [1.0, 0.0])
    np.testing.assert_allclose(states[:, 1], 1e6 / (1e6 - 0.1) * np.exp(-0.1 * GRID), **NEAR)
    assert ensemble.steps.accepted[0] < 2000


@pytest.mark.parametrize("exponent", [0.5, 0.7, 1.0, 1.5])
def test_a_power_of_a_quantity_that_is_not_there_yet(build, exponent):
    """The power is infinitely steep, or has a logarithm of 0 in it, at the start; afterwards the integral is t^(n+1)/(n+1)."""
    model = build({"drug": "1", "effect": "drug**n"}, parameters=("n",))
    states, _ = solve(model, [exponent], [0.0, 0.0])
    np.testing.assert_allclose(states[:, 1], GRID ** (exponent + 1) / (exponent + 1), rtol=1e-6)


def test_mass_is_conserved_between_exchanging_compartments(build):
    model = build({"a": "-3*a + 2*b + c", "b": "3*a - 2*b - 100*b + 0.5*c", "c": "100*b - 1.5*c"})
    states, _ = solve(model, [], [1.0, 0.0, 0.0], rtol=1e-3)
    np.testing.assert_allclose(states.sum(axis=1), 1.0, rtol=1e-12)


def test_a_state_at_rest_changes_nothing_for_the_others(build):
    alone, with_rest = build({"x": "-x**2"}), build({"x": "-x**2", **{f"rest{index}": "0" for index in range(9)}})
    np.testing.assert_array_equal(solve(alone, [], [1.0])[0][:, 0], solve(with_rest, [], [1.0] * 10)[0][:, 0])


@pytest.mark.parametrize("method", [RODAS4, RODAS5P], ids=lambda method: method.name)
def test_the_method_has_its_order(build, method):
    """The error of a nonlinear closed form falls with the number of steps to the power of the order."""
    model = build({"x": "-x**2*v", "v": "v*(1 - v)"}, method=method)
    errors, steps = [], []
    for rtol in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
        states, ensemble = solve(model, [], [1.0, 0.1], rtol=rtol, grid=np.array([20.0]))
        exact = 1 / (1 + np.log(0.9 + 0.1 * np.exp(20.0)))
        errors.append(abs(states[0, 0] / exact - 1))
        steps.append(ensemble.steps.accepted[0])
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order > method.order - 0.5


@pytest.mark.parametrize("method", [RODAS4, RODAS5P], ids=lambda method: method.name)
def test_the_values_between_steps_are_nearly_as_good_as_at_steps(build, method):
    model = build({"x": "v", "v": "-x"}, method=method)
    grid = np.linspace(0.01, 20.0, 1501)
    states, ensemble = solve(model, [], [0.0, 1.0], rtol=1e-7, grid=grid)
    assert ensemble.steps.accepted[0] < len(grid) / 2
    np.testing.assert_allclose(states[:, 0], np.sin(grid), atol=2e-5)
