"""The list of all checks of a library, and their run. A new check is a function in one of these files and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cytotrial.catalogue import Library
from cytotrial.checks import biology, clinic, files, responses, studies, subjects, tables
from cytotrial.checks.scope import Scope
from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.model.finding import Finding, Level

Check = Callable[[Scope], Iterable[Problem]]

CHECKS: tuple[tuple[Check, Level], ...] = (
    (files.missing_schema_line, "error"),
    (files.wrong_schema, "error"),
    (files.unreadable_file, "error"),
    (files.missing_file, "error"),
    (files.unusable_name, "error"),
    (files.misplaced_file, "warning"),
    (files.empty_text, "error"),
    (files.unknown_source, "error"),
    (tables.unknown_source_in_table, "error"),
    (tables.broken_correlation_table, "error"),
    (tables.correlation_of_nothing, "error"),
    (tables.repeated_correlation, "error"),
    (tables.unknown_source_of_correlation, "error"),
    (tables.spread_without_status, "warning"),
    (tables.unexplained_assumption, "note"),
    (subjects.route_into_nothing, "error"),
    (subjects.infusion_in_another_unit, "error"),
    (subjects.strength_without_amount, "error"),
    (subjects.regimen_that_cannot_be_read, "error"),
    (subjects.unknown_monitoring_plan, "error"),
    (subjects.unknown_support_of_a_drug, "error"),
    (subjects.disease_without_population, "error"),
    (subjects.population_of_unknown_covariates, "error"),
    (subjects.population_without_needed_covariates, "error"),
    (subjects.population_that_sets_nothing, "error"),
    (subjects.population_beyond_its_life_table, "error"),
    (subjects.implausible_limits, "error"),
    (clinic.broken_monitoring_plan, "error"),
    (responses.broken_ladder, "error"),
    (responses.levels_of_missing_findings, "error"),
    (responses.failing_level_case, "error"),
    (responses.levels_that_a_trial_cannot_show, "error"),
    (responses.titles_of_two_levels, "error"),
    (clinic.broken_rule_profile, "error"),
    (clinic.policy_that_never_matches, "error"),
    (clinic.rules_that_contradict_themselves, "error"),
    (clinic.failing_case, "error"),
    (clinic.rules_of_unknown_grades, "error"),
    (clinic.care_of_unknown_inputs, "error"),
    (clinic.treatment_that_no_care_set_has, "error"),
    (clinic.eligibility_of_missing_findings, "error"),
    (clinic.plan_of_missing_observables, "note"),
    (clinic.grading_of_missing_findings, "note"),
    (clinic.rules_of_missing_findings, "note"),
    (studies.broken_protocol, "error"),
    (studies.evidence_of_unknown_protocol, "error"),
    (studies.evidence_under_another_name, "error"),
    (studies.evidence_that_contradicts_itself, "error"),
    (studies.evidence_of_unknown_term, "note"),
    (studies.evidence_of_unknown_level, "error"),
    (studies.evidence_among_nobody, "error"),
    (studies.evidence_of_unknown_setting, "error"),
    (studies.reporting_of_unknown_term, "error"),
    (studies.care_seen_in_nothing, "error"),
    (studies.plausibility_of_nothing, "error"),
    (studies.plausibility_of_unknown_regimen, "error"),
    (studies.plausibility_without_its_drug, "note"),
    (biology.cannot_start, "error"),
    (biology.no_steady_state, "error"),
    (biology.not_a_number, "error"),
    (biology.not_at_rest, "error"),
    (biology.rests_outside_its_range, "error"),
    (biology.libsbml_disagrees, "error"),
)
"""Each check with the level of what it finds; `model.consistency.CHECKS` come before them, on every composition."""


def check_library(library: Library, folder: Path | None = None) -> list[Finding]:
    """Everything that is wrong with a library, or with the files of one of its folders; errors first, then by place.

    Raises:
        LibraryError: `folder` is not a folder of this library.
    """
    if folder is not None and not (folder.is_dir() and folder.is_relative_to(library.root)):
        problem = Problem(Place(str(folder)), "not a folder of this library.", f"Expected a folder under {library.root}.")
        raise LibraryError([problem])
    scope = Scope(library)
    found = dict.fromkeys(_findings(scope))
    within = f"{library.shelf.shown(folder)}/" if folder is not None and folder != library.root else ""
    kept = (finding for finding in found if finding.problem.place.file.startswith(within) or not finding.problem.place.file)
    return sorted(kept, key=lambda finding: (_ORDER[finding.level], finding.problem))


_ORDER = {"error": 0, "warning": 1, "note": 2}


def _findings(scope: Scope) -> Iterator[Finding]:
    seen: set[Problem] = set()
    for finding in _of_compositions(scope):
        seen.add(finding.problem)
        yield finding
    for check, level in CHECKS:
        try:
            # A file that cannot be read stops the checks that need it; it is reported once, by the check of files.
            yield from (Finding(problem, check.__name__, level) for problem in check(scope) if problem not in seen)
        except LibraryError as error:
            yield from (Finding(problem, "unreadable_file") for problem in error.problems)


def _of_compositions(scope: Scope) -> Iterator[Finding]:
    try:
        yield from scope.compositions
    except LibraryError as error:
        yield from (Finding(problem, "unreadable_file") for problem in error.problems)
