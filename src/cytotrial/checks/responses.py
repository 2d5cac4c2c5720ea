"""Checks of response criteria: that ladders can be read, ask about what is there, and pass their own cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cytotrial.checks.clinic import unmeasured_in
from cytotrial.checks.scope import Scope, placed
from cytotrial.errors import InputError, LibraryError, Place, Problem, ProtocolError
from cytotrial.formats.drug import DrugFile
from cytotrial.formats.response import ResponseFile
from cytotrial.observe.conditions import check_condition
from cytotrial.observe.criteria import plan_for, ready_assessor
from cytotrial.observe.level_cases import check_level_cases
from cytotrial.observe.levels import LevelAssessor, with_findings
from cytotrial.observe.plan import Moment, MonitoringPlan
from cytotrial.protocol import read_protocol
from cytotrial.reading import Document

STANDARD = ("objective response", "complete response", "partial response", "stable disease", "progressive disease")


def broken_ladder(scope: Scope) -> Iterator[Problem]:
    """A time of assessment that cannot be read, or a bound in a unit that the finding does not have."""
    for _, document in _ladders(scope):
        file: ResponseFile = document.content
        plan = with_findings(MonitoringPlan(file.title), file.conditions(), moment=Moment("any"), observables=scope.observables)
        places = [
            *(("levels", index, "when") for index in range(len(file.levels))),
            *((name,) for name in ("progression", "relapse") if getattr(file, name) is not None),
        ]
        for keys, condition in zip(places, file.conditions(), strict=True):
            yield from check_condition(condition, plan, terms=(), place=document.place(*keys))
        try:
            LevelAssessor.from_file(file)
        except ValueError as error:
            what, _, advice = str(error).partition("\n")
            yield Problem(document.place("assessed"), what, advice)


def levels_of_missing_findings(scope: Scope) -> Iterator[Problem]:
    """A level about a finding that nothing in the library shows is never known, so nobody reaches it."""
    derived = {name for _, document in scope.documents("monitoring/1") for name in document.content.findings}
    for _, document in _ladders(scope):
        yield from unmeasured_in(document, {*scope.observables, *derived})


def failing_level_case(scope: Scope) -> Iterator[Problem]:
    """Every case of a ladder is read as it says, and every level has a case that shows it."""
    for _, document in _ladders(scope):
        try:
            problems = check_level_cases(document.content, scope.observables)
        except ValueError:
            continue  # reported by broken_ladder
        yield from (placed(problem, document) for problem in problems)


def levels_that_a_trial_cannot_show(scope: Scope) -> Iterator[Problem]:
    """The response criteria of a shipped protocol ask about what its disease and monitoring have."""
    for path in scope.library.protocols.values():
        try:
            protocol = read_protocol(path, scope.library)
        except InputError:
            continue  # reported by broken_protocol
        biology = scope.biologies.get(protocol.disease)
        if biology is None:
            continue
        files = {name: scope.library.responses[name] for name in protocol.response}
        monitored = {scope.library.drugs[drug].file.monitoring for drug in protocol.drugs}
        for name in sorted(monitored or {DrugFile.model_fields["monitoring"].default}):
            if name not in scope.library.monitoring:
                continue  # reported by unknown_monitoring_plan
            try:
                plan = MonitoringPlan.from_file(scope.library.monitoring[name], biology.observables)
                assessors = [ready_assessor(file, name=key) for key, file in files.items()]
                plan_for(plan, files, assessors, observables=biology.observables)
            except ProtocolError as error:
                yield from (Problem(Place(scope.shown(path), path="response"), one.what, one.advice) for one in error.problems)
            except (LibraryError, ValueError):
                continue  # reported elsewhere


def titles_of_two_levels(scope: Scope) -> Iterator[Problem]:
    """Tables tell levels apart by name: none stands for two in one trial, nor for what all criteria report."""
    advice = "Name what was looked at, such as 'complete haematologic response'."
    for _, document in _ladders(scope):
        names = _names(document.content)
        for index, name in enumerate(names):
            if name in STANDARD or name in names[:index]:
                what = f"'{name}' " + ("is what all criteria report." if name in STANDARD else "is the name of two levels.")
                yield Problem(document.place("levels", index, "title"), what, advice)
    for path in scope.library.protocols.values():
        try:
            response = read_protocol(path, scope.library).response
        except InputError:
            continue  # reported by broken_protocol
        of_trial: dict[str, str] = {}
        for criteria in response:
            for name in _names(scope.library.responses[criteria]):
                if of_trial.setdefault(name, criteria) != criteria:
                    what = f"'{name}' is the name of a level of '{of_trial[name]}' and of '{criteria}'."
                    yield Problem(Place(scope.shown(path), path="response"), what, advice)


def _names(file: ResponseFile) -> list[str]:
    """What the levels of a set are called in tables."""
    return [(level.or_better or level.title).en.casefold() for level in file.levels]


def _ladders(scope: Scope) -> Iterator[tuple[Any, Document[Any]]]:
    for path, document in scope.documents("response/1"):
        if document.content.measure == "levels":
            yield path, document
