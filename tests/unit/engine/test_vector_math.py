"""The engine's own exponential and logarithm, and how values of functions come through compiled expressions."""

from __future__ import annotations

import math

import numpy as np
import pytest

ROWS = 20_000
ULP_ALLOWED = 4.0


def observe(compiled, expression, values, *, lanes=None):
    model = compiled({"x": "0"}, observables={"y": expression}, lanes=lanes)
    values = np.asarray(values, float)
    return model.observe(values[:, None], np.zeros((len(values), 0)), np.zeros((len(values), 0)))[:, 0]


def ulp_error(found, exact):
    return np.max(np.abs(found - exact) / np.spacing(np.abs(exact)))


@pytest.mark.parametrize("lanes", [2, 4])
def test_exp_is_within_four_units_in_the_last_place(compiled, lanes):
    values = np.random.default_rng(1).uniform(-700, 709, ROWS)
    assert ulp_error(observe(compiled, "exp(x)", values, lanes=lanes), [math.exp(value) for value in values]) <= ULP_ALLOWED


@pytest.mark.parametrize("spread", [1e-3, 1.0, 300.0])
def test_log_is_within_four_units_in_the_last_place_near_one_and_far_from_it(compiled, spread):
    values = np.exp(np.random.default_rng(2).uniform(-spread, spread, ROWS))
    values = values[values != 1.0]
    assert ulp_error(observe(compiled, "log(x)", values), [math.log(value) for value in values]) <= ULP_ALLOWED


def test_exp_has_the_right_special_values(compiled):
    values = [0.0, -0.0, 709.7, 709.79, math.inf, -709.0, -math.inf, math.nan]
    np.testing.assert_array_equal(
        observe(compiled, "exp(x)", values)[[0, 1, 3, 4, 5, 6, 7]], [1, 1, math.inf, math.inf, 0, 0, math.nan]
    )
    assert observe(compiled, "exp(x)", values)[2] == pytest.approx(math.exp(709.7), rel=1e-15)


def test_log_has_the_right_special_values(compiled):
    values = [1.0, 0.0, -0.0, -1.0, -math.inf, math.inf, math.nan]
    found = observe(compiled, "log(x)", values)
    np.testing.assert_array_equal(found, [0, -math.inf, -math.inf, math.nan, math.nan, math.inf, math.nan])


def test_log_of_a_denormal_number_is_right(compiled):
    assert observe(compiled, "log(x)", [5e-324, 1e-310]) == pytest.approx([math.log(5e-324), math.log(1e-310)], rel=1e-15)


@pytest.mark.parametrize("exponent", [2, 3, 7, 0.5, 1.5, 0.3, 1.7, 2.25, -1, -0.5, -1.3])
def test_powers_with_a_number_as_exponent_agree_with_python(compiled, exponent):
    values = np.array([1e-3, 0.7, 1.0, 3.5, 40.0])
    assert observe(compiled, f"x**({exponent})", values) == pytest.approx(values**exponent, rel=1e-14)


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, 1.0), (0.5, 0.0), (1.0, 0.0), (2.3, 0.0), (-1.0, math.inf)])
def test_zero_to_a_parameter_power_is_right(compiled, exponent, expected):
    model = compiled({"x": "0"}, parameters="n", observables={"y": "x**n"})
    assert model.observe(np.zeros((1, 1)), np.array([[exponent]]), np.zeros((1, 0)))[0, 0] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Max(x, 1)", [1, 1, 2, math.nan]),
        ("Min(x, 1)", [-2, 0, 1, math.nan]),
        ("Max(x, x**2/2)", [2, 0, 2, math.nan]),
        ("Abs(x)", [2, 0, 2, math.nan]),
        ("Piecewise((1, x < 0), (x**2, And(x > 0, Not(x > 5))), (7, True))", [1, 7, 4, 7]),
        ("Piecewise((1, Or(x <= -2, x >= 2)), (0, True))", [1, 0, 1, 0]),
        ("Piecewise((3, Eq(x, 2)), (4, Ne(x, 0)))", [4, math.nan, 3, 4]),
        ("sqrt(x + 2)/pi", [0, math.sqrt(2) / math.pi, 2 / math.pi, math.nan]),
    ],
)
def test_branches_choose_per_row_and_nan_comes_through(compiled, expression, expected):
    assert observe(compiled, expression, [-2.0, 0.0, 2.0, math.nan]) == pytest.approx(expected, rel=1e-15, nan_ok=True)
