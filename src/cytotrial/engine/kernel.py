"""A system compiled for this machine: its rates and observations over rows, and its integrator. Not the ensemble."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cytotrial.engine.assembly import EXTREMES, OVER_ROWS, assemble, assemble_extremes, row_sizes
from cytotrial.engine.cache import cache_key, default_cache_folder, read_cached, write_cached
from cytotrial.engine.extremes import RowExtremes
from cytotrial.engine.layout import Shape
from cytotrial.engine.machine import LoadedCode, Machine, compile_text, host_machine
from cytotrial.engine.methods import RODAS5P, Method
from cytotrial.engine.rows import Code, RowFunction
from cytotrial.model.system import OdeSystem

_ALIGNMENT = 64  # the widest vector in bytes


class CompiledModel:
    """Machine code of one system. Made by `compile_model`; safe to use from several threads."""

    def __init__(self, system: OdeSystem, shape: Shape, code: Code) -> None:
        self.system = system
        self.shape = shape
        self.lanes = shape.lanes
        self._code = code
        self._integrate = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("integrate"))
        outputs = (shape.constants + shape.shared, shape.states, shape.observables)
        self._constants, self._derivatives, self._observe = (
            RowFunction(code, name, row_sizes(system, size), lanes=shape.lanes)
            for name, size in zip(OVER_ROWS, outputs, strict=True)
        )

    def derivatives(self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The rates of change (rows, states) [state unit / h]."""
        return self._derivatives(states, parameters, inputs)

    def observe(
        self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray, *, owner: np.ndarray | None = None
    ) -> np.ndarray:
        """The observables (rows, observables), each in its unit; arguments and errors as those of `RowFunction`."""
        return self._observe(states, parameters, inputs, owner=owner)

    def constants(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a step reads of parameters and of expressions of them alone: each patient's (rows, constants), all's (shared,).

        Raises:
            ValueError: patients differ in a parameter that they share.
        """
        system = self.system
        columns = [index for index, name in enumerate(system.parameters) if name in system.shared]
        differs = (parameters[:, columns] != parameters[:1, columns]).any(axis=0)
        if differs.any():
            name = system.parameters[columns[int(np.argmax(differs))]]
            raise ValueError(
                f"parameters: '{name}' differs between patients; expected one value, as it is in the system's `shared`."
            )
        states, inputs = (np.zeros((len(parameters), size)) for size in (self.shape.states, self.shape.inputs))
        found = self._constants(states, parameters, inputs)
        own, shared = np.split(found, [self.shape.constants], axis=1)
        return np.ascontiguousarray(own), shared[0] if len(shared) else np.zeros(self.shape.shared)

    def integrate(self, context: np.ndarray) -> None:
        """Run one worker over the patients of a context (see `layout.CONTEXT`)."""
        self._integrate(context.ctypes.data)


def compile_model(
    system: OdeSystem,
    *,
    machine: Machine | None = None,
    method: Method = RODAS5P,
    cache_folder: Path | None = None,
) -> CompiledModel:
    """The system as machine code, from the user's cache when it was compiled before.

    Args:
        system: what to compile; values of parameters and nominal sizes do not enter the code.
        machine: the processor to compile for; this one unless a test wants another.
        method: the integration method.
        cache_folder: where compiled code is kept; the user's cache unless given.

    Raises:
        InputError: an equation uses an unknown name or a function that has no compiled form.
    """
    machine = machine or host_machine()

    def make() -> tuple[str, dict[str, int]]:
        text, shape = assemble(system, method, lanes=machine.lanes)
        return text, asdict(shape)

    code, sizes = _compiled(make, cache_key(system, machine, method=method.name), machine, cache_folder)
    return CompiledModel(system, Shape(**sizes), code)


def compile_extremes(
    system: OdeSystem, names: Sequence[str], *, machine: Machine | None = None, cache_folder: Path | None = None
) -> RowExtremes:
    """The extremes of some observables over runs of rows; cached as models are.

    They are the same bits as `CompiledModel.observe` gives.
    """
    machine = machine or host_machine()

    def make() -> tuple[str, dict[str, int]]:
        text, read = assemble_extremes(system, names, lanes=machine.lanes)
        return text, {system.states[state]: place for place, state in enumerate(read)}

    key = cache_key(system, machine, method=f"extremes {' '.join(names)}")
    code, read = _compiled(make, key, machine, cache_folder)
    states = [system.states.index(name) for name in sorted(read, key=read.__getitem__)]
    return RowExtremes(code, EXTREMES, row_sizes(system, len(names)), states=states, lanes=machine.lanes)


def _compiled(
    make: Callable[[], tuple[str, dict[str, int]]], key: str, machine: Machine, cache_folder: Path | None
) -> tuple[LoadedCode, dict[str, int]]:
    """Code and sizes kept under this key, or made from text now."""
    folder = cache_folder or default_cache_folder()
    cached = read_cached(folder, key)
    if cached is None:
        text, sizes = make()
        code = compile_text(text, machine)
        write_cached(folder, key, code=code, sizes=sizes)
    else:
        code, sizes = cached
    return LoadedCode(code, machine), sizes


def with_lanes(machine: Machine, lanes: int) -> Machine:
    """The same processor worked with another number of lanes; results are the same bits."""
    return replace(machine, lanes=lanes)


def aligned_zeros(size: int) -> np.ndarray:
    """Zeros (size,) that start where a vector may start."""
    raw = np.zeros(size + _ALIGNMENT // 8)
    first = (-raw.ctypes.data % _ALIGNMENT) // 8
    return raw[first : first + size]
