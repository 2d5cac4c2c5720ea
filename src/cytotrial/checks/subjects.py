"""Checks of drugs, diseases and their populations against the modules and ports they speak of."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from cytotrial.catalogue import Disease, Drug
from cytotrial.checks.scope import Scope
from cytotrial.errors import LibraryError, Problem, ProtocolError, did_you_mean
from cytotrial.formats.module import ModuleFile
from cytotrial.formats.population import Distribution, PopulationFile
from cytotrial.model.unit_algebra import unit_of
from cytotrial.protocol import parse_regimen
from cytotrial.reading import Document
from cytotrial.units import UnitError, conversion, parse_quantity


def route_into_nothing(scope: Scope) -> Iterator[Problem]:
    """A route enters an input with a rate, or a pool with an amount, of the drug's own module."""
    for drug, module in _drugs(scope):
        document = drug.document
        for route, entry in drug.file.routes.items():
            if entry.infusion is None and entry.bolus is None:
                yield Problem(
                    document.place("routes", route), f"route '{route}' enters nowhere.", "Expected infusion, bolus or both."
                )
            if entry.infusion is not None and entry.infusion not in module.inputs:
                advice = did_you_mean(entry.infusion, module.inputs, see="Inputs are declared in module.yaml.")
                yield Problem(
                    document.place("routes", route, "infusion"), f"'{entry.infusion}' is no input of the module.", advice
                )
            pools = [name for name, state in module.states.items() if state.kind == "pool"]
            if entry.bolus is not None and entry.bolus not in pools:
                advice = did_you_mean(entry.bolus, pools, see="Pools are declared in module.yaml.")
                yield Problem(document.place("routes", route, "bolus"), f"'{entry.bolus}' is no pool of the module.", advice)


def infusion_in_another_unit(scope: Scope) -> Iterator[Problem]:
    """Doses arrive in nmol, so an infusion is nmol/h."""
    for drug, module in _drugs(scope):
        for route, entry in drug.file.routes.items():
            given = module.inputs.get(entry.infusion or "")
            if given is not None and not unit_of(given.unit).same(unit_of("nmol/h")):
                place = drug.document.place("routes", route, "infusion")
                yield Problem(place, f"input '{entry.infusion}' has the unit {given.unit}.", "Expected nmol/h.")


def strength_without_amount(scope: Scope) -> Iterator[Problem]:
    """Each strength turns a unit of activity or mass into an amount of substance, once."""
    for drug, _ in _drugs(scope):
        seen = set()
        for index, strength in enumerate(drug.file.strengths):
            place = drug.document.place("strengths", index, "amount")
            try:
                if parse_quantity(strength.amount, "nmol") <= 0:
                    yield Problem(place, f"'{strength.amount}' is not above 0.")
            except UnitError as error:
                yield Problem(place, str(error), "Expected an amount such as '4.0e-6 nmol'.")
            if strength.per in seen:
                yield Problem(place, f"a second strength per {strength.per}.")
            seen.add(strength.per)


def regimen_that_cannot_be_read(scope: Scope) -> Iterator[Problem]:
    """Every named regimen's sentence is one."""
    for drug, _ in _drugs(scope):
        path = drug.folder / "regimens.yaml"
        for found, document in scope.documents("regimens/1"):
            for name, regimen in document.content.regimens.items() if found == path else ():
                try:
                    parse_regimen(regimen.sentence)
                except ProtocolError as error:
                    place = document.place("regimens", name, "sentence")
                    yield from (Problem(place, problem.what, problem.advice) for problem in error.problems)


def unknown_monitoring_plan(scope: Scope) -> Iterator[Problem]:
    """A drug names a monitoring plan of the library."""
    for drug, _ in _drugs(scope):
        if drug.file.monitoring not in scope.library.monitoring:
            advice = did_you_mean(drug.file.monitoring, scope.library.monitoring)
            yield Problem(drug.document.place("monitoring"), f"unknown monitoring plan '{drug.file.monitoring}'.", advice)


def unknown_support_of_a_drug(scope: Scope) -> Iterator[Problem]:
    """A drug names a supportive-care set of the library."""
    for drug, _ in _drugs(scope):
        if "support" in drug.file.model_fields_set and drug.file.support not in scope.library.support:
            advice = did_you_mean(drug.file.support, scope.library.support)
            yield Problem(drug.document.place("support"), f"unknown supportive-care set '{drug.file.support}'.", advice)


def disease_without_population(scope: Scope) -> Iterator[Problem]:
    """The default population exists, and what scans measure is an observable."""
    for disease, document in _diseases(scope):
        file, populations = disease.file, document.content.populations
        if file.default_population not in populations:
            advice = did_you_mean(file.default_population, populations)
            yield Problem(
                disease.document.place("default_population"), f"unknown population '{file.default_population}'.", advice
            )
        for key in ("tumour_size", "tumour_area", "new_lesion_hazard"):
            name = getattr(file, key, None)
            if name is not None and name not in scope.observables:
                advice = did_you_mean(name, scope.observables)
                yield Problem(disease.document.place(key), f"'{name}' is no observable.", advice)


def population_of_unknown_covariates(scope: Scope) -> Iterator[Problem]:
    """A population draws covariates of the interface, in a unit of the same dimension, and correlates those it draws."""
    covariates = scope.library.interface.covariates
    for _, document in _diseases(scope):
        for name, population in document.content.populations.items():
            at = ("populations", name)
            for drawn, distribution in population.covariates.items():
                place = document.place(*at, "covariates", drawn)
                if drawn not in covariates:
                    yield Problem(place, f"unknown covariate '{drawn}'.", did_you_mean(drawn, covariates))
                    continue
                try:
                    conversion(distribution.unit, covariates[drawn].unit)
                except UnitError as error:
                    yield Problem(place, str(error))
            after = population.after_progression
            for named in after.hazard_ratios if after else ():
                yield from _unknown(named, population.covariates, document, (*at, "after_progression", "hazard_ratios", named))
            for index, pair in enumerate(population.correlations):
                for side in ("first", "second"):
                    yield from _unknown(
                        getattr(pair, side), population.covariates, document, (*at, "correlations", index, side)
                    )


def population_without_needed_covariates(scope: Scope) -> Iterator[Problem]:
    """A population draws every covariate that the biology reads."""
    for disease, document in _diseases(scope):
        biology = scope.biologies.get(disease.id)
        if biology is None:
            continue
        for name, population in document.content.populations.items():
            missing = sorted(biology.used_covariates - population.covariates.keys())
            if missing:
                yield Problem(
                    document.place("populations", name), f"the biology reads {', '.join(missing)}, which is not drawn."
                )


def population_that_sets_nothing(scope: Scope) -> Iterator[Problem]:
    """What a population sets is a parameter, in a unit of the same dimension."""
    for disease, document in _diseases(scope):
        biology = scope.biologies.get(disease.id)
        if biology is None:
            continue
        for name, population in document.content.populations.items():
            for written, value in population.set_.items():
                place = document.place("populations", name, "set", written)
                try:
                    parse_quantity(value, biology.parameters[biology.resolve(written)].unit)
                except ProtocolError as error:
                    yield from (Problem(place, problem.what, problem.advice) for problem in error.problems)
                except UnitError as error:
                    yield Problem(place, str(error))


def population_beyond_its_life_table(scope: Scope) -> Iterator[Problem]:
    """A life table that a population names is there, and knows the age and sex of whomever it draws."""
    tables = scope.library.life_tables
    for _, document in _diseases(scope):
        for name, population in document.content.populations.items():
            place = document.place("populations", name, "life_table")
            if population.life_table is None:
                continue
            if population.life_table not in tables:
                yield Problem(
                    place, f"unknown life table '{population.life_table}'.", did_you_mean(population.life_table, tables)
                )
                continue
            for missing in sorted({"age", "female"} - population.covariates.keys()):
                yield Problem(place, f"a life table needs '{missing}', which this population does not draw.")
            first, age = tables[population.life_table].rows[0].age, population.covariates.get("age")
            if age is not None and _lowest(age) * _in_years(age.unit) < first:
                what = f"the life table begins at age {first:g}; younger patients may be drawn."
                yield Problem(place, what, f"Expected `low` of the covariate 'age' of at least {first:g} years.")


def implausible_limits(scope: Scope) -> Iterator[Problem]:
    """Limits of a believable patient speak of observables, in a unit of the same dimension, low before high."""
    for _, document in _diseases(scope):
        for index, limit in enumerate(document.content.plausible):
            place = document.place("plausible", index, "finding")
            if limit.finding not in scope.observables:
                yield Problem(place, f"'{limit.finding}' is no observable.", did_you_mean(limit.finding, scope.observables))
                continue
            if limit.low >= limit.high:
                yield Problem(place, f"low {limit.low:g} is not below high {limit.high:g}.")
            try:
                conversion(limit.unit, scope.observables[limit.finding].unit)
            except UnitError as error:
                yield Problem(place, str(error))


def _lowest(drawn: Distribution) -> float:
    """The lowest value that can be drawn."""
    if drawn.distribution == "fixed":
        return drawn.centre or 0.0
    if drawn.distribution == "choice":
        return min(float(value) for value in drawn.values or {"0": 1.0})
    return -math.inf if drawn.low is None else drawn.low


def _in_years(unit: str) -> float:
    """Years in a unit of time; a unit of something else, which another check reports, counts as years."""
    try:
        return conversion(unit, "y")
    except UnitError:
        return 1.0


def _unknown(
    name: str, known: Collection[str], document: Document[PopulationFile], keys: tuple[str | int, ...]
) -> Iterator[Problem]:
    if name not in known:
        yield Problem(document.place(*keys), f"'{name}' is not drawn by this population.", did_you_mean(name, known))


def _drugs(scope: Scope) -> Iterator[tuple[Drug, ModuleFile]]:
    """The drugs whose files can be read."""
    for drug in scope.library.drugs.values():
        try:
            readable = (drug.document, scope.library.shelf.read(drug.folder / "module.yaml", ModuleFile))
        except LibraryError:
            continue
        yield drug, readable[1].content


def _diseases(scope: Scope) -> Iterator[tuple[Disease, Document[PopulationFile]]]:
    """The diseases whose files can be read."""
    for disease in scope.library.diseases.values():
        try:
            readable = (disease.document, disease.population_document)
        except LibraryError:
            continue
        yield disease, readable[1]
