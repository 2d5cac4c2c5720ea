"""Whether a condition of the library holds for each patient: 1 true, 0 false, -1 unknown. It reads history and changes nothing.

Three-valued logic after Kleene: unknown and false is false, unknown or true is true, not unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, reduce
from typing import Protocol

import numpy as np

from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.conditions import Condition
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.history import Record
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.units import UnitError, conversion, hours

TRUE, FALSE, UNKNOWN = np.int8(1), np.int8(0), np.int8(-1)

SIGNIFICANT_DIGITS = 12  # far more than a laboratory reports, far fewer than a float holds

Comparison = Callable[[FloatArray], CodeArray]


class Seen(Protocol):
    """What has been seen of some patients so far: a history, or a part of one."""

    plan: MonitoringPlan
    patients: int

    def latest(self, name: str) -> FloatArray: ...  # noqa: D102

    def measured_at(self, name: str) -> FloatArray: ...  # noqa: D102

    def baseline(self, name: str) -> FloatArray: ...  # noqa: D102

    def series(self, name: str) -> Sequence[Record]: ...  # noqa: D102

    def grade_series(self, term: str) -> Sequence[Record]: ...  # noqa: D102


class Given(Protocol):
    """What was given so far, (patients,) each."""

    @property
    def doses_in_cycle(self) -> IntArray: ...  # noqa: D102

    @property
    def doses_in_course(self) -> IntArray: ...  # noqa: D102

    @property
    def cycles(self) -> IntArray: ...  # noqa: D102

    @property
    def courses(self) -> IntArray: ...  # noqa: D102


def evaluate(
    condition: Condition,
    history: Seen,
    *,
    grades: Mapping[str, CodeArray] | None = None,
    ledger: Given | None = None,
    threshold_factor: FloatArray | float = 1.0,
) -> CodeArray:
    """Whether `condition` holds now, (patients,): 1 true, 0 false, -1 unknown.

    Args:
        condition: the comparison, or comparisons joined.
        history: what has been seen so far.
        grades: the grades of this round by term, -1 unknown.
        ledger: what was given so far; a condition on it is unknown without.
        threshold_factor: (patients,) or one number; multiplies the limits that a finding must exceed (`from`, `at_least`,
            `above`, and the upper end of such a window). Limits that a finding must stay below are taken as written: a count of
            30 or a pressure of 90 is not a matter of opinion. For multiples of baseline the rise above baseline is multiplied.

    A finding or term that the composition does not have is unknown, never an error.
    """
    parts = condition.any or condition.all or condition.of or ([condition.not_] if condition.not_ else None)
    if parts is not None:
        values = [evaluate(part, history, grades=grades, ledger=ledger, threshold_factor=threshold_factor) for part in parts]
        return _joined(condition, values, history.patients)
    if condition.given is not None:
        return _given(condition, history.patients, ledger)
    if condition.grade is not None:
        return _grade(condition, condition.grade, history, grades or {})
    return _finding(condition, history, threshold_factor)


def conjunction(first: CodeArray, second: CodeArray) -> CodeArray:
    """Both, in three values.

    >>> conjunction(np.array([1, 1, 0], dtype=np.int8), np.array([1, -1, -1], dtype=np.int8)).tolist()
    [1, -1, 0]
    """
    # Codes are 1, 0 and -1: both non-zero is true only where both are 1.
    result: CodeArray = np.where((first & second) == FALSE, FALSE, np.minimum(first, second))
    return result


def disjunction(first: CodeArray, second: CodeArray) -> CodeArray:
    """Either, in three values.

    >>> disjunction(np.array([0, 1, 0], dtype=np.int8), np.array([0, -1, -1], dtype=np.int8)).tolist()
    [0, 1, -1]
    """
    result: CodeArray = np.where((first == TRUE) | (second == TRUE), TRUE, np.minimum(first, second))
    return result


def negation(value: CodeArray) -> CodeArray:
    """Not, in three values.

    >>> negation(np.array([1, 0, -1], dtype=np.int8)).tolist()
    [0, 1, -1]
    """
    return np.where(value == UNKNOWN, UNKNOWN, 1 - value).astype(np.int8)


def leaves(condition: Condition) -> Iterator[Condition]:
    """The comparisons inside a condition, in the order written."""
    parts = condition.any or condition.all or condition.of or ([condition.not_] if condition.not_ else None)
    if parts is None:
        yield condition
    else:
        for part in parts:
            yield from leaves(part)


def without(condition: Condition, lacks: Callable[[Condition], bool]) -> Condition | None:
    """The condition without comparisons that can never be known; None where nothing is left that could be true.

    A part is taken out of `any` and `at least N of`; an `all` or `not` with such a part can never be known itself.
    """
    parts = condition.any or condition.of
    if parts is not None:
        kept = [part for part in (without(part, lacks) for part in parts) if part is not None]
        enough = 1 if condition.any else int(condition.at_least or 0)
        if len(kept) < enough:
            return None
        return condition.model_copy(update={"any" if condition.any else "of": kept})
    if condition.all is not None:
        kept = [part for part in (without(part, lacks) for part in condition.all) if part is not None]
        return condition.model_copy(update={"all": kept}) if len(kept) == len(condition.all) else None
    if condition.not_ is not None:
        inner = without(condition.not_, lacks)
        return condition if inner == condition.not_ else None
    return None if lacks(condition) else condition


def check_condition(
    condition: Condition,
    plan: MonitoringPlan,
    *,
    terms: Collection[str],
    place: Place,
) -> list[Problem]:
    """What is wrong with a condition: units of another dimension than the finding's, unknown grading terms.

    A finding that the plan lacks is not a problem: the composition may lack it. `missing_names` lists such findings.
    """
    problems = []
    for leaf in leaves(condition):
        if leaf.finding is not None and leaf.unit is not None and leaf.finding in plan.findings:
            unit = plan.findings[leaf.finding].unit
            try:
                conversion(leaf.unit, unit)
            except UnitError as error:
                problems.append(Problem(place, str(error), f"'{leaf.finding}' is in {unit}."))
        if leaf.grade is not None and terms and leaf.grade not in terms:
            problems.append(Problem(place, f"unknown term '{leaf.grade}'.", did_you_mean(leaf.grade, terms)))
    return problems


def missing_names(condition: Condition, plan: MonitoringPlan) -> tuple[str, ...]:
    """The findings of a condition that the plan cannot show in this composition, in the order written."""
    names = [leaf.finding for leaf in leaves(condition) if leaf.finding is not None]
    return tuple(dict.fromkeys(name for name in names if name not in plan.findings))


def _joined(condition: Condition, values: list[CodeArray], patients: int) -> CodeArray:
    if condition.any is not None:
        return reduce(disjunction, values)
    if condition.all is not None:
        return reduce(conjunction, values)
    if condition.not_ is not None:
        return negation(values[0])
    return _at_least(values, int(condition.at_least or 0), patients)


def _at_least(parts: list[CodeArray], number: int, patients: int) -> CodeArray:
    true = np.zeros(patients, dtype=np.int64)
    possible = np.zeros(patients, dtype=np.int64)
    for part in parts:
        true += part == TRUE
        possible += part != FALSE
    return np.where(true >= number, TRUE, np.where(possible < number, FALSE, UNKNOWN)).astype(np.int8)


def _given(condition: Condition, patients: int, ledger: Given | None) -> CodeArray:
    if ledger is None:
        return np.full(patients, UNKNOWN)
    return _compare(condition)(np.asarray(getattr(ledger, str(condition.given)), dtype=np.float64))


def _grade(condition: Condition, term: str, history: Seen, grades: Mapping[str, CodeArray]) -> CodeArray:
    if term not in grades:
        return np.full(history.patients, UNKNOWN)
    grade = grades[term].astype(np.float64)
    value = np.where(grade < 0, np.nan, grade)
    return _over_time(condition, value, history.grade_series(term), _compare(condition))


def _finding(condition: Condition, history: Seen, threshold_factor: FloatArray | float) -> CodeArray:
    name = condition.finding
    if name is None or name not in history.plan.findings:
        return np.full(history.patients, UNKNOWN)
    finding = history.plan.findings[name]
    scale: FloatArray | float = 1.0
    if condition.times == "baseline":
        scale = history.baseline(name)
    elif condition.times is not None:
        limit = finding.normal.upper if condition.times == "upper_normal" else finding.normal.lower
        scale = np.nan if limit is None else limit
    elif condition.unit is not None:
        scale = conversion(condition.unit, finding.unit)
    compare = _compare(condition, scale=scale, threshold_factor=threshold_factor)
    if condition.at == "baseline":
        return compare(history.baseline(name))
    value = history.latest(name)
    if condition.rise_over is not None:
        return compare(_rise(value, history.measured_at(name), history.series(name), hours(condition.rise_over)))
    return _over_time(condition, value, history.series(name), compare)


def _compare(
    condition: Condition, *, scale: FloatArray | float = 1.0, threshold_factor: FloatArray | float = 1.0
) -> Comparison:
    """The comparison of values (patients,) with the bounds of a condition; NaN on either side is unknown."""
    lower = condition.at_least if condition.at_least is not None else condition.from_
    must_exceed = lower is not None or condition.above is not None
    factor = threshold_factor if must_exceed else 1.0

    def limit(bound: float) -> FloatArray:
        if condition.times == "baseline":
            return _decimal(np.asarray((1.0 + (bound - 1.0) * factor) * scale))
        return _decimal(np.asarray(bound * factor * scale))

    ends = [
        (limit(bound), test)
        for bound, test in (
            (lower, np.greater_equal),
            (condition.above, np.greater),
            (condition.below, np.less),
            (condition.at_most, np.less_equal),
        )
        if bound is not None
    ]

    bounds_are_known = all(end.ndim == 0 and not np.isnan(end) for end, _ in ends)

    def compare(value: FloatArray) -> CodeArray:
        if not ends:
            return np.full(value.shape, TRUE)
        if bounds_are_known:
            # Most comparisons: what is not known lies within no bounds, and is one less than false.
            within = reduce(np.logical_and, [test(value, end) for end, test in ends])
            code: CodeArray = within.view(np.int8) - np.isnan(value).view(np.int8)
            return code
        is_known = ~np.isnan(value)
        true = np.ones(value.shape, dtype=bool)
        false = np.zeros(value.shape, dtype=bool)
        for end, test in ends:
            holds = test(value, end)
            true &= holds
            false |= is_known & ~np.isnan(end) & ~holds
        # True is 1, false is 0, and what is neither is one less than 0.
        result: CodeArray = true.view(np.int8) - (~(true | false)).view(np.int8)
        return result

    return compare


def _decimal(number: FloatArray) -> FloatArray:
    """The number rounded to 12 significant digits: 3 times a limit of 1.4 is 4.2, as on a laboratory's report."""
    if number.ndim == 0:
        return _decimal_number(float(number))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = 10.0 ** (SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(np.abs(number))))
        rounded = np.round(number * size) / size
    return np.where(np.isfinite(rounded), rounded, number)


@cache
def _decimal_number(number: float) -> FloatArray:
    return np.asarray(float(f"{number:.{SIGNIFICANT_DIGITS}g}"))


def _over_time(condition: Condition, value: FloatArray, series: Sequence[Record], compare: Comparison) -> CodeArray:
    now = compare(value)
    if condition.consecutive is not None:
        return _consecutive(now, series, compare, condition.consecutive)
    if condition.for_at_least is not None:
        return _lasting(now, series, compare, hours(condition.for_at_least))
    return now


def _consecutive(now: CodeArray, series: Sequence[Record], compare: Comparison, number: int) -> CodeArray:
    """True where the last `number` measurements all are; one that was not made neither counts nor breaks the run."""
    run = np.zeros(now.shape, dtype=np.int64)
    open_run = now == TRUE
    for record in reversed(series):
        if not open_run.any():
            break
        holds = compare(record.value)
        run += open_run & (holds == TRUE)
        open_run &= (holds != FALSE) & (run < number)
    return np.where(now != TRUE, now, np.where(run >= number, TRUE, FALSE)).astype(np.int8)


def _lasting(now: CodeArray, series: Sequence[Record], compare: Comparison, duration: float) -> CodeArray:
    """True where the run of true measurements up to now spans at least `duration`; a finding over an interval spans it."""
    start = np.full(now.shape, np.inf)
    end = np.full(now.shape, -np.inf)
    open_run: BoolArray = now == TRUE
    for record in reversed(series):
        if not open_run.any():
            break
        holds = compare(record.value)
        in_run = open_run & (holds == TRUE)
        start = np.where(in_run, record.since, start)
        end = np.where(in_run & ~np.isfinite(end), record.time, end)
        open_run = open_run & (holds != FALSE) & ~(end - start >= duration - TIME_TOLERANCE_HOURS)
    with np.errstate(invalid="ignore"):
        long_enough = end - start >= duration - TIME_TOLERANCE_HOURS
    return np.where(now != TRUE, now, np.where(long_enough, TRUE, FALSE)).astype(np.int8)


def _rise(value: FloatArray, measured_at: FloatArray, series: Sequence[Record], duration: float) -> FloatArray:
    """The last value minus the newest one at least `duration` older; NaN where there is none."""
    earlier = np.full(value.shape, np.nan)
    wanted = ~np.isnan(value)
    for record in reversed(series):
        if not wanted.any():
            break
        old_enough = wanted & ~np.isnan(record.value) & (record.time <= measured_at - duration + TIME_TOLERANCE_HOURS)
        earlier = np.where(old_enough, record.value, earlier)
        wanted = wanted & ~old_enough
    return np.asarray(value - earlier, dtype=np.float64)
