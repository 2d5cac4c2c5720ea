"""What the linter finds in a rule profile from its text alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.formats import RulesFile
from cytotrial.manage.contradictions import contradictions
from cytotrial.reading import parse_yaml, read_yaml

SHIPPED = sorted((Path(__file__).parents[3] / "src" / "cytotrial" / "library").glob("drugs/*/rules/*.yaml"))
HEAD = "schema: rules/1\ntitle: {en: R, fr: R}\n"
HIGH = "{id: high, level: relative, when: {lab: creatinine, above: 3}, source: {ref: key}}"
HOLD = "{when: any relative, then: withhold}"


def found(*criteria: str, policy: tuple[str, ...] = (HOLD,)) -> list[str]:
    text = HEAD + "criteria:\n" + "".join(f"  - {one}\n" for one in criteria)
    text += "policy:\n" + "".join(f"  - {one}\n" for one in policy)
    file = parse_yaml(text, RulesFile, file="r.yaml").content
    return [f"{problem.place.path}: {problem.what}" for problem in contradictions(file, name="r")]


def test_a_sound_profile_has_no_finding() -> None:
    assert found(HIGH) == []


@pytest.mark.parametrize(
    "bounds",
    ["from: 3, below: 2.5", "above: 3, at_most: 3", "at_least: 3, below: 3"],
    ids=["crossed", "open below", "open above"],
)
def test_bounds_that_no_value_meets_are_found(bounds: str) -> None:
    criterion = f"{{id: a, level: relative, when: {{lab: creatinine, {bounds}}}, source: {{ref: key}}}}"
    assert found(criterion) == ["criteria[0].when: no value of 'creatinine' is within these bounds."]


def test_a_window_of_one_value_is_not_empty() -> None:
    assert found("{id: a, level: relative, when: {lab: creatinine, at_least: 3, at_most: 3}, source: {ref: key}}") == []


def test_a_criterion_resolved_by_what_makes_it_met_is_found() -> None:
    both = "when: {lab: creatinine, above: 3}, until: {lab: creatinine, above: 3}"
    assert found(f"{{id: a, level: relative, {both}, source: {{ref: key}}}}") == [
        "criteria[0].until: criterion 'a' is resolved by what makes it met."
    ]


def test_one_condition_at_two_levels_is_found() -> None:
    other = HIGH.replace("id: high", "id: same").replace("relative", "absolute")
    problems = found(HIGH, other, policy=("{when: any absolute, then: stop cycle}", HOLD))
    assert "criteria[0].when: criteria 'high' (relative) and 'same' (absolute) have the same condition." in problems


def test_a_criterion_that_no_step_heeds_is_found_and_a_note_is_not() -> None:
    lost = HIGH.replace("relative", "absolute")
    note = "{id: seen, level: note, when: {lab: creatinine, above: 2}, source: {ref: key}}"
    assert found(lost, note) == ["criteria[0].level: no step of the policy heeds criterion 'high' (absolute)."]


@pytest.mark.parametrize("late", ["criterion high", "at least 3 relative"])
def test_a_step_behind_one_that_takes_its_whole_level_is_found(late: str) -> None:
    assert found(HIGH, policy=(HOLD, f"{{when: {late}, then: stop cycle}}")) == [
        "policy[1].when: never reached: step 1 takes every relative criterion."
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_no_shipped_profile_contradicts_itself(path: Path) -> None:
    profiles = {other.stem: read_yaml(other, RulesFile).content for other in path.parent.glob("*.yaml")}
    assert contradictions(profiles[path.stem], name=path.stem, profiles=profiles) == []
