"""Puts modules together: declares what each owns, then resolves its statements to flattened names. No units, no numbers.

Everything wrong with names is reported here: who may define, change and read what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cytotrial.catalogue import Library, Module
from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.formats.interface import Drive, Observable
from cytotrial.formats.module import OwnedState
from cytotrial.model.parts import (
    JOINT,
    ChanceEvent,
    DefinitionPart,
    Draft,
    InputPart,
    ParameterPart,
    RatePart,
    ReactionPart,
    StatePart,
    flattened,
)
from cytotrial.model.statements import Statement, read_statements
from cytotrial.model.syntax import WORDS_OF_ANTIMONY, Call, DialectError, Expression, Name, Number, parse_expression
from cytotrial.model.unit_algebra import unit_of
from cytotrial.units import hours

TERM = "to_"
"""`to_<drive> := ...` is a module's term of a drive."""

STEADY = "steady"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NOWHERE = Place()
Report = Callable[[Problem], None]


def assemble(library: Library, modules: Sequence[Module]) -> tuple[Draft, list[Problem]]:
    """The modules' parts with flattened names, and everything wrong with names and text."""
    problems: list[Problem] = []
    draft = Draft(library.interface, tuple(module.id for module in modules))
    _declare_ports(library, draft, problems.append)
    namespaces: list[_Namespace] = []
    for module in modules:
        try:
            namespaces.append(_Namespace(module, draft, problems.append))
        except LibraryError as error:
            problems.extend(error.problems)
    for namespace in namespaces:
        namespace.declare_assignments()
    for namespace in namespaces:
        namespace.resolve()
    _combine_drives(library, draft)
    return draft, problems


def _declare_ports(library: Library, draft: Draft, report: Report) -> None:
    document = library.interface_document
    seen: dict[str, str] = {}
    groups: dict[str, Mapping[str, object]] = {
        "pools": draft.interface.pools, "states": draft.interface.states, "drives": draft.interface.drives,
        "inputs": draft.interface.inputs, "covariates": draft.interface.covariates, "observables": draft.interface.observables,
    }  # fmt: skip
    for group, ports in groups.items():
        for name in ports:
            place = document.place(group, name)
            if name in seen:
                report(Problem(place, f"'{name}' is already a port, under {seen[name]}."))
            seen[name] = group
            _check_name(name, place, report)
    draft.observables.update(draft.interface.observables)
    for name, port in draft.interface.inputs.items():
        draft.inputs[name] = InputPart(name, "", port.unit, port.default, port.title, document.place("inputs", name))


def _check_name(name: str, place: Place, report: Report) -> None:
    """A name that flattens to one meaning only, in Antimony too."""
    if not _NAME.fullmatch(name):
        report(Problem(place, f"'{name}' is not a name.", "Expected letters, digits and _, with a letter first."))
    elif JOINT in name:
        report(Problem(place, f"'{name}' contains '{JOINT}', which joins module and name.", "Use a single _."))
    elif name in WORDS_OF_ANTIMONY:
        report(Problem(place, f"'{name}' is a word of the language.", "Choose another name."))


class _Namespace:
    """One module while it is read: what its bare names stand for."""

    def __init__(self, module: Module, draft: Draft, report: Report) -> None:
        self.module = module
        self.draft = draft
        self.report = report
        self.ports = draft.ports()
        self.private: dict[str, Place] = {}
        self.own_observables: set[str] = set()
        self.refused: set[str] = set()
        self.statements: list[Statement] = []
        self._check_folder_name()
        self._declare_states()
        self._declare_inputs()
        self._declare_observables()
        self._declare_events()
        self._declare_parameters()
        for path in module.equations:
            scanned = read_statements(path, module.shelf.shown(path))
            self.statements += scanned.statements
            self.refused |= scanned.refused
            for problem in scanned.problems:
                report(problem)

    def _check_folder_name(self) -> None:
        name = self.module.id
        place = Place(self.module.shelf.shown(self.module.folder))
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name.endswith("_"):
            advice = "Expected lower-case letters, digits and _, with a letter first and no _ at the end."
            self.report(Problem(place, f"the folder '{name}' cannot name a module.", advice))
        else:
            _check_name(name, place, self.report)

    def _claim(self, name: str, place: Place, what: str) -> bool:
        """Takes a private name; False when it is a port or taken."""
        _check_name(name, place, self.report)
        if name in self.ports:
            advice = "A private symbol needs a name of its own; modules read ports by their bare name."
            self.report(Problem(place, f"{what} '{name}' hides the {self.ports[name]} of that name.", advice))
        elif name in self.own_observables:
            self.report(Problem(place, f"{what} '{name}' hides the observable of that name.", "Choose another name."))
        elif name in self.private:
            self.report(Problem(place, f"'{name}' is defined already, at {self.private[name]}.", "Each name is defined once."))
        else:
            self.private[name] = place
            return True
        return False

    def _declare_states(self) -> None:
        document = self.module.document
        for name, owned in document.content.states.items():
            place = document.place("states", name)
            port = self.ports.get(name)
            if port in ("pool", "state"):
                if not self._owns_port(name, owned, place):
                    continue
            elif not self._claim(name, place, owned.kind):
                continue
            id_ = name if port else flattened(self.module.id, name)
            initial = self._initial(owned.initial, document.place("states", name, "initial"))
            limit = owned.extinct_below
            if (limit is None) != (owned.extinct is None):
                self.report(Problem(place, f"'{name}' needs both extinct_below and extinct, or neither."))
            self.draft.states[id_] = StatePart(
                id=id_, module=self.module.id, kind=owned.kind, unit=owned.unit, nominal=owned.nominal, initial=initial,
                start=owned.initial, title=owned.title, at_rest=owned.at_rest, place=place,
                extinct_below=None if limit is None else self._formula(limit, document.place("states", name, "extinct_below")),
                extinct=owned.extinct,
            )  # fmt: skip

    def _owns_port(self, name: str, owned: OwnedState, place: Place) -> bool:
        kind = self.ports[name]
        declared = (self.draft.interface.pools if kind == "pool" else self.draft.interface.states)[name].unit
        if name in self.draft.states:
            other = self.draft.states[name]
            self.report(Problem(place, f"'{name}' is owned by module '{other.module}' already, at {other.place}."))
            return False
        if owned.kind != kind:
            self.report(Problem(place, f"'{name}' is a {kind} in interface.yaml, but is owned here as a {owned.kind}."))
        if not unit_of(owned.unit).same(unit_of(declared)):
            self.report(Problem(place, f"'{name}' has the unit {declared} in interface.yaml, but {owned.unit} here."))
        return True

    def _initial(self, written: str | float, place: Place) -> float | Expression:
        if written == STEADY:
            advice = "Write a number or a formula of parameters, covariates, variables and other initial values."
            self.report(Problem(place, "'initial: steady' is reserved and not available yet.", advice))
            return 0.0
        return self._formula(written, place)

    def _formula(self, written: str | float, place: Place) -> float | Expression:
        if isinstance(written, (int, float)):
            return float(written)
        return self._parse(written.strip().removeprefix("=").strip(), place)

    def _parse(self, text: str, place: Place) -> Expression:
        try:
            return parse_expression(text, place)
        except DialectError as error:
            self.report(error.problem)
            return Number(0.0, "0", place)

    def _declare_inputs(self) -> None:
        document = self.module.document
        for name, owned in document.content.inputs.items():
            place = document.place("inputs", name)
            if self._claim(name, place, "the input"):
                id_ = flattened(self.module.id, name)
                self.draft.inputs[id_] = InputPart(id_, self.module.id, owned.unit, owned.default, owned.title, place)

    def _declare_observables(self) -> None:
        document = self.module.document
        for name, observable in document.content.observables.items():
            place = document.place("observables", name)
            if name in self.draft.observables and name not in self.ports:
                self.report(Problem(place, f"observable '{name}' is declared by another module too.", "Choose another name."))
            elif self._claim(name, place, "the observable"):
                self.draft.observables[name] = observable
                self.draft.observable_places[name] = place
                self.own_observables.add(name)
                del self.private[name]

    def _declare_events(self) -> None:
        document = self.module.document
        for name, event in document.content.events.items():
            place = document.place("events", name)
            if name in self.draft.observables or name in self.draft.events or name in self.ports:
                self.report(Problem(place, f"'{name}' is the name of something else already.", "Choose another name."))
                continue
            for what, written, owned in (
                ("state", event.hazard, document.content.states),
                ("input", event.sets, document.content.inputs),
            ):
                if written is not None and written not in owned:
                    where = document.place("events", name, "hazard" if what == "state" else "sets")
                    self.report(Problem(where, f"'{written}' is no {what} of this module.", did_you_mean(written, owned)))
            if event.fatal and not (event.term and event.system_organ_class):
                advice = "Expected what the death is reported as: term and system_organ_class."
                self.report(Problem(place, f"'{name}' is fatal and has no term.", advice))
            self.draft.events[name] = ChanceEvent(
                name=name,
                hazard=flattened(self.module.id, event.hazard),
                recurs=event.recurs,
                lasts_hours=hours(event.lasts),
                fatal=event.fatal,
                sets=flattened(self.module.id, event.sets) if event.sets else None,
                term=event.term,
                system_organ_class=event.system_organ_class,
                observable=Observable(unit="1", title=event.title, group="sign", code=event.code),
                place=place,
            )

    def _declare_parameters(self) -> None:
        table = self.module.table
        file = self.module.shelf.shown(self.module.table_path)
        for problem in table.problems:
            self.report(problem)
        for row in table.rows:
            place = Place(file, table.lines[row.name])
            if self._claim(row.name, place, "the parameter"):
                id_ = flattened(self.module.id, row.name)
                formula = _all_at(place, self._parse(row.value[1:].strip(), place)) if isinstance(row.value, str) else None
                self.draft.parameters[id_] = ParameterPart(id_, self.module.id, row, formula, place)

    def declare_assignments(self) -> None:
        """Claims the names that assignments define; expressions are resolved later."""
        for statement in self.statements:
            if statement.kind != "assignment":
                continue
            name, place = statement.target, statement.place
            kind = self.ports.get(name)
            if name.startswith(TERM):
                self._declare_term(statement)
            elif kind == "observable" or name in self.own_observables:
                if other := self.draft.definitions.get(name):
                    what = f"'{name}' is defined already, by module '{other.module}' at {other.place}."
                    self.report(Problem(place, what, "An observable has one owner and one definition."))
                    continue
                unit = self.draft.observables[name].unit
                self._define(name, "observable", statement, unit)
            elif kind is not None:
                self.report(Problem(place, f"'{name}' is {_a(kind)} and cannot be assigned.", self._instead(name, kind)))
            elif self._claim(name, place, "the variable"):
                self._define(flattened(self.module.id, name), "local", statement, None)

    def _declare_term(self, statement: Statement) -> None:
        drive, place = statement.target.removeprefix(TERM), statement.place
        drives = self.draft.interface.drives
        id_ = flattened(self.module.id, statement.target)
        if drive not in drives:
            advice = did_you_mean(drive, drives, see="Drives are declared in interface.yaml.")
            self.report(Problem(place, f"'{statement.target}' is a term for an unknown drive.", advice))
        elif id_ in self.draft.definitions:
            what = f"'{statement.target}' is defined already, at {self.draft.definitions[id_].place}."
            self.report(Problem(place, what, "A module adds one term to a drive; add the parts up in it."))
        else:
            self._define(id_, "term", statement, drives[drive].unit)

    def _define(self, id_: str, kind: str, statement: Statement, unit: str | None) -> None:
        part = DefinitionPart(id_, self.module.id, kind, statement.expression, unit, statement.place)  # type: ignore[arg-type]
        self.draft.definitions[id_] = part

    def _instead(self, name: str, kind: str) -> str:
        if kind == "drive":
            return f"Write '{TERM}{name} := ...' to add a term to the drive."
        if kind == "pool":
            return f"Write a reaction such as 'J_{name}: -> {name}; rate'."
        return "Its owner writes the rate rule." if kind == "state" else "It is given from outside."

    def resolve(self) -> None:
        """Replaces bare names by flattened ones, everywhere in the module."""
        module, draft = self.module.id, self.draft
        for statement in self.statements:
            if statement.kind == "rate":
                self._resolve_rate(statement)
            elif statement.kind == "reaction":
                self._resolve_reaction(statement)
        for id_, part in draft.definitions.items():
            if part.module == module:
                draft.definitions[id_] = replace(part, expression=self._resolved(part.expression, self._meaning))
        for id_, parameter in draft.parameters.items():
            if parameter.module == module and parameter.formula is not None:
                draft.parameters[id_] = replace(parameter, formula=self._resolved(parameter.formula, self._meaning_in_table))
        for id_, state in draft.states.items():
            if state.module == module:
                draft.states[id_] = self._resolved_state(state)

    def _resolved_state(self, state: StatePart) -> StatePart:
        initial, limit = state.initial, state.extinct_below
        if not isinstance(initial, float):
            initial = self._resolved(initial, self._meaning)
        if limit is not None and not isinstance(limit, float):
            limit = self._resolved(limit, self._meaning_in_table)
        return replace(state, initial=initial, extinct_below=limit)

    def _resolve_rate(self, statement: Statement) -> None:
        name, place = statement.target, statement.place
        id_ = name if name in self.ports else flattened(self.module.id, name)
        state = self.draft.states.get(id_)
        if name in self.ports and (state is None or state.module != self.module.id):
            owner = f"module '{state.module}' owns it" if state else "this module does not own it"
            what = f"'{name}' is shared: {owner}, and only the owner writes its rate rule."
            advice = "Add a reaction." if self.ports[name] == "pool" else "Act on it through a drive that the owner reads."
            self.report(Problem(place, what, advice))
        elif state is None:
            own = [
                part.id.removeprefix(self.module.id + JOINT)
                for part in self.draft.states.values()
                if part.module == self.module.id
            ]
            advice = did_you_mean(name, own, see="States are declared in module.yaml.")
            self.report(Problem(place, f"'{name}' has a rate rule but is no declared state.", advice))
        elif state.kind == "pool":
            self.report(Problem(place, f"'{name}' is a pool, which only reactions change.", self._instead(name, "pool")))
        elif id_ in self.draft.rates:
            self.report(
                Problem(place, f"'{name}' has a rate rule already, at {self.draft.rates[id_].place}.", "Each state has one.")
            )
        else:
            expression = self._resolved(statement.expression, self._meaning)
            self.draft.rates[id_] = RatePart(id_, self.module.id, expression, place)

    def _resolve_reaction(self, statement: Statement) -> None:
        id_ = flattened(self.module.id, statement.target)
        name_taken = self.draft.reactions.get(id_)
        if name_taken:
            self.report(Problem(statement.place, f"reaction '{statement.target}' is defined already, at {name_taken.place}."))
            return
        if statement.target in self.private or statement.target in self.ports:
            self.report(
                Problem(statement.place, f"'{statement.target}' names a reaction and something else.", "Choose another name.")
            )
        changes = []
        for participant, sign in [
            *((item, -1.0) for item in statement.reactants),
            *((item, 1.0) for item in statement.products),
        ]:
            pool = participant.pool if participant.pool in self.ports else flattened(self.module.id, participant.pool)
            part = self.draft.states.get(pool)
            if part is None:
                self.report(self._no_pool(participant.pool, participant.place))
            elif part.kind != "pool":
                what = f"'{participant.pool}' is a state, which only its owner's rate rule changes; reactions are for pools."
                self.report(Problem(participant.place, what))
            else:
                changes.append((pool, sign * participant.stoichiometry))
        expression = self._resolved(statement.expression, self._meaning)
        self.draft.reactions[id_] = ReactionPart(id_, self.module.id, tuple(changes), expression, statement.place)

    def _no_pool(self, name: str, place: Place) -> Problem:
        if self.ports.get(name) == "pool":
            return Problem(
                place, f"pool '{name}' has no owner in this composition.", "One module lists it under states: in module.yaml."
            )
        if name in self.ports:
            return Problem(place, f"'{name}' is {_a(self.ports[name])}, not a pool.")
        pools = [part.id.split(JOINT)[-1] for part in self.draft.states.values() if part.kind == "pool"]
        return Problem(place, f"'{name}' is no pool.", did_you_mean(name, pools, see="Pools are declared in module.yaml."))

    def _resolved(self, expression: Expression, meaning: Callable[[Name], str]) -> Expression:
        if isinstance(expression, Name):
            return Name(meaning(expression), expression.place)
        if isinstance(expression, Call):
            arguments = tuple(self._resolved(argument, meaning) for argument in expression.arguments)
            return Call(expression.function, arguments, expression.place)
        return expression

    def _meaning(self, use: Name) -> str:
        """The flattened name of a bare one in equations."""
        name = use.name
        if name in self.private:
            return flattened(self.module.id, name)
        kind = "observable" if name in self.own_observables else self.ports.get(name)
        if kind in ("pool", "state") and name not in self.draft.states:
            advice = "One module lists it under states: in module.yaml."
            self.report(Problem(use.place, f"{kind} '{name}' has no owner in this composition.", advice))
        elif kind == "observable" and name not in self.draft.definitions:
            self.report(Problem(use.place, f"observable '{name}' is defined by no module of this composition."))
        elif kind is None and name not in self.refused:
            self.report(self._unknown(use, [*self.private, *self.own_observables, *self.ports]))
        return name

    def _meaning_in_table(self, use: Name) -> str:
        rows = self.module.table.lines
        if use.name in rows:
            return flattened(self.module.id, use.name)
        if use.name not in self.draft.interface.covariates:
            problem = self._unknown(use, [*rows, *self.draft.interface.covariates])
            self.report(
                replace(problem, advice=f"{problem.advice} A formula reads the module's parameters and covariates.".strip())
            )
        return use.name

    def _unknown(self, use: Name, known: Sequence[str]) -> Problem:
        name = use.name
        if JOINT in name:
            return Problem(use.place, f"'{name}' is private to a module.", "Modules meet only at the ports of interface.yaml.")
        if name.startswith(TERM):
            return Problem(use.place, f"'{name}' is a term and cannot be read.", f"Read the drive '{name.removeprefix(TERM)}'.")
        advice = did_you_mean(name, known)
        return Problem(use.place, f"'{name}' is not defined in module '{self.module.id}' and is no port.", advice)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


def _all_at(place: Place, expression: Expression) -> Expression:
    """The expression with one place throughout: columns inside a cell of a table mean nothing to its reader."""
    if isinstance(expression, Number):
        return Number(expression.value, expression.text, place)
    if isinstance(expression, Name):
        return Name(expression.name, place)
    return Call(expression.function, tuple(_all_at(place, argument) for argument in expression.arguments), place)


def _combine_drives(library: Library, draft: Draft) -> None:
    document = library.interface_document
    terms: dict[str, list[str]] = {name: [] for name in draft.interface.drives}
    for part in draft.definitions.values():
        if part.kind == "term":
            terms[part.id.split(JOINT, 1)[1].removeprefix(TERM)].append(part.id)
    combined = {}
    for name, drive in draft.interface.drives.items():
        place = document.place("drives", name)
        combined[name] = DefinitionPart(name, "", "drive", _combination(drive, terms[name], place, draft), drive.unit, place)
    draft.definitions = combined | draft.definitions


def _combination(drive: Drive, terms: Sequence[str], place: Place, draft: Draft) -> Expression:
    neutral = Number(drive.neutral, repr(drive.neutral), place)
    draft.literals[id(neutral)] = unit_of(drive.unit)
    parts: list[Expression] = [Name(term, place) for term in terms]
    if not parts:
        return neutral
    if drive.combine == "max":
        return Call("max", (neutral, *parts), place)
    sign, identity = _JOINED[drive.combine]
    if drive.neutral != identity:
        parts.insert(0, neutral)
    result = parts[0]
    for part in parts[1:]:
        result = Call(sign, (result, part), place)
    return result


_JOINED: Mapping[str, tuple[str, float]] = {"sum": ("+", 0.0), "product": ("*", 1.0)}
