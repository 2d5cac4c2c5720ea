"""Grades of single laboratory values, low and high apart, by the grading of the run. It knows no term and grades no patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cytotrial.formats.base import Text
from cytotrial.formats.clinic import GradedTerm, GradingFile
from cytotrial.formats.interface import Noise, Normal
from cytotrial.observe.conditions import leaves, without
from cytotrial.observe.grading import Grader
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import Finding, MonitoringPlan

Direction = Literal["low", "high"]
NO_TEXT = Text(en="", fr="")


@dataclass(frozen=True)
class LaboratoryGrading:
    """What single laboratory values can be graded by: the terms that speak of one value alone, and limits of normal."""

    grading: GradingFile
    normals: Mapping[str, Normal]
    units: Mapping[str, str]

    def term(self, name: str, direction: Direction) -> tuple[str, str] | None:
        """The id and the written name of the term that grades a value downwards or upwards; None where there is none."""
        for key, written in self.grading.terms.items():
            if _subject(written, self.normals) == name and _direction(written, name) == direction:
                return key, written.term
        return None


def laboratory_grading(grading: GradingFile, normals: Mapping[str, Normal], units: Mapping[str, str]) -> LaboratoryGrading:
    """The part of a grading that speaks of one laboratory value alone, without what it asks beside, such as a treatment."""
    terms = {}
    for key, written in grading.terms.items():
        name = _subject(written, normals)
        if name is not None:
            terms[key] = _of_value_alone(written, name)
    return LaboratoryGrading(grading.model_copy(update={"terms": terms}), dict(normals), dict(units))


def laboratory_grading_to_json(found: LaboratoryGrading) -> dict[str, Any]:
    """The laboratory grading as plain JSON values."""
    return {
        "grading": found.grading.model_dump(mode="json", by_alias=True, exclude_none=True),
        "normals": {name: normal.model_dump(mode="json") for name, normal in found.normals.items()},
        "units": dict(found.units),
    }


def laboratory_grading_from_json(content: Mapping[str, Any]) -> LaboratoryGrading:
    """The laboratory grading that `laboratory_grading_to_json` wrote."""
    normals = {name: Normal.model_validate(normal) for name, normal in content["normals"].items()}
    return LaboratoryGrading(GradingFile.model_validate(content["grading"]), normals, content["units"])


def grade_values(values: pd.DataFrame, known: LaboratoryGrading) -> pd.DataFrame:
    """The grades of rows with NAME, AVAL and BASE: text ATOXDSCL, ATOXDSCH and numbers ATOXGRL, ATOXGRH, missing: ungraded.

    Args:
        values: one laboratory value a row; its index is kept.
        known: the laboratory grading of the run.
    """
    found = ungraded(values)
    directions: tuple[tuple[Direction, str], ...] = (("low", "L"), ("high", "H"))
    for name, rows in values.groupby("NAME", sort=False):
        terms = {letter: known.term(str(name), direction) for direction, letter in directions}
        if not any(terms.values()):
            continue
        grades = _grades(str(name), rows, known)
        for letter, term in terms.items():
            if term is None:
                continue
            found.loc[rows.index, f"ATOXDSC{letter}"] = term[1]
            codes = grades[term[0]].astype(float)
            found.loc[rows.index, f"ATOXGR{letter}"] = pd.array(np.where(codes < 0, np.nan, codes), dtype="Int64")
    return found


def ungraded(values: pd.DataFrame) -> pd.DataFrame:
    """The columns of `grade_values` with nothing in them."""
    empty = {name: pd.Series(pd.NA, index=values.index, dtype="string") for name in ("ATOXDSCL", "ATOXDSCH")}
    return pd.DataFrame(
        {**empty, **{name: pd.Series(pd.NA, index=values.index, dtype="Int64") for name in ("ATOXGRL", "ATOXGRH")}}
    )


def overall_grade(grades: pd.DataFrame) -> pd.Series:
    """One grade with a sign: negative where the value is too low, positive too high, 0 graded and neither, missing unknown.

    A value whose one direction is unknown is known only where the other gives a grade above 0.
    """
    low, high = grades["ATOXGRL"], grades["ATOXGRH"]
    both = grades["ATOXDSCL"].notna() & grades["ATOXDSCH"].notna()
    known = (low.notna() & high.notna()) | (~both & (low.notna() | high.notna()))
    found = pd.Series(pd.NA, index=grades.index, dtype="Int64").mask(known, 0)
    return found.mask((high > 0).fillna(value=False), high).mask((low > 0).fillna(value=False), -low)


def _grades(name: str, rows: pd.DataFrame, known: LaboratoryGrading) -> Mapping[str, np.ndarray]:
    """The grade of every row by term, -1 unknown: each row is a chart of its own, with its baseline before it."""
    finding = _finding(name, known)
    plan = MonitoringPlan(NO_TEXT, {name: finding})
    size = len(rows)
    history = History(plan, size)
    for time, column in ((0.0, "BASE"), (1.0, "AVAL")):
        now = np.full(size, time)
        first = np.full(size, time == 0.0)
        values = {name: rows[column].to_numpy(dtype=float)}
        history.add(Chart(time=now, present=np.ones(size, dtype=bool), first=first, since=now, values=values))
    terms = {key: term for key, term in known.grading.terms.items() if _subject(term, known.normals) == name}
    return Grader.from_file(known.grading.model_copy(update={"terms": terms}), plan).grade(history)


def _finding(name: str, known: LaboratoryGrading) -> Finding:
    return Finding(
        name=name,
        observable=name,
        statistic="value",
        unit=known.units[name],
        factor=1.0,
        per_hours=None,
        moments=(),
        noise=Noise(),
        normal=known.normals[name],
        valid_hours=0.0,
        missing=0.0,
        group="lab",
        code="",
        title=NO_TEXT,
    )


def _subject(term: GradedTerm, values: Collection[str]) -> str | None:
    """The one laboratory value that the lowest grade of a term speaks of, None where it speaks of anything else or of time."""
    parts = list(leaves(term.grades[min(term.grades)]))
    names = {leaf.finding for leaf in parts}
    lasting = any(leaf.consecutive or leaf.for_at_least or leaf.rise_over for leaf in parts)
    name = next(iter(names)) if len(names) == 1 and not lasting else None
    return name if name in values else None


def _of_value_alone(term: GradedTerm, name: str) -> GradedTerm:
    kept = {grade: without(condition, lambda leaf: leaf.finding != name) for grade, condition in term.grades.items()}
    return term.model_copy(update={"grades": {grade: found for grade, found in kept.items() if found is not None}})


def _direction(term: GradedTerm, name: str) -> Direction:
    """Whether higher grades are higher values: a bound from below means high."""
    parts = [leaf for condition in term.grades.values() for leaf in leaves(condition)]
    bounds = [leaf for leaf in parts if leaf.finding == name and leaf.at != "baseline"]
    is_high = any(bound is not None for leaf in bounds for bound in (leaf.above, leaf.at_least, leaf.from_))
    return "high" if is_high else "low"
