"""The derivative of programs, against SymPy's and at the corners where SymPy's has no number."""

from __future__ import annotations

import math

import pytest
import sympy

from cytotrial.engine.jacobian import differentiate
from cytotrial.engine.lowering import lower
from cytotrial.engine.program import evaluate


def evaluate_entry(program, index, states, parameters):
    instruction = program.instructions[index]
    if instruction.operation == "number":
        return instruction.constant
    if instruction.operation in ("state", "parameter"):
        return (states if instruction.operation == "state" else parameters)[int(instruction.constant)]
    return evaluate(
        instruction.operation, [evaluate_entry(program, item, states, parameters) for item in instruction.arguments]
    )


def slope(write_system, text, *, at, parameter=1.0):
    lowered = lower(write_system({"x": text}, parameters="n"))
    entries = differentiate(lowered.program, lowered.derivatives)
    return evaluate_entry(lowered.program, entries[0, 0], [at], [parameter]) if entries else 0.0


@pytest.mark.parametrize(
    "text",
    [
        *("x**3", "x**1.5", "x**0.3", "x**-1.3", "x**2.7/(3 + x**2.7)", "exp(-x**2)", "log(1 + x)*x", "sqrt(1 + x*x)"),
        *("1/(1 + x)", "1/x**2", "2**x", "x**x", "x**n/(2**n + x**n)", "n*x*(1 - x/8)*exp(n*x)", "(x + x**2 + n)**3/(1 + x)"),
    ],
)
def test_the_slope_is_that_of_sympy(write_system, text):
    system = write_system({"x": text}, parameters="n")
    x, n = (next(iter(sympy.Symbol(name, real=True) for name in [letter])) for letter in "xn")
    exact = float(sympy.diff(system.derivatives[0], x).subs({x: 1.3, n: 1.7}))
    assert slope(write_system, text, at=1.3, parameter=1.7) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize(
    ("text", "parameter", "expected"),
    [
        ("x**1.5", 1, 0),
        ("x**n", 1.0, 1),
        ("x**n", 2.0, 0),
        ("x**n", 0.5, 0),
        ("x**0.5", 1, 0),
        ("x**0.3", 1, 0),
        ("x**1.3", 1, 0),
    ],
)
def test_the_slope_of_a_power_at_zero_is_finite(write_system, text, parameter, expected):
    assert slope(write_system, text, at=0.0, parameter=parameter) == expected


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        *(("Max(x, 0)**2", -1.0, 0), ("Max(x, 0)**2", 3.0, 6), ("Min(x, 2)", 3.0, 0), ("Min(x, 2)", 1.0, 1)),
        *(("Abs(x)", -1.0, -1), ("Abs(x)", 1.0, 1), ("Piecewise((log(x), x > 0), (5*x, True))", -1.0, 5)),
    ],
)
def test_branches_are_differentiated_one_by_one(write_system, text, at, expected):
    assert slope(write_system, text, at=at) == expected


def test_entries_that_are_always_zero_are_absent(write_system):
    lowered = lower(write_system({"x": "-x", "y": "x*z", "z": "n"}, parameters="n"))
    assert list(differentiate(lowered.program, lowered.derivatives)) == [(0, 0), (1, 0), (1, 2)]


def test_repeated_work_is_written_once(write_system):
    lowered = lower(write_system({"x": "exp(x*n) + 1", "y": "3*exp(n*x)"}, parameters="n"))
    assert sum(instruction.operation == "exp" for instruction in lowered.program.instructions) == 1


def test_numbers_are_folded_with_their_special_values():
    assert evaluate("log", [0.0]) == -math.inf
    assert math.isnan(evaluate("log", [-1.0]))
    assert evaluate("exp", [1e4]) == math.inf
    assert evaluate("reciprocal", [0.0]) == math.inf
