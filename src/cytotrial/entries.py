"""What enters the biology from outside: set, added or called off during a round, handed over at its end, and kept on record.

It decides nothing and moves no patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.events import EventKind, Events
from cytotrial.model.biology import Biology
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray
from cytotrial.observe.columns import texts

SET, ADD, CALLED_OFF = "set", "add", "called off"
KINDS = {SET: EventKind.SET_INPUT, ADD: EventKind.ADD_TO_STATE}
EVENT_COLUMNS = ("ID", "TIME", "TARGET", "KIND", "VALUE", "UNIT", "WHAT")


@dataclass(frozen=True)
class _Entry:
    """One thing set, added or called off for some patients at once, (who,): positions, when [h] and how much of what; where
    it is as much for all of them, `value` is one number.

    `index` is of an input where set or called off, of a state where added.
    """

    who: IntArray
    time: FloatArray
    value: FloatArray | float
    index: int
    target: str
    kind: str
    unit: str
    what: str

    def of(self, some: BoolArray) -> _Entry:
        """The entry for some of its patients, (who,)."""
        value = self.value if isinstance(self.value, float) else self.value[some]
        return replace(self, who=self.who[some], time=self.time[some], value=value)


class Entries:
    """What entered the biology of a chunk of patients so far, and what waits to be handed to their ensemble.

    The ensemble keeps its events in order of time: it is told once per round, since each word puts them in order again.
    """

    def __init__(self, ensemble: Ensemble, biology: Biology, ids: IntArray) -> None:
        """Nothing has entered yet."""
        self._ensemble = ensemble
        self._biology = biology
        self._ids = ids
        self._inputs = list(biology.system.inputs)
        self._states = list(biology.system.states)
        self._record: list[_Entry] = []
        self._waiting: list[_Entry] = []
        self._forgotten: BoolArray = np.zeros((ids.size, len(self._inputs)), dtype=bool)

    def set(self, index: int, who: IntArray, *, time: FloatArray, value: FloatArray | float, what: str) -> None:
        """Sets an input of the patients at the positions `who`, from a time [h] (who,) on."""
        name = self._inputs[index]
        self._add(_Entry(who, time, value, index, _shown(name), SET, self._biology.inputs[name].unit, what))

    def add(self, index: int, who: IntArray, *, time: FloatArray, value: FloatArray, what: str) -> None:
        """Adds to a state of the patients at the positions `who`, at a time [h] (who,)."""
        name = self._states[index]
        self._add(_Entry(who, time, value, index, _shown(name), ADD, self._biology.states[name].unit, what))

    def call_off(self, index: int, who: IntArray, *, time: FloatArray) -> None:
        """Calls off what is planned for an input of the patients at the positions `who`, now [h] (who,)."""
        if who.size == 0:
            return
        self._forgotten[who, index] = True
        concerned = [entry.kind == SET and entry.index == index for entry in self._waiting]
        if any(concerned):
            stays = np.ones(self._ids.size, dtype=bool)
            stays[who] = False
            self._waiting = [
                entry.of(stays[entry.who]) if is_concerned else entry
                for entry, is_concerned in zip(self._waiting, concerned, strict=True)
            ]
        self._record.append(_Entry(who, time, np.nan, index, _shown(self._inputs[index]), CALLED_OFF, "", ""))

    def note_cure(self, name: str, who: IntArray, *, time: FloatArray, value: float) -> None:
        """Puts on record that a state was set at a visit; it has been set already."""
        unit = self._biology.states[name].unit
        self._record.append(_Entry(who, time, value, self._states.index(name), _shown(name), SET, unit, "cure"))

    def hand_over(self) -> None:
        """Tells the ensemble what was called off and what is to come."""
        if self._forgotten.any():
            self._ensemble.cancel_inputs(self._forgotten)
            self._forgotten[:] = False
        if not self._waiting:
            return
        sizes = [entry.who.size for entry in self._waiting]
        events = Events(
            patient=np.concatenate([entry.who for entry in self._waiting]),
            time=np.concatenate([entry.time for entry in self._waiting]),
            target=np.repeat([entry.index for entry in self._waiting], sizes),
            kind=np.repeat([int(KINDS[entry.kind]) for entry in self._waiting], sizes),
            value=_joined(self._waiting, sizes),
        )
        self._waiting = []
        self._ensemble.schedule(events)

    def table(self) -> pd.DataFrame:
        """Everything that entered the biology, in the order given; replayed with the same stops, the same bits.

        What was planned and called off, or lies beyond the end of a patient's follow-up, has not entered it.
        """
        if not self._record:
            return pd.DataFrame()
        sizes = [entry.who.size for entry in self._record]
        patient, time = (np.concatenate([getattr(entry, name) for entry in self._record]) for name in ("who", "time"))
        value = _joined(self._record, sizes)
        target = np.unique([entry.target for entry in self._record], return_inverse=True)[1]
        called_off = np.repeat([entry.kind == CALLED_OFF for entry in self._record], sizes)
        next_call = _next_call(patient, np.repeat(target, sizes), time, called_off=called_off)
        entered = ~called_off & (time < self._ensemble.time[patient]) & ~(time >= next_call)
        number = np.repeat(np.arange(len(sizes)), sizes)[entered]
        words = {
            column: texts(number, [getattr(entry, column.lower()) for entry in self._record])
            for column in ("TARGET", "KIND", "UNIT", "WHAT")
        }
        numbers = {"ID": self._ids[patient[entered]], "TIME": time[entered], "VALUE": value[entered]}
        columns = {**numbers, **words}
        return pd.DataFrame({name: columns[name] for name in EVENT_COLUMNS}, copy=False)

    def _add(self, entry: _Entry) -> None:
        if entry.who.size:
            self._waiting.append(entry)
            self._record.append(entry)


def _next_call(patient: IntArray, target: IntArray, time: FloatArray, *, called_off: BoolArray) -> FloatArray:
    """When the target of each row was next called off for its patient, NaN where never; (rows,) each.

    Time only rises, so the first call after an event is the one that can reach it.
    """
    # Entries come in order of patients: their order within a target is found sooner than any other.
    order = np.argsort(target * (patient.max() + 1) + patient, kind="stable")
    rows = np.arange(order.size)
    following = np.minimum.accumulate(np.where(called_off[order], rows, order.size)[::-1])[::-1]
    call = order[np.minimum(following, order.size - 1)]
    is_own = (following < order.size) & (patient[call] == patient[order]) & (target[call] == target[order])
    found = np.full(order.size, np.nan)
    found[order] = np.where(is_own, time[call], np.nan)
    return found


def _joined(entries: Sequence[_Entry], sizes: Sequence[int]) -> FloatArray:
    """The values of entries, one after the other."""
    ends = np.cumsum(sizes)
    values = np.empty(ends[-1])
    for entry, end, size in zip(entries, ends, sizes, strict=True):
        values[end - size : end] = entry.value
    return values


def _shown(flattened: str) -> str:
    """The name of a state or input for people: 'module.name', or the port's own."""
    return flattened.replace("__", ".")


__all__ = ["EVENT_COLUMNS", "Entries"]
