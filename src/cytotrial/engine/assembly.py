"""From a lowered system to the text of one LLVM module. Not the compilation of that text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cytotrial.engine.driver import write_driver
from cytotrial.engine.elimination import plan_elimination
from cytotrial.engine.extremes import write_extremes
from cytotrial.engine.ir import Module
from cytotrial.engine.jacobian import differentiate
from cytotrial.engine.layout import Shape
from cytotrial.engine.lowering import lower
from cytotrial.engine.methods import Method
from cytotrial.engine.program import MOVING, PARAMETER, SHARED, Program, needed
from cytotrial.engine.rows import RowSizes, write_over_rows
from cytotrial.engine.step import write_step
from cytotrial.model.system import OdeSystem

OVER_ROWS = ("constants", "derivatives", "observe")
"""The functions of a module that work on rows, whatever patient each is of."""

EXTREMES = "extremes"
"""The one function of a module of `assemble_extremes`."""


def assemble(system: OdeSystem, method: Method, *, lanes: int) -> tuple[str, Shape]:
    """The module's text and its sizes. It holds `integrate` and, over rows, `constants`, `derivatives` and `observe`."""
    lowered = lower(system)
    program = lowered.program
    jacobian = differentiate(program, lowered.derivatives)
    elimination = plan_elimination(jacobian, len(system.states))
    constants, shared = (
        read_by_steps(program, [*lowered.derivatives, *jacobian.values()], level=level) for level in (PARAMETER, SHARED)
    )
    shape = Shape(
        states=len(system.states),
        parameters=len(system.parameters),
        inputs=len(system.inputs),
        observables=len(system.observables),
        constants=len(constants),
        shared=len(shared),
        matrix=len(elimination.slots),
        stages=method.stages,
        dense=len(method.dense),
        lanes=lanes,
    )
    module = Module(lanes)
    for name, outputs in zip(OVER_ROWS, ([*constants, *shared], lowered.derivatives, lowered.observations), strict=True):
        write_over_rows(module, name, program, outputs=outputs, sizes=row_sizes(system, len(outputs)))
    write_step(
        module,
        program,
        derivatives=lowered.derivatives,
        jacobian=jacobian,
        elimination=elimination,
        stored={value: place for place, value in enumerate([*constants, *shared])},
        method=method,
        shape=shape,
    )
    write_driver(module, shape)
    return module.text(), shape


def assemble_extremes(system: OdeSystem, names: Sequence[str], *, lanes: int) -> tuple[str, list[int]]:
    """The text of a module that tells the extremes of some observables, and the states it reads.

    The values are the same bits as `observe` of `assemble` gives.
    """
    lowered = lower(system)
    module = Module(lanes)
    chosen = [lowered.observations[system.observables.index(name)] for name in names]
    read = write_extremes(
        *(module, EXTREMES, lowered.program),
        outputs=chosen,
        beside=lowered.observations,
        sizes=row_sizes(system, len(names)),
    )
    return module.text(), read


def row_sizes(system: OdeSystem, outputs: int) -> RowSizes:
    """The sizes of a system's rows."""
    return RowSizes(len(system.states), len(system.inputs), len(system.parameters), outputs)


def read_by_steps(program: Program, outputs: Sequence[int], *, level: int) -> list[int]:
    """Values of parameters alone, of this level, that moving values are made of or that are outputs themselves."""
    found = {value for value in outputs if program.levels[value] == level}
    for index in needed(program, outputs):
        if program.levels[index] == MOVING:
            arguments: Iterable[int] = program.instructions[index].arguments
            found.update(argument for argument in arguments if program.levels[argument] == level)
    return sorted(found)
