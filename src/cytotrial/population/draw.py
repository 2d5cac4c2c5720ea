"""Draws virtual patients: covariates, varied parameters, and those who are plausible and eligible. Knows no disease."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr

from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.formats.interface import Covariate, Observable
from cytotrial.formats.module import CorrelationRow
from cytotrial.formats.population import Distribution, Eligibility, NamedPopulation, PlausibilityLimit
from cytotrial.model.biology import Biology, Parameter
from cytotrial.population.eligibility import findings, meets
from cytotrial.population.randomness import correlate, to_scale
from cytotrial.population.streams import normals
from cytotrial.units import conversion, parse_quantity

MOST_ATTEMPTS = 200  # a population of which fewer than 1 in 200 are eligible is a mistake in its definition

Resting = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]
Settle = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From parameters and first states: the states at rest (patients, states), and whether each patient has them (patients,)."""


@dataclass(frozen=True)
class Patients:
    """Virtual patients before treatment.

    Attributes:
        numbers: (patients,) their numbers in the trial, from 1.
        covariates: (patients,) by name, in the unit of the port.
        varied: (patients,) by parameter name `module.name`, in the unit of the table.
        parameters: (patients, parameters) as the model takes them.
        initial: (patients, states) at rest.
        rejected: how many draws were refused, by reason.
        without_start: numbers of those whose states found no rest; `initial` holds a guess for them, and they do not begin.
    """

    numbers: np.ndarray
    covariates: Mapping[str, np.ndarray]
    varied: Mapping[str, np.ndarray]
    parameters: np.ndarray
    initial: np.ndarray
    rejected: Counter[str] = field(default_factory=Counter)
    without_start: frozenset[int] = frozenset()

    @property
    def has_start(self) -> np.ndarray:
        """(patients,) who can begin."""
        return ~np.isin(self.numbers, sorted(self.without_start))


@dataclass(frozen=True)
class Recipe:
    """What a population is drawn from: its covariates, limits and criteria, and parameters fixed by population or protocol."""

    population: NamedPopulation
    plausible: Sequence[PlausibilityLimit] = ()
    eligibility: Eligibility | None = None
    overrides: Mapping[str, float] = field(default_factory=dict)
    correlations: Sequence[CorrelationRow] = ()


def draw_patients(
    biology: Biology, recipe: Recipe, *, seed: int, numbers: np.ndarray, resting: Resting, settle: Settle | None = None
) -> Patients:
    """Virtual patients with the given numbers; each depends on seed and number alone, never on the others.

    Whoever has no start is neither refused nor drawn again: that would hide the failure.

    Args:
        biology: the composed model.
        recipe: the population and its criteria.
        seed: the trial's seed.
        numbers: (patients,) from 1.
        resting: gives what can be measured at rest, by observable, from parameters and initial states.
        settle: takes first states to rest before anything is measured; they are at rest where None.

    Raises:
        LibraryError: hardly anybody drawn is plausible and eligible.
    """
    final = _attempt(biology, recipe, settle, seed=seed, numbers=numbers, attempt=0)
    without_start = final.without_start
    rejected: Counter[str] = Counter()
    (open_rows,) = np.nonzero(final.has_start)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        reasons = _refusals(biology, recipe, _rows(final, open_rows), resting)
        refused = np.zeros(open_rows.size, dtype=bool)
        for reason, mask in reasons.items():
            rejected[reason] += int(mask.sum())
            refused |= mask
        open_rows = open_rows[refused]
        if open_rows.size == 0:
            return replace(final, rejected=+rejected, without_start=without_start)
        again = _attempt(biology, recipe, settle, seed=seed, numbers=numbers[open_rows], attempt=attempt)
        _replace(final, open_rows, again)
        without_start |= again.without_start
        open_rows = open_rows[again.has_start]
    worst = ", ".join(f"{reason} ({count})" for reason, count in rejected.most_common(3))
    what = f"{open_rows.size} patients were refused {MOST_ATTEMPTS} times each: {worst}."
    raise LibraryError([Problem(Place(), what, "Loosen the eligibility, or correct the population.")])


def _attempt(
    biology: Biology, recipe: Recipe, settle: Settle | None, *, seed: int, numbers: np.ndarray, attempt: int
) -> Patients:
    covariates = _draw_covariates(biology, recipe.population, seed, numbers, attempt)
    varied = _draw_parameters(biology, recipe, seed, numbers, attempt)
    parameters = biology.parameter_values(covariates, factors=varied, overrides=recipe.overrides)
    drawn = Patients(numbers, covariates, varied, parameters, biology.initial_states(parameters))
    return drawn if settle is None else settled(drawn, settle)


def settled(patients: Patients, settle: Settle) -> Patients:
    """The same patients at rest; who finds none is `without_start`."""
    initial, found = settle(patients.parameters, patients.initial)
    return replace(patients, initial=initial, without_start=frozenset(patients.numbers[~found].tolist()))


def _draw_covariates(
    biology: Biology, population: NamedPopulation, seed: int, numbers: np.ndarray, attempt: int
) -> dict[str, np.ndarray]:
    names = [name for name in population.covariates if name in biology.covariates]
    effects = {name: normals(seed, f"covariate:{name}", numbers, attempt, draws=1)[:, 0] for name in names}
    effects = correlate(effects, [(tie.first, tie.second, tie.correlation) for tie in population.correlations])
    return {
        name: _covariate(population.covariates[name], effects[name])
        * conversion(population.covariates[name].unit, biology.covariates[name].unit)
        for name in names
    }


def _covariate(distribution: Distribution, normal: np.ndarray) -> np.ndarray:
    if distribution.distribution == "choice":
        values = distribution.values or {}
        edges = np.cumsum(list(values.values()))
        index = np.searchsorted(edges / edges[-1], ndtr(normal), side="right")
        return np.array([float(value) for value in values])[np.minimum(index, len(values) - 1)]
    scale = "log" if distribution.distribution == "lognormal" else "linear"
    spread = 0.0 if distribution.distribution == "fixed" else distribution.spread or 0.0
    return to_scale(normal, scale, distribution.centre or 0.0, spread, low=distribution.low, high=distribution.high)


def _draw_parameters(biology: Biology, recipe: Recipe, seed: int, numbers: np.ndarray, attempt: int) -> dict[str, np.ndarray]:
    varied = {name: parameter for name, parameter in biology.parameters.items() if varies(parameter)}
    effects = {name: normals(seed, f"parameter:{name}", numbers, attempt, draws=1)[:, 0] for name in varied}
    effects = correlate(effects, [(tie.first, tie.second, tie.correlation) for tie in recipe.correlations])
    return {
        name: to_scale(
            effects[name],
            parameter.scale,
            recipe.overrides.get(name, parameter.value or 0.0),
            parameter.between_sd,
            low=parameter.low,
            high=parameter.high,
        )
        for name, parameter in varied.items()
    }


def varies(parameter: Parameter) -> bool:
    """Whether a parameter differs between patients."""
    return parameter.value is not None and parameter.row.varies


def _refusals(biology: Biology, recipe: Recipe, patients: Patients, resting: Resting) -> dict[str, np.ndarray]:
    """Which patients are refused, by reason (patients,)."""
    measured = {**resting(patients.parameters, patients.initial), **patients.covariates}
    ports: dict[str, Observable | Covariate] = {**biology.observables, **biology.covariates}
    reasons: dict[str, np.ndarray] = {}
    for limit in recipe.plausible:
        if limit.finding in measured:
            low, high = (
                parse_quantity(f"{bound!r} {limit.unit}", ports[limit.finding].unit) for bound in (limit.low, limit.high)
            )
            value = measured[limit.finding]
            reasons[f"not plausible: {limit.finding}"] = ~((value >= low) & (value <= high))
    for criterion, condition in (recipe.eligibility.require if recipe.eligibility else {}).items():
        # What a composition cannot tell is asked of nobody.
        if measured.keys() >= set(findings(condition)):
            reasons[f"not eligible: {criterion}"] = ~meets(condition, measured, ports=ports)
    return reasons


def _rows(patients: Patients, rows: np.ndarray) -> Patients:
    return Patients(
        patients.numbers[rows],
        {name: values[rows] for name, values in patients.covariates.items()},
        {name: values[rows] for name, values in patients.varied.items()},
        patients.parameters[rows],
        patients.initial[rows],
    )


def _replace(patients: Patients, rows: np.ndarray, by: Patients) -> None:
    for name, values in by.covariates.items():
        patients.covariates[name][rows] = values
    for name, values in by.varied.items():
        patients.varied[name][rows] = values
    patients.parameters[rows] = by.parameters
    patients.initial[rows] = by.initial
