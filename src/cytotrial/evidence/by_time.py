"""Published numbers that stand at a time: doses delivered by week, who was reduced or stopped, a value after three months.

Windows: 'week 24' and 'month 3' are that week or month for doses, and its end for what happened by then; 'weeks 1 to 4' and
'months 0 to 6' run from the beginning of the first to the end of the last, months from 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from cytotrial.evidence.arm_tables import ArmTables, Measure, Simulated, no_denominator, no_estimand, typical
from cytotrial.formats.evidence import Expectation
from cytotrial.results.doses import FULL_DOSE_TOLERANCE
from cytotrial.results.proportions import UNKNOWN, exact_proportion
from cytotrial.units import HOURS_PER_MONTH, HOURS_PER_WEEK, UnitError, conversion

STOPPED = "stop drug"
# A value "at three months" is the nearest one measured within this time: visits are weeks apart.
NEAREST_HOURS = 4 * HOURS_PER_WEEK
SHARES = {"proportion"}


def between(window: str) -> tuple[float, float] | None:
    """The hours that a window spans; None where it says something else.

    >>> between("weeks 1 to 4"), between("week 2"), between("months 0 to 1")
    ((0.0, 672.0), (168.0, 336.0), (0.0, 730.5))
    """
    span = re.fullmatch(r"(week|month)s (\d+) to (\d+)", window)
    single = re.fullmatch(r"(week|month) (\d+)", window)
    if span:
        size = HOURS_PER_WEEK if span[1] == "week" else HOURS_PER_MONTH
        first = int(span[2]) - (1 if span[1] == "week" else 0)
        return first * size, int(span[3]) * size
    if single and int(single[2]) > 0:
        size = HOURS_PER_WEEK if single[1] == "week" else HOURS_PER_MONTH
        return (int(single[2]) - 1) * size, int(single[2]) * size
    return None


def by_then(window: str) -> float | None:
    """The hours at the end of 'week 24' or 'month 6'; None where a window says something else.

    >>> by_then("week 2"), by_then("course 1")
    (336.0, None)
    """
    single = re.fullmatch(r"(?:week|month) \d+", window)
    inside = between(window) if single else None
    return None if inside is None else inside[1]


def _dose_share(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The amount given of that planned in the window, of each patient with a dose planned in it; 0 of those who had stopped."""
    slots = _slots(arm, expectation)
    if isinstance(slots, Simulated):
        return slots
    return _share_given(slots, expectation)


def _dose_share_on_treatment(arm: ArmTables, expectation: Expectation) -> Simulated:
    """As `_dose_share`, of those who had not stopped the drug before the window."""
    slots = _slots(arm, expectation)
    if isinstance(slots, Simulated):
        return slots
    still = slots.loc[slots["ACTION"] != STOPPED, "ID"].unique()
    return _share_given(slots[slots["ID"].isin(still)], expectation)


def _share_given(slots: pd.DataFrame, expectation: Expectation) -> Simulated:
    sums = slots.groupby("ID")[["GIVEN", "PLANNED"]].sum()
    share = (sums["GIVEN"] / sums["PLANNED"])[sums["PLANNED"] > 0]
    return typical(share * conversion("1", expectation.unit), expectation)


def _dose_given(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The amount given to each patient in the window, such as MIU or ug; of one drug, `term`, where an arm has several."""
    slots = _slots(arm, expectation)
    if isinstance(slots, Simulated):
        return slots
    totals = pd.Series(0.0, index=slots["ID"].unique())
    for drug, part in slots.groupby("DRUG"):
        unit, amount = arm.context.dose_units.get(str(drug), ("", 1.0))
        try:
            scale = conversion(unit, expectation.unit) / amount
        except UnitError as error:
            return Simulated(UNKNOWN, str(error))
        totals = totals.add(part.groupby("ID")["GIVEN"].sum() * scale, fill_value=0.0)
    return typical(totals, expectation)


def _slots(arm: ArmTables, expectation: Expectation) -> pd.DataFrame | Simulated:
    """The planned doses in the window, or why there are none to speak of."""
    if expectation.denominator != "patient":
        return no_denominator(expectation)
    slots = arm.table("doses")
    if expectation.term is not None:
        slots = slots[slots["DRUG"] == expectation.term]
    if expectation.window:
        inside = between(expectation.window)
        if inside is None:
            return Simulated(UNKNOWN, f"window '{expectation.window}' is not a time such as 'weeks 1 to 4'")
        slots = slots[(slots["TIME"] >= inside[0]) & (slots["TIME"] < inside[1])]
    return Simulated(UNKNOWN, "no dose is planned then") if slots.empty else slots


def _dose_reduced(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share of those who began who had by then a dose smaller than planned."""
    return _share_with(arm, expectation, lambda slots: (slots["GIVEN"] > 0) & _is_less(slots))


def _dose_modified(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share of those who began who had by then a dose smaller than planned, or none, while on the drug."""
    return _share_with(arm, expectation, lambda slots: _is_less(slots) & (slots["ACTION"] != STOPPED))


def _on_treatment(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share of those who began who had not stopped by then for any reason; who came to the end of the plan has not."""
    found = _share_with(arm, expectation, lambda slots: slots["ACTION"] == STOPPED)
    share = found.estimate
    if found.remark:
        return found
    count = share.n - round(share.value * share.n)
    return Simulated(exact_proportion(count, share.n))


def _is_less(slots: pd.DataFrame) -> pd.Series:
    less: pd.Series = slots["GIVEN"].fillna(0) < slots["PLANNED"] * (1 - FULL_DOSE_TOLERANCE)
    return less


def _share_with(arm: ArmTables, expectation: Expectation, happens: Callable[[pd.DataFrame], pd.Series]) -> Simulated:
    """The share of those who began a drug with a dose by the window's end of which `happens` is true."""
    if expectation.estimand not in SHARES:
        return no_estimand(expectation)
    if expectation.denominator != "patient":
        return no_denominator(expectation)
    slots = arm.table("doses")
    if expectation.term is not None:
        slots = slots[slots["DRUG"] == expectation.term]
    began = slots.loc[slots["GIVEN"] > 0, "ID"].unique()
    if expectation.window:
        until = by_then(expectation.window)
        if until is None:
            return Simulated(UNKNOWN, f"window '{expectation.window}' is not a time such as 'month 6'")
        slots = slots[slots["TIME"] < until]
    hit = set(slots.loc[happens(slots), "ID"]) & set(began)
    return Simulated(exact_proportion(len(hit), len(began)))


def _value_at(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The value of the finding `term` of each patient at a time: the nearest one measured."""
    values = _values_at(arm, expectation)
    if isinstance(values, Simulated):
        return values
    return typical(values["AVAL"] * conversion(str(values["AVALU"].iloc[0]), expectation.unit), expectation)


def _multiple_of_baseline_at(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The same as a multiple of the patient's first value."""
    values = _values_at(arm, expectation)
    if isinstance(values, Simulated):
        return values
    ratio = (values["AVAL"] / values["BASE"])[values["BASE"] > 0]
    return typical(ratio * conversion("1", expectation.unit), expectation)


def _values_at(arm: ArmTables, expectation: Expectation) -> pd.DataFrame | Simulated:
    """Columns AVAL, BASE and AVALU, a row for each patient with a value near enough to the time."""
    time = by_then(expectation.window)
    if time is None:
        return Simulated(UNKNOWN, f"window '{expectation.window}' is not a time such as 'month 3'")
    if expectation.term is None:
        return Simulated(UNKNOWN, "the expectation names no finding in `term`")
    if expectation.denominator != "patient":
        return no_denominator(expectation)
    rows = arm.measured(expectation.term).dropna(subset=["AVAL"]).sort_values("TIME", kind="stable")
    if rows.empty:
        return Simulated(UNKNOWN, f"'{expectation.term}' was not measured")
    base = rows.groupby("ID")["AVAL"].first().rename("BASE")
    near = rows.assign(AWAY=(rows["TIME"] - time).abs())
    near = near[(near["AWAY"] <= NEAREST_HOURS) & (near["TIME"] > 0)].sort_values(["ID", "AWAY"], kind="stable")
    nearest = near.drop_duplicates("ID").join(base, on="ID")
    return nearest if len(nearest) else Simulated(UNKNOWN, f"nobody had '{expectation.term}' measured then")


DOSE_ENDPOINTS: Mapping[str, Measure] = MappingProxyType(
    {
        "dose_share": _dose_share,
        "dose_share_on_treatment": _dose_share_on_treatment,
        "dose_given": _dose_given,
        "dose_reduced": _dose_reduced,
        "dose_modified": _dose_modified,
        "on_treatment": _on_treatment,
    }
)
VALUE_ENDPOINTS: Mapping[str, Measure] = MappingProxyType(
    {"value_at": _value_at, "multiple_of_baseline_at": _multiple_of_baseline_at}
)
