"""A system compiled for this machine: its rates and observations over rows, and its integrator. Not the ensemble."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from cytotrial.engine.assembly import OVER_ROWS, assemble
from cytotrial.engine.cache import cache_key, default_cache_folder, read_cached, write_cached
from cytotrial.engine.layout import Shape
from cytotrial.engine.machine import LoadedCode, Machine, compile_text, host_machine
from cytotrial.engine.methods import RODAS5P, Method
from cytotrial.model.system import OdeSystem

_ALIGNMENT = 64  # the widest vector in bytes


class Code(Protocol):
    """Machine code in memory, from our compiler or from another."""

    def address(self, name: str, /) -> int:
        """The address of a function."""


class CompiledModel:
    """Machine code of one system. Made by `compile_model`; safe to use from several threads."""

    def __init__(self, system: OdeSystem, shape: Shape, code: Code) -> None:
        self.system = system
        self.shape = shape
        self.lanes = shape.lanes
        self._code = code
        self._integrate = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("integrate"))
        over_rows = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 6)
        self._functions = {name: over_rows(code.address(name)) for name in OVER_ROWS}

    def derivatives(self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The rates of change (rows, states) [state unit / h]."""
        return self._over_rows("derivatives", self.shape.states, states=states, parameters=parameters, inputs=inputs)

    def observe(
        self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray, *, owner: np.ndarray | None = None
    ) -> np.ndarray:
        """The observables (rows, observables), each in its unit.

        Args:
            states: (rows, states).
            parameters: (rows, parameters); (patients, parameters) where an owner is given.
            inputs: (rows, inputs).
            owner: (rows,) the patient each row is of.
        """
        size = self.shape.observables
        return self._over_rows("observe", size, states=states, parameters=parameters, inputs=inputs, owner=owner)

    def constants(self, parameters: np.ndarray) -> np.ndarray:
        """What a step reads of each patient's parameters (rows, constants): parameters and expressions of them alone."""
        # The code copies whole rows, so there must be states and inputs to copy, though no constant depends on them.
        states, inputs = (np.zeros((len(parameters), size)) for size in (self.shape.states, self.shape.inputs))
        return self._over_rows("constants", self.shape.constants, states=states, parameters=parameters, inputs=inputs)

    def integrate(self, context: np.ndarray) -> None:
        """Run one worker over the patients of a context (see `layout.CONTEXT`)."""
        self._integrate(context.ctypes.data)

    def _over_rows(
        self,
        name: str,
        outputs: int,
        *,
        states: np.ndarray,
        parameters: np.ndarray,
        inputs: np.ndarray,
        owner: np.ndarray | None = None,
    ) -> np.ndarray:
        arrays = [np.ascontiguousarray(array, np.float64) for array in (states, parameters, inputs)]
        sizes = (self.shape.states, self.shape.parameters, self.shape.inputs)
        rows = len(arrays[1]) if owner is None else len(owner)
        counts = (rows, len(arrays[1]), rows)
        for array, count, size, what in zip(arrays, counts, sizes, ("states", "parameters", "inputs"), strict=True):
            if array.shape != (count, size):
                raise ValueError(f"{what}: the shape is {array.shape}; expected (rows, {what}) = {(count, size)}.")
        owners = np.arange(rows) if owner is None else np.ascontiguousarray(owner, np.int64)
        if owner is not None and rows and not 0 <= owners.min() <= owners.max() < len(arrays[1]):
            raise ValueError(f"owner: expected rows of parameters, 0 to {len(arrays[1]) - 1}.")
        result = np.empty((rows, outputs))
        workspace = aligned_zeros((sum(sizes) + outputs) * self.lanes)
        places = (array.ctypes.data for array in (*arrays, owners, result, workspace))
        self._functions[name](-(-rows // self.lanes), rows, *places)
        return result


def compile_model(
    system: OdeSystem,
    *,
    machine: Machine | None = None,
    method: Method = RODAS5P,
    cache_folder: Path | None = None,
) -> CompiledModel:
    """The system as machine code, from the user's cache when it was compiled before.

    Args:
        system: what to compile; parameters and nominal values do not enter the code.
        machine: the processor to compile for; this one unless a test wants another.
        method: the integration method.
        cache_folder: where compiled code is kept; the user's cache unless given.

    Raises:
        InputError: an equation uses an unknown name or a function that has no compiled form.
    """
    machine = machine or host_machine()
    folder = cache_folder or default_cache_folder()
    key = cache_key(system, machine, method=method.name)
    cached = read_cached(folder, key)
    if cached is None:
        text, shape = assemble(system, method, lanes=machine.lanes)
        code = compile_text(text, machine)
        write_cached(folder, key, code=code, shape=shape)
    else:
        code, shape = cached
    return CompiledModel(system, shape, LoadedCode(code, machine))


def with_lanes(machine: Machine, lanes: int) -> Machine:
    """The same processor worked with another number of lanes; results are the same bits."""
    return replace(machine, lanes=lanes)


def aligned_zeros(size: int) -> np.ndarray:
    """Zeros (size,) that start where a vector may start."""
    raw = np.zeros(size + _ALIGNMENT // 8)
    first = (-raw.ctypes.data % _ALIGNMENT) // 8
    return raw[first : first + size]
