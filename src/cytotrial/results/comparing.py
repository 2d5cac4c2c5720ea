"""One group of patients against another: benefit, risk and doses, with intervals that respect pairing. It judges nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from cytotrial.results.cox import cox
from cytotrial.results.criteria import CriteriaUsed, level_times, of_first
from cytotrial.results.efficacy import (
    LANDMARK_MONTHS,
    OBJECTIVE,
    OBJECTIVE_RESPONSE,
    RESPONSE_TITLES,
    SURVIVAL_TITLES,
    best_responses,
)
from cytotrial.results.paired import Ends, paired_hazard_ratio, paired_mean, separate_means
from cytotrial.results.proportions import UNKNOWN, Estimate, difference_of_proportions, paired_difference
from cytotrial.results.survival import log_rank
from cytotrial.results.tables import readable

if TYPE_CHECKING:
    from cytotrial.results.result import Result

Kind = Literal["benefit", "risk", "doses"]
TOXIC_GRADES: Mapping[str, int] = {
    "any adverse event of grade 3 or more": 3,
    "any adverse event of grade 4 or more": 4,
    "death of treatment": 5,
}
COLUMNS = (
    "arm", "against", "kind", "endpoint", "measure", "arm_value", "against_value", "value", "low", "high", "p_value", "method"
)  # fmt: skip
NUMBERS = ("arm_value", "against_value", "value", "low", "high", "p_value")


@dataclass(frozen=True)
class Group:
    """The patients of one arm with what happened to them; each table holds that arm only."""

    name: str
    patients: pd.DataFrame
    responses: pd.DataFrame
    survival: pd.DataFrame
    events: pd.DataFrame
    doses: pd.DataFrame
    criteria: tuple[CriteriaUsed, ...] = ()

    @classmethod
    def of(cls, result: Result, arm: str, *, name: str = "") -> Group:
        """An arm of a run, under the name it is shown by."""
        tables = [result.table(table) for table in ("patients", "responses", "survival", "adverse_events", "doses")]
        patients, responses, survival, events, doses = (frame[frame["ARM"] == arm] for frame in tables)
        return cls(name or arm, patients, responses, survival, events, doses, result.context.criteria)

    @property
    def ids(self) -> pd.Index:
        """The numbers of its patients."""
        found: pd.Index = pd.Index(self.patients["ID"].to_numpy())
        return found

    def has_best(self, codes: Sequence[str]) -> pd.Series:
        """By patient: whether the best response by the criteria that decide is among `codes`."""
        return best_responses(self.patients, of_first(self.responses, self.criteria)).droplevel(0).isin(codes)

    def has_reached(self, criteria: CriteriaUsed, level: str) -> pd.Series:
        """By patient: whether a level of a ladder, or a better one, was reached."""
        return pd.Series(self.ids.isin(level_times(self.responses, criteria, level).index.get_level_values("ID")), self.ids)

    def had_grade(self, grade: int) -> pd.Series:
        """By patient: whether any adverse event reached the grade."""
        affected = self.events.loc[self.events["GRADE"].fillna(0) >= grade, "ID"].unique()
        return pd.Series(self.ids.isin(affected), index=self.ids)

    def ends(self, endpoint: str) -> pd.DataFrame:
        """By patient: AVAL [months] and CNSR of PFS, RFS or OS."""
        return self.survival[self.survival["PARAMCD"] == endpoint].set_index("ID")[["AVAL", "CNSR"]]

    def doses_given(self) -> pd.Series:
        """By patient: the number of doses given."""
        given = self.doses[self.doses["GIVEN"].fillna(0) > 0].groupby("ID").size()
        return given.reindex(self.ids, fill_value=0).astype(float)


def arm_pairs(arms: Sequence[str], *, treated: Collection[str]) -> list[tuple[str, str]]:
    """Which arm is set against which: against the first without treatment where there is one, and against the first treated.

    >>> arm_pairs(["Drug", "Half", "Untreated"], treated={"Drug", "Half"})
    [('Drug', 'Untreated'), ('Half', 'Untreated'), ('Half', 'Drug')]
    >>> arm_pairs(["Drug", "Half"], treated={"Drug", "Half"})
    [('Half', 'Drug')]
    """
    untreated, given = ([arm for arm in arms if (arm in treated) is wanted] for wanted in (False, True))
    against_none = [(arm, control) for control in untreated[:1] for arm in arms if arm != control]
    return [*against_none, *((arm, given[0]) for arm in given[1:])]


def compare_groups(group: Group, other: Group, *, paired: bool) -> pd.DataFrame:
    """`group` against `other`, one row an endpoint, with COLUMNS. `paired`: both are the same patients, by their numbers.

    Shares: differences with Newcombe's intervals. Survival: Cox's hazard ratio, with the log-rank p of separate groups, or a
    paired bootstrap of twins, and for twins the share free of the event at landmarks that everybody's follow-up covers.
    """
    rows = [(group.name, other.name, *row) for row in _rows(group, other, paired=paired)]
    frame = pd.DataFrame({name: [row[number] for row in rows] for number, name in enumerate(COLUMNS)})
    return readable(frame.astype(dict.fromkeys(NUMBERS, "float64")))


def no_comparison() -> pd.DataFrame:
    """The table of `compare_groups` without rows."""
    return readable(pd.DataFrame({name: pd.Series(dtype="float64" if name in NUMBERS else "string") for name in COLUMNS}))


def _rows(group: Group, other: Group, *, paired: bool) -> Iterator[tuple[object, ...]]:
    shares: list[tuple[Kind, str, Callable[[Group], pd.Series]]] = []
    if not group.criteria or group.criteria[0].has_responses:
        shares.append(("benefit", OBJECTIVE_RESPONSE, lambda one: one.has_best(OBJECTIVE)))
        shares.append(("benefit", RESPONSE_TITLES["CR"], lambda one: one.has_best(("CR",))))
    for ladder in (one for one in group.criteria if one in other.criteria):
        shares += [
            ("benefit", level.or_better, partial(Group.has_reached, criteria=ladder, level=level.id)) for level in ladder.levels
        ]
    for kind, endpoint, flags in shares:
        yield (kind, endpoint, *_share(flags(group), flags(other), paired=paired))
    for code, title in SURVIVAL_TITLES.items():
        ends = group.ends(code), other.ends(code)
        if not all(map(len, ends)):
            continue
        yield ("benefit", title, "hazard ratio", math.nan, math.nan, *_hazard_ratio(*ends, paired=paired))
        for month in LANDMARK_MONTHS if paired else ():
            if all(_covers(part, month) for part in ends):
                yield ("benefit", f"{title}, {month} months", *_share(*(_free(part, month) for part in ends), paired=True))
    for endpoint, grade in TOXIC_GRADES.items():
        yield ("risk", endpoint, *_share(group.had_grade(grade), other.had_grade(grade), paired=paired))
    given = group.doses_given(), other.doses_given()
    if paired:
        shared = given[0].index.intersection(given[1].index)
        found, method = paired_mean(given[0].loc[shared], given[1].loc[shared]), "paired, t"
    else:
        found, method = separate_means(*given), "two samples, Welch"
    means = (float(part.mean()) for part in given)
    yield ("doses", "doses given per patient", "difference of means", *means, *_numbers(found), math.nan, method)


def _share(first: pd.Series, second: pd.Series, *, paired: bool) -> tuple[object, ...]:
    """Measure, both shares, their difference with its interval, no p-value, and the method."""
    if not paired:
        found = difference_of_proportions(int(first.sum()), len(first), other_count=int(second.sum()), other_n=len(second))
        return ("difference", first.mean(), second.mean(), *_numbers(found), math.nan, "two samples, Newcombe")
    shared = first.index.intersection(second.index)
    x, y = (part.loc[shared].to_numpy(dtype=bool) for part in (first, second))
    found = paired_difference(*(int(np.sum(part)) for part in (x & y, x & ~y, ~x & y, ~x & ~y)))
    values = (float(part.mean()) if shared.size else math.nan for part in (x, y))
    return ("difference", *values, *_numbers(found), math.nan, "paired, Newcombe")


def _hazard_ratio(first: pd.DataFrame, second: pd.DataFrame, *, paired: bool) -> tuple[object, ...]:
    """The ratio with its interval, a p-value where the groups are separate, and the method."""
    if paired:
        shared = first.index.intersection(second.index)
        pairs = [Ends.of(part.loc[shared, "AVAL"], part.loc[shared, "CNSR"] != 0) for part in (first, second)]
        return (*_numbers(paired_hazard_ratio(*pairs)), math.nan, "Cox, bootstrap of pairs")
    both = pd.concat([first, second])
    is_first = np.repeat([True, False], [len(first), len(second)])
    times, censored = both["AVAL"].to_numpy(dtype=float), both["CNSR"].to_numpy(dtype=float) != 0
    test = log_rank(times, censored, is_first)
    found = cox(times, censored, is_first.astype(float)).hazard_ratio
    return (*_numbers(found), test.p_value, "Cox, log-rank")


def _covers(ends: pd.DataFrame, month: float) -> bool:
    """Whether everybody's follow-up reaches the landmark, or an event came before."""
    return bool((ends["AVAL"] >= month).any() and (ends.loc[ends["CNSR"] != 0, "AVAL"] >= month).all())


def _free(ends: pd.DataFrame, month: float) -> pd.Series:
    return (ends["AVAL"] > month) | ((ends["CNSR"] != 0) & (ends["AVAL"] >= month))


def _numbers(found: Estimate) -> tuple[float, float, float]:
    return (found.value, found.low, found.high) if found is not UNKNOWN else (math.nan, math.nan, math.nan)
