"""Cases of rule profiles, and the profiles the library ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.errors import ProtocolError
from cytotrial.formats import GradingFile, RulesFile
from cytotrial.manage.cases import check_cases, run_cases
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import parse_yaml, read_yaml

LIBRARY = Path(__file__).parents[3] / "src" / "cytotrial" / "library"
SHIPPED = sorted(LIBRARY.glob("drugs/*/rules/*.yaml"))

RULES = """
schema: rules/1
title: {en: R, fr: R}
criteria:
  - {id: creatinine_high, level: relative, when: {lab: creatinine, above: 2}, source: {ref: key}}
  - {id: graded, level: absolute, when: {grade: hypotension, at_least: 3}, source: {ref: key}}
  - {id: first_dose, level: note, when: {given: doses_in_cycle, at_most: 0}, source: {ref: key}}
policy:
  - {when: any absolute, then: stop cycle}
  - {when: any relative, then: withhold}
"""


def rules(*cases: str) -> RulesFile:
    return parse_yaml(RULES + "cases:\n" + "".join(f"  - {case}\n" for case in cases), RulesFile, file="r.yaml").content


def terms_of_every_grading() -> set[str]:
    # grading/1 and response/1 share a folder; the schema line tells them apart.
    texts = [
        path
        for path in sorted(LIBRARY.glob("grading/*.yaml"))
        if path.read_text(encoding="utf-8").startswith("schema: grading/1")
    ]
    return {term for path in texts for term in read_yaml(path, GradingFile).content.terms}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parents[1].name}.{path.stem}")
def test_every_case_of_a_shipped_profile_passes_and_every_criterion_fires_in_one(path: Path, plan: MonitoringPlan) -> None:
    profiles = {other.stem: read_yaml(other, RulesFile).content for other in path.parent.glob("*.yaml")}
    problems = check_cases(profiles[path.stem], name=path.stem, plan=plan, profiles=profiles, terms=terms_of_every_grading())
    assert [str(problem) for problem in problems] == []


@pytest.mark.needs("drugs/aldesleukin")
def test_the_library_ships_profiles() -> None:
    assert len(SHIPPED) >= 3


def test_a_case_goes_through_findings_grades_and_doses_given(plan: MonitoringPlan) -> None:
    charts = "[{creatinine: 30 mg/L}, {hypotension: 3}, {doses_in_cycle: 0}]"
    case = f"{{case: a, every: 24 h, charts: {charts}, expect: [withhold, stop cycle, give]}}"
    (result,) = run_cases(rules(case), name="r", plan=plan)
    assert result.is_passed
    assert result.fired == {"creatinine_high", "graded", "first_dose"}


def test_a_failing_case_says_what_it_gave_and_what_was_expected(plan: MonitoringPlan) -> None:
    problems = check_cases(rules("{case: a, charts: [{creatinine: 3 mg/dL}], expect: [give]}"), name="r", plan=plan)
    assert str(problems[0]) == "cases[0]: case 'a' gave withhold.\n  Expected give."


def test_a_criterion_without_a_case_is_a_problem(plan: MonitoringPlan) -> None:
    problems = check_cases(rules("{case: a, charts: [{creatinine: 3 mg/dL}], expect: [withhold]}"), name="r", plan=plan)
    assert "no case makes criterion 'graded' fire." in [problem.what for problem in problems]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("{case: a, charts: [{creatinin: 3 mg/dL}], expect: [give]}", "unknown finding 'creatinin'"),
        ("{case: a, charts: [{creatinine: 3 mmHg}], expect: [give]}", "'mmHg' cannot be converted"),
        ("{case: a, charts: [{creatinine: 3 mg/dL}], expect: [hold]}", "'hold' is not an action"),
    ],
)
def test_a_case_that_cannot_be_read_says_why(plan: MonitoringPlan, case: str, message: str) -> None:
    problems = check_cases(rules(case), name="r", plan=plan)
    assert any(message in str(problem) for problem in problems)


def test_a_case_expects_one_action_per_chart() -> None:
    with pytest.raises(ProtocolError, match="1 charts but 2 expected actions"):
        rules("{case: a, charts: [{creatinine: 3 mg/dL}], expect: [give, give]}")


def test_a_case_says_where_the_dose_goes_down_a_level_and_where_it_is_only_withheld(plan: MonitoringPlan) -> None:
    text = """
schema: rules/1
title: {en: R, fr: R}
levels: [{id: half, fraction: 0.5}]
criteria:
  - {id: creatinine_high, level: relative, when: {lab: creatinine, above: 2}, source: {ref: key}}
policy:
  - {when: any relative, then: withhold and reduce one level}
cases:
  - case: a
    charts: [{creatinine: 30 mg/L}, {creatinine: 30 mg/L}, {creatinine: 10 mg/L}]
    expect: [withhold and reduce one level, withhold, give]
"""
    (result,) = run_cases(parse_yaml(text, RulesFile, file="r.yaml").content, name="r", plan=plan)
    assert result.is_passed, result.actions
