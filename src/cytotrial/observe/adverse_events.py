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


class AdverseEvents:
    """The episodes of a chunk of patients, collected round by round."""

    def __init__(self, grader: Grader, patients: int) -> None:
        self._grader = grader
        self._running = {term: _Running.start(patients) for term in grader.terms}
        self._closed: list[pd.DataFrame] = []

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
        for term, running in self._running.items():
            grade = grades[term]
            running.baseline = np.where(first & present, np.maximum(grade, 0), running.baseline).astype(np.int8)
            above = present & (grade > running.baseline)
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
        parts = [part.assign(ID=ids[part["ROW"].to_numpy()]) for part in self._closed]
        for term, running in self._running.items():
            part = self._rows(term, running.is_open, np.full(running.onset.shape, np.nan))
            parts.append(part.assign(ID=ids[part["ROW"].to_numpy()]))
        filled = [part for part in parts if len(part)]
        if not filled:
            return pd.DataFrame({name: pd.Series(dtype=_TYPES.get(name, "object")) for name in COLUMNS})
        table = pd.concat(filled, ignore_index=True).assign(ARM=arm, VERSION=self._grader.version)
        return table.sort_values(["ID", "ASTTM", "TERM"], kind="stable", ignore_index=True)[list(COLUMNS)]

    def _close(self, term: str, over: BoolArray, time: FloatArray) -> None:
        if over.any():
            self._closed.append(self._rows(term, over, time))

    def _rows(self, term: str, chosen: BoolArray, end: FloatArray) -> pd.DataFrame:
        running, named = self._running[term], self._grader.terms[term]
        (rows,) = np.nonzero(chosen)
        return pd.DataFrame(
            {
                "ROW": rows,
                "TERM": named.name,
                "SOC": named.system_organ_class,
                "GRADE": running.worst[rows].astype(np.int64),
                "ASTTM": running.onset[rows],
                "AENTM": end[rows],
                "TIME_WORST": running.time_worst[rows],
                "COURSE": running.course[rows],
                "CYCLE": running.cycle[rows],
            }
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
