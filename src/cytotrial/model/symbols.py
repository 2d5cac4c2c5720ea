"""From a draft to the engine's symbolic system: definitions inlined in order, pools' reactions summed. No checks, no text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import sympy
from sympy.functions.elementary.piecewise import ExprCondPair

from cytotrial.model.order import evaluation_order, uses
from cytotrial.model.parts import Draft
from cytotrial.model.syntax import Expression, Name, Number
from cytotrial.model.system import OdeSystem, symbol


def ode_system(draft: Draft, *, still: Mapping[str, Expression] = MappingProxyType({})) -> OdeSystem:
    """The equations of a draft that has no errors. Parameters are the tables' rows, then the interface's covariates.

    Args:
        draft: the composition.
        still: states that never move, with their starts: these stand in their place, and nothing is integrated for them.
    """
    parameters = (*draft.parameters, *draft.interface.covariates)
    states = tuple(name for name in draft.states if name not in still)
    known: dict[str, sympy.Basic] = {name: symbol(name) for name in (*states, *parameters, *draft.inputs)}
    known |= {name: symbolic(start, known) for name, start in still.items()}
    definitions = {name: part.expression for name, part in draft.definitions.items()}
    for name in evaluation_order(definitions)[0]:
        known[name] = symbolic(definitions[name], known)
    derivatives: dict[str, sympy.Basic] = dict.fromkeys(states, sympy.Integer(0))
    for rate in draft.rates.values():
        if rate.state not in still:
            derivatives[rate.state] = symbolic(rate.expression, known)
    terms: dict[str, list[sympy.Basic]] = {}
    for reaction in draft.reactions.values():
        value = symbolic(reaction.expression, known)
        for pool, stoichiometry in reaction.changes:
            terms.setdefault(pool, []).append(_number(stoichiometry) * value)
    derivatives |= {pool: sympy.Add(*values) for pool, values in terms.items()}
    observables = tuple(name for name in draft.observables if name in draft.definitions)
    return OdeSystem(
        states=states,
        parameters=parameters,
        inputs=tuple(draft.inputs),
        observables=observables,
        derivatives=tuple(derivatives.values()),
        observations=tuple(known[name] for name in observables),
        nominal=np.array([draft.states[name].nominal for name in states], dtype=np.float64),
        shared=_shared(draft),
    )


def _shared(draft: Draft) -> frozenset[str]:
    """The parameters that no draw and no covariate moves."""
    own = {name for name, part in draft.parameters.items() if part.formula is None and part.row.varies}
    own |= set(draft.interface.covariates)
    formulas = draft.formulas()
    for name in evaluation_order(formulas)[0]:
        if uses([formulas[name]]) & own:
            own.add(name)
    return frozenset(draft.parameters) - own


def symbolic(expression: Expression, known: Mapping[str, sympy.Basic]) -> sympy.Basic:
    """The SymPy form of an expression whose names are `known`.

    Comparisons, min, max and piecewise are left as written: SymPy's own simplification of them costs seconds.
    """
    if isinstance(expression, Number):
        return _number(expression.value)
    if isinstance(expression, Name):
        return known[expression.name]
    return _FORMS[expression.function](*(symbolic(argument, known) for argument in expression.arguments))


def _number(value: float) -> sympy.Basic:
    return sympy.Integer(int(value)) if value.is_integer() and abs(value) < 2**53 else sympy.Float(value)


def _piecewise(*arguments: sympy.Basic) -> sympy.Basic:
    # Built below SymPy's constructors: even unevaluated ones fold a piecewise inside a condition, in seconds.
    cases = [*zip(arguments[:-1:2], arguments[1::2], strict=True), (arguments[-1], sympy.true)]
    pairs = [sympy.Tuple.__new__(ExprCondPair, value, condition) for value, condition in cases]
    return sympy.Basic.__new__(sympy.Piecewise, *pairs)


def _extreme(kind: type[sympy.Max | sympy.Min]) -> Callable[..., sympy.Basic]:
    def build(*arguments: sympy.Basic) -> sympy.Basic:
        distinct = tuple(dict.fromkeys(arguments))
        if all(argument.is_Number for argument in distinct):
            return kind(*distinct)  # left as written, it would be a number that SymPy cannot compare in the next one
        return kind(*distinct, evaluate=False) if len(distinct) > 1 else distinct[0]

    return build


def _unevaluated(kind: type[sympy.Basic]) -> Callable[..., sympy.Basic]:
    return lambda *arguments: kind(*arguments, evaluate=False)


_FORMS: Mapping[str, Callable[..., sympy.Basic]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "^": lambda base, exponent: base**exponent,
    "negate": lambda value: -value,
    "exp": sympy.exp,
    "ln": sympy.log,
    "sqrt": sympy.sqrt,
    "abs": sympy.Abs,
    "min": _extreme(sympy.Min),
    "max": _extreme(sympy.Max),
    "piecewise": _piecewise,
    "<": _unevaluated(sympy.StrictLessThan),
    "<=": _unevaluated(sympy.LessThan),
    ">": _unevaluated(sympy.StrictGreaterThan),
    ">=": _unevaluated(sympy.GreaterThan),
    "&&": _unevaluated(sympy.And),
    "||": _unevaluated(sympy.Or),
    "!": _unevaluated(sympy.Not),
}
