"""The composed biology as symbols: what the engine needs to know and nothing of medicine. Not a parser, not an integrator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy


@dataclass(frozen=True)
class OdeSystem:
    """Ordinary differential equations dy/dt = f(y, p, u), with observables g(y, p, u). Time in hours.

    All expressions use `sympy.Symbol(name, real=True)` for the names below. Functions that may occur:
    + - * / powers (any real exponent, parameters too), exp, log, sqrt, Min, Max, Piecewise with relational
    and boolean conditions, Abs.

    Attributes:
        states: names y, in order.
        parameters: names p, constant for one patient.
        inputs: names u, constant between events (infusion rates, controllers' targets).
        observables: names of what the clinic can measure.
        derivatives: f, one expression per state [state unit / h].
        observations: g, one expression per observable.
        nominal: (states,) the size that matters of each state; absolute tolerance = rtol x nominal.
        shared: the parameters that all patients integrated side by side have in common. They are read once for all of them,
            which is faster; that two patients differ in one is an error.
    """

    states: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    observables: tuple[str, ...]
    derivatives: tuple[sympy.Expr, ...]
    observations: tuple[sympy.Expr, ...]
    nominal: np.ndarray
    shared: frozenset[str] = frozenset()


def symbol(name: str) -> sympy.Symbol:
    """The symbol that stands for `name` in an `OdeSystem`."""
    return sympy.Symbol(name, real=True)
