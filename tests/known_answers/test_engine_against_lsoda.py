"""The engine against SciPy's LSODA on a stiff dosing model: receptors, signalling, cells, feedback, transit compartments."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from cytotrial.engine import Ensemble, EventKind, Events, Tolerances, compile_model
from cytotrial.model.system import OdeSystem, symbol

EQUATIONS = {
    "depot": "-ka*depot",
    "drug": "(rate + ka*depot - clearance*drug)/volume - k12*drug + k21*peripheral + 0.002 - 0.05*(cells*bind + killers*link)",
    "peripheral": "k12*drug - k21*peripheral",
    "receptor": "0.25*(1 + 3*signal) - 0.25*receptor - bind + 0.8*inside",
    "bound": "bind - 3*bound",
    "inside": "3*bound - 2.8*inside",
    "signal": "kp*S**1.5/(0.12**1.5 + S**1.5)*(1 - signal) - 4*signal",
    "receptor2": "0.25 - 0.25*receptor2 - link",
    "bound2": "link - 2*bound2",
    "cells": "0.003 + growth*active*cells*(1 - cells/8) - 0.005*cells",
    "killers": "0.002 - 0.004*killers + 0.03*bound2/(0.5 + bound2)*killers*(1 - killers/8)",
    "tumour": "0.00025*tumour*log(1500/(tumour + 0.01)) - 0.006*cells**1.3*tumour*20/(20 + tumour)",
    "toxin": "1.5*active*cells**2/(4 + (active*cells)**2) + 0.02 - 2*toxin",
    "fever": "0.6*(36.8 + 3.5*toxic/(0.7 + toxic) - fever)",
    "leak": "0.12*toxic*(1 - leak) - 0.07*leak",
    "pressure": "2*(93*(1 - 0.25*leak)*exp(-0.02*Max(fever - 36.8, 0)) - pressure)",
    "marrow": "ktr*marrow*((1 - 0.4*toxic)*(5/blood)**0.17 - 1)",
    "transit1": "ktr*(marrow - transit1)",
    "transit2": "ktr*(transit1 - transit2)",
    "blood": "ktr*(transit2 - blood)",
}
SHARED = {
    "S": "(bound + 0.3*inside)",
    "bind": "(30*drug*receptor - 30*bound)",
    "link": "(90*drug*receptor2 - 0.9*bound2)",
    "active": "(signal**2/(0.0625 + signal**2))",
    "toxic": "(toxin**2.2/(0.6**2.2 + toxin**2.2))",
}
PARAMETERS = {"ka": 0.35, "clearance": 11.0, "volume": 6.0, "k12": 1.2, "k21": 0.7, "kp": 10.0, "growth": 0.035, "ktr": 0.032}
START = dict.fromkeys(EQUATIONS, 0.01) | {
    **{"depot": 0.0, "receptor": 1.0, "receptor2": 1.0, "cells": 0.6, "killers": 0.5, "tumour": 100.0, "fever": 36.8},
    **{"pressure": 93.0, "marrow": 5.0, "transit1": 5.0, "transit2": 5.0, "blood": 5.0},
}
PATIENTS = 6
END = 24.0 * 14
DOSES = np.arange(0.0, 72.0, 8.0)
GRID = np.concatenate([np.arange(2.0, 80.0, 2.0), np.arange(90.0, END + 1, 12.0)])
EVENT_TIMES = np.sort(np.concatenate([DOSES, DOSES + 0.25]))
RATES = np.where(np.isin(EVENT_TIMES, DOSES), 650.0, 0.0)


@pytest.fixture(scope="module")
def system():
    names = {name: symbol(name) for name in (*EQUATIONS, *PARAMETERS, "rate", *SHARED)}
    shared = {names[name]: sympy.sympify(text, locals=names) for name, text in SHARED.items()}
    rates = [sympy.sympify(text, locals=names).subs(shared) for text in EQUATIONS.values()]
    nominal = np.maximum(np.array(list(START.values())), 0.01)
    return OdeSystem(tuple(EQUATIONS), tuple(PARAMETERS), ("rate",), (), tuple(rates), (), nominal)


@pytest.fixture(scope="module")
def model(system, tmp_path_factory):
    return compile_model(system, cache_folder=tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def parameters():
    noise = np.random.default_rng(11).standard_normal((PATIENTS, len(PARAMETERS)))
    return np.array(list(PARAMETERS.values())) * np.exp(0.3 * noise)


@pytest.fixture(scope="module")
def reference(system, parameters):
    """(patients, times, states) by LSODA, restarted at every event, at a tolerance near its limit."""
    names = [*map(symbol, system.states), *map(symbol, system.parameters), symbol("rate")]
    rates = sympy.lambdify(names, system.derivatives, "math", cse=True)
    result = np.empty((PATIENTS, len(GRID), len(EQUATIONS)))
    ends = np.append(EVENT_TIMES[1:], END)
    for patient in range(PATIENTS):
        state = np.array(list(START.values()))
        for begin, end, rate in zip(EVENT_TIMES, ends, RATES, strict=True):
            inside = (begin < GRID) & (end >= GRID)
            times = np.unique(np.append(GRID[inside], end))
            solution = solve_ivp(
                lambda _time, y, rate=rate, own=parameters[patient]: rates(*y, *own, rate),
                *((begin, end), state),
                **{"method": "LSODA", "t_eval": times, "rtol": 3e-12, "atol": 1e-14, "first_step": 1e-6},
            )
            assert solution.success
            result[patient, inside] = solution.y.T[: inside.sum()]
            state = solution.y[:, -1]
    return result


def scaled_error(model, parameters, reference, **tolerances):
    initial = np.tile(list(START.values()), (PATIENTS, 1))
    ensemble = Ensemble(model, parameters, initial, tolerances=Tolerances(**tolerances))
    for patient in range(PATIENTS):
        ensemble.schedule(Events(patient, EVENT_TIMES, 0, EventKind.SET_INPUT, RATES))
    found = ensemble.advance(END, GRID).states.reshape(reference.shape)
    assert not ensemble.status.any()
    size = np.abs(reference) + 1e-3 * np.abs(reference).max(axis=1, keepdims=True)
    return np.abs(found - reference) / np.maximum(size, 1e-12)


def test_at_a_tight_tolerance_all_values_agree_to_one_in_a_million(model, parameters, reference):
    assert scaled_error(model, parameters, reference, rtol=1e-8).max() <= 1e-6


def test_at_the_default_tolerance_99_percent_of_values_agree_to_two_in_ten_thousand(model, parameters, reference):
    assert np.quantile(scaled_error(model, parameters, reference), 0.99) <= 2e-4


def test_compiled_rates_are_those_of_the_equations(model, system, parameters):
    names = [*map(symbol, system.states), *map(symbol, system.parameters), symbol("rate")]
    rates = sympy.lambdify(names, system.derivatives, "math")
    state = np.array(list(START.values())) * 1.1
    expected = [rates(*state, *own, 3.0) for own in parameters]
    found = model.derivatives(np.tile(state, (PATIENTS, 1)), parameters, np.full((PATIENTS, 1), 3.0))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)
