"""Writes one whole Rosenbrock step for all lanes: Jacobian, factors, stages, error, next length. Not the driver around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cytotrial.engine.elimination import Elimination
from cytotrial.engine.ir import Module, Value, Writer
from cytotrial.engine.layout import Shape
from cytotrial.engine.methods import Method
from cytotrial.engine.printing import Printer
from cytotrial.engine.program import Program
from cytotrial.engine.vector_math import exponentials, logarithms

_SAFETY = 0.9  # aims a little under the tolerance, so that most steps are accepted
_LEAST_ERROR = 1e-30  # keeps the logarithm of a vanishing error finite; far below any step-size limit
_VANISHED = 2.0**-500  # a state this small is zero: kept off denormal numbers, which are slow


def write_step(
    module: Module,
    program: Program,
    *,
    derivatives: Sequence[int],
    jacobian: Mapping[tuple[int, int], int],
    elimination: Elimination,
    stored: Mapping[int, int],
    method: Method,
    shape: Shape,
) -> None:
    """Add the functions `first_stage`, `later_stage`, `step` and `between` to the module."""
    parts = _Parts(module, program, stored=stored, shape=shape)
    parts.write_first_stage(derivatives, jacobian, elimination=elimination)
    parts.write_later_stage(derivatives, elimination=elimination)
    _write_step(module, method, shape=shape)
    _write_between(module, method, shape=shape)


class _Parts:
    """The straight-line functions that a step calls."""

    def __init__(self, module: Module, program: Program, *, stored: Mapping[int, int], shape: Shape) -> None:
        self._module, self._program, self._stored, self._shape = module, program, stored, shape

    def write_first_stage(
        self, derivatives: Sequence[int], jacobian: Mapping[tuple[int, int], int], *, elimination: Elimination
    ) -> None:
        """first_stage(workspace): the factors of I / (h gamma) - J at y, and with them the first stage from the rates there."""
        places = self._shape.places()
        with self._module.function("first_stage", ("ptr",)) as (writer, (workspace,)):
            states = writer.address(writer.vector, workspace, places["y"])
            printed = self._printer(writer, workspace, states).print_all([*derivatives, *jacobian.values()])
            right = dict(enumerate(printed[: len(derivatives)]))
            diagonal = writer.load(writer.vector, workspace, places["diagonal"])
            matrix: dict[int, Value] = {elimination.slots[index, index]: diagonal for index in range(self._shape.states)}
            for (row, column), value in zip(jacobian, printed[len(derivatives) :], strict=True):
                matrix[elimination.slots[row, column]] = diagonal - value if row == column else -value
            self._eliminate(writer, matrix, elimination)
            for slot, value in matrix.items():
                writer.store(value, workspace, places["matrix"] + slot)
            _solve(writer, right, elimination, matrix.__getitem__)
            self._store(writer, right, workspace, places["stage"])

    def write_later_stage(self, derivatives: Sequence[int], *, elimination: Elimination) -> None:
        """later_stage(workspace, states, stage): a stage from the rates at its states and what it holds of those before."""
        places = self._shape.places()
        with self._module.function("later_stage", ("ptr", "ptr", "ptr")) as (writer, (workspace, states, stage)):
            inverse = writer.load(writer.vector, workspace, places["inverse"])
            rates = self._printer(writer, workspace, states).print_all(derivatives)
            right = {
                index: writer.fma(writer.load(writer.vector, stage, index), inverse, rate) for index, rate in enumerate(rates)
            }
            _solve(
                *(writer, right, elimination),
                lambda slot: writer.load(writer.vector, workspace, places["matrix"] + slot),
            )
            self._store(writer, right, stage, 0)

    def _store(self, writer: Writer, values: Mapping[int, Value], base: Value, first: int) -> None:
        for index, value in values.items():
            writer.store(value, base, first + index)

    def _eliminate(self, writer: Writer, matrix: dict[int, Value], elimination: Elimination) -> None:
        for operation, target, left, right in elimination.factor:
            if operation == "invert":
                matrix[target] = writer.constant(writer.vector, 1.0) / matrix[target]
            elif operation == "scale":
                matrix[target] = matrix[target] * matrix[left]
            elif target in matrix:
                matrix[target] = writer.fma(-matrix[left], matrix[right], matrix[target])
            else:
                matrix[target] = -(matrix[left] * matrix[right])

    def _printer(self, writer: Writer, workspace: Value, states: Value) -> Printer:
        places = self._shape.places()
        shared = writer.address(writer.vector, workspace, places["shared"])

        def load(kind: str, index: int) -> Value:
            if kind == "state":
                return writer.load(writer.vector, states, index)
            if kind == "input":
                return writer.load(writer.vector, workspace, places["inputs"] + index)
            if index < self._shape.constants:
                return writer.load(writer.vector, workspace, places["constants"] + index)
            return writer.load_for_all(shared, index - self._shape.constants)

        return Printer(writer, self._program, load, stored=self._stored)


def _solve(writer: Writer, right: dict[int, Value], elimination: Elimination, entry: Callable[[int], Value]) -> None:
    """Replaces a right-hand side by the solution; `entry` gives the entries of the factorised matrix."""
    for operation, target, slot, other in elimination.solve:
        if operation == "scale":
            right[target] = right[target] * entry(slot)
        else:
            right[target] = writer.fma(-entry(slot), right[other], right[target])


def _write_step(module: Module, method: Method, *, shape: Shape) -> None:
    places, states = shape.places(), shape.states
    with module.function("step", ("ptr",)) as (writer, (workspace,)):
        y, y_new, stage = (writer.address(writer.vector, workspace, places[name]) for name in ("y", "y_new", "stage"))
        inverse = writer.load(writer.vector, workspace, places["inverse"])
        writer.store(inverse * (1 / method.gamma), workspace, places["diagonal"])
        writer.call("first_stage", workspace)
        for number in range(1, method.stages):
            own = writer.address(writer.vector, stage, number * states)
            with writer.loop(states) as index:
                argument = writer.load(writer.vector, y, index)
                if _continues(method, number):
                    argument = writer.load(writer.vector, y_new, index) + _stage(writer, stage, index, (number - 1) * states)
                else:
                    argument = _combine(writer, stage, index, method.a[number], states=states, start=argument)
                writer.store(argument, y_new, index)
                writer.store(_combine(writer, stage, index, method.c[number], states=states), own, index)
            writer.call("later_stage", workspace, y_new, own)
        _write_error(writer, workspace, method, shape=shape)


def _continues(method: Method, number: int) -> bool:
    """Whether this stage's argument is the one before plus the stage before."""
    return number > 1 and method.a[number] == (*method.a[number - 1], 1.0)


def _stage(writer: Writer, stage: Value, index: Value, offset: int) -> Value:
    return writer.load(writer.vector, writer.address(writer.vector, stage, offset), index)


def _combine(
    writer: Writer, stage: Value, index: Value, coefficients: Sequence[float], *, states: int, start: Value | None = None
) -> Value:
    total = start
    for number, coefficient in enumerate(coefficients):
        if coefficient:
            part = _stage(writer, stage, index, number * states)
            total = part * coefficient if total is None else writer.fma(part, coefficient, total)
    return writer.constant(writer.vector, 0.0) if total is None else total


def _write_error(writer: Writer, workspace: Value, method: Method, *, shape: Shape) -> None:
    """The new states, the error in units of the tolerance, and the factor for the next step's length.

    The error is the largest of all states', not their mean: a state at rest then changes nothing for the others.
    """
    places, states = shape.places(), shape.states
    y, y_new, nominal = (writer.address(writer.vector, workspace, places[name]) for name in ("y", "y_new", "nominal"))
    last = writer.address(writer.vector, workspace, places["stage"] + (method.stages - 1) * states)
    # As bits, numbers without a sign are in order with NaN above all, so that the largest error keeps a NaN.
    writer.store(writer.constant(writer.integers, 0), workspace, places["error"])
    with writer.loop(states) as index:
        error = writer.load(writer.vector, last, index)
        new = writer.load(writer.vector, y_new, index) + error
        old_size, new_size = writer.absolute(writer.load(writer.vector, y, index)), writer.absolute(new)
        size = writer.select(new_size > old_size, new_size, old_size)
        writer.store(writer.select(new_size < _VANISHED, 0.0, new), y_new, index)
        scaled = error / (writer.load_for_all(nominal, index) + size)
        bits, largest = writer.as_bits(writer.absolute(scaled)), writer.load(writer.integers, workspace, places["error"])
        writer.store(writer.select(bits > largest, bits, largest), workspace, places["error"])
    largest = writer.load(writer.vector, workspace, places["error"]) / writer.load(writer.vector, workspace, places["rtol"])
    writer.store(largest, workspace, places["error"])
    (logarithm,) = logarithms(writer, [largest + _LEAST_ERROR])
    (factor,) = exponentials(writer, [logarithm * (-1.0 / method.order)])
    writer.store(factor * _SAFETY, workspace, places["factor"])


def _write_between(module: Module, method: Method, *, shape: Shape) -> None:
    """between(workspace): the coefficients of the polynomial between y and y_new."""
    places, states = shape.places(), shape.states
    with module.function("between", ("ptr",)) as (writer, (workspace,)):
        stage, out = (writer.address(writer.vector, workspace, places[name]) for name in ("stage", "between"))
        with writer.loop(states) as index:
            for row, coefficients in enumerate(method.dense):
                value = _combine(writer, stage, index, coefficients, states=states)
                writer.store(value, writer.address(writer.vector, out, row * states), index)
