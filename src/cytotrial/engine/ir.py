"""Writes LLVM assembly from expressions that read like arithmetic. No fast-math flags; fused only where `fma` is written."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Value:
    """A named result in the function being written; operators write the instruction and give its result."""

    __slots__ = ("kind", "name", "writer")

    def __init__(self, writer: Writer, kind: str, name: str) -> None:
        self.writer, self.kind, self.name = writer, kind, name

    def __add__(self, other: Value | float) -> Value:
        return self.writer.binary("fadd", "add", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return self.writer.binary("fsub", "sub", self, other)

    def __mul__(self, other: Value | float) -> Value:
        return self.writer.binary("fmul", "mul", self, other)

    def __truediv__(self, other: Value | float) -> Value:
        return self.writer.binary("fdiv", "", self, other)

    def __neg__(self) -> Value:
        return self.writer.emit(self.kind, f"fneg {self.kind} {self.name}")

    def __lt__(self, other: Value | float) -> Value:
        return self.writer.compare("olt", "slt", self, other)

    def __le__(self, other: Value | float) -> Value:
        return self.writer.compare("ole", "sle", self, other)

    def __gt__(self, other: Value | float) -> Value:
        return self.writer.compare("ogt", "sgt", self, other)

    def __ge__(self, other: Value | float) -> Value:
        return self.writer.compare("oge", "sge", self, other)

    def __and__(self, other: Value) -> Value:
        return self.writer.emit(self.kind, f"and {self.kind} {self.name}, {other.name}")

    def __or__(self, other: Value) -> Value:
        return self.writer.emit(self.kind, f"or {self.kind} {self.name}, {other.name}")

    def __invert__(self) -> Value:
        ones = self.writer.literal(self.kind, -1)
        return self.writer.emit(self.kind, f"xor {self.kind} {self.name}, {ones}")

    def equals(self, other: Value | float) -> Value:
        """Self == other, false for NaN."""
        return self.writer.compare("oeq", "eq", self, other)

    def differs(self, other: Value | float) -> Value:
        """Self != other, true for NaN."""
        return self.writer.compare("une", "ne", self, other)


class Variable:
    """A place for a scalar that changes while the function runs."""

    def __init__(self, writer: Writer, kind: str, name: str) -> None:
        self._writer, self._kind, self._name = writer, kind, name

    def get(self) -> Value:
        """Its present value."""
        return self._writer.emit(self._kind, f"load {self._kind}, ptr {self._name}")

    def set(self, value: Value | float) -> None:
        """Replace its value."""
        self._writer.lines.append(f"  store {self._kind} {self._writer.name_of(self._kind, value)}, ptr {self._name}")


class Writer:
    """One function being written, which returns `result`. `lanes` doubles make a vector; kinds are LLVM type names."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.vector = f"<{lanes} x double>"
        self.integers = f"<{lanes} x i64>"
        self.mask = f"<{lanes} x i1>"
        self.lines: list[str] = []
        self.places: list[str] = []
        self.result: Value | None = None
        self._count = 0

    def emit(self, kind: str, text: str) -> Value:
        """The result of one instruction."""
        self._count += 1
        name = f"%v{self._count}"
        self.lines.append(f"  {name} = {text}")
        return Value(self, kind, name)

    def literal(self, kind: str, number: float) -> str:
        """A number as LLVM writes it, repeated over the lanes for a vector."""
        if kind in (self.vector, self.integers, self.mask):
            inner = kind.split(" x ")[1][:-1]
            return "<" + ", ".join([f"{inner} {self.literal(inner, number)}"] * self.lanes) + ">"
        if kind == "double":
            return f"0x{struct.unpack('<Q', struct.pack('<d', float(number)))[0]:016X}"
        return str(int(number))

    def name_of(self, kind: str, value: Value | float) -> str:
        """The text that stands for a value or a number of this kind."""
        return value.name if isinstance(value, Value) else self.literal(kind, value)

    def constant(self, kind: str, number: float) -> Value:
        """A number as a value."""
        return Value(self, kind, self.literal(kind, number))

    def binary(self, floating: str, whole: str, left: Value, right: Value | float) -> Value:
        """Left (operation) right, of floating or whole numbers as the kind says."""
        operation = floating if "double" in left.kind else whole
        return self.emit(left.kind, f"{operation} {left.kind} {left.name}, {self.name_of(left.kind, right)}")

    def compare(self, floating: str, whole: str, left: Value, right: Value | float) -> Value:
        """A condition, per lane for a vector."""
        operation = f"fcmp {floating}" if "double" in left.kind else f"icmp {whole}"
        kind = self.mask if left.kind.startswith("<") else "i1"
        return self.emit(kind, f"{operation} {left.kind} {left.name}, {self.name_of(left.kind, right)}")

    def select(self, condition: Value, if_true: Value | float, if_false: Value | float, *, kind: str = "") -> Value:
        """One of two, per lane for a vector; `kind` is needed only where both are plain numbers."""
        for choice in (if_true, if_false):
            if isinstance(choice, Value):
                kind = choice.kind
        one, other = self.name_of(kind, if_true), self.name_of(kind, if_false)
        return self.emit(kind, f"select {condition.kind} {condition.name}, {kind} {one}, {kind} {other}")

    def fma(self, left: Value, right: Value | float, addend: Value | float) -> Value:
        """Left * right + addend, rounded once."""
        kind = left.kind
        name = "llvm.fma.f64" if kind == "double" else f"llvm.fma.v{self.lanes}f64"
        arguments = ", ".join(f"{kind} {self.name_of(kind, value)}" for value in (left, right, addend))
        return self.emit(kind, f"call {kind} @{name}({arguments})")

    def sqrt(self, value: Value) -> Value:
        """The correctly rounded square root of a vector."""
        return self.emit(self.vector, f"call {self.vector} @llvm.sqrt.v{self.lanes}f64({self.vector} {value.name})")

    def absolute(self, value: Value) -> Value:
        """The magnitude of a vector."""
        return self.emit(self.vector, f"call {self.vector} @llvm.fabs.v{self.lanes}f64({self.vector} {value.name})")

    def as_bits(self, value: Value) -> Value:
        """A vector of numbers seen as integers."""
        return self.emit(self.integers, f"bitcast {self.vector} {value.name} to {self.integers}")

    def as_numbers(self, value: Value) -> Value:
        """A vector of integers seen as numbers."""
        return self.emit(self.vector, f"bitcast {self.integers} {value.name} to {self.vector}")

    def shift(self, direction: str, value: Value, bits: int) -> Value:
        """Integers shifted: 'shl' to the left, 'ashr' to the right with their sign."""
        return self.emit(value.kind, f"{direction} {value.kind} {value.name}, {self.literal(value.kind, bits)}")

    def call(self, name: str, *arguments: Value, kind: str = "void") -> Value:
        """Call a function of the same module."""
        text = f"call {kind} @{name}({', '.join(f'{value.kind} {value.name}' for value in arguments)})"
        if kind != "void":
            return self.emit(kind, text)
        self.lines.append(f"  {text}")
        return Value(self, "void", "")

    def address(self, kind: str, base: Value, index: Value | int) -> Value:
        """Where the `index`-th thing of this kind after `base` lies."""
        return self.emit("ptr", f"getelementptr {kind}, ptr {base.name}, i64 {self.name_of('i64', index)}")

    def load(self, kind: str, base: Value, index: Value | int = 0) -> Value:
        """The `index`-th thing of this kind after `base`."""
        place = self.address(kind, base, index)
        return self.emit(kind, f"load {kind}, ptr {place.name}, align {self._alignment(kind)}")

    def store(self, value: Value, base: Value, index: Value | int = 0) -> None:
        """Write the `index`-th thing after `base`."""
        place = self.address(value.kind, base, index)
        self.lines.append(f"  store {value.kind} {value.name}, ptr {place.name}, align {self._alignment(value.kind)}")

    def variable(self, kind: str, value: Value | float) -> Variable:
        """A new changeable scalar."""
        name = f"%place{len(self.places)}"
        self.places.append(f"  {name} = alloca {kind}")
        place = Variable(self, kind, name)
        place.set(value)
        return place

    def array(self, kind: str, size: int) -> Value:
        """The address of a new row of things of this kind, whatever they hold at first."""
        name = f"%place{len(self.places)}"
        self.places.append(f"  {name} = alloca {kind}, i64 {size}, align {self._alignment(kind)}")
        return Value(self, "ptr", name)

    def gathered(self, numbers: Sequence[Value]) -> Value:
        """A vector of numbers, one per lane."""
        text = "poison"
        for lane, number in enumerate(numbers):
            text = self.emit(self.vector, f"insertelement {self.vector} {text}, double {number.name}, i32 {lane}").name
        return Value(self, self.vector, text)

    def load_for_all(self, base: Value, index: Value | int) -> Value:
        """A vector of the `index`-th number after `base`, the same in every lane."""
        number = self.load("double", base, index)
        first = self.emit(self.vector, f"insertelement {self.vector} poison, double {number.name}, i32 0")
        zeros = f"<{self.lanes} x i32> zeroinitializer"
        return self.emit(self.vector, f"shufflevector {self.vector} {first.name}, {self.vector} poison, {zeros}")

    def entries(self, vector: Value) -> list[Value]:
        """The numbers of a vector, one per lane."""
        return [self.emit("double", f"extractelement {self.vector} {vector.name}, i32 {lane}") for lane in range(self.lanes)]

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """What is written inside runs only when the condition holds."""
        inside, after = self._labels("then", "after")
        self.lines.append(f"  br i1 {condition.name}, label %{inside}, label %{after}")
        self.lines.append(f"{inside}:")
        yield
        self._go(after)

    @contextmanager
    def loop(self, count: Value | int) -> Iterator[Value]:
        """What is written inside runs for 0, 1, ... count - 1."""
        counter = self.variable("i64", 0)
        with self.repeat() as leave:
            index = counter.get()
            self.leave_when(index >= count, leave)
            yield index
            counter.set(index + 1)

    @contextmanager
    def repeat(self) -> Iterator[str]:
        """What is written inside runs until it leaves by `leave_when` with the label given."""
        head, after = self._labels("head", "after")
        self._go(head)
        yield after
        self.lines.append(f"  br label %{head}")
        self.lines.append(f"{after}:")

    def leave_when(self, condition: Value, label: str) -> None:
        """Leave the surrounding `repeat` when the condition holds."""
        (onward,) = self._labels("on")
        self.lines.append(f"  br i1 {condition.name}, label %{label}, label %{onward}")
        self.lines.append(f"{onward}:")

    def _go(self, label: str) -> None:
        self.lines.append(f"  br label %{label}")
        self.lines.append(f"{label}:")

    def _labels(self, *names: str) -> list[str]:
        self._count += 1
        return [f"{name}{self._count}" for name in names]

    def _alignment(self, kind: str) -> int:
        return 8 * self.lanes if kind.startswith("<") else 8


class Module:
    """Functions of one compilation, as text."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        vector = f"<{lanes} x double>"
        self._parts = [
            f"declare {vector} @llvm.sqrt.v{lanes}f64({vector})",
            f"declare {vector} @llvm.fabs.v{lanes}f64({vector})",
            f"declare {vector} @llvm.fma.v{lanes}f64({vector}, {vector}, {vector})",
            "declare double @llvm.fma.f64(double, double, double)",
        ]

    @contextmanager
    def function(
        self, name: str, kinds: tuple[str, ...], *, result: str = "void", visible: bool = False
    ) -> Iterator[tuple[Writer, list[Value]]]:
        """A function to be written inside: its writer and its arguments. A result is stored in `writer.result`."""
        writer = Writer(self.lanes)
        arguments = [Value(writer, kind, f"%a{index}") for index, kind in enumerate(kinds)]
        yield writer, arguments
        signature = ", ".join(f"{value.kind} {value.name}" for value in arguments)
        linkage = "" if visible else "internal "
        ending = f"  ret {result} {writer.result.name}" if writer.result else "  ret void"
        body = "\n".join([*writer.places, *writer.lines, ending])
        self._parts.append(f"define {linkage}{result} @{name}({signature}) nounwind noinline {{\n{body}\n}}")

    def text(self) -> str:
        """The whole module."""
        return "\n".join(self._parts)
