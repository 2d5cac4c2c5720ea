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

NOTHING_SEEN = np.int8(-2)  # no grade, and not an unknown one


@dataclass
class _Running:
    """The episodes that are open, and the grades seen last, (terms, patients) each."""

    last: CodeArray
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
        nothing, is_open = np.full(shape, NOTHING_SEEN), np.zeros(shape, dtype=bool)
        return cls(nothing, codes, is_open, codes.copy(), times, times.copy(), counts, counts.copy())


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
        # All terms at once; a grade that is the same as at the last visit begins, ends and worsens nothing.
        term, at = np.nonzero(grades.codes != running.last[:, who])
        running.last[:, who] = grades.codes
        if first.any():
            running.baseline[:, who[first]] = np.maximum(grades.codes[:, first], 0)
        patient, grade = who[at], grades.codes[term, at]
        is_open, above = running.is_open[term, patient], grade > running.baseline[term, patient]
        over = is_open & (grade >= 0) & ~above
        if over.any():
            self._closed.append(self._episodes(term[over], patient[over], end=time[at[over]]))
        starts = above & ~is_open
        worsens = above & (starts | (grade > running.worst[term, patient]))
        running.worst[term[worsens], patient[worsens]] = grade[worsens]
        running.time_worst[term[worsens], patient[worsens]] = time[at[worsens]]
        for kept, now in ((running.onset, time), (running.course, course), (running.cycle, cycle)):
            kept[term[starts], patient[starts]] = now[at[starts]]
        running.is_open[term, patient] = (is_open & ~over) | above

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
