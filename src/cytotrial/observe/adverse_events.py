"""Adverse events as episodes, from the grades of each round of visits. It grades nothing and relates nothing to a drug.

An episode starts at the first visit with a grade above the patient's baseline grade and ends at the first later visit where the
term was assessed at or below it; an unknown grade keeps it open. What was there at baseline is an event only once it worsens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.columns import texts
from cytotrial.observe.grading import Grader, Grades

COLUMNS = ("ARM", "ID", "TERM", "SOC", "GRADE", "ASTTM", "AENTM", "TIME_WORST", "COURSE", "CYCLE", "VERSION")


@dataclass
class _Running:
    """The episodes that are open, (terms, patients) each."""

    baseline: CodeArray
    is_open: BoolArray
    worst: CodeArray
    onset: FloatArray
    time_worst: FloatArray
    course: IntArray
    cycle: IntArray

    @classmethod
    def start(cls, terms: int, patients: int) -> _Running:
        shape = (terms, patients)
        codes, times, counts = np.zeros(shape, dtype=np.int8), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
        return cls(codes, np.zeros(shape, dtype=bool), codes.copy(), times, times.copy(), counts, counts.copy())


@dataclass(frozen=True)
class _Episodes:
    """Episodes that ended in one round, or are still open, (episodes,) each; `term` and `rows` are positions."""

    term: IntArray
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
        self._running = _Running.start(len(grader.terms), patients)
        self._closed: list[_Episodes] = []

    def add(
        self,
        grades: Grades,
        *,
        who: IntArray,
        time: FloatArray,
        first: BoolArray,
        course: IntArray,
        cycle: IntArray,
    ) -> None:
        """Adds a round of the patients at the positions `who`, (who,) each: grades (-1 unknown), when, and whose first it is;
        `course` and `cycle` count from 1, 0 before the first.
        """
        if not (who.size and self._grader.terms):
            return
        running = self._running
        # All terms at once: a term or a patient with nothing open would cost as much as any.
        grade = grades.codes
        if first.any():
            running.baseline[:, who[first]] = np.maximum(grade[:, first], 0)
        baseline, is_open = running.baseline[:, who], running.is_open[:, who]
        above = grade > baseline
        if not (above.any() or is_open.any()):
            return
        term, at = np.nonzero(is_open & (grade >= 0) & ~above)
        if term.size:
            self._closed.append(self._episodes(term, who[at], end=time[at]))
            is_open[term, at] = False
        starts = above & ~is_open
        term, at = np.nonzero(above & (starts | (grade > running.worst[:, who])))
        running.worst[term, who[at]] = grade[term, at]
        running.time_worst[term, who[at]] = time[at]
        term, at = np.nonzero(starts)
        for kept, now in ((running.onset, time), (running.course, course), (running.cycle, cycle)):
            kept[term, who[at]] = now[at]
        running.is_open[:, who] = is_open | above

    def to_table(self, *, arm: str, ids: IntArray) -> pd.DataFrame:
        """The table `adverse_events` of a run. AENTM is missing where the event had not ended at the last visit."""
        term, rows = np.nonzero(self._running.is_open)
        still_open = self._episodes(term, rows, end=np.full(rows.size, np.nan))
        parts = [part for part in (*self._closed, still_open) if part.rows.size]
        if not parts:
            return pd.DataFrame({name: pd.Series(dtype=_TYPES.get(name, "object")) for name in COLUMNS})
        terms = list(self._grader.terms.values())
        which, onset = (np.concatenate([getattr(part, name) for part in parts]) for name in ("term", "onset"))
        patient = ids[np.concatenate([part.rows for part in parts])]
        by_name = np.argsort(np.argsort([term.name for term in terms], kind="stable"))
        order = np.lexsort((by_name[which], onset, patient))
        which = which[order]
        same = np.zeros(order.size, dtype=np.int8)

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])[order]

        columns = {
            "ARM": texts(same, [arm]),
            "ID": patient[order],
            "TERM": texts(which, [term.name for term in terms]),
            "SOC": texts(which, [term.system_organ_class for term in terms]),
            "GRADE": joined("worst").astype(np.int64),
            "ASTTM": onset[order],
            "AENTM": joined("end"),
            "TIME_WORST": joined("time_worst"),
            "COURSE": joined("course"),
            "CYCLE": joined("cycle"),
            "VERSION": texts(same, [self._grader.version]),
        }
        return pd.DataFrame(columns, copy=False)[list(COLUMNS)]

    def _episodes(self, term: IntArray, rows: IntArray, *, end: FloatArray) -> _Episodes:
        """The episodes that are open at these places of terms and positions of patients."""
        running = self._running
        at = (term, rows)
        return _Episodes(
            term,
            rows,
            running.worst[at],
            running.onset[at],
            end,
            running.time_worst[at],
            running.course[at],
            running.cycle[at],
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
