"""A system compiled for this machine: its rates and observations over rows, and its integrator. Not the ensemble."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np

from cytotrial.engine.assembly import assemble
from cytotrial.engine.cache import cache_key, default_cache_folder, read_cached, write_cached
from cytotrial.engine.layout import Shape
from cytotrial.engine.machine import LoadedCode, Machine, compile_text, host_machine
from cytotrial.engine.methods import RODAS5P, Method
from cytotrial.model.system import OdeSystem

_ALIGNMENT = 64  # the widest vector in bytes
_ROWS_AT_ONCE = 2048  # rows rearranged for the lanes at a time, so that they stay in the processor's cache


class CompiledModel:
    """Machine code of one system. Made by `compile_model`; safe to use from several threads."""

    def __init__(self, system: OdeSystem, shape: Shape, code: LoadedCode) -> None:
        self.system = system
        self.shape = shape
        self.lanes = shape.lanes
        self._code = code
        self._integrate = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("integrate"))

    def derivatives(self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The rates of change (rows, states) [state unit / h]."""
        return self._over_rows("derivatives", self.shape.states, states=states, parameters=parameters, inputs=inputs)

    def observe(self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The observables (rows, observables), each in its unit."""
        return self._over_rows("observe", self.shape.observables, states=states, parameters=parameters, inputs=inputs)

    def constants(self, parameters: np.ndarray) -> np.ndarray:
        """What a step reads of each patient's parameters (rows, constants): parameters and expressions of them alone."""
        nothing = np.zeros((len(parameters), 0))
        return self._over_rows("constants", self.shape.constants, states=nothing, parameters=parameters, inputs=nothing)

    def integrate(self, context: np.ndarray) -> None:
        """Run one worker over the patients of a context (see `layout.CONTEXT`)."""
        self._integrate(context.ctypes.data)

    def _over_rows(
        self, name: str, outputs: int, *, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray
    ) -> np.ndarray:
        arrays = [np.asarray(array, np.float64) for array in (states, parameters, inputs)]
        sizes = (self.shape.states, self.shape.parameters, self.shape.inputs)
        rows = len(arrays[1])
        for array, size, what in zip(arrays, sizes, ("states", "parameters", "inputs"), strict=True):
            if array.shape != (rows, size) and not (name == "constants" and array.shape[1] == 0):
                raise ValueError(f"{what}: the shape is {array.shape}; expected (rows, {what}) = {(rows, size)}.")
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 4)(self._code.address(name))
        result = np.empty((rows, outputs))
        for first in range(0, rows, _ROWS_AT_ONCE):
            chunk = slice(first, min(first + _ROWS_AT_ONCE, rows))
            blocks = -(-(chunk.stop - first) // self.lanes)
            packed = [_pack(array[chunk], blocks=blocks, lanes=self.lanes) for array in arrays]
            out = aligned_zeros(blocks * outputs * self.lanes)
            function(blocks, *(array.ctypes.data for array in packed), out.ctypes.data)
            unpacked = out.reshape(blocks, outputs, self.lanes).transpose(0, 2, 1).reshape(blocks * self.lanes, outputs)
            result[chunk] = unpacked[: chunk.stop - first]
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


def _pack(rows: np.ndarray, *, blocks: int, lanes: int) -> np.ndarray:
    """Rows as (blocks, quantities, lanes); the last rows are repeated to fill the last block."""
    count, quantities = rows.shape
    source = np.minimum(np.arange(blocks * lanes), max(count - 1, 0))
    packed = aligned_zeros(blocks * quantities * lanes).reshape(blocks, quantities, lanes)
    packed[:] = rows[source].reshape(blocks, lanes, quantities).transpose(0, 2, 1)
    return packed
