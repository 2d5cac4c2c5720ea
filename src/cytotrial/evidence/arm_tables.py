"""One simulated arm as a published number is compared with it: its tables, and what a comparison may answer. No endpoint."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy import stats

from cytotrial.formats.base import Text
from cytotrial.formats.conditions import Condition, parts_of
from cytotrial.formats.evidence import Expectation
from cytotrial.formats.interface import Covariate
from cytotrial.population.eligibility import meets
from cytotrial.results.context import Context
from cytotrial.results.criteria import of_first
from cytotrial.results.efficacy import best_responses
from cytotrial.results.folder import RunFolder
from cytotrial.results.proportions import CONFIDENCE, UNKNOWN, Estimate
from cytotrial.units import HOURS_PER_MONTH, HOURS_PER_WEEK, UnitError, hours

NOT_SIMULATED = "not simulated yet"
UNIT_COLUMNS: Mapping[str, list[str]] = MappingProxyType(
    {"patient": ["ID"], "course": ["ID", "COURSE"], "cycle": ["ID", "COURSE", "CYCLE"]}
)


@dataclass(frozen=True)
class Simulated:
    """What the simulation says about one expectation: an estimate, and a remark when there is none or it needs one."""

    estimate: Estimate
    remark: str = ""
    efficacy_row: str | None = None  # the row of `Result.efficacy()` that this is, where it is one
    graded: float = math.nan  # the share that was graded, where `estimate` is what a publication would report of it


class ArmTables:
    """The tables of one arm, read when needed and kept: to be looked at, not changed."""

    def __init__(
        self, run: RunFolder, arm: str, *, context: Context | None = None, patients: frozenset[int] | None = None
    ) -> None:
        self.run = run
        self.arm = arm
        self.context = context or Context()
        self.patients = patients  # the only ones who count; all where None
        self._tables: dict[str, pd.DataFrame] = {}

    def among(self, condition: Condition) -> ArmTables | Simulated:
        """The same arm with those patients alone who were like this before treatment, or why there are none to speak of."""
        drawn = self.table("patients")
        asked = {part.finding for part in parts_of(condition) if part.finding is not None}
        unknown = sorted(asked - set(drawn.columns))
        if unknown:
            return Simulated(UNKNOWN, f"the population does not draw '{unknown[0]}'")
        values = {name: drawn[name].to_numpy(dtype=float) for name in asked}
        # Bounds are written in the unit of the covariate, which is that of the table.
        ports = {name: Covariate(unit="1", title=Text(en=name, fr=name)) for name in asked}
        who = drawn.loc[meets(condition, values, ports=ports), "ID"]
        return ArmTables(self.run, self.arm, context=self.context, patients=frozenset(int(one) for one in who))

    def table(self, name: str) -> pd.DataFrame:
        """The rows of a table that belong to the arm."""
        if name not in self._tables:
            self._tables[name] = self._ours(self.run.coded(name))
        return self._tables[name]

    def measured(self, *names: str) -> pd.DataFrame:
        """The rows of labs and vitals of the arm for some findings, by name or code."""
        return self._ours(self.run.measured(names))

    def _ours(self, frame: pd.DataFrame) -> pd.DataFrame:
        ours = frame["ARM"] == self.arm
        return frame[ours if self.patients is None else ours & frame["ID"].isin(self.patients)]

    @cached_property
    def cycles(self) -> pd.DataFrame:
        """When each cycle begins by the plan, and the sum of the doses given in it; ordered by time."""
        keys = ["ID", "COURSE", "CYCLE"]
        begins = self.table("doses").groupby(keys, as_index=False).agg({"TIME": "min", "GIVEN": "sum"})
        return pd.DataFrame(begins).sort_values("TIME", kind="stable")

    @cached_property
    def best(self) -> pd.Series:
        """The best response of each patient by the criteria that decide."""
        return best_responses(self.table("patients"), self.deciding)

    @cached_property
    def deciding(self) -> pd.DataFrame:
        """The rows of `responses` by the criteria that decide."""
        return of_first(self.table("responses"), self.context.criteria)


Measure = Callable[[ArmTables, Expectation], Simulated]


def typical(values: pd.Series, expectation: Expectation) -> Simulated:
    """The median (interval of order statistics) or mean (t interval) of one value per patient, course or cycle."""
    ordered = np.sort(values.to_numpy(dtype=float))
    n = len(ordered)
    if n == 0:
        return Simulated(UNKNOWN, "no patient reached it")
    tail = (1 - CONFIDENCE) / 2
    if expectation.estimand == "median":
        rank = int(stats.binom.ppf(tail, n, 0.5))
        low, high = (ordered[rank - 1], ordered[n - rank]) if rank >= 1 else (math.nan, math.nan)
        return Simulated(Estimate(float(np.median(ordered)), float(low), float(high), n))
    if expectation.estimand in {"mean", "count"}:
        half = float(stats.t.ppf(1 - tail, n - 1)) * float(ordered.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
        return Simulated(Estimate(float(ordered.mean()), float(ordered.mean()) - half, float(ordered.mean()) + half, n))
    return no_estimand(expectation)


def landmark(window: str) -> float | None:
    """The months in 'month 12', 'week 24' or '5 years'."""
    written = re.fullmatch(r"(month|week) (\d+)", window)
    if written:
        return float(written[2]) * (1.0 if written[1] == "month" else HOURS_PER_WEEK / HOURS_PER_MONTH)
    try:
        return round(hours(window) / HOURS_PER_MONTH, 6)
    except UnitError:
        return None


def no_estimand(expectation: Expectation) -> Simulated:
    """That this estimand of an endpoint is not computed."""
    return Simulated(UNKNOWN, f"{NOT_SIMULATED}: the {expectation.estimand} of {expectation.endpoint}")


def no_denominator(expectation: Expectation) -> Simulated:
    """That an endpoint is not counted per this denominator."""
    return Simulated(UNKNOWN, f"{NOT_SIMULATED}: {expectation.endpoint} per {expectation.denominator}")
