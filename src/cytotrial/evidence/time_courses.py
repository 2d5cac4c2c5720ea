"""What a regimen does to a typical patient, or to drawn ones, with every planned dose given. No clinic decides here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cytotrial.catalogue import Drug, Library
from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.events import EventKind, Events
from cytotrial.engine.kernel import CompiledModel, compile_model
from cytotrial.engine.status import Status
from cytotrial.engine.steady import SteadyPart
from cytotrial.formats.population import Distribution
from cytotrial.manage.care import Switch, switches
from cytotrial.model.biology import Biology
from cytotrial.model.composition import compose
from cytotrial.population.draw import Patients, Recipe, draw_patients, settled
from cytotrial.protocol.dosing import dose_amount
from cytotrial.protocol.regimen import Regimen
from cytotrial.starts import settling, steady_part_of
from cytotrial.units import HOURS_PER_DAY, conversion, parse_quantity

# A quarter of an hour sees the end of a short infusion; ten days hold a cycle of treatment and the first recovery.
GRID = ((10 * HOURS_PER_DAY, 0.25), (60 * HOURS_PER_DAY, 1.0), (np.inf, HOURS_PER_DAY))
DECIMALS = 6  # of event times [h]: sums of decimal hours must not put the end of a dose a hair after the next one's start


@dataclass(frozen=True)
class Bench:
    """A composition, compiled, with the disease's default population: ready for patients."""

    library: Library
    disease: str
    biology: Biology
    overrides: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def model(self) -> CompiledModel:
        """The compiled biology."""
        return compile_model(self.biology.system)

    @cached_property
    def steady(self) -> SteadyPart | None:
        """What finds the biology's steady states, compiled; None where it has none."""
        return steady_part_of(self.biology)

    @cached_property
    def recipe(self) -> Recipe:
        """The default population with what it sets and what is set here; nobody is excluded but the implausible."""
        disease = self.library.diseases[self.disease]
        population = disease.populations.populations[disease.file.default_population]
        overrides = {**self.in_table_units(population.set_), **self.overrides}
        return Recipe(population, disease.populations.plausible, None, overrides, self.library.correlations)

    def in_table_units(self, written: Mapping[str, str | float]) -> dict[str, float]:
        """Parameters as written, by full name in the unit of their table. Raises ProtocolError or UnitError."""
        names = {name: self.biology.resolve(name) for name in written}
        return {full: parse_quantity(written[name], self.biology.parameters[full].unit) for name, full in names.items()}

    def typical(self) -> Patients:
        """One patient with the table's values and the centre (or the most frequent value) of every covariate."""
        drawn = self.recipe.population.covariates
        ports = self.biology.covariates
        centres = {
            name: _centre(drawn[name]) * conversion(drawn[name].unit, ports[name].unit) for name in drawn if name in ports
        }
        covariates = {name: np.array([centre]) for name, centre in centres.items()}
        parameters = self.biology.parameter_values(covariates, overrides=self.recipe.overrides)
        typical = Patients(np.array([1]), covariates, {}, parameters, self.biology.initial_states(parameters))
        settle = settling(self.biology, self.steady)
        return typical if settle is None else settled(typical, settle)

    def drawn(self, patients: int, *, seed: int = 1) -> Patients:
        """That many patients of the default population."""
        names = self.biology.system.observables

        def resting(parameters: np.ndarray, states: np.ndarray) -> Mapping[str, np.ndarray]:
            inputs = np.tile(self.biology.input_defaults(), (len(states), 1))
            return dict(zip(names, self.model.observe(states, parameters, inputs).T, strict=True))

        numbers, settle = np.arange(1, patients + 1), settling(self.biology, self.steady)
        return draw_patients(self.biology, self.recipe, seed=seed, numbers=numbers, resting=resting, settle=settle)


def bench_of(
    library: Library, *, drugs: Sequence[str], disease: str, settings: Mapping[str, str | float] | None = None
) -> Bench:
    """A bench with parameters set as written, with units.

    Raises:
        LibraryError: the library does not compose.
        ProtocolError: a parameter that the biology does not have.
        UnitError: a value in another unit.
    """
    bench = Bench(library, disease, compose(library, drugs=drugs, disease=disease))
    return Bench(library, disease, bench.biology, bench.in_table_units(settings)) if settings else bench


@dataclass(frozen=True)
class TimeCourses:
    """What is true of patients over time.

    Attributes:
        time: (times,) since the first dose [h]; the first row is before it.
        observables: (patients, times) by name; NaN from where a patient's simulation failed.
        states: (patients, times) by flattened id.
        failed: (patients,) whether the simulation failed.
    """

    time: np.ndarray
    observables: Mapping[str, np.ndarray]
    states: Mapping[str, np.ndarray]
    failed: np.ndarray


def give_regimen(
    bench: Bench, patients: Patients, *, regimen: Regimen | None, drug: Drug | None, support: str | None, until: float
) -> TimeCourses:
    """Time courses under every planned dose of one course and its supportive care, or under nothing, up to `until` [h]."""
    inputs = list(bench.biology.system.inputs)
    count = patients.numbers.size
    has_start = patients.has_start
    ensemble = Ensemble(
        *(bench.model, patients.parameters, patients.initial),
        inputs=np.tile(bench.biology.input_defaults(), (count, 1)),
        status=np.where(has_start, Status.OK, Status.NO_STEADY_STATE),
    )
    if regimen is not None and drug is not None:
        ensemble.schedule(_doses(bench.biology, patients, regimen=regimen, drug=drug))
        if support is not None:
            ensemble.schedule(_care(regimen, switches(bench.library.support[support], inputs), patients=count))
    first_states, first_inputs = ensemble.states, ensemble.inputs
    grid = time_grid(until)
    rows = ensemble.advance(np.full(count, until), grid[1:])
    index = np.searchsorted(grid, rows.time)
    states = np.full((count, grid.size, first_states.shape[1]), np.nan)
    seen = np.full((count, grid.size, len(bench.biology.system.observables)), np.nan)
    states[has_start, 0] = first_states[has_start]
    states[rows.patient, index] = rows.states
    seen[has_start, 0] = bench.model.observe(first_states, patients.parameters, first_inputs)[has_start]
    seen[rows.patient, index] = bench.model.observe(rows.states, patients.parameters[rows.patient], rows.inputs)
    return TimeCourses(
        grid,
        {name: seen[:, :, column] for column, name in enumerate(bench.biology.system.observables)},
        {name: states[:, :, column] for column, name in enumerate(bench.biology.system.states)},
        ensemble.status != Status.OK,
    )


def time_grid(until: float) -> np.ndarray:
    """Times from 0 to `until` [h], fine at first and coarser later.

    >>> time_grid(1.0).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    parts, start = [], 0.0
    for end, step in GRID:
        parts.append(np.arange(start, min(end, until), step))
        start = min(end, until)
    return np.unique(np.append(np.concatenate(parts), until))


def _doses(biology: Biology, patients: Patients, *, regimen: Regimen, drug: Drug) -> Events:
    """Every planned dose: an infusion as a rate, an injection or bolus as an amount at once."""
    weight, height = (patients.covariates[name] for name in ("weight", "height"))
    found = []
    for dose in regimen.doses:
        amounts = dose_amount(dose, drug.file, weight=weight, height=height)
        entry = drug.file.routes[dose.route]
        if dose.duration_hours > 0:
            target = biology.system.inputs.index(f"{drug.id}__{entry.infusion}")
            found.append((dose.hours, target, EventKind.SET_INPUT, amounts / dose.duration_hours))
            found.append((dose.hours + dose.duration_hours, target, EventKind.SET_INPUT, np.zeros_like(amounts)))
        else:
            target = biology.system.states.index(f"{drug.id}__{entry.bolus}")
            found.append((dose.hours, target, EventKind.ADD_TO_STATE, amounts))
    # Ends stand before starts of the same time because the next dose is later in the list and the order is kept.
    return _events(found, patients=weight.size)


def _care(regimen: Regimen, care: Sequence[Switch], *, patients: int) -> Events:
    """Supportive care from the first dose of each cycle until some time after its last."""
    found = []
    for switch in (switch for switch in care if not switch.ordered):
        cycles = sorted({dose.cycle for dose in regimen.doses})
        first = [min(dose.hours for dose in regimen.doses if dose.cycle == cycle) for cycle in cycles]
        last = [max(dose.hours for dose in regimen.doses if dose.cycle == cycle) for cycle in cycles]
        for start, end, following in zip(first, last, [*first[1:], np.inf], strict=True):
            found.append((start, switch.index, EventKind.SET_INPUT, np.full(patients, switch.value)))
            if end + switch.after_hours < following:
                found.append((end + switch.after_hours, switch.index, EventKind.SET_INPUT, np.zeros(patients)))
    return _events(found, patients=patients)


def _events(found: Sequence[tuple[float, int, EventKind, np.ndarray]], *, patients: int) -> Events:
    ordered = sorted(found, key=lambda item: round(item[0], DECIMALS))
    count = len(ordered)
    return Events(
        np.tile(np.arange(patients), count),
        np.repeat([round(item[0], DECIMALS) for item in ordered], patients),
        np.repeat([item[1] for item in ordered], patients),
        np.repeat([int(item[2]) for item in ordered], patients),
        np.concatenate([item[3] for item in ordered]) if ordered else np.empty(0),
    )


def _centre(drawn: Distribution) -> float:
    if drawn.values:
        values = drawn.values
        return float(max(values, key=lambda key: values[key]))
    return float(drawn.centre if drawn.centre is not None else np.nan)
