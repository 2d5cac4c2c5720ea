"""Side effects as a publication would report them, beside all that were graded. It grades nothing and changes no grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.formats.clinic import GradingFile
from cytotrial.formats.reporting import HIGHEST_GRADE, ReportingFile
from cytotrial.results.adverse_events import SEVERE, UNIT_KEYS, Denominator
from cytotrial.results.proportions import Estimate, exact_proportion
from cytotrial.results.tables import readable

ANY_REPORTED = "Any of these"
COLUMNS = [
    *("scheme", "arm", "term", "reported_from_grade", "patients", "graded_percent", "graded_3_or_more_percent"),
    *("reported_percent", "low_percent", "high_percent", "reported_3_or_more_percent"),
]


@dataclass(frozen=True)
class ReportedLine:
    """One line of a publication's table: `terms` as the run's grading writes them; `shares` by grade 0 to 5, reported."""

    name: str
    title: str
    terms: tuple[str, ...]
    from_grade: int
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Scheme:
    """How a publication reports side effects. A term that stands in no line is not reported."""

    name: str
    title: str
    note: str
    lines: tuple[ReportedLine, ...]

    @property
    def reported(self) -> frozenset[str]:
        """Every term that is reported, without regard to capitals."""
        return frozenset(term.casefold() for line in self.lines for term in line.terms)

    def line(self, term: str) -> ReportedLine | None:
        """The line of that name or title, None where the publication has none."""
        wanted = term.replace("_", " ").casefold()
        found = (line for line in self.lines if wanted in {line.name.replace("_", " ").casefold(), line.title.casefold()})
        return next(found, None)


def scheme_of(name: str, file: ReportingFile, grading: GradingFile) -> Scheme:
    """The scheme of a file in the words of a grading; a term that this grading does not have drops out of its line."""
    lines = []
    for key, written in file.terms.items():
        shares = [0.0] + [
            0.0 if grade < written.from_grade else written.share.get(grade, 1.0) for grade in range(1, HIGHEST_GRADE + 1)
        ]
        terms = tuple(grading.terms[term].term for term in written.of if term in grading.terms)
        title = written.title.en if written.title else key.replace("_", " ")
        lines.append(ReportedLine(key, title, terms, written.from_grade, tuple(shares)))
    return Scheme(name, file.title.en, file.note, tuple(lines))


def scheme_to_json(scheme: Scheme) -> dict[str, Any]:
    """A scheme as plain JSON values."""
    return {**vars(scheme), "lines": [vars(line) for line in scheme.lines]}


def scheme_from_json(content: Mapping[str, Any]) -> Scheme:
    """The scheme that `scheme_to_json` wrote."""
    lines = tuple(
        ReportedLine(line["name"], line["title"], tuple(line["terms"]), line["from_grade"], tuple(line["shares"]))
        for line in content["lines"]
    )
    return Scheme(content["name"], content["title"], content["note"], lines)


def as_reported(patients: pd.DataFrame, events: pd.DataFrame, scheme: Scheme, *, arms: Sequence[str]) -> pd.DataFrame:
    """One row per arm and line of the scheme, patients counted once: what was graded beside what would be reported.

    Columns: scheme, arm, term, reported_from_grade, patients, graded_percent, graded_3_or_more_percent (the same terms, whether
    reported or not), reported_percent with low_percent and high_percent (95 %), reported_3_or_more_percent. The first row of an
    arm is any line.
    """
    rows = []
    for arm in arms:
        members, mine = patients[patients["ARM"] == arm], events[events["ARM"] == arm]
        worst = _WorstGrades(mine, members, per="patient")
        for line in (None, *scheme.lines):
            graded = [100 * worst.share_graded(line, at_least=grade) for grade in (1, SEVERE)]
            told = [worst.reported(scheme, line, at_least=grade) for grade in (1, SEVERE)]
            title = ANY_REPORTED if line is None else line.title
            first = None if line is None else line.from_grade
            shares = (100 * told[0].value, 100 * told[0].low, 100 * told[0].high, 100 * told[1].value)
            rows.append([scheme.name, arm, title, first, len(members), *graded, *shares])
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return readable(frame.astype({"patients": "int64", "reported_from_grade": "Int64"}))


def reported_rate(
    events: pd.DataFrame, units: pd.DataFrame, scheme: Scheme, *, line: ReportedLine | None, at_least: int, per: Denominator
) -> Estimate:
    """The share of `units` that the publication would report with a line, any line where None, at or above a grade.

    `units` are rows of ID, of ID and COURSE, or of ID, COURSE and CYCLE. Where a grade is reported in part, its units count in
    part, and the interval is that of the nearest whole count.
    """
    return _WorstGrades(events, units, per=per).reported(scheme, line, at_least=at_least)


class _WorstGrades:
    """The worst grade of every term in every unit, counted once: the lines of a table are then looked up."""

    def __init__(self, events: pd.DataFrame, units: pd.DataFrame, *, per: Denominator) -> None:
        keys = UNIT_KEYS[per]
        counted = pd.MultiIndex.from_frame(units[keys].astype("int64").drop_duplicates())
        hits = events.dropna(subset=[*keys, "GRADE", "TERM"])
        place = counted.get_indexer(pd.MultiIndex.from_frame(hits[keys].astype("int64")))
        codes, terms = pd.factorize(hits["TERM"])
        inside = place >= 0
        self.units = len(counted)
        self._terms = [str(term).casefold() for term in terms]
        self._grades = np.zeros((len(terms), len(counted)), dtype=np.int8)
        np.maximum.at(self._grades, (codes[inside], place[inside]), hits["GRADE"].to_numpy(dtype=np.int8)[inside])

    def reported(self, scheme: Scheme, line: ReportedLine | None, *, at_least: int) -> Estimate:
        """As `reported_rate`."""
        silent = np.ones(self.units)
        for one in scheme.lines if line is None else (line,):
            shares = np.where(np.arange(HIGHEST_GRADE + 1) >= at_least, one.shares, 0.0)
            silent *= 1 - shares[self._of(one)]
        total = float((1 - silent).sum())
        exact = exact_proportion(round(total), self.units)
        return Estimate(total / self.units if self.units else exact.value, exact.low, exact.high, exact.n)

    def share_graded(self, line: ReportedLine | None, *, at_least: int) -> float:
        """The share of units graded at or above a grade, whether reported or not: of a line's terms, of all where None."""
        return float((self._of(line) >= at_least).mean()) if self.units else float("nan")

    def _of(self, line: ReportedLine | None) -> np.ndarray:
        """The worst grade of a line's terms, of all terms where None, in each unit (units,); 0 for none."""
        wanted = None if line is None else {term.casefold() for term in line.terms}
        chosen = [wanted is None or term in wanted for term in self._terms]
        worst: np.ndarray = self._grades[chosen].max(axis=0, initial=0)
        return worst
