"""Checks of the composed biology beyond its text: it stands still without a drug, and libSBML agrees with its units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cytotrial.checks.scope import Scope
from cytotrial.engine.status import Status
from cytotrial.engine.steady import SteadyStates
from cytotrial.errors import InputError, LibraryError, Place, Problem
from cytotrial.formats.population import Distribution, NamedPopulation
from cytotrial.model.biology import Biology
from cytotrial.model.limits import excursions, observable_limits, state_limits
from cytotrial.model.motion import quantities, rates_of_change
from cytotrial.model.numeric import Values
from cytotrial.starts import steady_part_of, steady_starts
from cytotrial.units import UnitError, parse_quantity

DRIFT_PER_HOUR = 1e-6
"""Drift of a state at rest, per hour and nominal: under one percent in a year."""

VARIED = (0.0, 1.0, -1.0)
"""Patients of the rest check: the typical one, and two whose parameters all lie one standard deviation off."""


@dataclass(frozen=True)
class _AtRest:
    """The rest check's patients of one disease, (patients,) each, before any treatment."""

    biology: Biology
    values: dict[str, Values]
    starts: SteadyStates | None

    @property
    def has_started(self) -> bool:
        """Whether all of them found their steady states, where they have any."""
        return self.starts is None or not self.starts.status.any()


def no_steady_state(scope: Scope) -> Iterator[Problem]:
    """States that start at their steady state have one, in the typical patient and in others."""
    for rest in _everybody(scope):
        if rest.starts is None or rest.has_started:
            continue
        patient = int(np.argmax(rest.starts.status != Status.OK))
        name = rest.biology.system.states[rest.starts.worst[patient]]
        what = f"'{name}' finds no steady state before any treatment in {_who(patient)}."
        advice = "Let its gain and loss meet, or give a nearer guess: it goes on moving with all but the steady states held."
        yield Problem(rest.biology.draft.states[name].place, what, advice)


def not_at_rest(scope: Scope) -> Iterator[Problem]:
    """Without a drug a state that is `at_rest` stays at its start, in the typical patient and in others."""
    for rest in _resting(scope):
        biology = rest.biology
        rates = rates_of_change(biology, rest.values)
        for name, state in biology.states.items():
            drift = np.abs(rates[name]) / state.nominal
            worst = int(np.argmax(np.where(np.isfinite(drift), drift, np.inf)))
            if state.at_rest and not drift[worst] < DRIFT_PER_HOUR:
                yield _drifts(biology, name, float(rates[name][worst]), worst)


def _drifts(biology: Biology, name: str, rate: float, patient: int) -> Problem:
    what = f"'{name}' does not rest without a drug: it moves by {rate:.3g} {biology.states[name].unit}/h in {_who(patient)}."
    return Problem(
        biology.draft.states[name].place, what, "Anchor its start where gain and loss are equal, or say `at_rest: false`."
    )


def _who(patient: int) -> str:
    return "the typical patient" if patient == 0 else "a patient one standard deviation off"


def cannot_start(scope: Scope) -> Iterator[Problem]:
    """The default population of every disease gives its patients a start."""
    for disease in scope.biologies:
        try:
            _rest_of(scope, disease)
        except (InputError, UnitError) as error:
            place = Place(scope.shown(scope.library.root / "diseases" / disease / "population.yaml"))
            yield Problem(place, str(error).splitlines()[0])


def not_a_number(scope: Scope) -> Iterator[Problem]:
    """Every observable is a finite number at rest."""
    for rest in _resting(scope):
        for name in rest.biology.system.observables:
            if not np.isfinite(rest.values[name]).all():
                yield Problem(
                    rest.biology.draft.definitions[name].place, f"observable '{name}' is not a finite number at rest."
                )


def rests_outside_its_range(scope: Scope) -> Iterator[Problem]:
    """Without a drug every state and observable lies inside its physical limits."""
    for rest in _resting(scope):
        biology = rest.biology
        limits = {**state_limits(scope.library, biology), **observable_limits(biology)}
        at_rest = {name: rest.values[name][:, None] for name in limits if np.isfinite(rest.values[name]).all()}
        for excursion in excursions({name: limits[name] for name in at_rest}, at_rest):
            part = biology.draft.states.get(excursion.name) or biology.draft.definitions[excursion.name]
            yield Problem(part.place, str(excursion), "It does so before any treatment: correct the start, or widen `range`.")


def libsbml_disagrees(scope: Scope) -> Iterator[Problem]:
    """The composed SBML passes libSBML's consistency and unit check without a message."""
    for biology in scope.biologies.values():
        try:
            biology.sbml()
        except LibraryError as error:
            yield from error.problems


def _resting(scope: Scope) -> Iterator[_AtRest]:
    """The patients at rest of every disease whose patients come to rest; `no_steady_state` reports the others."""
    return (rest for rest in _everybody(scope) if rest.has_started)


def _everybody(scope: Scope) -> Iterator[_AtRest]:
    """The patients of every disease that can start; `cannot_start` reports the others."""
    for disease in scope.biologies:
        try:
            rest = _rest_of(scope, disease)
        except (InputError, UnitError):
            continue
        if rest is not None:
            yield rest


def _rest_of(scope: Scope, disease: str) -> _AtRest | None:
    """None where the population itself is amiss, which its own checks report."""
    population = _default_population(scope, disease)
    if population is None:
        return None
    biology = scope.biologies[disease]
    parameters = _patients(biology, population)
    states, starts = biology.initial_states(parameters), None
    # A covariate without a centre is missing here; whatever reads it is reported as no number.
    if (part := steady_part_of(biology)) is not None and np.isfinite(parameters).all():
        starts = steady_starts(biology, part, parameters, states)
        states = starts.states
    return _AtRest(biology, quantities(biology, parameters, states), starts)


def _default_population(scope: Scope, disease: str) -> NamedPopulation | None:
    try:
        entry = scope.library.diseases[disease]
        return entry.populations.populations.get(entry.file.default_population)
    except LibraryError:
        return None


def _patients(biology: Biology, population: NamedPopulation) -> Values:
    """Parameters of the patients of the rest check, (patients, parameters)."""
    covariates = {name: np.full(len(VARIED), _typical(drawn)) for name, drawn in population.covariates.items()}
    overrides = {}
    for name, written in population.set_.items():
        full = biology.resolve(name)
        overrides[full] = parse_quantity(written, biology.parameters[full].unit)
    shift = np.array(VARIED)
    varied = {}
    for full, parameter in biology.parameters.items():
        value = overrides.get(full, parameter.value)
        if parameter.between_sd > 0 and value is not None and parameter.scale in _SHIFTS:
            moved = _SHIFTS[parameter.scale](np.float64(value), shift * parameter.between_sd)
            varied[full] = np.clip(moved, parameter.low, parameter.high) if parameter.low or parameter.high else moved
    return biology.parameter_values(covariates, factors=varied, overrides=overrides)


_SHIFTS = {
    "log": lambda value, shift: value * np.exp(shift),
    "linear": lambda value, shift: value + shift,
    "logit": lambda value, shift: 1 / (1 + (1 - value) / value * np.exp(-shift)),
}


def _typical(drawn: Distribution) -> float:
    if drawn.values:
        return float(max(drawn.values, key=lambda key: drawn.values[key] if drawn.values else 0.0))
    return float(drawn.centre if drawn.centre is not None else np.nan)
