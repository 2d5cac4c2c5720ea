"""Grades from findings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.errors import LibraryError
from cytotrial.formats import GradingFile, InterfaceFile, MonitoringFile
from cytotrial.observe.grading import Grader
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import parse_yaml, read_yaml

Recorder = Callable[..., Chart]

TERM = "    term: T\n    system_organ_class: S\n    source: {ref: a}\n    grades:\n"


def grading(*terms: str) -> GradingFile:
    text = "schema: grading/1\ntitle: {en: G, fr: G}\nversion: G v1\nterms:\n"
    for number, grades in enumerate(terms):
        text += f"  term_{number}:\n{TERM}" + "".join(f"      {line}\n" for line in grades.split("|"))
    return parse_yaml(text, GradingFile, file="g.yaml").content


@pytest.fixture(scope="session")
def shipped(library: Path, plan: MonitoringPlan) -> Grader:
    return Grader.from_file(read_yaml(library / "grading" / "ctcae_v5.yaml", GradingFile).content, plan)


def test_the_highest_true_grade_counts_even_where_a_higher_one_is_unknown(plan: MonitoringPlan, record: Recorder) -> None:
    written = grading("1: {lab: creatinine, above: 1.5}|3: {lab: creatinine, above: 3, times: baseline}")
    history = History(plan, 3)
    record(history, 0, {"creatinine": [2.0, 1.0, None]})
    assert Grader.from_file(written, plan).grade(history)["term_0"].tolist() == [1, -1, -1]


def test_a_true_grade_stands_where_a_lower_one_is_unknown(plan: MonitoringPlan, record: Recorder) -> None:
    written = grading("1: {lab: creatinine, above: 1, times: baseline}|3: {lab: creatinine, above: 3}")
    history = History(plan, 1)
    record(history, 24, {"creatinine": [4.0]})
    assert Grader.from_file(written, plan).grade(history)["term_0"].tolist() == [3]


def test_a_grade_of_zero_needs_every_grade_to_be_known_false(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 1)
    record(history, 0, {"creatinine": [1.0]}, first=True)
    written = grading("1: {lab: creatinine, above: 1.5}|3: {lab: creatinine, above: 3, times: baseline}")
    assert Grader.from_file(written, plan).grade(history)["term_0"].tolist() == [0]


def test_grades_that_the_composition_cannot_tell_are_left_out(ports: InterfaceFile, library: Path) -> None:
    file = read_yaml(library / "monitoring" / "standard.yaml", MonitoringFile).content
    small = MonitoringPlan.from_file(file, ports.observables, available=["creatinine"])
    grader = Grader.from_file(
        grading("1: {lab: creatinine, above: 1}|2: {lab: albumin, below: 3}", "1: {lab: albumin, below: 3}"), small
    )
    assert [grade for grade, _ in grader.terms["term_0"].grades] == [1]
    assert grader.ungraded == ("term_1",)


def test_a_term_may_refer_to_an_earlier_one_only(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 1)
    record(history, 0, {"creatinine": [4.0]})
    first, second = "2: {lab: creatinine, above: 3}", "3: {grade: term_0, at_least: 2}"
    assert Grader.from_file(grading(first, second), plan).grade(history)["term_1"].tolist() == [3]
    with pytest.raises(LibraryError, match="unknown term 'term_1'"):
        Grader.from_file(grading("3: {grade: term_1, at_least: 2}", first), plan)


def test_there_is_no_grade_five_to_find(plan: MonitoringPlan) -> None:
    with pytest.raises(LibraryError, match="there is no grade 5 to find"):
        Grader.from_file(grading("5: {lab: creatinine, above: 3}"), plan)


@pytest.mark.parametrize(
    ("given", "grade"),
    [((120, 0, 0), 0), ((95, 0, 0), 1), ((120, 0.5, 0), 2), ((120, 0.5, 0.4), 3), ((85, 0, 2.5), 4)],
)
def test_hypotension_is_graded_by_the_intervention_needed_and_not_by_the_treated_pressure(
    shipped: Grader, plan: MonitoringPlan, record: Recorder, given: tuple[float, float, float], grade: int
) -> None:
    pressure, bolus, pressor = given
    history = History(plan, 1)
    values = {"systolic_pressure": pressure, "systolic_minimum": pressure, "fluid_bolus_maximum": bolus}
    record(history, 8, {name: [value] for name, value in (values | {"pressor_maximum": pressor}).items()}, since=0)
    assert shipped.grade(history)["hypotension"].tolist() == [grade]


def test_fever_above_forty_becomes_grade_four_after_a_day(shipped: Grader, plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 1)
    seen = []
    for time in (8, 16, 24, 32):
        record(history, time, {"temperature": [40.2], "temperature_maximum": [40.4]}, since=time - 8)
        seen.append(int(shipped.grade(history)["fever"][0]))
    assert seen == [3, 3, 3, 4]


@pytest.mark.parametrize(("gain", "grade"), [(4.9, 0), (5.0, 1), (9.9, 1), (10.0, 2), (20.0, 3)])
def test_weight_gain_follows_the_printed_limits(
    shipped: Grader, plan: MonitoringPlan, record: Recorder, gain: float, grade: int
) -> None:
    history = History(plan, 1)
    record(history, 24, {"weight_gain_fraction": [gain]})
    assert shipped.grade(history)["weight_gain"].tolist() == [grade]


def test_capillary_leak_needs_weight_and_low_albumin_and_then_the_intervention(
    shipped: Grader, plan: MonitoringPlan, record: Recorder
) -> None:
    history = History(plan, 3)
    values = {"weight_gain_fraction": [6, 6, 6], "albumin": [2.5, 2.5, 4.0], "pressor_maximum": [0.0, 1.0, 1.0]}
    quiet = {"systolic_pressure": 110, "systolic_minimum": 105, "fluid_bolus_maximum": 0, "oxygen_flow_maximum": 0}
    record(history, 24, values | {name: [value] * 3 for name, value in quiet.items()}, since=16)
    assert shipped.grade(history)["capillary_leak_syndrome"].tolist() == [1, 3, 0]
