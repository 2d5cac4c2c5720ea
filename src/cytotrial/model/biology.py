"""The composed biology as the rest of CytoTrial sees it: names with units, and values for patients. Not integrated here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean
from cytotrial.formats.base import Text
from cytotrial.formats.interface import Covariate, Observable
from cytotrial.formats.module import ParameterRow
from cytotrial.model.consistency import equations, tables
from cytotrial.model.finding import Finding
from cytotrial.model.numeric import Values, evaluate
from cytotrial.model.order import evaluation_order, uses
from cytotrial.model.parts import ChanceEvent, Draft
from cytotrial.model.system import OdeSystem


class State(NamedTuple):
    """A state: its unit, the size that matters, its title, its start as written, and whether it stands still without a drug."""

    unit: str
    nominal: float
    title: Text
    initial: float | str
    at_rest: bool
    module: str


class Input(NamedTuple):
    """Something given from outside: its unit, its value before anything is given, its title."""

    unit: str
    default: float
    title: Text


@dataclass(frozen=True)
class Parameter:
    """A parameter of a module, with all that its table says. `value` is None where `formula` gives it."""

    id: str
    name: str
    module: str
    value: float | None
    formula: str | None
    row: ParameterRow
    place: Place

    @property
    def unit(self) -> str:
        """The unit of `value`."""
        return self.row.unit

    @property
    def scale(self) -> str:
        """log, logit or linear: where between-patient spread is normal."""
        return self.row.scale

    @property
    def between_sd(self) -> float:
        """Spread between patients, on the scale."""
        return self.row.between_sd

    @property
    def occasion_sd(self) -> float:
        """Spread between courses, on the scale."""
        return self.row.occasion_sd

    @property
    def low(self) -> float | None:
        """The smallest value that makes sense."""
        return self.row.low

    @property
    def high(self) -> float | None:
        """The largest value that makes sense."""
        return self.row.high

    @property
    def status(self) -> str:
        """measured, derived, fitted or assumed."""
        return self.row.status

    @property
    def source(self) -> str:
        """A key of sources.yaml, or empty."""
        return self.row.source


@dataclass(frozen=True)
class Biology:
    """One composition of modules.

    Attributes:
        system: the equations; `system.parameters` are the modules' parameters, then the covariates. Its states are those that
            can move in this trial.
        modules: ids, in order of composition.
        parameters: by 'module.name'.
        covariates: properties of a patient.
        inputs: by flattened id.
        observables: what this composition lets the clinic measure, events included.
        events: what happens by chance, by name.
        states: by flattened id.
        findings: warnings and notes of the checks; a biology with errors does not exist.
    """

    system: OdeSystem
    modules: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    covariates: Mapping[str, Covariate]
    inputs: Mapping[str, Input]
    observables: Mapping[str, Observable]
    events: Mapping[str, ChanceEvent]
    states: Mapping[str, State]
    draft: Draft = field(repr=False)
    findings: tuple[Finding, ...] = ()

    def resolve(self, name: str) -> str:
        """The full name 'module.name' of a parameter written in full, or bare where one module alone has it.

        Raises:
            ProtocolError: unknown, with the nearest name; or ambiguous, with the full names.
        """
        if name in self.parameters:
            return name
        owners = [full for full in self.parameters if full.split(".", 1)[1] == name]
        if len(owners) == 1:
            return owners[0]
        if owners:
            problem = Problem(Place(path=name), f"'{name}' is a parameter of several modules.", f"Write {' or '.join(owners)}.")
        else:
            known = [*self.parameters, *(full.split(".", 1)[1] for full in self.parameters)]
            problem = Problem(Place(path=name), f"unknown parameter '{name}'.", did_you_mean(name, known))
        raise ProtocolError([problem])

    @cached_property
    def steady_states(self) -> tuple[str, ...]:
        """The states that start at their steady state, by flattened id: `cytotrial.starts` finds it."""
        return self.draft.steady()

    @cached_property
    def used_covariates(self) -> frozenset[str]:
        """The covariates that an equation, a formula or an initial value reads."""
        return frozenset(uses((*equations(self.draft), *tables(self.draft))) & self.covariates.keys())

    def parameter_values(
        self,
        covariates: Mapping[str, npt.ArrayLike],
        *,
        factors: Mapping[str, npt.ArrayLike] | None = None,
        overrides: Mapping[str, float] | None = None,
    ) -> Values:
        """Values of `system.parameters` for each patient, (patients, parameters), each in its table's unit.

        Args:
            covariates: (patients,) each; 0 stands for one that is missing and that nothing reads.
            factors: drawn VALUES by 'module.name', (patients,); they replace the table's and the override's.
            overrides: one value for all by name, in the table's unit; replaces a formula too.

        Raises:
            ProtocolError: an unknown name, or a covariate is missing that the biology reads.
        """
        drawn = {self.resolve(name): np.asarray(value, dtype=np.float64) for name, value in (factors or {}).items()}
        given = {name: np.asarray(value, dtype=np.float64) for name, value in covariates.items()}
        patients = max((value.shape[0] for value in (*given.values(), *drawn.values()) if value.ndim), default=1)
        self._check_covariates(given)
        fixed = {self.resolve(name): value for name, value in (overrides or {}).items()}
        values = {name: np.broadcast_to(given.get(name, np.float64(0.0)), (patients,)) for name in self.covariates}
        formulas = self.draft.formulas()
        for full, parameter in self.parameters.items():
            value = drawn.get(full, fixed.get(full, parameter.value))
            if value is not None:
                formulas.pop(parameter.id, None)
                values[parameter.id] = np.broadcast_to(np.asarray(value, dtype=np.float64), (patients,))
        for id_ in evaluation_order(formulas)[0]:
            values[id_] = np.broadcast_to(evaluate(formulas[id_], values), (patients,))
        return np.column_stack([values[name] for name in self.system.parameters]) if values else np.empty((patients, 0))

    def initial_states(self, parameters: Values) -> Values:
        """`system.states` at the start for each patient, (patients, states), from `parameter_values`; inputs at their defaults.

        Raises:
            ProtocolError: a start is not a finite number, which names the state.
        """
        starts = self.starts(parameters)
        return (
            np.column_stack([starts[name] for name in self.system.states])
            if self.system.states
            else np.empty((len(parameters), 0))
        )

    def starts(self, parameters: Values) -> dict[str, Values]:
        """Every state at the start, (patients,) by flattened id, those that cannot move in this trial too.

        Of `steady_states` it is the guess from which they are sought.

        Raises:
            ProtocolError: a start is not a finite number, which names the state.
        """
        patients = parameters.shape[0]
        values = {name: parameters[:, index] for index, name in enumerate(self.system.parameters)}
        values |= {name: np.full(patients, given.default) for name, given in self.inputs.items()}
        formulas = self.draft.start_formulas()
        for name, part in self.draft.states.items():
            if isinstance(part.initial, float):
                values[name] = np.full(patients, part.initial)
        for name in evaluation_order(formulas)[0]:
            values[name] = np.broadcast_to(evaluate(formulas[name], values), (patients,))
        lost = [name for name in self.states if not np.isfinite(values[name]).all()]
        if lost:
            raise ProtocolError([self._not_finite(name, values[name]) for name in lost])
        return {name: values[name] for name in self.states}

    def extinctions(self, parameters: Values) -> dict[str, tuple[Values, float]]:
        """By state: the limit (patients,) below which a visit sets it, and the value it is set to (a cure)."""
        values = {name: parameters[:, index] for index, name in enumerate(self.system.parameters)}
        found = {}
        for name, limit in self.draft.extinctions().items():
            number = np.float64(limit) if isinstance(limit, float) else evaluate(limit, values)
            found[name] = (np.broadcast_to(number, parameters.shape[:1]), float(self.draft.states[name].extinct or 0.0))
        return found

    def input_defaults(self) -> Values:
        """The inputs before anything is given, (inputs,)."""
        return np.array([given.default for given in self.inputs.values()], dtype=np.float64)

    def antimony(self) -> str:
        """The composed model as Antimony text, units included, values not."""
        from cytotrial.model.exchange import antimony_text

        return antimony_text(self.draft)

    def sbml(self) -> str:
        """The composed model as SBML L3V2 with units, values and starts of the tables.

        Raises:
            LibraryError: libSBML has something to say about consistency or units.
        """
        from cytotrial.model.exchange import sbml_text

        return sbml_text(self.draft)

    def _check_covariates(self, given: Mapping[str, Values]) -> None:
        problems = [
            Problem(Place(path=name), f"unknown covariate '{name}'.", did_you_mean(name, self.covariates))
            for name in given
            if name not in self.covariates
        ]
        advice = "Add it to the population of the disease."
        problems += [
            Problem(Place(path=name), f"covariate '{name}' is missing, and the biology reads it.", advice)
            for name in sorted(self.used_covariates - given.keys())
        ]
        if problems:
            raise ProtocolError(problems)

    def _not_finite(self, name: str, values: Values) -> Problem:
        count = int((~np.isfinite(values)).sum())
        what = f"the initial value of '{name}' is not a finite number for {count} of {len(values)} patients."
        part = self.draft.states[name]
        given = "It is the guess of a steady state." if part.is_steady else f"It is given as '{part.start}'."
        return Problem(part.place, what, given)
