"""What happens to patients by chance: events whose cumulative hazard is a state of the biology. No hazard is computed here.

An event happens when its cumulative hazard passes a number drawn for the patient, -log U; a recurring one draws the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cytotrial.model.parts import ChanceEvent
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, FloatArray, IntArray
from cytotrial.population.streams import uniforms

MOST_BETWEEN_VISITS = 20  # an event that recurs more often between two visits counts no further


class Happenings:
    """The events of a chunk of patients so far. All arrays (patients,)."""

    def __init__(self, events: Sequence[ChanceEvent], *, seed: int, ids: IntArray) -> None:
        """Nothing has happened yet."""
        self.events = tuple(events)
        self.death_time: FloatArray = np.full(ids.size, np.inf)
        self._seed = seed
        self._ids = ids
        self._count = {event.name: np.zeros(ids.size, dtype=np.int64) for event in self.events}
        self._last = {event.name: np.full(ids.size, -np.inf) for event in self.events}
        self._next = {event.name: self._draw(event, np.ones(ids.size, dtype=bool)) for event in self.events}
        self._hazard = {event.name: np.zeros(ids.size) for event in self.events}
        self._cause = np.full(ids.size, -1)

    def advance(self, hazards: Mapping[str, FloatArray], before: FloatArray, now: FloatArray, moved: BoolArray) -> None:
        """Takes note of what happened between two visits.

        Args:
            hazards: cumulative hazard now, by flattened id of the state.
            before: time of the last visit [h].
            now: time of this visit [h].
            moved: who has come to a visit.
        """
        for index, event in enumerate(self.events):
            start, end = self._hazard[event.name], hazards[event.hazard]
            for _ in range(MOST_BETWEEN_VISITS):
                happens = moved & (end >= self._next[event.name]) & (event.recurs | (self._count[event.name] == 0))
                if not happens.any():
                    break
                # Linear in time between the visits: the hazard's own course in between is not kept.
                share = np.clip((self._next[event.name] - start) / np.maximum(end - start, np.finfo(float).eps), 0.0, 1.0)
                when = before + share * (now - before)
                self._last[event.name] = np.where(happens, when, self._last[event.name])
                self._count[event.name] = self._count[event.name] + happens
                self._next[event.name] = np.where(
                    happens, self._next[event.name] + self._draw(event, happens), self._next[event.name]
                )
                if event.fatal:
                    dies = happens & (when < self.death_time)
                    self.death_time = np.where(dies, when, self.death_time)
                    self._cause = np.where(dies, index, self._cause)
            self._hazard[event.name] = np.where(moved, end, start)

    def findings(self, since: FloatArray, now: FloatArray) -> dict[str, FloatArray]:
        """What is seen at a visit: 1 where an event lasts or happened since the last visit, else 0."""
        return {event.name: self._is_seen(event, since, now).astype(np.float64) for event in self.events}

    def lasting(self, event: ChanceEvent, now: FloatArray) -> BoolArray:
        """Whom an event still holds now."""
        return np.asarray(now < self._last[event.name] + event.lasts_hours - TIME_TOLERANCE_HOURS, dtype=np.bool_)

    def end_of(self, event: ChanceEvent) -> FloatArray:
        """When the last event of this kind ends [h]."""
        end: FloatArray = self._last[event.name] + event.lasts_hours
        return end

    def deaths(self) -> pd.DataFrame:
        """Patients who died of an event: ID, TIME, TERM, SOC."""
        dead = np.flatnonzero(np.isfinite(self.death_time))
        causes = [self.events[index] for index in self._cause[dead]]
        return pd.DataFrame(
            {
                "ID": self._ids[dead],
                "TIME": self.death_time[dead],
                "TERM": [event.term for event in causes],
                "SOC": [event.system_organ_class for event in causes],
            }
        )

    def _is_seen(self, event: ChanceEvent, since: FloatArray, now: FloatArray) -> BoolArray:
        last = self._last[event.name]
        return np.asarray((last > since) | (now <= last + event.lasts_hours + TIME_TOLERANCE_HOURS), dtype=np.bool_)

    def _draw(self, event: ChanceEvent, at: BoolArray) -> FloatArray:
        drawn = uniforms(self._seed, f"event:{event.name}", self._ids, self._count[event.name], draws=1)[:, 0]
        step: FloatArray = np.where(at, -np.log(drawn), 0.0)
        return step
