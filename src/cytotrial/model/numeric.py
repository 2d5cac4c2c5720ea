"""Evaluates expressions over patients: parameter formulas, initial values. The equations of motion run in the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt

from cytotrial.model.syntax import Call, Expression, Name, Number

Values = npt.NDArray[np.float64]


def evaluate(expression: Expression, values: Mapping[str, Values]) -> Values:
    """The value of an expression for each patient; `values` holds every name in it, shaped (patients,).

    Logic is 0 and 1. Nothing is raised for a division by zero: the result is infinite or NaN, and its reader says so.
    """
    with np.errstate(all="ignore"):
        return _value(expression, values)


def _value(expression: Expression, values: Mapping[str, Values]) -> Values:
    if isinstance(expression, Number):
        return np.float64(expression.value)  # type: ignore[return-value]
    if isinstance(expression, Name):
        return values[expression.name]
    return _apply(expression, [_value(argument, values) for argument in expression.arguments])


def _apply(call: Call, found: list[Values]) -> Values:
    function = call.function
    if function in _UNARY:
        return _UNARY[function](found[0])
    if function == "piecewise":
        conditions = [condition != 0 for condition in found[1::2]]
        return _piecewise(found[:-1:2], conditions, found[-1])
    return reduce(_BINARY[function], found)


def _piecewise(alternatives: list[Values], conditions: list[npt.NDArray[np.bool_]], otherwise: Values) -> Values:
    result = otherwise
    for value, condition in reversed(list(zip(alternatives, conditions, strict=True))):
        result = np.where(condition, value, result)
    return result


_UNARY: Mapping[str, Callable[..., Values]] = {
    "negate": np.negative, "exp": np.exp, "ln": np.log, "sqrt": np.sqrt, "abs": np.abs, "!": lambda value: (value == 0) * 1.0,
}  # fmt: skip
_BINARY: Mapping[str, Callable[..., Values]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "min": np.minimum, "max": np.maximum,
    "<": lambda left, right: (left < right) * 1.0, "<=": lambda left, right: (left <= right) * 1.0,
    ">": lambda left, right: (left > right) * 1.0, ">=": lambda left, right: (left >= right) * 1.0,
    "&&": lambda left, right: (left != 0) * (right != 0) * 1.0, "||": lambda left, right: ((left != 0) | (right != 0)) * 1.0,
}  # fmt: skip
