"""Where everything lies: a worker's workspace and the context it is called with. Shared by Python and compiled code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONTEXT = (
    *("next_patient", "cancel", "patient_count", "patient_order"),
    *("time", "until", "step", "restarts", "states", "inputs", "constants"),
    *("event_first", "event_last", "event_time", "event_kind", "event_target", "event_value"),
    *("grid_time", "grid_first", "grid_last", "rows_written"),
    *("row_first", "row_place", "row_width", "row_columns", "rows_states", "rows_inputs"),
    *("status", "accepted", "rejected", "max_steps", "settings", "workspace"),
)
"""Fields of the context, eight bytes each, in order: addresses of arrays, or whole numbers."""

SETTINGS = ("step_floor",)
"""Numbers of the settings array."""

RESTARTS = 2
"""How many first steps after events a patient remembers: those of the start and of the end of an infusion take turns."""


@dataclass(frozen=True)
class Shape:
    """The sizes a kernel was made for.

    Attributes:
        states, parameters, inputs, observables: of the system.
        constants: values per patient that a step reads: parameters, and expressions of parameters alone.
        shared: such values that all patients have in common.
        matrix: entries of the factorised matrix.
        stages: of the method.
        dense: rows of its polynomial between.
        lanes: patients side by side.
    """

    states: int
    parameters: int
    inputs: int
    observables: int
    constants: int
    shared: int
    matrix: int
    stages: int
    dense: int
    lanes: int

    def places(self) -> Mapping[str, int]:
        """Name -> first vector of each part of the workspace; 'end' is its size in vectors.

        In 'nominal' and 'shared' one number stands for all lanes, and a vector holds as many of them.
        """
        sizes = {
            **dict.fromkeys(("y", "y_new"), self.states),
            "nominal": -(-self.states // self.lanes),
            "shared": -(-self.shared // self.lanes),
            "stage": self.stages * self.states,
            "between": self.dense * self.states,
            "matrix": self.matrix,
            "constants": self.constants,
            "inputs": self.inputs,
            **dict.fromkeys(("rtol", "length", "inverse", "diagonal", "error", "factor"), 1),
            **dict.fromkeys(("time", "proposed", "arrival", "target", "restart", "later_restart"), 1),
            **dict.fromkeys(("patient", "event", "grid", "at_target", "retried", "restarted", "steps"), 1),
        }
        places, position = {}, 0
        for name, size in sizes.items():
            places[name] = position
            position += size
        return {**places, "end": position}
