"""Which states of a composition can never move: nothing given in the trial reaches them. Algebra only, no numbers drawn.

A state stands still when its rate is zero for as long as it and others like it stay at their starts, whatever all the rest
does. The largest such group is found by folding zeros and ones through the equations and dropping, again and again, each
state whose rate did not fold to zero. What cannot be shown to rest is taken to move: nothing is lost by that but time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cytotrial.formats.module import ParameterRow
from cytotrial.model.numeric import evaluate
from cytotrial.model.order import evaluation_order, uses
from cytotrial.model.parts import Draft
from cytotrial.model.syntax import Call, Expression, Name, Number

Known = Mapping[str, Expression]


def standing_still(draft: Draft) -> dict[str, Expression]:
    """The states that can never move, each with its start in terms of parameters.

    Never among them: pools, which doses enter; hazards, which events are drawn from; what a visit may set; and what starts
    from something given.
    """
    definitions = {name: part.expression for name, part in draft.definitions.items()}
    order = evaluation_order(definitions)[0]
    positive = frozenset(name for name, part in draft.parameters.items() if part.formula is None and _is_positive(part.row))
    folder = _Folder(positive)
    resting = _candidates(draft)
    while True:
        known: dict[str, Expression] = {name: folder.fold(start, {}) for name, start in resting.items()}
        for name in order:
            known[name] = folder.fold(definitions[name], known)
        moving = [
            rate.state
            for rate in draft.rates.values()
            if rate.state in resting and not _is(folder.fold(rate.expression, known), 0.0)
        ]
        if not moving:
            return resting
        resting = {name: start for name, start in resting.items() if name not in moving}


def _candidates(draft: Draft) -> dict[str, Expression]:
    hazards = {event.hazard for event in draft.events.values()}
    given = draft.inputs.keys() | draft.states.keys()
    formulas = draft.start_formulas()
    found: dict[str, Expression] = {}
    rated = {rate.state for rate in draft.rates.values()} - hazards
    for name, part in draft.states.items():
        if part.kind == "pool" or part.extinct_below is not None or name not in rated:
            continue
        start = Number(part.initial, "", part.place) if isinstance(part.initial, float) else formulas[name]
        if not uses([start]) & (given | draft.definitions.keys()):
            found[name] = start
    return found


def _is_positive(row: ParameterRow) -> bool:
    if not isinstance(row.value, float) or row.value <= 0.0:
        return False
    return row.scale in ("log", "logit") or (row.low is not None and row.low > 0.0) or not row.between_sd


class _Folder:
    """Folds what is known of names into expressions, as far as zeros, ones and equal terms carry."""

    def __init__(self, positive: frozenset[str]) -> None:
        self._positive = positive

    def fold(self, expression: Expression, known: Known) -> Expression:
        """The expression with known names replaced, simplified; everything in it is taken to be finite."""
        if isinstance(expression, Number):
            return expression
        if isinstance(expression, Name):
            return known.get(expression.name, expression)
        arguments = tuple(self.fold(argument, known) for argument in expression.arguments)
        if all(isinstance(argument, Number) for argument in arguments):
            value = float(evaluate(Call(expression.function, arguments, expression.place), {}))
            return Number(value, "", expression.place)
        return self._simple(expression.function, arguments) or Call(expression.function, arguments, expression.place)

    def _simple(self, function: str, given: tuple[Expression, ...]) -> Expression | None:
        """What a call comes to where zeros, ones or equal arguments decide; None where they do not."""
        if function == "piecewise":
            return self._of_cases(given)
        if function == "^" and _is(given[0], 0.0) and isinstance(given[1], Name) and given[1].name in self._positive:
            return given[0]
        rule = _RULES.get(function) if len(given) == 2 else None
        return rule(*given) if rule is not None else None

    def _of_cases(self, given: tuple[Expression, ...]) -> Expression | None:
        """The value of a piecewise whose conditions are known, or whose values are all the same."""
        values = (*given[:-1:2], given[-1])
        if all(_same(value, given[-1]) for value in values):
            return given[-1]
        for value, condition in zip(given[:-1:2], given[1::2], strict=True):
            if not isinstance(condition, Number):
                return None
            if condition.value:
                return value
        return given[-1]


def _sum(left: Expression, right: Expression) -> Expression | None:
    if _is(left, 0.0):
        return right
    return left if _is(right, 0.0) else None


def _difference(left: Expression, right: Expression) -> Expression | None:
    if _same(left, right):
        return Number(0.0, "0", left.place)
    return left if _is(right, 0.0) else None


def _product(left: Expression, right: Expression) -> Expression | None:
    if _is(left, 0.0) or _is(right, 1.0):
        return left
    return right if _is(right, 0.0) or _is(left, 1.0) else None


def _quotient(left: Expression, right: Expression) -> Expression | None:
    return left if _is(left, 0.0) or _is(right, 1.0) else None


def _power(left: Expression, right: Expression) -> Expression | None:
    return left if _is(left, 1.0) or _is(right, 1.0) else None


def _extreme(left: Expression, right: Expression) -> Expression | None:
    return left if _same(left, right) else None


_RULES: Mapping[str, Callable[[Expression, Expression], Expression | None]] = {
    "+": _sum, "-": _difference, "*": _product, "/": _quotient, "^": _power, "min": _extreme, "max": _extreme,
}  # fmt: skip


def _is(expression: Expression, value: float) -> bool:
    return isinstance(expression, Number) and expression.value == value


def _same(left: Expression, right: Expression) -> bool:
    if isinstance(left, Number) and isinstance(right, Number):
        return left.value == right.value
    if isinstance(left, Name) and isinstance(right, Name):
        return left.name == right.name
    if isinstance(left, Call) and isinstance(right, Call):
        alike = left.function == right.function and len(left.arguments) == len(right.arguments)
        return alike and all(_same(*pair) for pair in zip(left.arguments, right.arguments, strict=True))
    return False
