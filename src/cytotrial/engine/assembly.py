"""From a lowered system to the text of one LLVM module. Not the compilation of that text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cytotrial.engine.driver import write_driver
from cytotrial.engine.elimination import plan_elimination
from cytotrial.engine.ir import Module, Value, Writer
from cytotrial.engine.jacobian import differentiate
from cytotrial.engine.layout import Shape
from cytotrial.engine.lowering import lower
from cytotrial.engine.methods import Method
from cytotrial.engine.printing import Printer
from cytotrial.engine.program import PARAMETER, Program, needed
from cytotrial.engine.step import write_step
from cytotrial.engine.vector_math import write_vector_math
from cytotrial.model.system import OdeSystem

OVER_ROWS = ("constants", "derivatives", "observe")
"""The functions of a module that work on rows, whatever patient each is of."""


def assemble(system: OdeSystem, method: Method, *, lanes: int) -> tuple[str, Shape]:
    """The module's text and its sizes. It holds `integrate` and, over rows, `constants`, `derivatives` and `observe`."""
    lowered = lower(system)
    program = lowered.program
    jacobian = differentiate(program, lowered.derivatives)
    elimination = plan_elimination(jacobian, len(system.states))
    constants = read_by_steps(program, [*lowered.derivatives, *jacobian.values()])
    shape = Shape(
        states=len(system.states),
        parameters=len(system.parameters),
        inputs=len(system.inputs),
        observables=len(system.observables),
        constants=len(constants),
        matrix=len(elimination.slots),
        stages=method.stages,
        dense=len(method.dense),
        lanes=lanes,
    )
    module = Module(lanes)
    write_vector_math(module)
    for name, outputs in zip(OVER_ROWS, (constants, lowered.derivatives, lowered.observations), strict=True):
        _write_over_rows(module, name, program, outputs=outputs, shape=shape)
    write_step(
        module,
        program,
        derivatives=lowered.derivatives,
        jacobian=jacobian,
        elimination=elimination,
        stored={value: place for place, value in enumerate(constants)},
        method=method,
        shape=shape,
    )
    write_driver(module, shape)
    return module.text(), shape


def read_by_steps(program: Program, outputs: Sequence[int]) -> list[int]:
    """Values of parameters alone that moving values are made of, or that are outputs themselves: one patient's constants."""
    found = {value for value in outputs if program.levels[value] == PARAMETER}
    for index in needed(program, outputs):
        if program.levels[index] > PARAMETER:
            arguments: Iterable[int] = program.instructions[index].arguments
            found.update(argument for argument in arguments if program.levels[argument] == PARAMETER)
    return sorted(found)


def _write_over_rows(module: Module, name: str, program: Program, *, outputs: Sequence[int], shape: Shape) -> None:
    """name(blocks, rows, states, parameters, inputs, owner, out, workspace): arrays of rows, those of parameters by `owner`.

    One block of lanes is a function of its own: as the body of a loop it would take the compiler several times as long.
    """
    with module.function(f"{name}_of_block", ("ptr", "ptr", "ptr", "ptr")) as (writer, (states, parameters, inputs, out)):
        sources = {"state": states, "parameter": parameters, "input": inputs}

        def load(kind: str, index: int) -> Value:
            return writer.load(writer.vector, sources[kind], index)

        for index, value in enumerate(Printer(writer, program, load).print_all(outputs)):
            writer.store(value, out, index)
    sizes = (shape.states, shape.parameters, shape.inputs, len(outputs))
    starts = (0, sizes[0], sum(sizes[:2]), sum(sizes[:3]))
    with module.function(name, ("i64", "i64", *["ptr"] * 6), visible=True) as (writer, arguments):
        blocks, rows, states, parameters, inputs, owner, out, workspace = arguments
        packed = [writer.address(writer.vector, workspace, start) for start in starts]
        filled = [writer.variable("i64", -1) for _ in range(shape.lanes)]
        with writer.loop(blocks) as block:
            for lane in range(shape.lanes):
                row = _row_of_lane(writer, block, rows, lane=lane)
                _fill_lane(writer, states, packed[0], row=row, size=sizes[0], lane=lane)
                _fill_lane(writer, inputs, packed[2], row=row, size=sizes[2], lane=lane)
                patient = writer.load("i64", owner, row)
                # Rows of one patient follow each other, and parameters are many: they are copied once per patient.
                with writer.when(patient.differs(filled[lane].get())):
                    _fill_lane(writer, parameters, packed[1], row=patient, size=sizes[1], lane=lane)
                    filled[lane].set(patient)
            writer.call(f"{name}_of_block", *packed)
            for lane in range(shape.lanes):
                row = _row_of_lane(writer, block, rows, lane=lane)
                own = writer.address("double", out, row * sizes[3])
                with writer.loop(sizes[3]) as place:
                    writer.store(writer.load("double", packed[3], place * shape.lanes + lane), own, place)


def _row_of_lane(writer: Writer, block: Value, rows: Value, *, lane: int) -> Value:
    """The row a lane works on; in the last block, lanes beyond the last row do that row once more."""
    row = block * writer.lanes + lane
    return writer.select(row < rows, row, rows - 1)


def _fill_lane(writer: Writer, array: Value, packed: Value, *, row: Value, size: int, lane: int) -> None:
    """Copies one row of an array into its lane of vectors."""
    own = writer.address("double", array, row * size)
    with writer.loop(size) as index:
        writer.store(writer.load("double", own, index), packed, index * writer.lanes + lane)
