"""Checks of protocols, published evidence and plausibility cases against the library. Nothing is simulated."""

from __future__ import annotations

from collections.abc import Iterator

from cytotrial.checks.scope import Scope
from cytotrial.errors import InputError, LibraryError, Place, Problem, ProtocolError, did_you_mean, nearest
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
    """A number about an adverse event names a term that some grading grades."""
    terms = {term for _, document in scope.documents("grading/1") for term in document.content.terms}
    written = {item.term for _, document in scope.documents("grading/1") for item in document.content.terms.values()}
    for _, document in scope.documents("evidence/1"):
        for index, item in enumerate(document.content.expectations):
            if item.term is not None and item.term not in terms | written:
                place = document.place("expectations", index, "term")
                yield Problem(place, f"no grading has the term '{item.term}'.", did_you_mean(item.term, terms | written))


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


def _regimens(scope: Scope, drug: str) -> list[str]:
    try:
        return list(scope.library.drugs[drug].regimens)
    except LibraryError:
        return []
