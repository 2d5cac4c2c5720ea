"""The parts of a composed biology, with flattened names: states, definitions, reactions, parameters. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cytotrial.errors import Place
from cytotrial.formats.base import Text
from cytotrial.formats.interface import InterfaceFile, Observable
from cytotrial.formats.module import ParameterRow
from cytotrial.model.syntax import Expression, names_in
from cytotrial.model.unit_algebra import Unit

JOINT = "__"
"""Between module and name in flattened ids; neither may contain it."""


def flattened(module: str, name: str) -> str:
    """The id of a private symbol in the composed model.

    >>> flattened("kidney", "perfusion")
    'kidney__perfusion'
    """
    return f"{module}{JOINT}{name}"


@dataclass(frozen=True)
class StatePart:
    """A state or pool: its declaration, and its start: `initial` with flattened names, `start` as written.

    The `initial` of one that `is_steady` is only the guess from which its steady state is sought.
    """

    id: str
    module: str
    kind: Literal["pool", "state"]
    unit: str
    nominal: float
    initial: float | Expression
    start: float | str
    title: Text
    at_rest: bool
    place: Place
    extinct_below: float | Expression | None = None
    extinct: float | None = None
    is_steady: bool = False


@dataclass(frozen=True)
class DefinitionPart:
    """A quantity given by an expression: a local variable, a term for a drive, a drive, or an observable."""

    id: str
    module: str
    kind: Literal["local", "term", "drive", "observable"]
    expression: Expression
    unit: str | None
    place: Place


@dataclass(frozen=True)
class RatePart:
    """The rate rule of a state [its unit/h]."""

    state: str
    module: str
    expression: Expression
    place: Place


@dataclass(frozen=True)
class ReactionPart:
    """A reaction [nmol/h]: pools with their stoichiometry, negative where consumed."""

    id: str
    module: str
    changes: tuple[tuple[str, float], ...]
    expression: Expression
    place: Place


@dataclass(frozen=True)
class ParameterPart:
    """A row of a parameter table; `formula` has flattened names."""

    id: str
    module: str
    row: ParameterRow
    formula: Expression | None
    place: Place


@dataclass(frozen=True)
class InputPart:
    """Something given from outside."""

    id: str
    module: str
    unit: str
    default: float
    title: Text
    place: Place


@dataclass(frozen=True)
class ChanceEvent:
    """One kind of event that happens by chance.

    Attributes:
        name: the finding it is seen as.
        hazard: flattened id of the state that is its cumulative hazard.
        recurs: whether it can happen again.
        lasts_hours: for how long it is seen [h].
        fatal: whether the patient dies of it.
        sets: flattened id of the input that is 1 while it lasts, or None.
        term: what a death is reported as.
        system_organ_class: of that term.
        observable: how the finding is named, 1 or 0.
        place: where it is declared.
    """

    name: str
    hazard: str
    recurs: bool
    lasts_hours: float
    fatal: bool
    sets: str | None
    term: str
    system_organ_class: str
    observable: Observable
    place: Place


@dataclass
class Draft:
    """A composition while it is put together; every mapping is by flattened id, in the order of modules and files."""

    interface: InterfaceFile
    modules: tuple[str, ...]
    states: dict[str, StatePart] = field(default_factory=dict)
    definitions: dict[str, DefinitionPart] = field(default_factory=dict)
    rates: dict[str, RatePart] = field(default_factory=dict)
    reactions: dict[str, ReactionPart] = field(default_factory=dict)
    parameters: dict[str, ParameterPart] = field(default_factory=dict)
    inputs: dict[str, InputPart] = field(default_factory=dict)
    observables: dict[str, Observable] = field(default_factory=dict)
    observable_places: dict[str, Place] = field(default_factory=dict)
    events: dict[str, ChanceEvent] = field(default_factory=dict)
    literals: dict[int, Unit] = field(default_factory=dict)

    def ports(self) -> Mapping[str, str]:
        """Every port with its kind."""
        groups: dict[str, Mapping[str, object]] = {
            "pool": self.interface.pools, "state": self.interface.states, "drive": self.interface.drives,
            "input": self.interface.inputs, "covariate": self.interface.covariates, "observable": self.interface.observables,
        }  # fmt: skip
        return {name: kind for kind, group in groups.items() for name in group}

    def formulas(self) -> dict[str, Expression]:
        """The parameters that are formulas of others."""
        return {name: part.formula for name, part in self.parameters.items() if part.formula is not None}

    def initial_formulas(self) -> dict[str, Expression]:
        """The states that start at a formula."""
        return {name: part.initial for name, part in self.states.items() if not isinstance(part.initial, float)}

    def steady(self) -> tuple[str, ...]:
        """The states that start at their steady state."""
        return tuple(name for name, part in self.states.items() if part.is_steady)

    def extinctions(self) -> dict[str, float | Expression]:
        """The states that a visit sets to their `extinct` value, with the limit below which it does."""
        return {name: part.extinct_below for name, part in self.states.items() if part.extinct_below is not None}

    def start_formulas(self) -> dict[str, Expression]:
        """The states that start at a formula, with the definitions that these formulas need."""
        found = self.initial_formulas()
        waiting = list(found.values())
        while waiting:
            for use in names_in(waiting.pop()):
                if use.name in self.definitions and use.name not in found:
                    found[use.name] = self.definitions[use.name].expression
                    waiting.append(found[use.name])
        return found

    def unit_text(self, name: str) -> str | None:
        """The declared unit of a symbol; None for a local variable, whose unit follows from its expression."""
        for group in (self.states, self.inputs):
            if name in group:
                return group[name].unit
        if name in self.parameters:
            return self.parameters[name].row.unit
        if name in self.definitions:
            return self.definitions[name].unit
        return self.interface.covariates[name].unit if name in self.interface.covariates else None
