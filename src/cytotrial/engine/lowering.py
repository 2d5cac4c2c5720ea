"""From symbols to a three-address program. Not the derivative, and not the machine code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sympy

from cytotrial.engine.program import Program
from cytotrial.errors import InputError, Place, Problem, did_you_mean
from cytotrial.model.system import OdeSystem


@dataclass(frozen=True)
class Lowered:
    """A system as a program: the values of its derivatives and of its observations."""

    program: Program
    derivatives: tuple[int, ...]
    observations: tuple[int, ...]


def lower(system: OdeSystem) -> Lowered:
    """The program of a system.

    Raises:
        InputError: an equation uses an unknown name or a function that has no compiled form.
    """
    translator = _Translator(system)
    derivatives = tuple(
        translator.translate(f"d({name})/dt", expression)
        for name, expression in zip(system.states, system.derivatives, strict=True)
    )
    observations = tuple(
        translator.translate(f"observable '{name}'", expression)
        for name, expression in zip(system.observables, system.observations, strict=True)
    )
    if translator.problems:
        raise InputError(translator.problems)
    return Lowered(translator.program, derivatives, observations)


class _Translator:
    """One pass over the expressions of a system; remembers every subexpression it has seen."""

    def __init__(self, system: OdeSystem) -> None:
        self.program = Program(shared=[system.parameters.index(name) for name in system.shared])
        self.problems: list[Problem] = []
        self._place = ""
        self._names: dict[str, int] = {}
        self._seen: dict[sympy.Basic, int] = {}
        for kind, names in (("state", system.states), ("parameter", system.parameters), ("input", system.inputs)):
            self._names.update({name: self.program.leaf(kind, index) for index, name in enumerate(names)})

    def translate(self, place: str, expression: sympy.Basic) -> int:
        """The value of one whole equation; problems found in it are kept with its place."""
        self._place = place
        return self._value(sympy.sympify(expression))

    def _value(self, expression: sympy.Basic) -> int:
        known = self._seen.get(expression)
        if known is None:
            known = self._seen[expression] = self._translate(expression)
        return known

    def _translate(self, expression: sympy.Basic) -> int:
        if isinstance(expression, sympy.Symbol):
            return self._symbol(expression.name)
        if expression in (sympy.true, sympy.false):
            return self.program.number(float(bool(expression)))
        if getattr(expression, "is_number", False) and not expression.has(sympy.zoo, sympy.I):
            return self.program.number(float(expression))
        for kind, rule in _RULES.items():
            if isinstance(expression, kind):
                return rule(self, expression)
        supported = ", ".join(sorted(kind.__name__ for kind in _RULES))
        what = f"{type(expression).__name__} has no compiled form, in '{str(expression)[:80]}'."
        self.problems.append(Problem(Place(path=self._place), what, f"Expected only: {supported}."))
        return self.program.number(0.0)

    def _symbol(self, name: str) -> int:
        if name not in self._names:
            advice = did_you_mean(name, self._names)
            self.problems.append(Problem(Place(path=self._place), f"'{name}' is no state, parameter or input.", advice))
            return self.program.number(0.0)
        return self._names[name]

    def _sum(self, expression: sympy.Basic) -> int:
        values = sorted((self._value(argument) for argument in expression.args), key=lambda value: self.program.levels[value])
        return _fold(self.program.add, values)

    def _product(self, expression: sympy.Basic) -> int:
        return self.program.product([self._value(argument) for argument in expression.args])

    def _power(self, expression: sympy.Basic) -> int:
        base, exponent = expression.args
        return self.program.power(self._value(base), self._value(exponent))

    def _extreme(self, expression: sympy.Basic, *, larger: bool) -> int:
        # A number goes first: a comparison with NaN is false, so the other side, which may be NaN, is what comes through.
        values = sorted((self._value(argument) for argument in expression.args), key=lambda value: self.program.levels[value])
        return _fold(lambda left, right: self._larger(left, right) if larger else self._smaller(left, right), values)

    def _larger(self, left: int, right: int) -> int:
        return self._keep_nan(left, self.program.select(self.program.compare("less", right, left), left, right))

    def _smaller(self, left: int, right: int) -> int:
        return self._keep_nan(left, self.program.select(self.program.compare("less", left, right), left, right))

    def _keep_nan(self, left: int, chosen: int) -> int:
        if self.program.value_of(left) is not None:
            return chosen
        return self.program.select(self.program.compare("equal", left, left), chosen, left)

    def _absolute(self, expression: sympy.Basic) -> int:
        value = self._value(expression.args[0])
        below = self.program.compare("less", value, self.program.number(0.0))
        return self.program.select(below, self.program.negate(value), value)

    def _piecewise(self, expression: sympy.Basic) -> int:
        result = self.program.number(float("nan"))
        for value, condition in reversed(expression.args):
            result = self.program.select(self._value(condition), self._value(value), result)
        return result

    def _relation(self, expression: sympy.Basic, relation: str, *, swap: bool = False) -> int:
        left, right = (self._value(argument) for argument in expression.args)
        return self.program.compare(relation, right, left) if swap else self.program.compare(relation, left, right)

    def _choice_of_conditions(self, expression: sympy.Basic) -> int:
        condition, then, otherwise = (self._value(argument) for argument in expression.args)
        program = self.program
        return program.either(program.both(condition, then), program.both(program.negation(condition), otherwise))

    def _conditions(self, expression: sympy.Basic, combine: Callable[[int, int], int]) -> int:
        return _fold(combine, sorted(self._value(argument) for argument in expression.args))


def _fold(combine: Callable[[int, int], int], values: Sequence[int]) -> int:
    result = values[0]
    for value in values[1:]:
        result = combine(result, value)
    return result


_RULES: Mapping[type[sympy.Basic], Callable[[_Translator, sympy.Basic], int]] = {
    sympy.Add: _Translator._sum,
    sympy.Mul: _Translator._product,
    sympy.Pow: _Translator._power,
    sympy.exp: lambda self, expression: self.program.exp(self._value(expression.args[0])),
    sympy.log: lambda self, expression: self.program.log(self._value(expression.args[0])),
    sympy.Max: lambda self, expression: self._extreme(expression, larger=True),
    sympy.Min: lambda self, expression: self._extreme(expression, larger=False),
    sympy.Abs: _Translator._absolute,
    sympy.Piecewise: _Translator._piecewise,
    sympy.StrictLessThan: lambda self, expression: self._relation(expression, "less"),
    sympy.LessThan: lambda self, expression: self._relation(expression, "less_equal"),
    sympy.StrictGreaterThan: lambda self, expression: self._relation(expression, "less", swap=True),
    sympy.GreaterThan: lambda self, expression: self._relation(expression, "less_equal", swap=True),
    sympy.Equality: lambda self, expression: self._relation(expression, "equal"),
    sympy.Unequality: lambda self, expression: self.program.negation(self._relation(expression, "equal")),
    sympy.And: lambda self, expression: self._conditions(expression, self.program.both),
    sympy.Or: lambda self, expression: self._conditions(expression, self.program.either),
    sympy.ITE: _Translator._choice_of_conditions,
    sympy.Not: lambda self, expression: self.program.negation(self._value(expression.args[0])),
}
