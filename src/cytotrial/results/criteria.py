"""The response criteria of a run, in words, and the patients who reached a level of them. It assesses nobody.

The first set of a protocol decides and is what responses and survival without event are counted by; others stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.formats.response import SIZES, ResponseFile
from cytotrial.units import HOURS_PER_MONTH


@dataclass(frozen=True)
class Level:
    """A rung of a ladder: what it is called, what it and all better ones together are called, and what it counts as."""

    id: str
    title: str
    or_better: str
    counts_as: str


@dataclass(frozen=True)
class CriteriaUsed:
    """A set of criteria: `measure` as in response/1, `levels` from the best to the worst, none where it has none."""

    name: str
    title: str
    measure: str
    levels: tuple[Level, ...] = ()

    @property
    def has_responses(self) -> bool:
        """Whether anything could respond: after an operation nothing is left that could."""
        return self.measure != "recurrence"

    @property
    def has_sizes(self) -> bool:
        """Whether sizes are followed from a baseline."""
        return self.measure in SIZES

    @classmethod
    def of(cls, name: str, file: ResponseFile) -> CriteriaUsed:
        """The criteria of a file."""
        return cls(name, file.title.en, file.measure, tuple(_levels(file)))


def _levels(file: ResponseFile) -> list[Level]:
    return [
        Level(
            level.id,
            level.title.en,
            level.or_better.en if level.or_better else level.title.en + (" or better" if place else ""),
            level.counts_as,
        )
        for place, level in enumerate(file.levels)
    ]


def criteria_to_json(criteria: CriteriaUsed) -> dict[str, Any]:
    """The criteria as plain JSON values."""
    return {
        "name": criteria.name,
        "title": criteria.title,
        "measure": criteria.measure,
        "levels": [vars(level) for level in criteria.levels],
    }


def criteria_from_json(written: Mapping[str, Any]) -> CriteriaUsed:
    """The criteria that `criteria_to_json` wrote."""
    levels = tuple(Level(**level) for level in written["levels"])
    return CriteriaUsed(written["name"], written["title"], written["measure"], levels)


def of_first(responses: pd.DataFrame, criteria: Sequence[CriteriaUsed] = ()) -> pd.DataFrame:
    """The rows of the first set of criteria; all rows where a run does not say which sets it has: it has one."""
    return of_criteria(responses, criteria[0].name) if criteria else responses


def of_criteria(responses: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one set of criteria."""
    return responses[responses["CRITERIA"] == name]


def level_times(responses: pd.DataFrame, criteria: CriteriaUsed, level: str) -> pd.Series:
    """Months until a level, or a better one, was first found that was confirmed later; by (ARM, ID) of those who reached it."""
    hits = _at_level(responses, criteria, level, column="REACHED")
    first: pd.Series = hits["TIME"].groupby([hits["ARM"], hits["ID"]]).min() / HOURS_PER_MONTH
    return first.rename("MONTHS")


def level_held(responses: pd.DataFrame, criteria: CriteriaUsed, level: str, *, months: float) -> pd.Series:
    """Whether a level, or a better one, held at the last assessment by `months`, by (ARM, ID) of those assessed by then.

    Progression ends it: a level found after that does not count.
    """
    seen = of_criteria(responses, criteria.name)
    seen = seen[seen["TIME"] / HOURS_PER_MONTH <= months + TIME_TOLERANCE_MONTHS].sort_values("TIME", kind="stable")
    worse = (seen["OVERALL"] == "PD").groupby([seen["ARM"], seen["ID"]]).any()
    last = seen.groupby(["ARM", "ID"])["LEVEL"].last()
    held: pd.Series = last.isin(_names(criteria, level)) & ~worse
    return held


# A scan "at month 6" is at a whole number of weeks, and weeks do not fill months.
TIME_TOLERANCE_MONTHS = 0.25


def _at_level(responses: pd.DataFrame, criteria: CriteriaUsed, level: str, *, column: str) -> pd.DataFrame:
    rows = of_criteria(responses, criteria.name)
    return rows[rows[column].isin(_names(criteria, level))]


def _names(criteria: CriteriaUsed, level: str) -> list[str]:
    """The names of a level and of all better ones."""
    ids = [one.id for one in criteria.levels]
    return ids[: int(np.flatnonzero(np.array(ids) == level)[0]) + 1]
