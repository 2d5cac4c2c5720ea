"""Supportive care as switches of the biology: on with the first dose of a cycle, off some time after its last planned one.

It doses nothing and turns nothing itself: it says who is to be turned, when, and to what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cytotrial.formats.clinic import SupportFile
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, FloatArray, IntArray
from cytotrial.population.streams import uniforms
from cytotrial.units import hours


@dataclass(frozen=True)
class Switch:
    """One input of the biology: its index, the value while care is given, for how long after the last dose [h], and to which
    share of the patients. `entry` is its name in the set; what is `ordered` waits for a rule that treats with it.
    """

    name: str
    index: int
    value: float
    after_hours: float
    share: float = 1.0
    entry: str = ""
    ordered: bool = False


@dataclass(frozen=True)
class Turn:
    """A switch turned for some patients: (patients,) who, when [h], to which value; `forget` cancels its plans."""

    switch: Switch
    at: BoolArray
    time: FloatArray
    value: float
    forget: bool


def switches(support: SupportFile, inputs: Sequence[str]) -> tuple[Switch, ...]:
    """The switches of a set that this composition has."""
    return tuple(
        Switch(care.input, list(inputs).index(care.input), care.value, hours(care.after), care.share, entry, care.ordered)
        for entry, care in support.care.items()
        if care.input in inputs
    )


class CarePlan:
    """Until when each treatment holds each switch, per patient; a switch stays on as long as any treatment holds it.

    Care that only a share of the patients gets is drawn once per patient: twins in two arms draw the same lot.
    """

    def __init__(self, inputs: int, ids: IntArray, *, seed: int) -> None:
        self._shape = (inputs, ids.size)
        self._ids = ids
        self._seed = seed
        self._lots: dict[str, FloatArray] = {}
        self._until: dict[str, FloatArray] = {}
        self._turned_on = np.full(self._shape, -np.inf)

    def dose_given(
        self, treatment: str, care: Sequence[Switch], *, at: BoolArray, time: FloatArray, cycle_end: FloatArray
    ) -> list[Turn]:
        """Turns on what the cycle of a dose needs, where it is off, and plans its end [h]; nothing where that is done.

        The first dose given of a cycle may not be its first slot, and a delay moves the end of a cycle: so every dose asks.
        """
        by_cycle = [switch for switch in care if not switch.ordered]
        return self._hold(treatment, by_cycle, at=at, time=time, from_=cycle_end)

    def ordered(self, treatment: str, care: Sequence[Switch], *, at: BoolArray, time: FloatArray) -> list[Turn]:
        """Turns on what a rule ordered, for the stated time from now; a stop of the cycle does not end it."""
        return self._hold(f"ordered: {treatment}", care, at=at, time=time, from_=time)

    def _hold(self, holder: str, care: Sequence[Switch], *, at: BoolArray, time: FloatArray, from_: FloatArray) -> list[Turn]:
        held = self._until.setdefault(holder, np.full(self._shape, -np.inf))
        turns = []
        for switch in care:
            until = from_ + switch.after_hours
            longer = at & (until > held[switch.index] + TIME_TOLERANCE_HOURS) & self._gets(switch)
            if not longer.any():
                continue
            is_on = self._latest(switch) > time
            held[switch.index] = np.where(longer, until, held[switch.index])
            turns += self._until_then(switch, longer, time=time, starts=longer & ~is_on)
        return turns

    def cycle_stops(self, treatment: str, care: Sequence[Switch], *, at: BoolArray, time: FloatArray) -> list[Turn]:
        """Brings the end forward where a cycle was stopped and no other treatment holds the switch for longer."""
        held = self._until.setdefault(treatment, np.full(self._shape, -np.inf))
        turns = []
        for switch in care:
            until = time + switch.after_hours
            if not (at & (until < held[switch.index])).any():
                continue
            before = self._latest(switch)
            held[switch.index] = np.where(at & (until < held[switch.index]), until, held[switch.index])
            nobody = np.zeros(time.size, dtype=bool)
            turns += self._until_then(switch, self._latest(switch) < before, time=time, starts=nobody)
        return turns

    def _until_then(self, switch: Switch, at: BoolArray, *, time: FloatArray, starts: BoolArray) -> list[Turn]:
        """A new end in place of the planned one, and a start where there is one to make.

        Forgetting the planned end forgets what another treatment of the same visit has just turned on: that is said again.
        """
        starts = starts | (at & (self._turned_on[switch.index] >= time))
        self._turned_on[switch.index] = np.where(starts, time, self._turned_on[switch.index])
        return [
            Turn(switch, at, self._latest(switch), 0.0, forget=True),
            Turn(switch, starts, time, switch.value, forget=False),
        ]

    def _gets(self, switch: Switch) -> BoolArray:
        if switch.name not in self._lots:
            self._lots[switch.name] = uniforms(self._seed, f"care:{switch.name}", self._ids, 0, draws=1)[:, 0]
        return np.asarray(self._lots[switch.name] < switch.share, dtype=np.bool_)

    def _latest(self, switch: Switch) -> FloatArray:
        latest: FloatArray = np.max([held[switch.index] for held in self._until.values()], axis=0)
        return latest
