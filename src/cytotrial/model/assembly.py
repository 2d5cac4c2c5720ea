"""Puts modules together: ports first, then what each module declares, then what its names mean. No units, no numbers.

Everything wrong with names is reported on the way: who may define, change and read what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cytotrial.catalogue import Library, Module
from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.formats.interface import Drive
from cytotrial.model.declaring import TERM, Namespace, Report, check_name
from cytotrial.model.parts import JOINT, DefinitionPart, Draft, InputPart
from cytotrial.model.resolving import resolve
from cytotrial.model.syntax import Call, Expression, Name, Number
from cytotrial.model.unit_algebra import unit_of


def assemble(library: Library, modules: Sequence[Module]) -> tuple[Draft, list[Problem]]:
    """The modules' parts with flattened names, and everything wrong with names and text."""
    problems: list[Problem] = []
    draft = Draft(library.interface, tuple(module.id for module in modules))
    _declare_ports(library, draft, problems.append)
    namespaces: list[Namespace] = []
    for module in modules:
        try:
            namespaces.append(Namespace(module, draft, problems.append))
        except LibraryError as error:
            problems.extend(error.problems)
    for namespace in namespaces:
        namespace.declare_assignments()
    for namespace in namespaces:
        resolve(namespace)
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
            check_name(name, place, report)
    draft.observables.update(draft.interface.observables)
    for name, port in draft.interface.inputs.items():
        draft.inputs[name] = InputPart(name, "", port.unit, port.default, port.title, document.place("inputs", name))


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
