"""The endpoints a published number can be compared on, each computed from one simulated arm. It holds no published number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd

from cytotrial.evidence.arm_tables import (
    NOT_SIMULATED,
    UNIT_COLUMNS,
    ArmTables,
    Measure,
    Simulated,
    landmark,
    no_denominator,
    no_estimand,
    typical,
)
from cytotrial.evidence.by_time import DOSE_ENDPOINTS, VALUE_ENDPOINTS, between, by_then
from cytotrial.evidence.levels import LEVEL_ENDPOINTS
from cytotrial.formats.clinic import CareInUse
from cytotrial.formats.evidence import Expectation
from cytotrial.results.adverse_events import event_rate, of_terms
from cytotrial.results.care_in_use import hours_in_use, times_in_use, use_rate
from cytotrial.results.cox import cox
from cytotrial.results.doses import given_per
from cytotrial.results.efficacy import OBJECTIVE, response_durations, response_times, survival_curve
from cytotrial.results.proportions import UNKNOWN, Estimate, exact_proportion
from cytotrial.results.reporting import Scheme, reported_rate
from cytotrial.units import HOURS_PER_MONTH, UnitError, conversion

FATAL_GRADE = 5
ADVERSE_EVENT, CARE_IN_USE = "adverse_event", "care_in_use"


def simulate_endpoint(
    arm: ArmTables,
    expectation: Expectation,
    *,
    scheme: Scheme | None = None,
    care: Mapping[str, CareInUse] | None = None,
) -> Simulated:
    """The simulated counterpart of a published number; NaN with a remark where there is none: nothing is dropped in silence.

    `scheme` says how the study reported side effects (None: all that were graded), `care` how care in use is told.
    """
    measure = ENDPOINTS.get(expectation.endpoint)
    if expectation.endpoint == ADVERSE_EVENT and scheme is not None:
        measure = partial(_reported_event, scheme)
    elif expectation.endpoint == CARE_IN_USE:
        measure = partial(_care_in_use, care or {})
    if measure is None:
        return Simulated(UNKNOWN, NOT_SIMULATED)
    whole = expectation.among is None
    who = arm if expectation.among is None else arm.among(expectation.among)
    if isinstance(who, Simulated):
        return who
    try:
        found = measure(who, expectation)
    except UnitError as error:
        return Simulated(UNKNOWN, str(error))
    return found if whole else replace(found, efficacy_row=None)


def _responses(codes: tuple[str, ...], row: str) -> Measure:
    def measure(arm: ArmTables, expectation: Expectation) -> Simulated:
        if expectation.denominator != "patient":
            return no_denominator(expectation)
        return Simulated(exact_proportion(int(arm.best.isin(codes).sum()), len(arm.best)), efficacy_row=row)

    return measure


def _survival(code: str, row: str) -> Measure:
    def measure(arm: ArmTables, expectation: Expectation) -> Simulated:
        if expectation.estimand == "hazard_ratio":
            return _hazard_ratio(arm, code, expectation.window)
        curve = survival_curve(arm.table("survival"), code)
        if curve.n == 0 and len(arm.best):
            return Simulated(UNKNOWN, NOT_SIMULATED)
        if expectation.estimand == "median":
            return _median_in_unit(curve.median(), expectation, f"{row}, median")
        if expectation.estimand in {"proportion", "rate"}:
            month = landmark(expectation.window)
            if month is None:
                return Simulated(UNKNOWN, f"window '{expectation.window}' is not a time such as 'month 12'")
            return Simulated(curve.at(month), efficacy_row=f"{row}, {month:g} months")
        return no_estimand(expectation)

    return measure


def _hazard_ratio(arm: ArmTables, code: str, window: str) -> Simulated:
    """Of a run's two arms; in a window such as 'months 0 to 6', of those still at risk when it begins."""
    if arm.patients is not None:
        return Simulated(UNKNOWN, f"{NOT_SIMULATED}: a hazard ratio of some of the patients")
    ends = arm.run.coded("survival")
    ends = ends[ends["PARAMCD"] == code]
    if window:
        inside = between(window)
        if inside is None:
            return Simulated(UNKNOWN, f"window '{window}' is not a time such as 'months 0 to 6'")
        start, end = (time / HOURS_PER_MONTH for time in inside)
        ends = ends[ends["AVAL"] > start]
        ends = ends.assign(CNSR=ends["CNSR"].where(ends["AVAL"] <= end, 1), AVAL=ends["AVAL"].clip(upper=end) - start)
    if ends["ARM"].nunique() != 2:
        return Simulated(UNKNOWN, "a hazard ratio needs a run of exactly two arms")
    fit = cox(ends["AVAL"].to_numpy(float), ends["CNSR"].to_numpy(float) != 0, (ends["ARM"] == arm.arm).to_numpy(float))
    return Simulated(fit.hazard_ratio, "this arm against the other, Cox")


def _duration(codes: tuple[str, ...], row: str | None) -> Measure:
    def measure(arm: ArmTables, expectation: Expectation) -> Simulated:
        if expectation.estimand != "median":
            return no_estimand(expectation)
        curve = response_durations(arm.table("patients"), arm.deciding, arm.table("survival"), codes=codes)
        return _median_in_unit(curve.median(), expectation, row)

    return measure


def _median_in_unit(found: Estimate, expectation: Expectation, row: str | None) -> Simulated:
    factor = conversion("months", expectation.unit)
    in_unit = Estimate(found.value * factor, found.low * factor, found.high * factor, found.n)
    return Simulated(in_unit, "median not reached" if found.n and math.isnan(found.value) else "", row)


def _doses_given(arm: ArmTables, expectation: Expectation) -> Simulated:
    slots = _in_window(arm.table("doses"), expectation.window)
    if slots is None or expectation.denominator not in UNIT_COLUMNS:
        return _no_window(expectation)
    if expectation.estimand == "proportion":
        began = slots[slots["GIVEN"] > 0][["DRUG", *UNIT_COLUMNS["cycle"]]].drop_duplicates()
        reached = slots.merge(began, on=list(began.columns))
        return Simulated(
            exact_proportion(int((reached["GIVEN"] > 0).sum()), len(reached)), "of the planned doses of cycles that were begun"
        )
    return typical(given_per(slots, UNIT_COLUMNS[expectation.denominator]), expectation)


def _courses_given(arm: ArmTables, expectation: Expectation) -> Simulated:
    given = arm.table("doses").query("GIVEN > 0")
    return typical(given.groupby("ID")["COURSE"].nunique(), expectation)


def _adverse_event(arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share with `term` (any where absent) at or above the grade in the window ('grade 3'; 'course 1, grade 3')."""
    denominator = expectation.denominator
    if expectation.estimand != "proportion" or denominator == "dose":
        return no_estimand(expectation) if denominator != "dose" else no_denominator(expectation)
    window, grade = _window_and_grade(expectation.window)
    events, units = _events_and_units(arm, window, denominator)
    if events is None or units is None:
        return _no_window(expectation)
    term = _term_as_written(arm, expectation.term) if expectation.term else None
    known = term is None or len(of_terms(arm.run.coded("adverse_events"), [term])) > 0
    grading = arm.context.grading
    if not known and grading is not None and term not in {item.term for item in grading.terms.values()}:
        return Simulated(UNKNOWN, f"{NOT_SIMULATED}: the grading has no '{expectation.term}'")
    found = event_rate(events, units, at_least=grade, term=term, per=denominator)
    return Simulated(found, "" if known else f"'{expectation.term}' was never graded in this run")


def _term_as_written(arm: ArmTables, name: str) -> str:
    """The term that the grading of the run has under this key, or that the name says itself: tables hold terms, not keys."""
    grading = arm.context.grading
    keyed = grading.terms.get(name) if grading is not None else None
    plain = name.replace("_", " ")
    if keyed is not None:
        return keyed.term
    written = [item.term for item in grading.terms.values()] if grading is not None else []
    return next((term for term in written if term.casefold() == plain.casefold()), plain)


def _reported_event(scheme: Scheme, arm: ArmTables, expectation: Expectation) -> Simulated:
    """As `_adverse_event`, but only what the publication would have written down, beside what was graded."""
    denominator = expectation.denominator
    if expectation.estimand != "proportion" or denominator == "dose":
        return _adverse_event(arm, expectation)
    line = scheme.line(expectation.term) if expectation.term else None
    if expectation.term and line is None:
        return Simulated(UNKNOWN, f"the reporting scheme '{scheme.name}' has no line '{expectation.term}'")
    window, grade = _window_and_grade(expectation.window)
    events, units = _events_and_units(arm, window, denominator)
    if events is None or units is None:
        return _no_window(expectation)
    if line is not None and not line.terms:
        return Simulated(UNKNOWN, f"this run grades nothing of '{line.title}'")
    found = reported_rate(events, units, scheme, line=line, at_least=grade, per=denominator)
    same = events if line is None else of_terms(events, line.terms)
    graded = event_rate(same, units, at_least=grade, term=None, per=denominator)
    return Simulated(found, graded=graded.value)


def _window_and_grade(window: str) -> tuple[str, int]:
    """The window without its grade, and the lowest grade that counts: 'course 1, grade 3' is 'course 1' and 3."""
    written = re.search(r"(?:^|, )grade ([1-5])$", window)
    return (window[: written.start()], int(written[1])) if written else (window, 1)


def _events_and_units(arm: ArmTables, window: str, denominator: str) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """The adverse events in a window, and the patients, or begun courses or cycles, that are counted."""
    slots = _in_window(arm.table("doses"), window)
    events = _in_window(arm.table("adverse_events"), window)
    if slots is None or events is None:
        return None, None
    return events, arm.table("patients") if denominator == "patient" and not window else slots[slots["GIVEN"] > 0]


def _care_in_use(care: Mapping[str, CareInUse], arm: ArmTables, expectation: Expectation) -> Simulated:
    """The share of patients, begun courses or cycles in which the care named by `term` was used, or its hours."""
    what = care.get(expectation.term or "")
    if what is None:
        return Simulated(UNKNOWN, f"this run does not tell the use of '{expectation.term}'")
    per = expectation.denominator
    slots = _in_window(arm.table("doses"), expectation.window)
    if slots is None or per == "dose":
        return _no_window(expectation)
    measured = arm.measured(*(sign.finding for sign in what.seen_in))
    used = times_in_use(measured, arm.table("doses"), what)
    if used is None:
        return Simulated(UNKNOWN, f"'{expectation.term}' was not measured")
    inside = _in_window(used, expectation.window)
    if inside is None:
        return _no_window(expectation)
    if expectation.estimand == "proportion":
        whole = len(arm.table("patients")) if per == "patient" and not expectation.window else None
        return Simulated(use_rate(inside, slots, per=per, patients=whole))
    scale = conversion("h", expectation.unit)
    return typical(pd.Series(hours_in_use(inside, per=per)) * scale, expectation)


def _toxic_death(arm: ArmTables, expectation: Expectation) -> Simulated:
    """Deaths of treatment are adverse events of grade 5."""
    denominator = expectation.denominator
    if expectation.estimand != "proportion" or denominator == "dose":
        return no_denominator(expectation)
    slots, events = (_in_window(arm.table(name), expectation.window) for name in ("doses", "adverse_events"))
    if slots is None or events is None:
        return _no_window(expectation)
    whole = denominator == "patient" and not expectation.window
    units = arm.table("patients") if whole else slots[slots["GIVEN"] > 0]
    return Simulated(event_rate(events, units, at_least=FATAL_GRADE, term=None, per=denominator))


def _response_time(arm: ArmTables, expectation: Expectation) -> Simulated:
    found = typical(response_times(arm.table("patients"), arm.deciding), expectation)
    factor = conversion("months", expectation.unit)
    estimate = found.estimate
    in_unit = Estimate(estimate.value * factor, estimate.low * factor, estimate.high * factor, estimate.n)
    return Simulated(in_unit, found.remark)


def _extreme(statistic: str) -> Measure:
    def measure(arm: ArmTables, expectation: Expectation) -> Simulated:
        if expectation.term is None:
            return Simulated(UNKNOWN, "the expectation names no laboratory value in `term`")
        if expectation.denominator not in UNIT_COLUMNS:
            return no_denominator(expectation)
        rows = arm.measured(expectation.term).dropna(subset=["AVAL"])
        if rows.empty:
            return Simulated(UNKNOWN, f"'{expectation.term}' was not measured")
        try:
            scale = conversion(str(rows["AVALU"].iloc[0]), expectation.unit)
        except UnitError as error:
            return Simulated(UNKNOWN, str(error))
        placed = _in_window(_placed_in_cycles(rows, arm.cycles), expectation.window)
        if placed is None:
            return _no_window(expectation)
        extremes = placed.groupby(UNIT_COLUMNS[expectation.denominator])["AVAL"].agg(statistic)
        return typical(extremes * scale, expectation)

    return measure


def _stopped(*actions: str) -> Measure:
    def measure(arm: ArmTables, expectation: Expectation) -> Simulated:
        until = by_then(expectation.window)
        window = expectation.window if until is None else ""
        decisions, slots = (_in_window(arm.table(name), window) for name in ("decisions", "doses"))
        if decisions is None or slots is None or expectation.denominator not in UNIT_COLUMNS:
            return _no_window(expectation)
        keys = UNIT_COLUMNS[expectation.denominator]
        treated = slots.loc[slots["GIVEN"] > 0, keys].astype("int64").drop_duplicates()
        in_time = decisions["TIME"] <= (np.inf if until is None else until)
        stopped = decisions.loc[decisions["ACTION"].isin(actions) & in_time, keys].astype("int64").drop_duplicates()
        return Simulated(exact_proportion(len(treated.merge(stopped, on=keys)), len(treated)))

    return measure


EXTREME_ENDPOINTS: Mapping[str, Measure] = MappingProxyType({"peak_of": _extreme("max"), "lowest_of": _extreme("min")})

# What can be compared, and how.
ENDPOINTS: Mapping[str, Callable[[ArmTables, Expectation], Simulated]] = MappingProxyType(
    {
        "objective_response": _responses(OBJECTIVE, "objective response"),
        "complete_response": _responses(("CR",), "complete response"),
        "partial_response": _responses(("PR",), "partial response"),
        "stable_disease": _responses(("SD",), "stable disease"),
        "progressive_disease": _responses(("PD",), "progressive disease"),
        "progression_free_survival": _survival("PFS", "progression-free survival"),
        "relapse_free_survival": _survival("RFS", "relapse-free survival"),
        "overall_survival": _survival("OS", "overall survival"),
        "duration_of_response": _duration(OBJECTIVE, "duration of response, median"),
        "duration_of_complete_response": _duration(("CR",), None),
        "duration_of_partial_response": _duration(("PR",), None),
        "time_to_response": _response_time,
        "toxic_death": _toxic_death,
        "doses_given": _doses_given,
        "courses_given": _courses_given,
        ADVERSE_EVENT: _adverse_event,
        **EXTREME_ENDPOINTS,
        "treatment_stopped": _stopped("stop cycle", "stop course", "stop drug"),
        "cycle_stopped": _stopped("stop cycle"),
        "course_stopped": _stopped("stop course"),
        "drug_stopped": _stopped("stop drug"),
        **LEVEL_ENDPOINTS,
        **DOSE_ENDPOINTS,
        **VALUE_ENDPOINTS,
    }
)


def _in_window(rows: pd.DataFrame, window: str) -> pd.DataFrame | None:
    """The rows of 'course 1', 'cycle 2', 'course 1 cycle 2', or all for ''; None when the window says something else."""
    if not re.fullmatch(r"(?:(?:course|cycle) \d+(?: |, |$))*", window):
        return None
    for unit, number in re.findall(r"(course|cycle) (\d+)", window):
        rows = rows[rows[unit.upper()] == int(number)]
    return rows


def _placed_in_cycles(rows: pd.DataFrame, cycles: pd.DataFrame) -> pd.DataFrame:
    """Measurements with the course and cycle they fall in, up to the next planned cycle; only of cycles with a dose given."""
    ordered = rows.sort_values("TIME", kind="stable")
    placed = pd.merge_asof(ordered, cycles, on="TIME", by="ID")
    return placed[placed["GIVEN"] > 0]


def _no_window(expectation: Expectation) -> Simulated:
    return Simulated(
        UNKNOWN, f"{NOT_SIMULATED}: {expectation.endpoint} per {expectation.denominator} in '{expectation.window}'"
    )
