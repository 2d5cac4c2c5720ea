"""Checks of what the clinic measures, grades, decides and gives: monitoring plans, gradings, rule profiles, supportive care."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cytotrial.catalogue import Drug
from cytotrial.checks.scope import Scope, parts, placed
from cytotrial.errors import LibraryError, Problem, did_you_mean
from cytotrial.formats.conditions import Condition
from cytotrial.formats.rules import RulesFile
from cytotrial.manage.cases import check_cases
from cytotrial.manage.contradictions import contradictions
from cytotrial.manage.profiles import merge_profiles
from cytotrial.manage.rules import RuleProfile
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import Document


def broken_monitoring_plan(scope: Scope) -> Iterator[Problem]:
    """A plan whose moments or units cannot be read."""
    for _, document in scope.documents("monitoring/1"):
        try:
            MonitoringPlan.from_file(document.content, scope.observables, place=document.place)
        except LibraryError as error:
            yield from (placed(problem, document) for problem in error.problems)


def plan_of_missing_observables(scope: Scope) -> Iterator[Problem]:
    """A plan may name what no biology has yet: it is then not measured."""
    for _, document in scope.documents("monitoring/1"):
        for key, schedule in document.content.schedules.items():
            for index, name in enumerate(schedule.measure):
                if name not in scope.observables and name not in document.content.findings:
                    advice = did_you_mean(name, [*scope.observables, *document.content.findings])
                    yield Problem(
                        document.place("schedules", key, "measure", index),
                        f"'{name}' is no observable; it is not measured.",
                        advice,
                    )


def grading_of_missing_findings(scope: Scope) -> Iterator[Problem]:
    """A grade about a finding that no monitoring plan measures is never known."""
    known = _measured(scope)
    for _, document in scope.documents("grading/1"):
        yield from unmeasured_in(document, known)


def rules_of_missing_findings(scope: Scope) -> Iterator[Problem]:
    """A criterion about a finding that nobody measures is never known, so it never acts."""
    known = _measured(scope)
    for _, _, document in _profiles(scope):
        yield from unmeasured_in(document, known)


def eligibility_of_missing_findings(scope: Scope) -> Iterator[Problem]:
    """Eligibility asks for covariates or observables."""
    known = {*scope.observables, *scope.library.interface.covariates}
    for _, document in scope.documents("population/1"):
        yield from unmeasured_in(document, known)


def rules_of_unknown_grades(scope: Scope) -> Iterator[Problem]:
    """A criterion about a grade names a term of some grading."""
    terms = {term for _, document in scope.documents("grading/1") for term in document.content.terms}
    for _, _, document in _profiles(scope):
        for keys, part in parts(document.content):
            if isinstance(part, Condition) and part.grade is not None and part.grade not in terms:
                yield Problem(
                    document.place(*keys), f"no grading has the term '{part.grade}'.", did_you_mean(part.grade, terms)
                )


def broken_rule_profile(scope: Scope) -> Iterator[Problem]:
    """A profile whose phrases, levels, parents or units cannot be read."""
    for drug, name, document in _profiles(scope):
        plan = _plan(scope, drug)
        if plan is None:
            continue
        try:
            RuleProfile.from_file(
                document.content,
                name=name,
                plan=plan,
                profiles=_readable(scope, drug),
                terms=_terms(scope),
                place=document.place,
            )
        except LibraryError as error:
            yield from (placed(problem, document) for problem in error.problems)


def policy_that_never_matches(scope: Scope) -> Iterator[Problem]:
    """A step behind one that always matches, or about a level that no criterion has."""
    for drug, name, document in _profiles(scope):
        try:
            merged = merge_profiles(document.content, name=name, profiles=_readable(scope, drug))
        except LibraryError:
            continue
        levels = [criterion.level for criterion in merged.criteria]
        always = None
        for index, step in enumerate(document.content.policy):
            place = document.place("policy", index, "when")
            if always is not None:
                yield Problem(place, f"never reached: step {always + 1} always matches.")
            always = index if step.when.strip() == "otherwise" and always is None else always
            for level in ("relative", "absolute"):
                if level in step.when.split() and levels.count(level) < _needed(step.when):
                    yield Problem(place, f"'{step.when}' can never be true: {levels.count(level)} criteria are {level}.")


def rules_that_contradict_themselves(scope: Scope) -> Iterator[Problem]:
    """Criteria that can never be met, never heeded or never resolved, and steps that another takes everything from."""
    for drug, name, document in _profiles(scope):
        try:
            problems = contradictions(document.content, name=name, profiles=_readable(scope, drug))
        except LibraryError:
            continue  # reported by broken_rule_profile
        yield from (placed(problem, document) for problem in problems)


def failing_case(scope: Scope) -> Iterator[Problem]:
    """Every case of a profile ends as it says, and every criterion has a case that makes it fire."""
    for drug, name, document in _profiles(scope):
        plan = _plan(scope, drug)
        if plan is None:
            continue
        try:
            problems = check_cases(document.content, name=name, plan=plan, profiles=_readable(scope, drug), terms=_terms(scope))
        except LibraryError:
            continue  # reported by broken_rule_profile
        yield from (placed(problem, document) for problem in problems)


def care_of_unknown_inputs(scope: Scope) -> Iterator[Problem]:
    """Supportive care sets an input that the interface or a module declares."""
    inputs = set(scope.library.interface.inputs)
    for path, document in scope.documents("module/1"):
        inputs |= {f"{path.parent.name}.{name}" for name in document.content.inputs} | set(document.content.inputs)
    for _, document in scope.documents("support/1"):
        for name, care in document.content.care.items():
            written = getattr(care, "input", None)
            if written is not None and written not in inputs:
                yield Problem(document.place("care", name, "input"), f"'{written}' is no input.", did_you_mean(written, inputs))


def treatment_that_no_care_set_has(scope: Scope) -> Iterator[Problem]:
    """What a policy treats with is an entry of some set of supportive care, given only when ordered."""
    entries = {name: care for _, document in scope.documents("support/1") for name, care in document.content.care.items()}
    ordered = [name for name, care in entries.items() if getattr(care, "ordered", False)]
    for _, _, document in _profiles(scope):
        for index, step in enumerate(document.content.policy):
            treated = re.fullmatch(r"treat with (\S+)", step.then.strip())
            if treated is None or treated[1] in ordered:
                continue
            what = f"no set of supportive care gives '{treated[1]}' when ordered."
            advice = did_you_mean(treated[1], ordered, see="An entry under care: in support/1 with `ordered: true`.")
            yield Problem(document.place("policy", index, "then"), what, advice)


def _needed(phrase: str) -> int:
    """How many criteria a phrase such as 'at least 3 relative' asks for."""
    return next((int(word) for word in phrase.split() if word.isdigit()), 1)


def _measured(scope: Scope) -> set[str]:
    """Every finding that some monitoring plan measures of this library's observables."""
    found: set[str] = set()
    for _, document in scope.documents("monitoring/1"):
        scheduled = {name for schedule in document.content.schedules.values() for name in schedule.measure}
        found |= {name for name in scheduled if name in scope.observables} | set(document.content.findings)
    return found


def unmeasured_in(document: Document[Any], known: set[str]) -> Iterator[Problem]:
    """Conditions of a file about findings that are not among the known ones."""
    for keys, part in parts(document.content):
        if isinstance(part, Condition) and part.finding is not None and part.finding not in known:
            advice = did_you_mean(part.finding, known)
            yield Problem(document.place(*keys), f"nobody measures '{part.finding}', so this is never known.", advice)


def _profiles(scope: Scope) -> Iterator[tuple[Drug, str, Document[RulesFile]]]:
    documents = dict(scope.documents("rules/1"))
    for drug in scope.library.drugs.values():
        for path, document in documents.items():
            if path.parent == drug.folder / "rules":
                yield drug, path.stem, document


def _readable(scope: Scope, drug: Drug) -> Mapping[str, RulesFile]:
    """The profiles of a drug that can be read."""
    return {name: document.content for owner, name, document in _profiles(scope) if owner.id == drug.id}


def _plan(scope: Scope, drug: Drug) -> MonitoringPlan | None:
    """The monitoring plan of a drug for all observables; None where it cannot be read."""
    try:
        file = scope.library.monitoring[drug.file.monitoring]
        return MonitoringPlan.from_file(file, scope.observables)
    except (KeyError, LibraryError):
        return None


def _terms(scope: Scope) -> set[str]:
    return {term for _, document in scope.documents("grading/1") for term in document.content.terms}
