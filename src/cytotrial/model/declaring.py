"""One module while it is read: the names it declares, and what its bare names stand for. It resolves no expression."""

from __future__ import annotations

import re
from collections.abc import Callable

from cytotrial.catalogue import Module
from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.interface import Observable
from cytotrial.formats.module import OwnedState
from cytotrial.model.parts import JOINT, ChanceEvent, DefinitionPart, Draft, InputPart, ParameterPart, StatePart, flattened
from cytotrial.model.statements import Statement, read_statements
from cytotrial.model.syntax import WORDS_OF_ANTIMONY, Call, DialectError, Expression, Name, Number, parse_expression
from cytotrial.model.unit_algebra import unit_of
from cytotrial.units import hours

TERM = "to_"
"""`to_<drive> := ...` is a module's term of a drive."""

STEADY = "steady"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
Report = Callable[[Problem], None]


class Namespace:
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
            check_name(name, place, self.report)

    def _claim(self, name: str, place: Place, what: str) -> bool:
        """Takes a private name; False when it is a port or taken."""
        check_name(name, place, self.report)
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
            limit = owned.extinct_below
            if (limit is None) != (owned.extinct is None):
                self.report(Problem(place, f"'{name}' needs both extinct_below and extinct, or neither."))
            self.draft.states[id_] = StatePart(
                id=id_, module=self.module.id, kind=owned.kind, unit=owned.unit, nominal=owned.nominal,
                initial=self._initial(name, owned), start=owned.initial, title=owned.title, at_rest=owned.at_rest, place=place,
                extinct_below=None if limit is None else self._formula(limit, document.place("states", name, "extinct_below")),
                extinct=owned.extinct, is_steady=owned.initial == STEADY,
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

    def _initial(self, name: str, owned: OwnedState) -> float | Expression:
        """Where a state starts, or where the search for its steady start begins."""
        document = self.module.document
        if owned.initial == STEADY:
            # Most often one: a size that matters is of the order of what is usual.
            guess = owned.nominal if owned.guess is None else owned.guess
            return self._formula(guess, document.place("states", name, "initial" if owned.guess is None else "guess"))
        if owned.guess is not None:
            advice = f"Write `initial: {STEADY}`, or remove the guess."
            self.report(Problem(document.place("states", name, "guess"), f"'{name}' has a start, and needs no guess.", advice))
        return self._formula(owned.initial, document.place("states", name, "initial"))

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
                self.report(Problem(place, f"'{name}' is {with_article(kind)} and cannot be assigned.", instead(name, kind)))
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


def check_name(name: str, place: Place, report: Report) -> None:
    """A name that flattens to one meaning only, in Antimony too."""
    if not _NAME.fullmatch(name):
        report(Problem(place, f"'{name}' is not a name.", "Expected letters, digits and _, with a letter first."))
    elif JOINT in name:
        report(Problem(place, f"'{name}' contains '{JOINT}', which joins module and name.", "Use a single _."))
    elif name in WORDS_OF_ANTIMONY:
        report(Problem(place, f"'{name}' is a word of the language.", "Choose another name."))


def instead(name: str, kind: str) -> str:
    """What to write instead of changing a port of that kind by an equation."""
    if kind == "drive":
        return f"Write '{TERM}{name} := ...' to add a term to the drive."
    if kind == "pool":
        return f"Write a reaction such as 'J_{name}: -> {name}; rate'."
    return "Its owner writes the rate rule." if kind == "state" else "It is given from outside."


def with_article(kind: str) -> str:
    """'a pool', 'an input'."""
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


def _all_at(place: Place, expression: Expression) -> Expression:
    """The expression with one place throughout: columns inside a cell of a table mean nothing to its reader."""
    if isinstance(expression, Number):
        return Number(expression.value, expression.text, place)
    if isinstance(expression, Name):
        return Name(expression.name, place)
    return Call(expression.function, tuple(_all_at(place, argument) for argument in expression.arguments), place)
