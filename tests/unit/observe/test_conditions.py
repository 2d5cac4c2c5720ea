"""The condition language: three values, and conditions over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.errors import Place
from cytotrial.formats.conditions import Condition
from cytotrial.observe.conditions import (
    check_condition,
    conjunction,
    disjunction,
    evaluate,
    missing_names,
    negation,
    without,
)
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan

Recorder = Callable[..., Chart]

codes = st.lists(st.sampled_from([-1, 0, 1]), min_size=5, max_size=5).map(lambda values: np.array(values, dtype=np.int8))
findings = st.one_of(st.none(), st.sampled_from([1.0, 3.0]))


@dataclass(frozen=True)
class Counts:
    doses_in_cycle: np.ndarray
    doses_in_course: np.ndarray
    cycles: np.ndarray
    courses: np.ndarray


def condition(**written: object) -> Condition:
    return Condition.model_validate(written)


@pytest.fixture
def history(plan: MonitoringPlan) -> History:
    return History(plan, 1)


@given(first=codes, second=codes, third=codes)
def test_three_valued_logic_keeps_the_laws_of_logic(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> None:
    assert np.array_equal(conjunction(first, second), conjunction(second, first))
    assert np.array_equal(conjunction(conjunction(first, second), third), conjunction(first, conjunction(second, third)))
    assert np.array_equal(negation(negation(first)), first)
    assert np.array_equal(negation(conjunction(first, second)), disjunction(negation(first), negation(second)))
    spread = disjunction(conjunction(first, second), conjunction(first, third))
    assert np.array_equal(conjunction(first, disjunction(second, third)), spread)


@given(first=codes, second=codes, settled=st.integers(0, 4), value=st.sampled_from([0, 1]))
def test_learning_what_was_unknown_never_reverses_an_answer(
    first: np.ndarray, second: np.ndarray, settled: int, value: int
) -> None:
    learned = first.copy()
    learned[settled] = value if first[settled] == -1 else first[settled]
    for rule in (conjunction, disjunction):
        before, after = rule(first, second), rule(learned, second)
        assert np.all((before == -1) | (before == after))


@given(values=st.permutations([{"lab": "creatinine", "above": 2}, {"lab": "albumin", "below": 3}, {"grade": "x", "above": 1}]))
def test_the_order_of_joined_conditions_does_not_matter(plan: MonitoringPlan, values: list[dict[str, object]]) -> None:
    history = History(plan, 1)
    here = np.ones(1, dtype=bool)
    history.add(Chart(np.zeros(1), here, here, np.zeros(1), {"creatinine": np.array([1.0]), "albumin": np.array([2.0])}))
    assert evaluate(condition(any=values), history).tolist() == [1]
    assert evaluate(condition(all=values), history).tolist() == [0]
    assert evaluate(condition(at_least=2, of=values), history).tolist() == [-1]


@given(first=st.lists(findings, min_size=1, max_size=8), number=st.integers(2, 4))
def test_a_measurement_not_made_neither_counts_nor_breaks_a_run(
    plan: MonitoringPlan, first: list[float | None], number: int
) -> None:
    # A second patient is measured every day, so that the day is on record.
    history, here = History(plan, 2), np.ones(2, dtype=bool)
    values = [*first, 3.0]
    for day, value in enumerate(values):
        now = np.full(2, 24.0 * day)
        reading = {"creatinine": np.array([np.nan if value is None else value, 1.0])}
        history.add(Chart(now, here, here & (day == 0), now, reading))
    made = [value for value in values if value is not None]
    expected = len(made) >= number and all(value > 2 for value in made[-number:])
    assert evaluate(condition(lab="creatinine", above=2, consecutive=number), history).tolist() == [int(expected), 0]


@pytest.mark.parametrize(
    ("bounds", "value", "expected"),
    [
        ({"from": 2.5, "below": 3.0}, 2.5, 1),
        ({"from": 2.5, "below": 3.0}, 3.0, 0),
        ({"at_least": 2.5}, 2.5, 1),
        ({"above": 2.5}, 2.5, 0),
        ({"at_most": 2.5}, 2.5, 1),
        ({"below": 2.5}, 2.5, 0),
        ({"below": 2.5}, None, -1),
    ],
)
def test_bounds_include_their_end_as_their_words_say(
    history: History, record: Recorder, bounds: dict[str, float], value: float | None, expected: int
) -> None:
    record(history, 0, {"creatinine": [value]})
    assert evaluate(condition(lab="creatinine", **bounds), history).tolist() == [expected]


def test_bounds_may_be_in_another_unit_of_the_same_dimension(history: History, record: Recorder) -> None:
    record(history, 0, {"creatinine": [2.6]})
    assert evaluate(condition(lab="creatinine", at_least=25, unit="mg/L"), history).tolist() == [1]


def test_a_multiple_of_a_limit_is_the_number_a_person_would_write(history: History, record: Recorder) -> None:
    record(history, 0, {"creatinine": [4.2]})
    # 3 x 1.4 is 4.199999999999999 in floating point.
    assert evaluate(condition(lab="creatinine", above=3.0, times="upper_normal"), history).tolist() == [0]


def test_multiples_of_baseline_are_unknown_without_a_baseline(history: History, record: Recorder) -> None:
    record(history, 24, {"creatinine": [4.0]})
    assert evaluate(condition(lab="creatinine", above=3.0, times="baseline"), history).tolist() == [-1]


def test_a_limit_of_normal_that_nobody_stated_is_unknown(history: History, record: Recorder) -> None:
    record(history, 24, {"bilirubin": [4.0]})
    assert evaluate(condition(lab="bilirubin", below=1.0, times="lower_normal"), history).tolist() == [-1]


def test_a_condition_can_look_at_the_baseline_itself(history: History, record: Recorder) -> None:
    record(history, 0, {"creatinine": [1.6]}, first=True)
    record(history, 24, {"creatinine": [1.0]})
    assert evaluate(condition(lab="creatinine", above=1.0, times="upper_normal", at="baseline"), history).tolist() == [1]


def test_a_rise_is_counted_from_the_newest_value_old_enough(history: History, record: Recorder) -> None:
    for time, value in ((0, 1.0), (24, 1.5), (48, 3.0)):
        record(history, time, {"creatinine": [value]})
    assert evaluate(condition(lab="creatinine", at_least=1.5, rise_over="24 h"), history).tolist() == [1]
    assert evaluate(condition(lab="creatinine", above=1.5, rise_over="24 h"), history).tolist() == [0]
    assert evaluate(condition(lab="creatinine", at_least=2.0, rise_over="2 d"), history).tolist() == [1]
    assert evaluate(condition(lab="creatinine", at_least=2.0, rise_over="3 d"), history).tolist() == [-1]


def test_lasting_needs_the_whole_time_and_starts_again_after_a_break(history: History, record: Recorder) -> None:
    lasting = condition(vital="temperature", above=40, for_at_least="24 h")
    seen = []
    for time, value in ((0, 40.5), (8, 40.5), (16, 39.0), (24, 40.5), (36, 40.5), (48, 40.5)):
        record(history, time, {"temperature": [value]})
        seen.append(int(evaluate(lasting, history)[0]))
    assert seen == [0, 0, 0, 0, 0, 1]


def test_a_finding_over_an_interval_lasts_from_the_start_of_its_interval(history: History, record: Recorder) -> None:
    lasting = condition(finding="urine_8h", below=80, for_at_least="16 h")
    record(history, 8, {"urine_8h": [70]}, since=0)
    assert evaluate(lasting, history).tolist() == [0]
    record(history, 16, {"urine_8h": [70]}, since=8)
    assert evaluate(lasting, history).tolist() == [1]


def test_a_grade_can_last_too(history: History, record: Recorder) -> None:
    lasting = condition(grade="fatigue", at_least=3, for_at_least="7 d")
    seen = []
    for day in (0, 4, 8):
        grades = {"fatigue": np.array([3], dtype=np.int8)}
        history.add_grades(grades, record(history, 24 * day, {}))
        seen.append(int(evaluate(lasting, history, grades=grades)[0]))
    assert seen == [0, 0, 1]


def test_a_judgement_moves_limits_to_exceed_and_leaves_the_others(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [3.0, 3.0], "systolic_pressure": [85, 85]})
    factor = np.array([0.9, 1.2])
    assert evaluate(condition(lab="creatinine", at_least=3.0), history, threshold_factor=factor).tolist() == [1, 0]
    window = condition(lab="creatinine", **{"from": 2.6, "below": 3.5})
    assert evaluate(window, history, threshold_factor=factor).tolist() == [1, 0]
    assert evaluate(condition(vital="systolic_pressure", below=90), history, threshold_factor=factor).tolist() == [1, 1]


def test_a_judgement_of_a_multiple_of_baseline_moves_the_rise_above_it(history: History, record: Recorder) -> None:
    record(history, 0, {"creatinine": [1.0]}, first=True)
    record(history, 24, {"creatinine": [1.19]})
    tolerant = condition(lab="creatinine", at_least=1.15, times="baseline")
    assert evaluate(tolerant, history, threshold_factor=1.2).tolist() == [1]
    assert evaluate(tolerant, history, threshold_factor=1.4).tolist() == [0]


def test_what_was_given_is_compared_too_and_unknown_without_a_ledger(history: History) -> None:
    counts = Counts(*(np.array([number]) for number in (3, 5, 1, 1)))
    first_dose = condition(given="doses_in_cycle", at_least=3)
    assert evaluate(first_dose, history, ledger=counts).tolist() == [1]
    assert evaluate(first_dose, history).tolist() == [-1]


def test_a_finding_or_term_the_composition_lacks_is_unknown(history: History) -> None:
    assert evaluate(condition(finding="nothing_like_it", above=1), history).tolist() == [-1]
    assert evaluate(condition(grade="nothing_like_it", above=1), history, grades={}).tolist() == [-1]


def test_comparisons_that_can_never_be_known_are_taken_out_where_others_remain() -> None:
    known = {"lab": "creatinine", "above": 2}
    lost = {"finding": "lost", "above": 1}

    def lacks(leaf: Condition) -> bool:
        return leaf.finding == "lost"

    assert without(condition(any=[known, lost]), lacks) == condition(any=[known])
    assert without(condition(all=[known, lost]), lacks) is None
    assert without(condition(any=[lost]), lacks) is None
    assert without(condition(at_least=2, of=[known, known, lost]), lacks) == condition(at_least=2, of=[known, known])
    assert without(condition(at_least=3, of=[known, known, lost]), lacks) is None
    assert without(condition(**{"not": lost}), lacks) is None


def test_a_bound_in_another_dimension_is_a_problem_with_its_place(plan: MonitoringPlan) -> None:
    problems = check_condition(
        condition(lab="creatinine", above=2, unit="mmHg"), plan, terms=(), place=Place("rules.yaml", 7, 3)
    )
    assert [str(problem) for problem in problems] == [
        "rules.yaml:7:3: 'mmHg' cannot be converted to 'mg/dL': they measure different things.\n  'creatinine' is in mg/dL."
    ]


def test_missing_findings_are_listed_once(plan: MonitoringPlan) -> None:
    lost = {"finding": "lost", "above": 1}
    assert missing_names(condition(any=[lost, lost, {"lab": "creatinine", "above": 1}]), plan) == ("lost",)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"grade": "x", "above": 1, "unit": "mg/dL"}, "'unit' does not go with 'grade'"),
        ({"any": [{"lab": "x", "above": 1}], "for_at_least": "1 d"}, "'for_at_least' does not go with 'any'"),
        ({"lab": "x", "above": 1, "consecutive": 2, "for_at_least": "1 d"}, "cannot stand together"),
        ({"lab": "x", "above": 1, "times": "baseline", "unit": "mg/dL"}, "'unit' does not go with it"),
    ],
)
def test_qualifiers_that_make_no_sense_are_refused(written: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        condition(**written)
