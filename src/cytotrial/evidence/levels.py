"""Published numbers about levels of response: how many reached one, by when, and who still held it. It assesses nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from cytotrial.errors import did_you_mean
from cytotrial.evidence.arm_tables import ArmTables, Measure, Simulated, landmark, no_denominator, no_estimand, typical
from cytotrial.formats.evidence import Expectation
from cytotrial.results.criteria import TIME_TOLERANCE_MONTHS, CriteriaUsed, level_held, level_times
from cytotrial.results.doses import STOPPED
from cytotrial.results.proportions import UNKNOWN, exact_proportion
from cytotrial.units import HOURS_PER_MONTH, conversion


def _level_rate(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share of all patients who reached `level` or a better one, confirmed; by a time where `window` names one."""
    criteria = _share_of(arm, expectation)
    if isinstance(criteria, Simulated):
        return criteria
    times = level_times(arm.table("responses"), criteria, str(expectation.level))
    row: str | None = next(level.or_better for level in criteria.levels if level.id == expectation.level)
    if expectation.window:
        months = landmark(expectation.window)
        if months is None:
            return Simulated(UNKNOWN, f"window '{expectation.window}' is not a time such as 'month 12'")
        times, row = times[times <= months + TIME_TOLERANCE_MONTHS], None
    return Simulated(exact_proportion(len(times), len(arm.table("patients"))), efficacy_row=row)


def _level_at(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share of all patients in whom `level` or a better one held at the last assessment by the time in `window`."""
    return _share_held(arm, expectation, leave_out=lambda months: frozenset())


def _level_at_on_treatment(arm: ArmTables, expectation: Expectation) -> Simulated:
    """As `_level_at`, of those who had not stopped a drug by then: publications that count who came to the visit."""

    def stopped(months: float) -> frozenset[int]:
        slots = arm.table("doses")
        until = (months + TIME_TOLERANCE_MONTHS) * HOURS_PER_MONTH
        return frozenset(slots.loc[(slots["ACTION"] == STOPPED) & (slots["TIME"] <= until), "ID"])

    return _share_held(arm, expectation, leave_out=stopped)


def _share_held(arm: ArmTables, expectation: Expectation, *, leave_out: Callable[[float], frozenset[int]]) -> Simulated:
    criteria = _share_of(arm, expectation)
    if isinstance(criteria, Simulated):
        return criteria
    months = landmark(expectation.window)
    if months is None:
        return Simulated(UNKNOWN, f"window '{expectation.window}' is not a time such as 'month 12'")
    held = level_held(arm.table("responses"), criteria, str(expectation.level), months=months)
    without = leave_out(months)
    counted = ~arm.table("patients")["ID"].isin(without)
    held = held[~held.index.get_level_values("ID").isin(without)]
    return Simulated(exact_proportion(int(held.sum()), int(counted.sum())))


def _time_to_level(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The time to `level` or a better one, of those who reached it."""
    criteria = _ladder(arm, expectation)
    if isinstance(criteria, Simulated):
        return criteria
    if expectation.denominator != "patient":
        return no_denominator(expectation)
    times = level_times(arm.table("responses"), criteria, str(expectation.level))
    found = typical(times * conversion("months", expectation.unit), expectation)
    row = next(level.or_better for level in criteria.levels if level.id == expectation.level)
    is_row = expectation.estimand == "median" and not np.isnan(found.estimate.value)
    return Simulated(found.estimate, found.remark, f"time to {row}, median" if is_row else None)


def _share_of(arm: ArmTables, expectation: Expectation) -> CriteriaUsed | Simulated:
    """The ladder, where a share of patients is asked for."""
    if expectation.estimand not in {"proportion", "rate"}:
        return no_estimand(expectation)
    if expectation.denominator != "patient":
        return no_denominator(expectation)
    return _ladder(arm, expectation)


def _ladder(arm: ArmTables, expectation: Expectation) -> CriteriaUsed | Simulated:
    """The criteria that an expectation names; the first ladder that has its level where it names none."""
    ladders = [one for one in arm.context.criteria if expectation.criteria in (None, one.name) and one.levels]
    for one in ladders:
        if expectation.level in {level.id for level in one.levels}:
            return one
    if not ladders:
        wanted = f"by '{expectation.criteria}'" if expectation.criteria else "by levels"
        return Simulated(UNKNOWN, f"this run assesses nobody {wanted}")
    known = [level.id for one in ladders for level in one.levels]
    advice = did_you_mean(expectation.level or "", known)
    return Simulated(UNKNOWN, f"its criteria have no level '{expectation.level}'. {advice}".strip())


LEVEL_ENDPOINTS: Mapping[str, Measure] = MappingProxyType(
    {
        "level_rate": _level_rate,
        "level_at": _level_at,
        "level_at_on_treatment": _level_at_on_treatment,
        "time_to_level": _time_to_level,
    }
)
