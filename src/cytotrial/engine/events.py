"""Changes at exact times, per patient, and the queue they wait in. Not the integration between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class EventKind(IntEnum):
    """What an event does to its target: set an input, or add to a state."""

    SET_INPUT = 0
    ADD_TO_STATE = 1


@dataclass(frozen=True)
class Events:
    """Changes to be made, as arrays of one length; those of one patient at one time are applied in the order given.

    Attributes:
        patient: whom.
        time: when [h].
        target: index into the inputs (SET_INPUT) or into the states (ADD_TO_STATE).
        kind: `EventKind` of each.
        value: the input's new value, or what is added to the state, in the target's unit.

    >>> Events(patient=[0], time=[8.0], target=[0], kind=EventKind.SET_INPUT, value=[1.5]).time
    array([8.])
    """

    patient: np.ndarray
    time: np.ndarray
    target: np.ndarray
    kind: np.ndarray
    value: np.ndarray

    def __post_init__(self) -> None:
        columns = np.broadcast_arrays(
            np.asarray(self.patient, np.int64),
            np.asarray(self.time, np.float64),
            np.asarray(self.target, np.int64),
            np.asarray(self.kind, np.int64),
            np.asarray(self.value, np.float64),
        )
        for name, column in zip(_COLUMNS, columns, strict=True):
            object.__setattr__(self, name, np.array(column, ndmin=1).reshape(-1))

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: np.ndarray) -> Events:
        """The events at these rows (a mask or indices), in that order."""
        return Events(*(getattr(self, name)[rows] for name in _COLUMNS))

    def in_order(self) -> Events:
        """Sorted by patient, then time; equal times keep their order."""
        return self.take(np.lexsort((self.time, self.patient)))


_COLUMNS = ("patient", "time", "target", "kind", "value")


def joined(parts: Sequence[Events]) -> Events:
    """The events of all parts, one after the other, not sorted."""
    return Events(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))


def no_events() -> Events:
    """An empty queue."""
    return Events(*(np.empty(0) for _ in _COLUMNS))


def check_events(events: Events, *, time: np.ndarray, states: int, inputs: int) -> None:
    """Raise ValueError for the first event with a wrong patient, target or kind, a time in the past or a value not finite."""
    patients = len(time)
    size = np.where(events.kind == EventKind.SET_INPUT, inputs, states)
    if _all_are_sound(events, time=time, size=size):
        return
    _reject(events, (events.patient < 0) | (events.patient >= patients), f"there are {patients} patients, counted from 0")
    known = (events.kind == EventKind.SET_INPUT) | (events.kind == EventKind.ADD_TO_STATE)
    _reject(events, ~known, "its kind is no EventKind")
    _reject(events, (events.target < 0) | (events.target >= size), f"its target is none of {inputs} inputs or {states} states")
    _reject(events, ~np.isfinite(events.time) | ~np.isfinite(events.value), "its time and value must be finite")
    _reject(events, events.time < time[events.patient], "it is earlier than the patient's present time")


def _all_are_sound(events: Events, *, time: np.ndarray, size: np.ndarray) -> bool:
    """Whether no event is wrong in any way: one look at all, since nearly always none is."""
    places = (events.patient >= 0) & (events.patient < len(time)) & (events.target >= 0) & (events.target < size)
    known = (events.kind == EventKind.SET_INPUT) | (events.kind == EventKind.ADD_TO_STATE)
    if not (places & known & np.isfinite(events.time) & np.isfinite(events.value)).all():
        return False
    return bool((events.time >= time[events.patient]).all())


def _reject(events: Events, wrong: np.ndarray, why: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        patient, kind, target = (int(column[row]) for column in (events.patient, events.kind, events.target))
        raise ValueError(f"event {row} (patient {patient}, time {events.time[row]:g} h, kind {kind}, target {target}): {why}.")
