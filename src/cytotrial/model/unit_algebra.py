"""Units of expressions, size included: litres and millilitres differ. Conversions at the door are in `cytotrial.units`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from cytotrial.errors import Problem
from cytotrial.model.syntax import COMPARISONS, Call, Expression, Name, Number
from cytotrial.units import registry, unit_scale

SAME_SIZE = 1e-9
"""Relative difference of two sizes taken for rounding: units differ by whole factors, doubles by 1e-16."""


@dataclass(frozen=True)
class Unit:
    """A unit: its size in base units, its dimension, and how people write it."""

    size: float
    dimension: tuple[tuple[str, float], ...]
    symbols: tuple[tuple[str, float], ...] = ()
    factor: float = 1.0

    def same(self, other: Unit) -> bool:
        """Whether both measure the same thing at the same size."""
        return self.dimension == other.dimension and math.isclose(self.size, other.size, rel_tol=SAME_SIZE)

    @property
    def is_pure(self) -> bool:
        """Whether this is a number without unit."""
        return self.same(PURE)

    def times(self, other: Unit, power: float = 1.0) -> Unit:
        """The unit of a product with `other` to a power."""
        size = self.size * other.size**power
        factor = self.factor * other.factor**power
        return Unit(size, _sum(self.dimension, other.dimension, power), _sum(self.symbols, other.symbols, power), factor)

    def __str__(self) -> str:
        above = [_powered(name, power) for name, power in self.symbols if power > 0]
        below = [_powered(name, -power) for name, power in self.symbols if power < 0]
        number = [] if math.isclose(self.factor, 1.0, rel_tol=SAME_SIZE) else [f"{self.factor:.6g}"]
        top = "*".join([*number, *above]) or "1"
        return top if not below else f"{top}/{below[0]}" if len(below) == 1 else f"{top}/({'*'.join(below)})"


PURE = Unit(1.0, ())


@dataclass(frozen=True)
class AnyUnit:
    """The unit of the literal 0, and of sums of it: whatever is needed."""


@dataclass(frozen=True)
class Condition:
    """Not a quantity: true or false."""


Found = Unit | AnyUnit | Condition | None
"""What is known of an expression's unit; None after a problem that has been reported."""


@lru_cache(maxsize=1024)
def unit_of(text: str) -> Unit:
    """The unit that a text declares.

    Raises:
        UnitError: the text is not a unit.
    """
    size, dimension = unit_scale(text)
    if text.strip() in {"", "1", "-", "dimensionless"}:
        return PURE
    quantity = registry().parse_expression(text.replace("µ", "u").replace("^", "**"))
    if isinstance(quantity, (int, float)):
        return Unit(size, dimension, factor=float(quantity))
    symbols = tuple(sorted((registry().get_symbol(name), float(str(power))) for name, power in quantity.unit_items()))
    return Unit(size, dimension, symbols, float(str(quantity.magnitude)))


@dataclass(frozen=True)
class UnitChecker:
    """Finds the unit of expressions and reports where units do not fit.

    Attributes:
        units: unit of each symbol; None where a problem was reported already.
        report: receives each problem.
        literals: the unit of literals that are no pure numbers, by identity; receives what each literal 0 turns out to be.
    """

    units: Mapping[str, Found]
    report: Callable[[Problem], None]
    literals: dict[int, Unit]

    def check(self, expression: Expression, expected: Unit, what: str) -> None:
        """Reports when the expression has another unit than `expected`; `what` names the left side in messages."""
        found = self.find(expression)
        if isinstance(found, Condition):
            self._say(
                expression, f"{what} is true or false, not a quantity.", "Expected piecewise(value, condition, otherwise)."
            )
        elif isinstance(found, Unit) and not found.same(expected):
            self._say(
                expression, f"{what} needs the unit {expected}, but the expression has {found}.", _scale_advice(expected, found)
            )
        elif isinstance(found, AnyUnit):
            self._settle(expression, expected)

    def find(self, expression: Expression) -> Found:
        """The unit of an expression."""
        if isinstance(expression, Number):
            return self.literals.get(id(expression), AnyUnit() if expression.value == 0 else PURE)
        if isinstance(expression, Name):
            return self.units.get(expression.name)
        found = [self.find(argument) for argument in expression.arguments]
        return self._rule(expression.function)(expression, found)

    def _rule(self, function: str) -> Callable[[Call, list[Found]], Found]:
        if function in ("+", "-", "min", "max", "negate", "abs"):
            return lambda call, found: self._alike(call, list(call.arguments), found)
        if function in COMPARISONS:
            return self._comparison
        return {
            "*": self._product, "/": self._product, "^": self._power, "sqrt": self._root, "exp": self._pure, "ln": self._pure,
            "&&": self._logic, "||": self._logic, "!": self._logic, "piecewise": self._piecewise,
        }[function]  # fmt: skip

    def _alike(self, call: Call, arguments: list[Expression], found: list[Found]) -> Found:
        quantities = [self._quantity(argument, unit) for argument, unit in zip(arguments, found, strict=True)]
        known = [unit for unit in quantities if isinstance(unit, Unit)]
        if not known:
            return AnyUnit() if all(isinstance(unit, AnyUnit) for unit in quantities) else None
        other = next((unit for unit in known if not unit.same(known[0])), None)
        if other is not None:
            verb = {"+": "added", "-": "subtracted", "min": "compared", "max": "compared", "piecewise": "alternatives"}.get(
                call.function, "compared"
            )
            self._say(call, f"{known[0]} and {other} cannot be {verb}: different units.", _scale_advice(known[0], other))
            return None
        for argument, unit in zip(arguments, quantities, strict=True):
            if isinstance(unit, AnyUnit):
                self._settle(argument, known[0])
        return known[0]

    def _comparison(self, call: Call, found: list[Found]) -> Found:
        self._alike(call, list(call.arguments), found)
        return Condition()

    def _logic(self, call: Call, found: list[Found]) -> Found:
        for argument, unit in zip(call.arguments, found, strict=True):
            self._truth(argument, unit)
        return Condition()

    def _piecewise(self, call: Call, found: list[Found]) -> Found:
        for argument, unit in list(zip(call.arguments, found, strict=True))[1::2]:
            self._truth(argument, unit)
        values = [index for index in range(len(found)) if index % 2 == 0]
        return self._alike(call, [call.arguments[index] for index in values], [found[index] for index in values])

    def _product(self, call: Call, found: list[Found]) -> Found:
        left, right = (self._quantity(argument, unit) for argument, unit in zip(call.arguments, found, strict=True))
        if left is None or right is None:
            return None
        left, right = (PURE if isinstance(unit, AnyUnit) else unit for unit in (left, right))
        return left.times(right, 1.0 if call.function == "*" else -1.0)

    def _power(self, call: Call, found: list[Found]) -> Found:
        base, exponent = (self._quantity(argument, unit) for argument, unit in zip(call.arguments, found, strict=True))
        if isinstance(exponent, Unit) and not exponent.is_pure:
            self._say(call.arguments[1], f"an exponent is a pure number, but this has the unit {exponent}.")
            return None
        if base is None or exponent is None:
            return None
        if isinstance(base, AnyUnit) or base.is_pure:
            return PURE
        power = constant(call.arguments[1])
        if power is None:
            advice = "Divide the base by a reference of the same unit first."
            self._say(call.arguments[0], f"{base} to a power that is not a literal has no unit.", advice)
            return None
        return PURE.times(base, power)

    def _root(self, call: Call, found: list[Found]) -> Found:
        base = self._quantity(call.arguments[0], found[0])
        return PURE.times(base, 0.5) if isinstance(base, Unit) else base

    def _pure(self, call: Call, found: list[Found]) -> Found:
        argument = self._quantity(call.arguments[0], found[0])
        if isinstance(argument, Unit) and not argument.is_pure:
            advice = "Divide by a reference of the same unit first."
            self._say(call.arguments[0], f"{call.function} takes a pure number, but this has the unit {argument}.", advice)
            return None
        return PURE

    def _quantity(self, expression: Expression, found: Found) -> Unit | AnyUnit | None:
        if isinstance(found, Condition):
            self._say(
                expression, "a condition stands where a quantity is needed.", "Expected piecewise(value, condition, otherwise)."
            )
            return None
        return found

    def _truth(self, expression: Expression, found: Found) -> None:
        if found is not None and not isinstance(found, Condition):
            self._say(expression, "a quantity stands where a condition is needed.", "Expected a comparison such as x > 0.")

    def _settle(self, expression: Expression, unit: Unit) -> None:
        """Gives the literal zeros of an expression of any unit the unit that its surroundings need."""
        if isinstance(expression, Number):
            self.literals[id(expression)] = unit
        elif isinstance(expression, Call):
            piecewise = expression.function == "piecewise"
            for index, argument in enumerate(expression.arguments):
                if not (piecewise and index % 2 == 1):
                    self._settle(argument, unit)

    def _say(self, expression: Expression, what: str, advice: str = "") -> None:
        self.report(Problem(expression.place, what, advice))


def constant(expression: Expression) -> float | None:
    """The value of a literal, a negative literal, or a ratio of literals; None for anything else."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Call) and expression.function in ("negate", "/"):
        values = [constant(argument) for argument in expression.arguments]
        if expression.function == "negate" and values[0] is not None:
            return -values[0]
        if len(values) == 2 and values[0] is not None and values[1]:
            return values[0] / values[1]
    return None


def _sum(
    first: tuple[tuple[str, float], ...], second: tuple[tuple[str, float], ...], power: float
) -> tuple[tuple[str, float], ...]:
    total = dict(first)
    for name, exponent in second:
        total[name] = float(Fraction(total.get(name, 0.0) + exponent * power).limit_denominator(1000))
    return tuple(sorted((name, exponent) for name, exponent in total.items() if exponent))


def _powered(name: str, power: float) -> str:
    return name if power == 1 else f"{name}^{power:g}"


def _scale_advice(first: Unit, second: Unit) -> str:
    if first.dimension != second.dimension:
        return ""
    factor = f"{second.size / first.size:.6g}"
    return f"They measure the same thing, but differ by a factor of {factor}: convert by a parameter with a unit."
