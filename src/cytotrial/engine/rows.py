"""Functions over rows: states, inputs and whose parameters, as many rows at a time as there are lanes. No equation, no step."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cytotrial.engine.ir import Module, Value, Writer
from cytotrial.engine.printing import Printer
from cytotrial.engine.program import Program

SOURCES = ("state", "input", "parameter")
"""What a row is made of; its parameters are those of its owner."""

_FUNCTION = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 5)


class Code(Protocol):
    """Machine code in memory, from our compiler or from another."""

    def address(self, name: str, /) -> int:
        """The address of a function."""


@dataclass(frozen=True)
class RowSizes:
    """How many numbers a row has of each kind."""

    states: int
    inputs: int
    parameters: int
    outputs: int


def write_over_rows(
    module: Module,
    name: str,
    program: Program,
    *,
    outputs: Sequence[int],
    sizes: RowSizes,
) -> None:
    """Add name(blocks, rows, states, inputs, parameters, owner, out) to the module. Only what the outputs need is read.

    One block of lanes is a function of its own: as the body of a loop it would take the compiler several times as long.

    Args:
        module: what to add to.
        name: of the function.
        program: the values.
        outputs: which values a row of `out` holds.
        sizes: of the rows.
    """
    with module.function(f"{name}_of_block", ("ptr",)) as (writer, (places,)):
        rows = {kind: pointers(writer, places, part) for part, kind in enumerate((*SOURCES, "out"))}

        def load(kind: str, index: int) -> Value:
            return writer.gathered([writer.load("double", row, index) for row in rows[kind]])

        for index, value in enumerate(Printer(writer, program, load).print_all(outputs)):
            for row, entry in zip(rows["out"], writer.entries(value), strict=True):
                writer.store(entry, row, index)
    with module.function(name, ("i64", "i64", *["ptr"] * 5), visible=True) as (writer, arguments):
        blocks, count, states, inputs, parameters, owner, out = arguments
        places = writer.array("ptr", (len(SOURCES) + 1) * writer.lanes)
        with writer.loop(blocks) as block:
            with writer.loop(writer.lanes) as lane:
                row = block * writer.lanes + lane
                # In the last block, lanes beyond the last row do that row once more.
                row = writer.select(row < count, row, count - 1)
                patient = writer.load("i64", owner, row)
                starts = (
                    *((states, row, sizes.states), (inputs, row, sizes.inputs)),
                    *((parameters, patient, sizes.parameters), (out, row, sizes.outputs)),
                )
                for part, (array, whose, size) in enumerate(starts):
                    start = writer.address("double", array, whose * size)
                    writer.store(start, places, lane + part * writer.lanes)
            writer.call(f"{name}_of_block", places)


def pointers(writer: Writer, places: Value, part: int) -> list[Value]:
    """Where the rows of all lanes start in one array."""
    return [writer.load("ptr", places, part * writer.lanes + lane) for lane in range(writer.lanes)]


class RowFunction:
    """A function of `write_over_rows`, compiled; safe to use from several threads."""

    def __init__(self, code: Code, name: str, sizes: RowSizes, *, lanes: int) -> None:
        self._code = code  # lives as long as what is called of it
        self._function = _FUNCTION(code.address(name))
        self._sizes = sizes
        self._lanes = lanes

    def __call__(
        self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray, *, owner: np.ndarray | None = None
    ) -> np.ndarray:
        """The outputs of each row (rows, outputs).

        Args:
            states: (rows, states).
            parameters: (rows, parameters); (patients, parameters) where an owner is given.
            inputs: (rows, inputs).
            owner: (rows,) the patient each row is of.

        Raises:
            ValueError: arrays of another shape, or an owner without parameters.
        """
        arrays = [np.ascontiguousarray(array, np.float64) for array in (states, inputs, parameters)]
        patients = len(arrays[2])
        rows = patients if owner is None else len(owner)
        expected = {
            "states": (rows, self._sizes.states),
            "inputs": (rows, self._sizes.inputs),
            "parameters": (patients, self._sizes.parameters),
        }
        for array, (what, shape) in zip(arrays, expected.items(), strict=True):
            if array.shape != shape:
                raise ValueError(f"{what}: the shape is {array.shape}; expected (rows, {what}) = {shape}.")
        owners = np.arange(rows) if owner is None else np.ascontiguousarray(owner, np.int64)
        if owner is not None and rows and not 0 <= owners.min() <= owners.max() < patients:
            raise ValueError(f"owner: expected rows of parameters, 0 to {patients - 1}.")
        result = np.empty((rows, self._sizes.outputs))
        self._function(-(-rows // self._lanes), rows, *(array.ctypes.data for array in (*arrays, owners, result)))
        return result
