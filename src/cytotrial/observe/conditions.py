"""Whether a condition of the library holds for each patient: 1 true, 0 false, -1 unknown. It reads history and changes nothing.

Three-valued logic after Kleene: unknown and false is false, unknown or true is true, not unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Protocol

import numpy as np

from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.conditions import Condition
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.comparisons import Bound, Comparisons
from cytotrial.observe.decimals import decimal
from cytotrial.observe.history import Record
from cytotrial.observe.plan import Finding, MonitoringPlan
from cytotrial.units import UnitError, conversion, hours

TRUE, FALSE, UNKNOWN = np.int8(1), np.int8(0), np.int8(-1)

Comparison = Callable[[FloatArray], CodeArray]
OverTime = Callable[[CodeArray, Sequence[Record], Comparison], CodeArray]
Question = Callable[["Seen", "Known"], CodeArray]


class Seen(Protocol):
    """What has been seen of some patients so far: a history, or a part of one."""

    plan: MonitoringPlan
    patients: int

    def latest(self, name: str) -> FloatArray: ...  # noqa: D102

    def measured_at(self, name: str) -> FloatArray: ...  # noqa: D102

    def baseline(self, name: str) -> FloatArray: ...  # noqa: D102

    def multiple_of_baseline(self, name: str, multiple: float) -> FloatArray: ...  # noqa: D102

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


@dataclass(frozen=True)
class Known:
    """What is known of patients beside their history: the grades of this round by term, what was given, and the factor that
    multiplies the limits which a finding must exceed, one number or (patients,). `compared` is what `Comparisons` made of them.
    """

    grades: Mapping[str, CodeArray] = field(default_factory=dict)
    ledger: Given | None = None
    threshold_factor: FloatArray | float = 1.0
    compared: CodeArray | None = None


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
    return question(condition, history.plan)(history, Known(grades or {}, ledger, threshold_factor))


def question(condition: Condition, plan: MonitoringPlan, comparisons: Comparisons | None = None) -> Question:
    """A condition as `evaluate` answers it, for one plan: names, units and bounds are read once, not at every visit.

    Where `comparisons` are given, the simple ones are noted there, and asking then needs `Known.compared`.
    """
    parts = condition.any or condition.all or condition.of or ([condition.not_] if condition.not_ else None)
    if parts is not None:
        return _joined(condition, [question(part, plan, comparisons) for part in parts])
    if condition.given is not None:
        return _given(condition)
    if condition.grade is not None:
        return _grade(condition, condition.grade)
    if condition.finding is not None and condition.finding in plan.findings:
        finding = plan.findings[condition.finding]
        simple = None if comparisons is None else _fixed_bounds(condition, finding)
        if comparisons is not None and simple:
            return partial(_compared, row=comparisons.add(finding.name, simple))
        return _finding(condition, finding)
    return _never_known


def conjunction(first: CodeArray, second: CodeArray) -> CodeArray:
    """Both, in three values.

    >>> conjunction(np.array([1, 1, 0], dtype=np.int8), np.array([1, -1, -1], dtype=np.int8)).tolist()
    [1, -1, 0]
    """
    # Of the codes 1, 0 and -1 the bits have one in common unless one is 0, and false with anything is false.
    result: CodeArray = np.minimum(first, second) * ((first & second) != FALSE)
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


def _never_known(history: Seen, known: Known) -> CodeArray:
    return np.full(history.patients, UNKNOWN)


def _joined(condition: Condition, parts: Sequence[Question]) -> Question:
    number = int(condition.at_least or 0)

    def ask(history: Seen, known: Known) -> CodeArray:
        values = [part(history, known) for part in parts]
        if condition.any is not None:
            return reduce(disjunction, values)
        if condition.all is not None:
            return reduce(conjunction, values)
        if condition.not_ is not None:
            return negation(values[0])
        return _at_least(values, number, history.patients)

    return ask


def _at_least(parts: list[CodeArray], number: int, patients: int) -> CodeArray:
    true = np.zeros(patients, dtype=np.int64)
    possible = np.zeros(patients, dtype=np.int64)
    for part in parts:
        true += part == TRUE
        possible += part != FALSE
    return np.where(true >= number, TRUE, np.where(possible < number, FALSE, UNKNOWN)).astype(np.int8)


def _given(condition: Condition) -> Question:
    compare, name = _compare(condition), str(condition.given)

    def ask(history: Seen, known: Known) -> CodeArray:
        if known.ledger is None:
            return _never_known(history, known)
        return compare(np.asarray(getattr(known.ledger, name), dtype=np.float64))

    return ask


def _grade(condition: Condition, term: str) -> Question:
    compare, over_time = _compare(condition), _over_time(condition)

    def ask(history: Seen, known: Known) -> CodeArray:
        if term not in known.grades:
            return _never_known(history, known)
        grade = known.grades[term].astype(np.float64)
        now = compare(np.where(grade < 0, np.nan, grade))
        return now if over_time is None else over_time(now, history.grade_series(term), compare)

    return ask


def _compared(history: Seen, known: Known, *, row: int) -> CodeArray:
    if known.compared is None:
        raise ValueError("the question was noted among comparisons, which were not made.")
    code: CodeArray = known.compared[row]
    return code


def _fixed_bounds(condition: Condition, finding: Finding) -> list[tuple[float, Bound]] | None:
    """The bounds of a comparison of the latest value, in the finding's unit; None where they are not the same for everybody."""
    scale = _scale(condition, finding)
    looks_back = condition.at == "baseline" or condition.rise_over is not None or _over_time(condition) is not None
    if scale is None or np.isnan(scale) or looks_back:
        return None
    return [(float(decimal(np.asarray(bound * scale))), test) for bound, test in _bounds(condition)]


def _finding(condition: Condition, finding: Finding) -> Question:
    name, over_time = finding.name, _over_time(condition)
    scale, bounds = _scale(condition, finding), _bounds(condition)
    as_written = _compare(condition, scale=scale) if scale is not None else None
    rise_over = hours(condition.rise_over) if condition.rise_over is not None else None
    is_judged = _must_exceed(condition)

    def ready(history: Seen, factor: FloatArray | float) -> Comparison:
        if is_judged and not (isinstance(factor, float) and factor == 1.0):
            multiple = history.baseline(name) if scale is None else scale
            return _compare(condition, scale=multiple, threshold_factor=factor)
        return as_written or _within([(history.multiple_of_baseline(name, bound), test) for bound, test in bounds])

    def ask(history: Seen, known: Known) -> CodeArray:
        compare = ready(history, known.threshold_factor)
        if condition.at == "baseline":
            return compare(history.baseline(name))
        value = history.latest(name)
        if rise_over is not None:
            return compare(_rise(value, history.measured_at(name), history.series(name), rise_over))
        now = compare(value)
        return now if over_time is None else over_time(now, history.series(name), compare)

    return ask


def _scale(condition: Condition, finding: Finding) -> float | None:
    """What the bounds of a comparison are multiples of, in the finding's unit; None where it is the patient's baseline."""
    if condition.times == "baseline":
        return None
    if condition.times is not None:
        limit = finding.normal.upper if condition.times == "upper_normal" else finding.normal.lower
        return np.nan if limit is None else limit
    return conversion(condition.unit, finding.unit) if condition.unit is not None else 1.0


def _must_exceed(condition: Condition) -> bool:
    return any(bound is not None for bound in (condition.at_least, condition.from_, condition.above))


def _bounds(condition: Condition) -> list[tuple[float, Bound]]:
    lower = condition.at_least if condition.at_least is not None else condition.from_
    written: list[tuple[float | None, Bound]] = [
        (lower, np.greater_equal),
        (condition.above, np.greater),
        (condition.below, np.less),
        (condition.at_most, np.less_equal),
    ]
    return [(bound, test) for bound, test in written if bound is not None]


def _compare(
    condition: Condition, *, scale: FloatArray | float = 1.0, threshold_factor: FloatArray | float = 1.0
) -> Comparison:
    """The comparison of values (patients,) with the bounds of a condition; NaN on either side is unknown."""
    factor = threshold_factor if _must_exceed(condition) else 1.0

    def limit(bound: float) -> FloatArray:
        if condition.times == "baseline":
            return decimal(np.asarray((1.0 + (bound - 1.0) * factor) * scale))
        return decimal(np.asarray(bound * factor * scale))

    return _within([(limit(bound), test) for bound, test in _bounds(condition)])


def _within(ends: Sequence[tuple[FloatArray, Bound]]) -> Comparison:
    """The comparison with limits, one number or (patients,) each."""
    if not ends:
        return lambda value: np.full(value.shape, TRUE)
    bounds_are_known = all(end.ndim == 0 and not np.isnan(end) for end, _ in ends)
    (first_end, first_test), *others = ends

    def compare(value: FloatArray) -> CodeArray:
        if bounds_are_known:
            # Most comparisons: what is not known lies within no bounds, and is one less than false.
            within = first_test(value, first_end)
            for end, test in others:
                within = within & test(value, end)
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


def _over_time(condition: Condition) -> OverTime | None:
    """How long or how often a comparison must have held; None where now is enough."""
    if condition.consecutive is not None:
        return partial(_consecutive, number=condition.consecutive)
    if condition.for_at_least is not None:
        return partial(_lasting, duration=hours(condition.for_at_least))
    return None


def _consecutive(now: CodeArray, series: Sequence[Record], compare: Comparison, *, number: int) -> CodeArray:
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


def _lasting(now: CodeArray, series: Sequence[Record], compare: Comparison, *, duration: float) -> CodeArray:
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
