"""Checks of protocols, published evidence and plausibility cases against the library. Nothing is simulated."""

from __future__ import annotations

from collections.abc import Iterator

from cytotrial.checks.scope import Scope
from cytotrial.errors import InputError, LibraryError, Place, Problem, ProtocolError, did_you_mean, nearest
from cytotrial.evidence.by_time import DOSE_ENDPOINTS, VALUE_ENDPOINTS
from cytotrial.evidence.endpoints import CARE_IN_USE, EXTREME_ENDPOINTS
from cytotrial.evidence.levels import LEVEL_ENDPOINTS
from cytotrial.formats.conditions import parts_of
from cytotrial.formats.protocol import ProtocolFile
from cytotrial.protocol import parse_regimen, read_protocol
from cytotrial.reading import read_yaml
from cytotrial.units import UnitError, conversion, hours


def broken_protocol(scope: Scope) -> Iterator[Problem]:
    """A shipped protocol that does not read."""
    for path in scope.library.protocols.values():
        try:
            read_protocol(path, scope.library)
        except InputError as error:
            for problem in error.problems:
                file = scope.shown(path) if problem.place.file in ("", str(path)) else problem.place.file
                place = Place(file, problem.place.line, problem.place.column, problem.place.path)
                yield Problem(place, problem.what, problem.advice)


def evidence_of_unknown_protocol(scope: Scope) -> Iterator[Problem]:
    """A study names a shipped protocol and one of its arms."""
    for _, document in scope.documents("evidence/1"):
        file = document.content
        if file.protocol not in scope.library.protocols:
            advice = did_you_mean(file.protocol, scope.library.protocols)
            yield Problem(document.place("protocol"), f"unknown protocol '{file.protocol}'.", advice)
            continue
        try:
            arms = [arm.name for arm in read_yaml(scope.library.protocols[file.protocol], ProtocolFile).content.arms]
        except ProtocolError:
            continue  # reported by broken_protocol
        if file.arm not in arms:
            yield Problem(
                document.place("arm"), f"protocol '{file.protocol}' has no arm '{file.arm}'.", did_you_mean(file.arm, arms)
            )


def evidence_under_another_name(scope: Scope) -> Iterator[Problem]:
    """Protocols ask for a study by its file's name."""
    for path, document in scope.documents("evidence/1"):
        if path.stem != document.content.study:
            what = f"study '{document.content.study}' lies in {path.name}."
            yield Problem(document.place("study"), what, f"Protocols find it as '{path.stem}'.")


def evidence_that_contradicts_itself(scope: Scope) -> Iterator[Problem]:
    """An interval goes up, a proportion lies between 0 and 1, and an id stands once."""
    for _, document in scope.documents("evidence/1"):
        seen = set()
        for index, item in enumerate(document.content.expectations):
            place = document.place("expectations", index)
            if item.id in seen:
                yield Problem(place, f"'{item.id}' stands twice.")
            seen.add(item.id)
            if item.interval is not None and item.interval.low > item.interval.high:
                yield Problem(place, f"low {item.interval.low:g} is above high {item.interval.high:g}.")
            if item.estimand == "proportion" and item.unit == "1" and not 0 <= item.value <= 1:
                yield Problem(place, f"{item.value:g} is no proportion.", "Expected 0 to 1, or the unit '%'.")


def evidence_of_unknown_term(scope: Scope) -> Iterator[Problem]:
    """A number about a side effect names a graded term or a line of its study's reporting; one about care, care in use; one
    about a value, a finding; one about doses, a drug.
    """
    graded = _graded_terms(scope)
    written = {item.term for _, document in scope.documents("grading/1") for item in document.content.terms.values()}
    care = {name for _, document in scope.documents("monitoring/1") for name in document.content.care_in_use}
    findings = {name for _, document in scope.documents("monitoring/1") for name in document.content.findings}
    findings |= {name for port, one in scope.observables.items() for name in (port, one.code)}
    lines = {path.stem: set(document.content.terms) for path, document in scope.documents("reporting/1")}
    for _, document in scope.documents("evidence/1"):
        reported = lines.get(document.content.reporting or "", set())
        for index, item in enumerate(document.content.expectations):
            known = reported or graded | written
            if item.endpoint == CARE_IN_USE:
                known = care
            elif item.endpoint in VALUE_ENDPOINTS or item.endpoint in EXTREME_ENDPOINTS:
                known = findings
            elif item.endpoint in DOSE_ENDPOINTS:
                known = set(scope.library.drugs)
            if item.term is not None and item.term not in known | graded | written:
                place = document.place("expectations", index, "term")
                yield Problem(place, f"nothing simulated is called '{item.term}'.", did_you_mean(item.term, known))


def evidence_of_unknown_level(scope: Scope) -> Iterator[Problem]:
    """A number about a level names one, of response criteria that the protocol beside it assesses."""
    ladders = {path.stem: document.content for path, document in scope.documents("response/1") if document.content.levels}
    for _, document in scope.documents("evidence/1"):
        assessed = _responses_of(scope, document.content.protocol)
        here = {name: ladders[name] for name in assessed if name in ladders}
        for index, item in enumerate(document.content.expectations):
            if item.endpoint not in LEVEL_ENDPOINTS:
                continue
            if item.criteria is not None and item.criteria not in here:
                what = f"protocol '{document.content.protocol}' assesses nobody by levels of '{item.criteria}'."
                yield Problem(document.place("expectations", index, "criteria"), what, did_you_mean(item.criteria, here))
                continue
            known = {level.id for name, file in here.items() if item.criteria in (None, name) for level in file.levels}
            if item.level not in known:
                what = f"unknown level '{item.level}'." if item.level else f"'{item.endpoint}' names no level."
                yield Problem(document.place("expectations", index), what, did_you_mean(item.level or "", known))


def evidence_among_nobody(scope: Scope) -> Iterator[Problem]:
    """A number of some of the patients tells them apart by covariates."""
    covariates = scope.library.interface.covariates
    for _, document in scope.documents("evidence/1"):
        for index, item in enumerate(document.content.expectations):
            for part in () if item.among is None else parts_of(item.among):
                if part.finding is not None and part.finding not in covariates:
                    place = document.place("expectations", index, "among")
                    yield Problem(place, f"'{part.finding}' is no covariate.", did_you_mean(part.finding, covariates))


def _responses_of(scope: Scope, protocol: str) -> tuple[str, ...]:
    """The response criteria of a shipped protocol; none where it cannot be read."""
    try:
        return read_protocol(scope.library.protocols[protocol], scope.library).response
    except (KeyError, InputError):
        return ()


def evidence_of_unknown_setting(scope: Scope) -> Iterator[Problem]:
    """How a trial was run is said in names of the library, and its reporting scheme exists."""
    library = scope.library
    named: dict[str, set[str]] = {
        "regimen": {name for drug in library.drugs for name in _regimens(scope, drug)},
        "rules": {name for drug in library.drugs.values() for name in drug.rules},
        "support": set(library.support),
        "population": {name for disease in library.diseases.values() for name in disease.populations.populations},
        "eligibility": {name for disease in library.diseases.values() for name in disease.populations.eligibility},
        "grading": set(library.gradings),
        "response": set(library.responses),
    }
    for _, document in scope.documents("evidence/1"):
        for key, known in named.items():
            for index, name in enumerate(getattr(document.content.setting, key)):
                if name not in known:
                    place = document.place("setting", key, index)
                    yield Problem(place, f"the library has no {key} '{name}'.", did_you_mean(name, known))
        scheme = document.content.reporting
        if scheme is not None and scheme not in library.reporting:
            what = f"the library has no reporting scheme '{scheme}'."
            yield Problem(document.place("reporting"), what, did_you_mean(scheme, library.reporting))


def reporting_of_unknown_term(scope: Scope) -> Iterator[Problem]:
    """A line of a reporting scheme gathers terms that some grading grades."""
    graded = _graded_terms(scope)
    for _, document in scope.documents("reporting/1"):
        for name, line in document.content.terms.items():
            for index, term in enumerate(line.of):
                if term not in graded:
                    place = document.place("terms", name, "of", index)
                    yield Problem(place, f"no grading has the term '{term}'.", did_you_mean(term, graded))


def care_seen_in_nothing(scope: Scope) -> Iterator[Problem]:
    """Care in use is told from observables or from findings of its own plan, in a unit of the same dimension."""
    for _, document in scope.documents("monitoring/1"):
        units = {name: observable.unit for name, observable in scope.observables.items()}
        units |= {name: finding.unit for name, finding in document.content.findings.items()}
        for name, care in document.content.care_in_use.items():
            for index, sign in enumerate(care.seen_in):
                place = document.place("care_in_use", name, "seen_in", index)
                if sign.finding not in units:
                    yield Problem(place, f"'{sign.finding}' is not measured.", did_you_mean(sign.finding, units))
                    continue
                try:
                    conversion(sign.unit, units[sign.finding])
                except UnitError as error:
                    yield Problem(place, str(error))


def plausibility_of_nothing(scope: Scope) -> Iterator[Problem]:
    """A plausibility case reads an observable, in a unit of the same dimension, in a window that goes forward."""
    for _, document in scope.documents("plausibility/1"):
        for name, case in document.content.cases.items():
            place = document.place("cases", name)
            if case.low > case.high:
                yield Problem(place, f"low {case.low:g} is above high {case.high:g}.")
            try:
                if hours(case.window[0]) > hours(case.window[1]):
                    yield Problem(place, f"the window ends before it begins: {' to '.join(case.window)}.")
                is_value = case.reading in ("maximum", "minimum", "value") and case.relative_to is None
                if is_value and case.observable in scope.observables:
                    conversion(case.unit, scope.observables[case.observable].unit)
            except UnitError as error:
                yield Problem(place, str(error))
            if case.observable not in scope.observables:
                yield Problem(place, f"'{case.observable}' is no observable.", did_you_mean(case.observable, scope.observables))


def plausibility_of_unknown_regimen(scope: Scope) -> Iterator[Problem]:
    """A plausibility case names drug.regimen, writes a sentence, or says none."""
    for _, document in scope.documents("plausibility/1"):
        for name, case in document.content.cases.items():
            drug, _, regimen = case.regimen.partition(".")
            place = document.place("cases", name, "regimen")
            if case.named_drug is not None and drug not in scope.library.drugs:
                # An absent drug is a smaller library; a name like one of its drugs is a slip.
                if nearest(drug, scope.library.drugs):
                    yield Problem(place, f"unknown drug '{drug}'.", did_you_mean(drug, scope.library.drugs))
                continue
            if case.regimen == "none" or (drug in scope.library.drugs and regimen in _regimens(scope, drug)):
                continue
            try:
                parse_regimen(case.regimen)
            except ProtocolError as error:
                yield Problem(
                    place, error.problems[0].what, f"Expected drug.regimen, a sentence, or none. {error.problems[0].advice}"
                )


def plausibility_without_its_drug(scope: Scope) -> Iterator[Problem]:
    """A plausibility case of a drug that the library does not have is not simulated."""
    for _, document in scope.documents("plausibility/1"):
        for name, case in document.content.cases.items():
            if case.named_drug is not None and case.named_drug not in scope.library.drugs:
                place = document.place("cases", name, "regimen")
                yield Problem(place, f"the library has no drug '{case.named_drug}', so this case is not simulated.")


def _graded_terms(scope: Scope) -> set[str]:
    return {term for _, document in scope.documents("grading/1") for term in document.content.terms}


def _regimens(scope: Scope, drug: str) -> list[str]:
    try:
        return list(scope.library.drugs[drug].regimens)
    except LibraryError:
        return []
