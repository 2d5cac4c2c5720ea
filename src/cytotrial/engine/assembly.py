"""From a lowered system to the text of one LLVM module. Not the compilation of that text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cytotrial.engine.driver import write_driver
from cytotrial.engine.elimination import plan_elimination
from cytotrial.engine.ir import Module, Value
from cytotrial.engine.jacobian import differentiate
from cytotrial.engine.layout import Shape
from cytotrial.engine.lowering import lower
from cytotrial.engine.methods import Method
from cytotrial.engine.printing import Printer
from cytotrial.engine.program import PARAMETER, Program, needed
from cytotrial.engine.step import write_step
from cytotrial.engine.vector_math import write_vector_math
from cytotrial.model.system import OdeSystem


def assemble(system: OdeSystem, method: Method, *, lanes: int) -> tuple[str, Shape]:
    """The module's text and its sizes. It holds `integrate` and, over rows, `constants`, `derivatives` and `observe`."""
    lowered = lower(system)
    program = lowered.program
    jacobian = differentiate(program, lowered.derivatives)
    elimination = plan_elimination(jacobian, len(system.states))
    constants = _read_by_steps(program, [*lowered.derivatives, *jacobian.values()])
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
    for name, outputs in (
        ("constants", constants),
        ("derivatives", lowered.derivatives),
        ("observe", lowered.observations),
    ):
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


def _read_by_steps(program: Program, outputs: Sequence[int]) -> list[int]:
    """Values of parameters alone that moving values are made of, or that are outputs themselves."""
    found = {value for value in outputs if program.levels[value] == PARAMETER}
    for index in needed(program, outputs):
        if program.levels[index] > PARAMETER:
            arguments: Iterable[int] = program.instructions[index].arguments
            found.update(argument for argument in arguments if program.levels[argument] == PARAMETER)
    return sorted(found)


def _write_over_rows(module: Module, name: str, program: Program, *, outputs: Sequence[int], shape: Shape) -> None:
    """name(blocks, states, parameters, inputs, out): each array is (blocks, quantities, lanes).

    One block is a function of its own: as the body of a loop it would take the compiler several times as long.
    """
    with module.function(f"{name}_of_block", ("ptr", "ptr", "ptr", "ptr")) as (writer, (states, parameters, inputs, out)):
        sources = {"state": states, "parameter": parameters, "input": inputs}

        def load(kind: str, index: int) -> Value:
            return writer.load(writer.vector, sources[kind], index)

        for index, value in enumerate(Printer(writer, program, load).print_all(outputs)):
            writer.store(value, out, index)
    sizes = (shape.states, shape.parameters, shape.inputs, len(outputs))
    kinds = ("i64", "ptr", "ptr", "ptr", "ptr")
    with module.function(name, kinds, visible=True) as (writer, (blocks, *arrays)), writer.loop(blocks) as block:
        own = [writer.address(writer.vector, array, block * size) for array, size in zip(arrays, sizes, strict=True)]
        writer.call(f"{name}_of_block", *own)
