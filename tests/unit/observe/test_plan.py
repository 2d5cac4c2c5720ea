"""Reading a monitoring plan."""

from __future__ import annotations

import pytest

from cytotrial.errors import LibraryError
from cytotrial.formats import InterfaceFile, MonitoringFile
from cytotrial.observe.plan import Moment, MonitoringPlan, read_moment
from cytotrial.reading import parse_yaml

HEAD = "schema: monitoring/1\ntitle: {en: Plan, fr: Plan}\n"


def plan_of(text: str) -> MonitoringFile:
    return parse_yaml(HEAD + text, MonitoringFile, file="plan.yaml").content


def derived(**changes: str) -> str:
    written = {"of": "urine_total", "statistic": "increase", "unit": "mL", "title": "{en: A, fr: A}", "code": "A"} | changes
    return "schedules: {}\nfindings:\n  a:\n" + "".join(f"    {key}: {value}\n" for key, value in written.items())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("before each dose", Moment("dose")),
        ("daily at the dose visit", Moment("dose", 24.0)),
        ("at each scan", Moment("scan")),
        ("at each visit", Moment("any")),
        ("every 1 week", Moment("any", 168.0)),
        ("every 7 d for the first 4 weeks", Moment("any", 168.0, 672.0)),
    ],
)
def test_every_phrase_of_the_format_is_read(text: str, moment: Moment) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("before each does", "Did you mean 'before each dose'"),
        ("every 3 kg", "measure different things"),
        ("every 0 h", "has no length"),
        ("every 7 d for the first 0 weeks", "has no length"),
    ],
)
def test_a_moment_that_cannot_be_read_says_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_moment(text)


def test_what_the_composition_lacks_is_listed_and_not_measured(ports: InterfaceFile) -> None:
    file = plan_of("schedules:\n  a: {measure: [creatinine, albumin], when: at each visit}\n")
    plan = MonitoringPlan.from_file(file, ports.observables, available=["creatinine"])
    assert list(plan.findings) == ["creatinine"]
    assert plan.unavailable == ("albumin",)


def test_a_derived_finding_in_another_dimension_is_refused_with_its_observable(ports: InterfaceFile) -> None:
    with pytest.raises(LibraryError, match="'urine_total' is in L"):
        MonitoringPlan.from_file(plan_of(derived(unit="mg")), ports.observables)


def test_a_derived_finding_may_not_take_the_name_of_an_observable(ports: InterfaceFile) -> None:
    text = derived().replace("  a:\n", "  creatinine:\n")
    with pytest.raises(LibraryError, match="'creatinine' is the name of an observable already"):
        MonitoringPlan.from_file(plan_of(text), ports.observables)


def test_all_problems_of_a_plan_are_reported_at_once(ports: InterfaceFile) -> None:
    text = derived(unit="mg", when="at every visit")
    with pytest.raises(LibraryError, match="2 problems"):
        MonitoringPlan.from_file(plan_of(text), ports.observables)


def test_an_observable_in_two_schedules_is_measured_at_both(ports: InterfaceFile) -> None:
    text = "schedules:\n  a: {measure: [creatinine], when: at each scan, valid_for: 1 h}\n"
    text += "  b: {measure: [creatinine], when: before each dose, valid_for: 9 h}\n"
    finding = MonitoringPlan.from_file(plan_of(text), ports.observables).findings["creatinine"]
    assert finding.moments == (Moment("scan"), Moment("dose"))
    assert finding.valid_hours == 9.0


def test_two_plans_beside_each_other_measure_what_either_does_whenever_either_does(ports: InterfaceFile) -> None:
    ward = plan_of("schedules: {a: {when: before each dose, valid_for: 8 h, missing: 0.1, measure: [creatinine]}}\n")
    outpatients = plan_of("schedules: {a: {when: every 7 d, valid_for: 20 d, measure: [creatinine, platelets]}}\n")
    first, second = (MonitoringPlan.from_file(file, ports.observables) for file in (ward, outpatients))
    both = first.beside(second).findings
    assert both["creatinine"].moments == (Moment("dose"), Moment("any", 168.0))
    assert both["creatinine"].valid_hours == 480.0
    assert both["creatinine"].missing == 0.0
    assert both["platelets"].moments == (Moment("any", 168.0),)
    assert first.beside(first).findings["creatinine"].moments == (Moment("dose"),)
