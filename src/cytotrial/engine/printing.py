"""Prints values of a three-address program as vector instructions. Not the program itself, nor the functions around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from cytotrial.engine.ir import Value, Writer
from cytotrial.engine.program import LEAVES, RELATIONS, Instruction, Program

CONDITIONS = (*RELATIONS, "and", "or", "not")


class Printer:
    """Prints into one function. Leaves are loaded when first used; values of `stored` are loaded instead of computed.

    A product is fused with a sum where no other value uses it: of the outputs, or of `beside` where given.
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
        order = self._order(outputs)
        together = outputs if self._beside is None else list(self._beside)
        self._fused = self._products_used_once(self._order(together), together)
        for index in order:
            if index not in self._fused:
                self._done[index] = self._print(index)
        return [self._number(index) for index in outputs]

    def _order(self, outputs: list[int]) -> list[int]:
        pending, found = list(outputs), set[int]()
        while pending:
            index = pending.pop()
            if index not in found:
                found.add(index)
                if index not in self._stored:
                    pending.extend(self._program.instructions[index].arguments)
        return sorted(found)

    def _products_used_once(self, order: list[int], outputs: list[int]) -> set[int]:
        """Products that only one sum or difference uses: they become part of a fused multiply-add there."""
        uses = Counter(outputs)
        sums = set[int]()
        for index in order:
            instruction = self._program.instructions[index]
            if index not in self._stored:
                uses.update(instruction.arguments)
                if instruction.operation in ("add", "subtract"):
                    candidates = [argument for argument in instruction.arguments if self._is_product(argument)]
                    sums.update(candidates[:1])
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
            "exp": lambda: writer.call("vector_exp", first, kind=writer.vector),
            "log": lambda: writer.call("vector_log", first, kind=writer.vector),
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
