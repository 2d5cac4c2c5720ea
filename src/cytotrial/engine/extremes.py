"""The highest and lowest values of observables over runs of rows, a patient in each lane. No equation, no step.

Between two visits a patient is looked at every hour, and a few observables count: their parameters are gathered once per
patient, and nothing is kept of each hour.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cytotrial.engine.ir import Module, Value
from cytotrial.engine.printing import Printer
from cytotrial.engine.program import Program
from cytotrial.engine.rows import Code, RowSizes, pointers

_FUNCTION = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 8)


class Extremes(NamedTuple):
    """Of each run of rows: whose it is, (runs,), and the highest and lowest values seen in it, (runs, outputs)."""

    owner: np.ndarray
    highest: np.ndarray
    lowest: np.ndarray


def write_extremes(
    module: Module, name: str, program: Program, *, outputs: Sequence[int], sizes: RowSizes, beside: Sequence[int]
) -> list[int]:
    """Add name(blocks, runs, states, inputs, parameters, owner, first, rows, highest, lowest) to the module.

    Returns the places of the states that it reads: its rows hold these alone, in this order.

    Args:
        module: what to add to.
        name: of the function.
        program: the values.
        outputs: which values are looked at.
        sizes: of the rows.
        beside: values printed together elsewhere, the outputs among them, whose bits these must be.
    """
    slots: dict[int, int] = {}  # the parameters that are read, and where each is kept while a run lasts
    read: dict[int, int] = {}  # the states that are read, and where each stands in a row
    with module.function(f"{name}_of_rows", ("ptr", "ptr", "ptr")) as (writer, (places, kept, extremes)):
        rows = {kind: pointers(writer, places, part) for part, kind in enumerate(("state", "input"))}

        def load(kind: str, index: int) -> Value:
            if kind == "parameter":
                return writer.load(writer.vector, kept, slots.setdefault(index, len(slots)))
            column = read.setdefault(index, len(read)) if kind == "state" else index
            return writer.gathered([writer.load("double", row, column) for row in rows[kind]])

        for index, value in enumerate(Printer(writer, program, load, beside=beside).print_all(outputs)):
            for place, is_farther in ((index, value.__gt__), (index + len(outputs), value.__lt__)):
                farthest = writer.load(writer.vector, extremes, place)
                writer.store(writer.select(is_farther(farthest), value, farthest), extremes, place)
    with module.function(f"{name}_keep", ("ptr", "ptr")) as (writer, (places, kept)):
        owners = pointers(writer, places, 2)
        for index, slot in slots.items():
            writer.store(writer.gathered([writer.load("double", owner, index) for owner in owners]), kept, slot)
    arguments = ("i64", "i64", *["ptr"] * 8)
    with module.function(name, arguments, visible=True) as (writer, (blocks, runs, states, inputs, parameters, *arrays)):
        owner, first, rows_of, highest, lowest = arrays
        places = writer.array("ptr", 3 * writer.lanes)
        kept, extremes = (writer.array(writer.vector, max(size, 1)) for size in (len(slots), 2 * len(outputs)))

        def run_of(block: Value, lane: Value) -> Value:
            # In the last block, lanes beyond the last run do that run once more.
            run = block * writer.lanes + lane
            return writer.select(run < runs, run, runs - 1)

        with writer.loop(blocks) as block:
            longest = writer.variable("i64", 0)
            with writer.loop(writer.lanes) as lane:
                run = run_of(block, lane)
                start = writer.address("double", parameters, writer.load("i64", owner, run) * sizes.parameters)
                writer.store(start, places, lane + 2 * writer.lanes)
                length = writer.load("i64", rows_of, run)
                longest.set(writer.select(length > longest.get(), length, longest.get()))
            writer.call(f"{name}_keep", places, kept)
            for index in range(2 * len(outputs)):
                nothing = float("-inf") if index < len(outputs) else float("inf")
                writer.store(writer.constant(writer.vector, nothing), extremes, index)
            with writer.loop(longest.get()) as number:
                with writer.loop(writer.lanes) as lane:
                    run = run_of(block, lane)
                    length = writer.load("i64", rows_of, run)
                    # A shorter run stays at its last row.
                    row = writer.load("i64", first, run) + writer.select(number < length, number, length - 1)
                    for part, (array, size) in enumerate(((states, len(read)), (inputs, sizes.inputs))):
                        writer.store(writer.address("double", array, row * size), places, lane + part * writer.lanes)
                writer.call(f"{name}_of_rows", places, kept, extremes)
            with writer.loop(writer.lanes) as lane:
                run = run_of(block, lane)
                for part, array in enumerate((highest, lowest)):
                    for index in range(len(outputs)):
                        vector = writer.address(writer.vector, extremes, index + part * len(outputs))
                        writer.store(writer.load("double", vector, lane), array, run * len(outputs) + index)
    return list(read)


class RowExtremes:
    """A function of `write_extremes`, compiled; safe to use from several threads. It reads the states at `states` alone."""

    def __init__(self, code: Code, name: str, sizes: RowSizes, *, states: Sequence[int], lanes: int) -> None:
        self.states = tuple(states)
        self._code = code  # lives as long as what is called of it
        self._function = _FUNCTION(code.address(name))
        self._sizes = sizes
        self._lanes = lanes

    def __call__(self, states: np.ndarray, parameters: np.ndarray, inputs: np.ndarray, *, owner: np.ndarray) -> Extremes:
        """The extremes of each run of rows of the same owner; a value that is not a number is no extreme.

        Args:
            states: (rows, states), those at `states`.
            parameters: (patients, parameters).
            inputs: (rows, inputs).
            owner: (rows,) the patient each row is of; the rows of one are together.

        Raises:
            ValueError: arrays of another shape, or an owner without parameters.
        """
        states, inputs, parameters = (np.ascontiguousarray(array, np.float64) for array in (states, inputs, parameters))
        owner = np.ascontiguousarray(owner, np.int64)
        expected = {
            "states": (states.shape, (owner.size, len(self.states))),
            "inputs": (inputs.shape, (owner.size, self._sizes.inputs)),
            "parameters": (parameters.shape, (len(parameters), self._sizes.parameters)),
        }
        for what, (shape, wanted) in expected.items():
            if shape != wanted:
                raise ValueError(f"{what}: the shape is {shape}; expected (rows, {what}) = {wanted}.")
        if owner.size and not 0 <= owner.min() <= owner.max() < len(parameters):
            raise ValueError(f"owner: expected rows of parameters, 0 to {len(parameters) - 1}.")
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        rows = np.diff(first, append=owner.size)
        whose = owner[first]
        highest, lowest = (np.empty((first.size, self._sizes.outputs)) for _ in range(2))
        arrays = (states, inputs, parameters, whose, first, rows, highest, lowest)
        self._function(-(-first.size // self._lanes), first.size, *(array.ctypes.data for array in arrays))
        return Extremes(whose, highest, lowest)
