"""What happens to patients by chance: events whose cumulative hazard is a state of the biology. No hazard is computed here.

An event happens when its cumulative hazard passes a number drawn for the patient, -log U; a recurring one draws the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cytotrial.model.parts import ChanceEvent
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, FloatArray, IntArray
from cytotrial.population.streams import uniforms_of_streams

MOST_BETWEEN_VISITS = 20  # an event that recurs more often between two visits counts no further


class Happenings:
    """The events of a chunk of patients so far; arrays are (patients,), or (events, patients)."""

    def __init__(
        self, events: Sequence[ChanceEvent], *, seed: int, ids: IntArray, other_death: FloatArray | None = None
    ) -> None:
        """Nothing has happened yet.

        Args:
            events: what may happen.
            seed: of the trial.
            ids: numbers of the patients.
            other_death: when each dies of a cause that is no event of the biology [h]; nobody does where None.
        """
        self.events = tuple(events)
        self._place = {event.name: index for index, event in enumerate(self.events)}
        self.death_time: FloatArray = np.full(ids.size, np.inf) if other_death is None else other_death.copy()
        self._seed = seed
        self._ids = ids
        shape = (len(self.events), ids.size)
        self._count: IntArray = np.zeros(shape, dtype=np.int64)
        self._last: FloatArray = np.full(shape, -np.inf)
        self._next: FloatArray = np.zeros(shape)
        if self._next.size:
            event, who = (place.ravel() for place in np.indices(shape))
            self._next[:] = self._draw(event, who).reshape(shape)
        self._hazard: FloatArray = np.zeros(shape)
        self._recurs = np.array([event.recurs for event in self.events], dtype=bool)
        self._is_fatal = np.array([event.fatal for event in self.events], dtype=bool)
        self._lasts = np.array([event.lasts_hours for event in self.events])[:, None]
        self._cause = np.full(ids.size, -1)

    def advance(self, hazards: FloatArray, before: FloatArray, now: FloatArray, moved: IntArray) -> None:
        """Takes note of what happened between two visits.

        Args:
            hazards: cumulative hazards now of those who came to a visit, (events, moved).
            before: time of the last visit [h] (patients,).
            now: time of this visit [h] (patients,).
            moved: positions of who has come to a visit.
        """
        start = self._hazard[:, moved]
        event, column = np.nonzero(self._passes(hazards, (slice(None), moved)))
        for _ in range(MOST_BETWEEN_VISITS):
            if event.size == 0:
                break
            who, begin, end = moved[column], start[event, column], hazards[event, column]
            # Linear in time between the visits: the hazard's own course in between is not kept.
            share = np.clip((self._next[event, who] - begin) / np.maximum(end - begin, np.finfo(float).eps), 0.0, 1.0)
            self._note(event, who, before[who] + share * (now[who] - before[who]))
            again = self._passes(end, (event, who))
            event, column = event[again], column[again]
        self._hazard[:, moved] = hazards

    def _passes(self, hazard: FloatArray, at: tuple[IntArray | slice, IntArray]) -> BoolArray:
        """Whether an event happens, at these places of events and positions of patients."""
        recurs = self._recurs[:, None] if isinstance(at[0], slice) else self._recurs[at[0]]
        may_happen = recurs | (self._count[at] == 0)
        return np.asarray((hazard >= self._next[at]) & may_happen, dtype=np.bool_)

    def _note(self, event: IntArray, who: IntArray, when: FloatArray) -> None:
        """Events happen to patients, in order of the events; (happening,) each. The next one of each kind is drawn."""
        self._last[event, who] = when
        self._count[event, who] += 1
        self._next[event, who] += self._draw(event, who)
        for index in np.unique(event[self._is_fatal[event]]):
            of_this = event == index
            dies = when[of_this] < self.death_time[who[of_this]]
            self.death_time[who[of_this][dies]] = when[of_this][dies]
            self._cause[who[of_this][dies]] = index

    def findings(self, since: FloatArray, now: FloatArray) -> dict[str, FloatArray]:
        """What is seen at a visit: 1 where an event lasts or happened since the last visit, else 0."""
        is_seen = (self._last > since) | (now <= self._last + self._lasts + TIME_TOLERANCE_HOURS)
        return dict(zip((event.name for event in self.events), is_seen.astype(np.float64), strict=True))

    def lasting(self, event: ChanceEvent, now: FloatArray) -> BoolArray:
        """Whom an event still holds now."""
        return np.asarray(now < self.end_of(event) - TIME_TOLERANCE_HOURS, dtype=np.bool_)

    def end_of(self, event: ChanceEvent) -> FloatArray:
        """When the last event of this kind ends [h]."""
        end: FloatArray = self._last[self._place[event.name]] + event.lasts_hours
        return end

    def is_of_an_event(self) -> BoolArray:
        """Whose death at `death_time` is of an event of the biology, not of another cause."""
        return np.asarray(self._cause >= 0, dtype=np.bool_)

    def deaths(self) -> pd.DataFrame:
        """Patients who died of an event: ID, TIME, TERM, SOC."""
        dead = np.flatnonzero(self.is_of_an_event())
        causes = [self.events[index] for index in self._cause[dead]]
        return pd.DataFrame(
            {
                "ID": self._ids[dead],
                "TIME": self.death_time[dead],
                "TERM": [event.term for event in causes],
                "SOC": [event.system_organ_class for event in causes],
            }
        )

    def _draw(self, event: IntArray, who: IntArray) -> FloatArray:
        """How much more hazard each takes until the next event, (event,) in order of the events."""
        kinds, starts = np.unique(event, return_index=True)
        streams = [f"event:{self.events[kind].name}" for kind in kinds]
        patients, counts = (np.split(column, starts[1:]) for column in (self._ids[who], self._count[event, who]))
        drawn: FloatArray = uniforms_of_streams(self._seed, streams, patients, counts, draws=1)[:, 0]
        return -np.log(drawn)
