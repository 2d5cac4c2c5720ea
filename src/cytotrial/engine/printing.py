"""Prints values of a three-address program as vector instructions. Not the program itself, nor the functions around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cytotrial.engine.ir import Value, Writer
from cytotrial.engine.program import LEAVES, RELATIONS, Instruction, Program
from cytotrial.engine.vector_math import SIDE_BY_SIDE, exponentials, logarithms

CONDITIONS = (*RELATIONS, "and", "or", "not")

_LONG: Mapping[str, Callable[[Writer, Sequence[Value]], list[Value]]] = {"exp": exponentials, "log": logarithms}
"""Operations that take several values side by side."""


class Printer:
    """Prints into one function. Leaves are loaded when first used; values of `stored` are loaded instead of computed.

    A product is fused with a sum where no other value uses it: of the outputs, or of `beside` where given. Exponentials and
    logarithms that do not wait for each other are printed several at a time; all other values just before they are used.
    """

    def __init__(
        self,
        writer: Writer,
        program: Program,
        load: Callable[[str, int], Value],
        *,
        stored: Mapping[int, int] | None = None,
        beside: Iterable[int] | None = None,
    ) -> None:
        self._writer, self._program, self._load = writer, program, load
        self._stored = stored or {}
        self._beside = beside
        self._done: dict[int, Value] = {}
        self._fused: set[int] = set()

    def print_all(self, outputs: Iterable[int]) -> list[Value]:
        """The outputs as vectors, in order."""
        outputs = list(outputs)
        together = outputs if self._beside is None else list(self._beside)
        self._fused = self._products_used_once(self._order(together), together)
        for operation, group in self._side_by_side(self._order(outputs)):
            arguments = [self._program.instructions[index].arguments[0] for index in group]
            self._print_needed(arguments)
            results = _LONG[operation](self._writer, [self._number(argument) for argument in arguments])
            self._done.update(zip(group, results, strict=True))
        self._print_needed(outputs)
        return [self._number(index) for index in outputs]

    def _side_by_side(self, order: Iterable[int]) -> Iterator[tuple[str, list[int]]]:
        """The long operations in groups of one kind; each waits for earlier groups alone."""
        depths, waves = dict[int, int](), dict[tuple[int, str], list[int]]()
        for index in order:
            depths[index] = max((depths[argument] for argument in self._arguments(index)), default=0)
            operation = self._program.instructions[index].operation
            if operation in _LONG and index not in self._stored:
                depths[index] += 1
                waves.setdefault((depths[index], operation), []).append(index)
        for (_, operation), wave in sorted(waves.items()):
            groups = -(-len(wave) // SIDE_BY_SIDE)
            for number in range(groups):
                yield operation, wave[number::groups]

    def _print_needed(self, wanted: Iterable[int]) -> None:
        """Print these values and what they are made of, each after its arguments."""
        pending = list(reversed(list(wanted)))
        while pending:
            index = pending[-1]
            missing = [argument for argument in self._inlets(index) if argument not in self._done]
            if index not in self._done and missing:
                pending.extend(reversed(missing))
                continue
            if index not in self._done:
                self._done[index] = self._print(index)
            pending.pop()

    def _arguments(self, index: int) -> tuple[int, ...]:
        return () if index in self._stored else self._program.instructions[index].arguments

    def _inlets(self, index: int) -> Iterator[int]:
        """The values that printing this one reads: of a fused product, its factors."""
        for argument in self._arguments(index):
            yield from self._arguments(argument) if argument in self._fused else (argument,)

    def _order(self, outputs: list[int]) -> list[int]:
        pending, found = list(outputs), set[int]()
        while pending:
            index = pending.pop()
            if index not in found:
                found.add(index)
                pending.extend(self._arguments(index))
        return sorted(found)

    def _products_used_once(self, order: list[int], outputs: list[int]) -> set[int]:
        """Products that only one sum or difference uses: they become part of a fused multiply-add there."""
        uses = Counter(outputs)
        sums = set[int]()
        for index in order:
            arguments = self._arguments(index)
            uses.update(arguments)
            if self._program.instructions[index].operation in ("add", "subtract"):
                sums.update([argument for argument in arguments if self._is_product(argument)][:1])
        return {index for index in sums if uses[index] == 1}

    def _is_product(self, index: int) -> bool:
        return index not in self._stored and self._program.instructions[index].operation == "multiply"

    def _print(self, index: int) -> Value:
        instruction = self._program.instructions[index]
        if index in self._stored:
            value = self._load("stored", self._stored[index])
            return value.differs(0.0) if instruction.operation in CONDITIONS else value
        if instruction.operation == "number":
            return self._writer.constant(self._writer.vector, instruction.constant)
        if instruction.operation in LEAVES:
            return self._load(instruction.operation, int(instruction.constant))
        if instruction.operation in ("add", "subtract") and self._fused.intersection(instruction.arguments):
            return self._fuse(instruction)
        return self._operation(instruction)

    def _fuse(self, instruction: Instruction) -> Value:
        left, right = instruction.arguments
        product, other = (left, right) if left in self._fused else (right, left)
        one, two = (self._number(argument) for argument in self._program.instructions[product].arguments)
        rest = self._number(other)
        if instruction.operation == "subtract":
            one, rest = (one, -rest) if product == left else (-one, rest)
        return self._writer.fma(one, two, rest)

    def _operation(self, instruction: Instruction) -> Value:
        writer, operation = self._writer, instruction.operation
        if operation in ("and", "or", "not"):
            return self._combine(operation, [self._condition(argument) for argument in instruction.arguments])
        if operation == "select":
            condition, *choices = instruction.arguments
            one, other = (self._number(choice) for choice in choices)
            return writer.select(self._condition(condition), one, other)
        numbers = [self._number(argument) for argument in instruction.arguments]
        first, last = numbers[0], numbers[-1]
        rules: dict[str, Callable[[], Value]] = {
            "add": lambda: first + last,
            "subtract": lambda: first - last,
            "multiply": lambda: first * last,
            "negate": lambda: -first,
            "reciprocal": lambda: writer.constant(writer.vector, 1.0) / first,
            "sqrt": lambda: writer.sqrt(first),
            "less": lambda: first < last,
            "less_equal": lambda: first <= last,
            "equal": lambda: first.equals(last),
        }
        return rules[operation]()

    def _combine(self, operation: str, conditions: list[Value]) -> Value:
        if operation == "not":
            return ~conditions[0]
        return conditions[0] & conditions[1] if operation == "and" else conditions[0] | conditions[1]

    def _number(self, index: int) -> Value:
        value = self._done[index]
        if value.kind == self._writer.mask:
            return self._writer.select(value, 1.0, 0.0, kind=self._writer.vector)
        return value

    def _condition(self, index: int) -> Value:
        value = self._done[index]
        return value if value.kind == self._writer.mask else value.differs(0.0)
