"""Adverse events as episodes, from the grades of each round of visits. It grades nothing and relates nothing to a drug.

An episode starts at the first visit with a grade above the patient's baseline grade and ends at the first later visit where the
term was assessed at or below it; an unknown grade keeps it open. What was there at baseline is an event only once it worsens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.grading import Grader

COLUMNS = ("ARM", "ID", "TERM", "SOC", "GRADE", "ASTTM", "AENTM", "TIME_WORST", "COURSE", "CYCLE", "VERSION")


@dataclass
class _Running:
    """The episodes of one term that are open, (patients,) each."""

    baseline: CodeArray
    is_open: BoolArray
    worst: CodeArray
    onset: FloatArray
    time_worst: FloatArray
    course: IntArray
    cycle: IntArray

    @classmethod
    def start(cls, patients: int) -> _Running:
        def times() -> FloatArray:
            return np.full(patients, np.nan)

        def counts() -> IntArray:
            return np.zeros(patients, dtype=np.int64)

        codes = np.zeros(patients, dtype=np.int8)
        return cls(codes, np.zeros(patients, dtype=bool), codes.copy(), times(), times(), counts(), counts())


@dataclass(frozen=True)
class _Episodes:
    """Episodes of one term that ended in one round, or are still open; (episodes,) each. `rows` are positions of patients."""

    term: str
    rows: IntArray
    worst: CodeArray
    onset: FloatArray
    end: FloatArray
    time_worst: FloatArray
    course: IntArray
    cycle: IntArray


class AdverseEvents:
    """The episodes of a chunk of patients, collected round by round."""

    def __init__(self, grader: Grader, patients: int) -> None:
        self._grader = grader
        self._running = {term: _Running.start(patients) for term in grader.terms}
        self._closed: list[_Episodes] = []

    def add(
        self,
        grades: Mapping[str, CodeArray],
        *,
        time: FloatArray,
        present: BoolArray,
        first: BoolArray,
        course: IntArray,
        cycle: IntArray,
    ) -> None:
        """Adds a round: grades (-1 unknown) of the patients present; `course` and `cycle` count from 1, 0 before the first."""
        starting = first & present
        anybody_starts = bool(starting.any())
        for term, running in self._running.items():
            grade = grades[term]
            if anybody_starts:
                running.baseline = np.where(starting, np.maximum(grade, 0), running.baseline).astype(np.int8)
            above = present & (grade > running.baseline)
            if not (above.any() or running.is_open.any()):
                continue
            over = present & running.is_open & (grade >= 0) & (grade <= running.baseline)
            self._close(term, over, time)
            running.is_open = running.is_open & ~over
            starts = above & ~running.is_open
            worse = above & (starts | (grade > running.worst))
            running.worst = np.where(worse, grade, running.worst).astype(np.int8)
            running.time_worst = np.where(worse, time, running.time_worst)
            running.onset = np.where(starts, time, running.onset)
            running.course = np.where(starts, course, running.course)
            running.cycle = np.where(starts, cycle, running.cycle)
            running.is_open = running.is_open | above

    def to_table(self, *, arm: str, ids: IntArray) -> pd.DataFrame:
        """The table `adverse_events` of a run. AENTM is missing where the event had not ended at the last visit."""
        still_open = [
            self._episodes(term, running.is_open, np.full(running.onset.shape, np.nan))
            for term, running in self._running.items()
        ]
        parts = [part for part in (*self._closed, *still_open) if part.rows.size]
        if not parts:
            return pd.DataFrame({name: pd.Series(dtype=_TYPES.get(name, "object")) for name in COLUMNS})
        terms = [self._grader.terms[part.term] for part in parts]
        sizes = [part.rows.size for part in parts]
        columns = {
            "ARM": arm,
            "ID": ids[np.concatenate([part.rows for part in parts])],
            "TERM": np.repeat(np.array([term.name for term in terms], dtype=object), sizes),
            "SOC": np.repeat(np.array([term.system_organ_class for term in terms], dtype=object), sizes),
            "GRADE": np.concatenate([part.worst for part in parts]).astype(np.int64),
            "ASTTM": np.concatenate([part.onset for part in parts]),
            "AENTM": np.concatenate([part.end for part in parts]),
            "TIME_WORST": np.concatenate([part.time_worst for part in parts]),
            "COURSE": np.concatenate([part.course for part in parts]),
            "CYCLE": np.concatenate([part.cycle for part in parts]),
            "VERSION": self._grader.version,
        }
        return pd.DataFrame(columns).sort_values(["ID", "ASTTM", "TERM"], kind="stable", ignore_index=True)[list(COLUMNS)]

    def _close(self, term: str, over: BoolArray, time: FloatArray) -> None:
        if over.any():
            self._closed.append(self._episodes(term, over, time))

    def _episodes(self, term: str, chosen: BoolArray, end: FloatArray) -> _Episodes:
        running = self._running[term]
        (rows,) = np.nonzero(chosen)
        return _Episodes(
            term,
            rows,
            running.worst[rows],
            running.onset[rows],
            end[rows],
            running.time_worst[rows],
            running.course[rows],
            running.cycle[rows],
        )


_TYPES = {
    "ID": "int64",
    "GRADE": "int64",
    "ASTTM": "float64",
    "AENTM": "float64",
    "TIME_WORST": "float64",
    "COURSE": "int64",
    "CYCLE": "int64",
}
