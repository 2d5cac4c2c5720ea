"""A rule profile from its file: with what it extends, its criteria and policy read for one composition. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.formats.base import Source
from cytotrial.formats.conditions import Condition
from cytotrial.formats.rules import RulesFile
from cytotrial.manage.policy import GIVE, Action, Step, Trigger, read_action, read_trigger
from cytotrial.observe.conditions import Question, check_condition, question, without
from cytotrial.observe.plan import MonitoringPlan


@dataclass(frozen=True)
class ReadyCriterion:
    """A criterion whose findings the composition has; `holds` and `resolves` ask `when` and `until` of patients."""

    id: str
    level: Literal["relative", "absolute", "note"]
    when: Condition
    until: Condition | None
    is_judged: bool
    source: Source
    holds: Question
    resolves: Question | None


def merge_profiles(file: RulesFile, *, name: str, profiles: Mapping[str, RulesFile]) -> RulesFile:
    """The rules of a file with those it extends: criteria and levels by id, the child's policy where it has one.

    Raises:
        LibraryError: an unknown parent, or profiles that extend each other in a circle.
    """
    line, seen = file, [name]
    chain = [file]
    while line.extends is not None:
        if line.extends in seen:
            circle = " -> ".join([*seen, line.extends])
            raise LibraryError([Problem(Place(path="extends"), f"profiles extend each other in a circle: {circle}.")])
        if line.extends not in profiles:
            what = f"unknown profile '{line.extends}'."
            raise LibraryError([Problem(Place(path="extends"), what, did_you_mean(line.extends, profiles))])
        seen.append(line.extends)
        line = profiles[line.extends]
        chain.append(line)
    merged = chain[-1]
    for child in reversed(chain[:-1]):
        criteria = {criterion.id: criterion for criterion in merged.criteria}
        levels = {level.id: level for level in merged.levels}
        written = child.model_fields_set
        merged = child.model_copy(
            update={
                "criteria": list((criteria | {criterion.id: criterion for criterion in child.criteria}).values()),
                "levels": list((levels | {level.id: level for level in child.levels}).values()),
                "policy": child.policy or merged.policy,
                "judgement": child.judgement if "judgement" in written else merged.judgement,
                "withheld_dose": child.withheld_dose if "withheld_dose" in written else merged.withheld_dose,
                "applies_to": child.applies_to if "applies_to" in written else merged.applies_to,
                "levels_of": child.levels_of if "levels_of" in written else merged.levels_of,
                "starts_at": child.starts_at if "starts_at" in written else merged.starts_at,
            }
        )
    return merged


def ready_criteria(
    merged: RulesFile, plan: MonitoringPlan, terms: Collection[str]
) -> tuple[tuple[ReadyCriterion, ...], tuple[str, ...]]:
    """The criteria of a profile for the findings of a plan and the terms graded; and the ids of those never to be known."""

    def lacks(leaf: Condition) -> bool:
        return (leaf.finding is not None and leaf.finding not in plan.findings) or (
            leaf.grade is not None and leaf.grade not in terms
        )

    ready, unavailable = [], []
    for criterion in merged.criteria:
        when = without(criterion.when, lacks)
        if when is None:
            unavailable.append(criterion.id)
            continue
        # What can never be known cannot keep a dose back: such an `until` is dropped.
        until = without(criterion.until, lacks) if criterion.until else None
        holds, resolves = question(when, plan), question(until, plan) if until else None
        ready.append(
            ReadyCriterion(criterion.id, criterion.level, when, until, criterion.judged, criterion.source, holds, resolves)
        )
    return tuple(ready), tuple(unavailable)


def check_criteria(file: RulesFile, plan: MonitoringPlan, place: Callable[..., Place]) -> list[Problem]:
    """What is wrong with the criteria a profile writes itself: ids that stand twice, units of another dimension."""
    problems = []
    seen: set[str] = set()
    for index, criterion in enumerate(file.criteria):
        if criterion.id in seen:
            where = place("criteria", index, "id")
            problems.append(Problem(where, f"criterion '{criterion.id}' stands twice.", "Each id may stand once in a profile."))
        seen.add(criterion.id)
        for key, condition in (("when", criterion.when), ("until", criterion.until)):
            if condition is not None:
                problems += check_condition(condition, plan, terms=(), place=place("criteria", index, key))
    return problems


def read_steps(
    merged: RulesFile, levels: Collection[str], problems: list[Problem], place: Callable[..., Place]
) -> tuple[Step, ...]:
    """The steps of a policy; what cannot be read is added to `problems`."""
    steps = []
    ids = [criterion.id for criterion in merged.criteria]
    for index, written in enumerate(merged.policy):
        trigger, action = Trigger("always"), Action(GIVE)
        try:
            trigger = read_trigger(written.when, ids)
        except ValueError as error:
            what, _, advice = str(error).partition("\n")
            problems.append(Problem(place("policy", index, "when"), what, advice))
        try:
            action = read_action(written.then, levels)
        except ValueError as error:
            what, _, advice = str(error).partition("\n")
            problems.append(Problem(place("policy", index, "then"), what, advice))
        steps.append(Step(f"{written.when} -> {written.then}", trigger, action))
    return tuple(steps)


__all__ = ["ReadyCriterion", "check_criteria", "merge_profiles", "read_steps", "ready_criteria"]
