"""A flat three-address program with no repeated work, built value by value. Knows neither symbols nor the machine.

Each value is written once and named by its index, so arguments always come before their result. Building the same value twice
gives the same index. Values that depend on parameters alone are told apart, so that they can be computed once per patient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

NUMBER, SHARED, PARAMETER, MOVING = 0, 1, 2, 3
"""What a value depends on: nothing, parameters alone that all patients share or that are a patient's own, states and inputs."""

LEAVES = ("number", "state", "parameter", "input")
RELATIONS = ("less", "less_equal", "equal")
_COMMUTATIVE = {"add", "multiply", "equal", "and", "or"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One value: an operation on earlier values, or a leaf with its index or number in `constant`."""

    operation: str
    arguments: tuple[int, ...]
    constant: float = 0.0


class Program:
    """Instructions in order; every method below returns the index of the value it stands for.

    Args:
        shared: indices of the parameters that all patients share.
    """

    def __init__(self, shared: Iterable[int] = ()) -> None:
        self._shared = frozenset(shared)
        self.instructions: list[Instruction] = []
        self.levels: list[int] = []
        self.powers: dict[int, tuple[int, int]] = {}
        self._known: dict[tuple[object, ...], int] = {}

    def leaf(self, kind: str, index: int) -> int:
        """The state, parameter or input of this index."""
        return self._append(kind, (), float(index))

    def number(self, value: float) -> int:
        """A constant."""
        return self._append("number", (), float(value))

    def value_of(self, index: int) -> float | None:
        """The number this value is, or None when it is not a number."""
        instruction = self.instructions[index]
        return instruction.constant if instruction.operation == "number" else None

    def add(self, left: int, right: int) -> int:
        """Left + right."""
        for one, other in ((left, right), (right, left)):
            if self.value_of(one) == 0.0:
                return other
            if self._is(other, "negate"):
                return self.subtract(one, self.instructions[other].arguments[0])
        return self._operation("add", left, right)

    def subtract(self, left: int, right: int) -> int:
        """Left - right."""
        if self.value_of(right) == 0.0:
            return left
        if self.value_of(left) == 0.0:
            return self.negate(right)
        if self._is(right, "negate"):
            return self.add(left, self.instructions[right].arguments[0])
        return self._operation("subtract", left, right)

    def negate(self, value: int) -> int:
        """-value."""
        if self._is(value, "negate"):
            return self.instructions[value].arguments[0]
        return self._operation("negate", value)

    def multiply(self, left: int, right: int) -> int:
        """Left * right; a factor of exactly 0 gives 0 whatever the other is, because the term is absent from the equation."""
        for one, other in ((left, right), (right, left)):
            number = self.value_of(one)
            if number == 0.0:
                return one
            if number == 1.0:
                return other
            if number == -1.0:
                return self.negate(other)
            if self._is(one, "negate"):
                return self.negate(self.multiply(self.instructions[one].arguments[0], other))
        return self._operation("multiply", left, right)

    def product(self, factors: Iterable[int]) -> int:
        """All factors multiplied: numbers first, then parameters, then what moves, so that the most is computed once."""
        ordered = sorted(factors, key=lambda index: (self.levels[index], index))
        result = self.number(1.0)
        for factor in ordered:
            result = self.multiply(result, factor)
        return result

    def reciprocal(self, value: int) -> int:
        """1 / value."""
        return self._operation("reciprocal", value)

    def exp(self, value: int) -> int:
        """The exponential."""
        return self._operation("exp", value)

    def log(self, value: int) -> int:
        """The natural logarithm; -inf at 0, NaN below."""
        return self._operation("log", value)

    def sqrt(self, value: int) -> int:
        """The square root; NaN below 0."""
        return self._operation("sqrt", value)

    def compare(self, relation: str, left: int, right: int) -> int:
        """A condition; false when either side is NaN."""
        return self._operation(relation, left, right)

    def both(self, left: int, right: int) -> int:
        """Left and right."""
        return self._operation("and", left, right)

    def either(self, left: int, right: int) -> int:
        """Left or right."""
        return self._operation("or", left, right)

    def negation(self, condition: int) -> int:
        """Not the condition."""
        return self._operation("not", condition)

    def select(self, condition: int, if_true: int, if_false: int) -> int:
        """One of two values; the other may be infinite or NaN without harm."""
        known = self.value_of(condition)
        if known is not None:
            return if_true if known else if_false
        return if_true if if_true == if_false else self._operation("select", condition, if_true, if_false)

    def power(self, base: int, exponent: int) -> int:
        """Base ** exponent, by products, square roots, or one exponential of one shared logarithm; 0 ** 0 is 1."""
        number = self.value_of(exponent)
        if number is not None and number < 0:
            return self.reciprocal(self.power(base, self.number(-number)))
        result = self._general_power(base, exponent) if number is None else self._number_power(base, number)
        if number is None or number not in (0.0, 1.0):
            self.powers.setdefault(result, (base, exponent))
        return result

    def _number_power(self, base: int, exponent: float) -> int:
        whole = math.floor(exponent)
        rest = exponent - whole
        result = self._whole_power(base, whole)
        if rest == 0.5:
            return self.multiply(result, self.sqrt(base))
        if rest:
            return self.multiply(result, self.exp(self.multiply(self.number(rest), self.log(base))))
        return result

    def _whole_power(self, base: int, exponent: int) -> int:
        if exponent == 0:
            return self.number(1.0)
        if exponent == 1:
            return base
        half = self._whole_power(base, exponent // 2)
        square = self.multiply(half, half)
        return self.multiply(square, base) if exponent % 2 else square

    def _general_power(self, base: int, exponent: int) -> int:
        zero = self.number(0.0)
        none = self.compare("equal", exponent, zero)
        return self.exp(self.select(none, zero, self.multiply(exponent, self.log(base))))

    def _is(self, index: int, operation: str) -> bool:
        return self.instructions[index].operation == operation

    def _operation(self, operation: str, *arguments: int) -> int:
        numbers = [self.value_of(argument) for argument in arguments]
        if all(number is not None for number in numbers):
            return self.number(evaluate(operation, [number for number in numbers if number is not None]))
        if operation in _COMMUTATIVE:
            arguments = tuple(sorted(arguments))
        return self._append(operation, arguments)

    def _append(self, operation: str, arguments: tuple[int, ...], constant: float = 0.0) -> int:
        key = (operation, arguments, constant.hex())
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = len(self.instructions)
            self.instructions.append(Instruction(operation, arguments, constant))
            self.levels.append(max([self._level(operation, constant), *(self.levels[argument] for argument in arguments)]))
        return index

    def _level(self, operation: str, constant: float) -> int:
        """What an operation depends on by itself."""
        if operation == "parameter":
            return SHARED if int(constant) in self._shared else PARAMETER
        return MOVING if operation in ("state", "input") else NUMBER


def evaluate(operation: str, numbers: list[float]) -> float:
    """The operation on plain numbers, with the special values the compiled code gives; conditions are 0 and 1.

    >>> evaluate("log", [0.0])
    -inf
    """
    first, second = numbers[0], numbers[-1]
    if operation in ("reciprocal", "log", "exp", "sqrt"):
        return _evaluate_function(operation, first)
    if operation == "select":
        return numbers[1] if first else second
    return float(_ON_NUMBERS[operation](first, second))


_ON_NUMBERS: dict[str, Callable[[float, float], float]] = {
    "add": lambda first, second: first + second,
    "subtract": lambda first, second: first - second,
    "multiply": lambda first, second: first * second,
    "negate": lambda first, _: -first,
    "less": lambda first, second: first < second,
    "less_equal": lambda first, second: first <= second,
    "equal": lambda first, second: first == second,
    "and": lambda first, second: bool(first) and bool(second),
    "or": lambda first, second: bool(first) or bool(second),
    "not": lambda first, _: not first,
}


def _evaluate_function(operation: str, value: float) -> float:
    if math.isnan(value):
        return math.nan
    if operation == "reciprocal":
        return 1.0 / value if value else math.copysign(math.inf, value)
    if operation == "exp":
        return math.exp(value) if value < math.log(1.7976931348623157e308) else math.inf
    if value < 0:
        return math.nan
    if operation == "sqrt":
        return math.sqrt(value)
    return math.log(value) if value else -math.inf


def needed(program: Program, outputs: Iterable[int]) -> list[int]:
    """The values that these outputs need, themselves included, in order of computation."""
    pending, found = list(outputs), set[int]()
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            pending.extend(program.instructions[index].arguments)
    return sorted(found)
