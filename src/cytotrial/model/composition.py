"""Composes the modules of a trial into one biology. The steps stand in other files; this one is their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cytotrial.catalogue import SHARED_GROUPS, Library, Module
from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.model.assembly import assemble
from cytotrial.model.biology import Biology, Input, Parameter, State
from cytotrial.model.consistency import CHECKS, PRESENT_CHECKS, inspect, written
from cytotrial.model.finding import Finding
from cytotrial.model.parts import Draft
from cytotrial.model.standstill import standing_still
from cytotrial.model.symbols import ode_system


def compose(library: Library, *, drugs: Sequence[str], disease: str) -> Biology:
    """The biology of a trial: the shared modules, the disease's, and those of all drugs of all arms.

    An undosed drug changes nothing, so the arms of a trial share one composition. States that none of the trial's drugs can
    move are not integrated: they stand at their starts, where whatever reads them still finds them.

    Raises:
        LibraryError: everything that is wrong, with file and line; or an unknown drug or disease.
    """
    whole = biology_of(library, modules_of(library, drugs=drugs, disease=disease))
    return replace(whole, system=ode_system(whole.draft, still=standing_still(whole.draft)))


def modules_of(library: Library, *, drugs: Sequence[str], disease: str) -> tuple[Module, ...]:
    """The modules of a composition, in their fixed order: shared, disease, drugs by name."""
    problems = [_unknown("drug", name, library.drugs) for name in drugs if name not in library.drugs]
    if disease not in library.diseases:
        problems.append(_unknown("disease", disease, library.diseases))
    if problems:
        raise LibraryError(problems)
    shared = [module for module in library.modules.values() if module.group in SHARED_GROUPS]
    return (*shared, library.modules[disease], *(library.modules[name] for name in sorted(set(drugs))))


def biology_of(library: Library, modules: Sequence[Module]) -> Biology:
    """The biology of some modules. Raises LibraryError with everything that is wrong."""
    draft, findings = inspected(library, modules)
    errors = [finding.problem for finding in findings if finding.level == "error"]
    if errors:
        raise LibraryError(errors)
    return _biology(draft, tuple(findings))


def inspected(library: Library, modules: Sequence[Module]) -> tuple[Draft, list[Finding]]:
    """The draft of some modules with what the checks found; for the linter, which wants warnings too.

    Raises:
        LibraryError: interface.yaml cannot be read.
    """
    draft, problems = assemble(library, modules)
    findings = [Finding(problem, "names_and_text") for problem in dict.fromkeys(problems)]
    # Where a statement was refused, the checks for something absent would only repeat that.
    return draft, findings + inspect(draft, checks=PRESENT_CHECKS if findings else CHECKS)


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> Problem:
    see = f"`cytotrial show {kind}s` lists all {kind}s."
    return Problem(Place(path=kind), f"unknown {kind} '{name}'.", did_you_mean(name, known, see=see))


def _biology(draft: Draft, findings: tuple[Finding, ...]) -> Biology:
    system = ode_system(draft)
    return Biology(
        system=system,
        modules=draft.modules,
        parameters=_parameters(draft),
        covariates=dict(draft.interface.covariates),
        inputs={name: Input(part.unit, part.default, part.title) for name, part in draft.inputs.items()},
        observables={
            **{name: draft.observables[name] for name in system.observables},
            **{name: event.observable for name, event in draft.events.items()},
        },
        events=dict(draft.events),
        states={
            name: State(part.unit, part.nominal, part.title, part.start, part.at_rest, part.module)
            for name, part in draft.states.items()
        },
        draft=draft,
        findings=findings,
    )


def _parameters(draft: Draft) -> dict[str, Parameter]:
    found = {}
    for id_, part in draft.parameters.items():
        name, value = written(id_), part.row.value
        number, formula = (None, value) if isinstance(value, str) else (value, None)
        found[name] = Parameter(id_, name, part.module, number, formula, part.row, part.place)
    return found
