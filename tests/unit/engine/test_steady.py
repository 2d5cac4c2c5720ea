"""Steady states of some of a system's states: those with a formula, branches, and patients who have none."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import Ensemble, Status, compile_steady_part, find_steady_states
from cytotrial.engine.steady import STILL


@pytest.fixture
def sought(write_system, cache_folder):
    """The states of some names of a system of text equations, compiled."""

    def build(equations, names, **written):
        return compile_steady_part(write_system(equations, **written), names, cache_folder=cache_folder)

    return build


def find(part, parameters, guess, **options):
    return find_steady_states(part, np.array(parameters, float), np.array(guess, float), threads=1, **options)


def test_a_linear_chain_rests_where_its_matrix_says(sought):
    part = sought({"a": "2 - 3*a + b", "b": "a - 5*b", "c": "b - 0.001*c"}, ["a", "b", "c"])
    found = find(part, np.zeros((1, 0)), [[0.0, 0.0, 0.0]])
    expected = np.linalg.solve([[3, -1, 0], [-1, 5, 0], [0, -1, 0.001]], [2, 0, 0])
    assert found.status.tolist() == [Status.OK]
    assert found.states[0] == pytest.approx(expected, rel=STILL)


@pytest.mark.parametrize("rate", [1e3, 1e-2, 1e-5])
def test_what_is_fast_and_what_takes_years_comes_to_rest(sought, rate):
    found = find(sought({"x": "k*(7 - x)"}, ["x"], parameters="k"), [[rate]], [[0.0]])
    assert found.status.tolist() == [Status.OK]
    assert found.states[0, 0] == pytest.approx(7.0, rel=10 * STILL)


def test_what_would_take_many_lifetimes_has_no_steady_state(sought):
    found = find(sought({"x": "k*(7 - x)"}, ["x"], parameters="k"), [[1e-8]], [[0.0]])
    assert found.status.tolist() == [Status.NO_STEADY_STATE]


def test_states_that_are_held_stay_to_the_bit_and_act(sought):
    part = sought({"tumour": "0.01*tumour", "x": "tumour + rate - x"}, ["x"], inputs="rate")
    found = find(part, np.zeros((2, 0)), [[3.1, 0.0], [5.3, 0.0]], inputs=np.array([[1.0], [0.5]]))
    assert found.states[:, 0].tolist() == [3.1, 5.3]
    assert found.states[:, 1] == pytest.approx([4.1, 5.8], rel=STILL)


def test_a_system_with_two_rests_goes_to_that_of_the_guess(sought):
    part = sought({"x": "x*(1 - x)*(x - 4)"}, ["x"])
    found = find(part, np.zeros((4, 0)), [[0.9], [1.1], [3.9], [7.0]])
    assert (found.status == Status.OK).all()
    assert found.states[:, 0] == pytest.approx([0.0, 4.0, 4.0, 4.0], abs=10 * STILL)


def test_a_guess_at_rest_stays_to_the_bit(sought):
    found = find(sought({"x": "3 - x"}, ["x"]), np.zeros((1, 0)), [[3.0]])
    assert found.states.tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("equations", "what"),
    [
        ({"x": "bad*0.01*x - (1 - bad)*x", "y": "-y"}, "grows in proportion"),
        ({"x": "bad - (1 - bad)*x", "y": "-y"}, "grows evenly"),
        ({"x": "bad*x**2 - (1 - bad)*x", "y": "-y"}, "explodes"),
        ({"x": "bad*y - (1 - bad)*x", "y": "bad*((1 - x**2)*y - x) - (1 - bad)*y"}, "oscillates"),
        ({"x": "-x + log(1 - 3*bad*x)", "y": "-y"}, "has no rate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_patient_who_never_rests_has_no_steady_state_and_the_others_go_on(sought, equations, what):
    bad = np.zeros((10, 1))
    bad[2] = 1.0
    found = find(sought(equations, ["x", "y"], parameters="bad"), bad, np.full((10, 2), 0.5))
    others = np.arange(10) != 2
    assert found.status[2] == Status.NO_STEADY_STATE, what
    assert found.states[2].tolist() == [0.5, 0.5]
    assert (found.status[others] == Status.OK).all()
    assert found.states[others] == pytest.approx(0.0, abs=STILL)


def test_a_state_that_trembles_where_its_equation_switches_is_at_rest(sought):
    """Rising and falling have rates of their own, and the rest lies where one turns into the other."""
    part = sought({"driven": "2 - driven", "x": "(driven - x)*Piecewise((0.01, driven > x), (3, True))"}, ["driven", "x"])
    found = find(part, np.zeros((3, 0)), [[0.0, 0.0], [5.0, 0.0], [2.0, 9.0]])
    assert (found.status == Status.OK).all()
    assert found.states == pytest.approx(2.0, rel=STILL)


@pytest.mark.parametrize("period", [24.0, 1e3, 1e5, 1e7])
def test_an_oscillation_of_any_period_is_no_rest(sought, period):
    """Of Stuart and Landau: a circle that is run through evenly and draws in everything around it."""
    equations = {"x": "turn*(x*(1 - x**2 - y**2) - y)", "y": "turn*(y*(1 - x**2 - y**2) + x)"}
    found = find(sought(equations, ["x", "y"], parameters="turn"), [[2 * np.pi / period]], [[0.3, 0.0]])
    assert found.status.tolist() == [Status.NO_STEADY_STATE]


def test_the_state_that_moves_fastest_is_named(sought):
    part = sought({"held": "0", "still": "1 - still", "grows": "0.01*grows"}, ["still", "grows"])
    assert find(part, np.zeros((1, 0)), [[1.0, 1.0, 1.0]]).worst.tolist() == [2]


@pytest.fixture
def many(sought):
    """A hundred patients whose cells are lost at rates of their own and call for more when few; one of them never rests."""
    equations = {"burden": "0.1*burden", "signal": "cells - loss*signal", "cells": "grow*cells/(1 + signal**2) - loss*cells"}
    part = sought(equations, ["signal", "cells"], parameters="loss grow")
    parameters = np.exp(0.5 * np.random.default_rng(3).standard_normal((100, 2))) * [0.05, 0.4]
    parameters[:, 1] += parameters[:, 0]
    parameters[17, 0] = -0.01
    return part, parameters, np.tile([5.0, 1.0, 1.0], (100, 1))


def test_each_patient_rests_where_its_parameters_say(many):
    part, parameters, guess = many
    found = find(part, parameters, guess)
    well = np.arange(100) != 17
    loss, grow = parameters[well].T
    signal = np.sqrt(grow / loss - 1)
    assert (found.status == np.where(well, Status.OK, Status.NO_STEADY_STATE)).all()
    assert found.states[well] == pytest.approx(np.stack([np.full(99, 5.0), signal, loss * signal], axis=1), rel=10 * STILL)


def test_threads_order_and_company_do_not_change_a_bit(many):
    part, parameters, guess = many
    alone = find_steady_states(part, parameters, guess, threads=1)
    order = np.random.default_rng(4).permutation(100)[:41]
    other = find_steady_states(part, parameters[order], guess[order], threads=3)
    np.testing.assert_array_equal(alone.states[order], other.states)
    np.testing.assert_array_equal(alone.status[order], other.status)


def test_who_starts_at_the_steady_state_stays_there(write_system, compiled, cache_folder):
    equations = {"signal": "cells - loss*signal", "cells": "grow*cells/(1 + signal**2) - loss*cells"}
    part = compile_steady_part(write_system(equations, parameters="loss grow"), ["signal", "cells"], cache_folder=cache_folder)
    found = find(part, [[0.05, 0.4]], [[1.0, 1.0]])
    ensemble = Ensemble(compiled(equations, parameters="loss grow"), np.array([[0.05, 0.4]]), found.states)
    ensemble.advance(10_000.0)
    assert ensemble.states == pytest.approx(found.states, rel=10 * STILL)


def test_nobody_may_be_asked_for(sought):
    found = find(sought({"x": "1 - x"}, ["x"]), np.zeros((0, 0)), np.zeros((0, 1)))
    assert found.states.shape == (0, 1)


def test_an_unknown_state_names_the_nearest(sought):
    with pytest.raises(ValueError, match=r"unknown state 'signl'. Did you mean 'signal'\?"):
        sought({"signal": "-signal"}, ["signl"])


def test_at_least_one_state_is_named(sought):
    with pytest.raises(ValueError, match="no state is named"):
        sought({"signal": "-signal"}, [])


def test_who_has_failed_before_the_start_never_moves(compiled):
    model = compiled({"x": "1 - x"})
    ensemble = Ensemble(
        model, np.zeros((3, 0)), np.zeros((3, 1)), status=np.array([Status.OK, Status.NO_STEADY_STATE, Status.OK])
    )
    outputs = ensemble.advance(50.0, np.array([10.0, 50.0]))
    assert ensemble.states[:, 0] == pytest.approx([1.0, 0.0, 1.0], abs=1e-4)
    assert ensemble.time.tolist() == [50.0, 0.0, 50.0]
    assert outputs.patient.tolist() == [0, 0, 2, 2]
    assert Status(ensemble.status[1]) == Status.NO_STEADY_STATE
