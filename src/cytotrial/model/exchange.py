"""The composed biology as Antimony and as SBML L3V2, for other tools and libSBML's opinion. Not a way in, not what is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import libsbml

from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.model.consistency import infer_units
from cytotrial.model.parts import Draft
from cytotrial.model.syntax import Call, Expression, Name, Number
from cytotrial.model.unit_algebra import Unit, unit_of

MODEL = "biology"
SBML_LEVEL_AND_VERSION = (3, 2)
SPACE = "body"
"""SBML wants pools to lie in a compartment; amounts do not depend on its size."""

BASE_UNITS: Mapping[str, tuple[str, float]] = {
    "[length]": ("metre", 1.0), "[mass]": ("gram", 1.0), "[time]": ("second", 1.0), "[substance]": ("mole", 1.0),
    "[blood_pressure]": ("pascal", 133.322387415), "[body_temperature]": ("kelvin", 1.0), "[cell_count]": ("item", 1.0),
    "[lesion_count]": ("item", 1.0), "[biological_activity]": ("item", 1.0), "[enzyme_activity]": ("item", 1.0),
}  # fmt: skip
"""Our base dimensions in SBML's base units. SBML knows no IU, no U and no degC: IU, U, cells and lesions become items,
a temperature becomes kelvin of difference. Any such mapping keeps what fits fitting."""

_INFIX = {"+", "-", "*", "/", "^", "<", "<=", ">", ">=", "&&", "||"}


def antimony_text(draft: Draft) -> str:
    """The model in Antimony: units, pools, rules and reactions; no values, which are set through libSBML."""
    units = infer_units(draft, _ignore)
    lines = [f"model {MODEL}"]
    lines += [
        f"  unit {_unit_id(unit)} = {_unit_text(unit)};" for unit in _distinct([*units.values(), *draft.literals.values()])
    ]
    pools = [name for name, part in draft.states.items() if part.kind == "pool"]
    lines.append(f"  compartment {SPACE};")
    lines += [f"  substanceOnly species {name} in {SPACE};" for name in pools]
    lines += [f"  {name} := {_text(part.expression, draft)};" for name, part in draft.definitions.items()]
    lines += [f"  {rate.state}' = {_text(rate.expression, draft)};" for rate in draft.rates.values()]
    for name, reaction in draft.reactions.items():
        left, right = (" + ".join(_participants(reaction.changes, sign)) for sign in (-1, 1))
        lines.append(f"  {name}: {left} => {right}; {_text(reaction.expression, draft)};")
    return "\n".join([*lines, "end", ""])


def sbml_text(draft: Draft) -> str:
    """SBML L3V2 with units, values and starts of the tables; covariates and inputs beside defaults have no value.

    Raises:
        LibraryError: every message of libSBML's consistency and unit check (which compares dimensions, not sizes).
    """
    document = sbml_document(draft)
    if problems := list(_complaints(document)):
        raise LibraryError(problems)
    return str(libsbml.writeSBMLToString(document))


def sbml_document(draft: Draft) -> libsbml.SBMLDocument:
    """The unchecked document. Raises LibraryError where Antimony refuses its text."""
    import antimony

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(antimony_text(draft)) < 0:
        raise LibraryError([Problem(Place(path="composed model"), f"Antimony says: {antimony.getLastError().strip()}")])
    document = libsbml.readSBMLFromString(antimony.getSBMLString(MODEL))
    document.setLevelAndVersion(*SBML_LEVEL_AND_VERSION)
    _set_units(document.getModel(), draft)
    _set_values(document.getModel(), draft)
    _mark_literals(document.getModel())
    return document


def _ignore(problem: Problem) -> None:
    """Problems of units were reported when the draft was checked."""


def _distinct(units: list[Unit]) -> list[Unit]:
    always = [unit_of("nmol"), unit_of("h"), unit_of("L"), unit_of("nmol/h")]
    return list({_unit_id(unit): unit for unit in [*always, *units] if not unit.is_pure}.values())


def _unit_id(unit: Unit) -> str:
    """An SBML id that still reads as the unit: nmol_per_L."""
    if unit.is_pure:
        return "dimensionless"
    text = (
        str(unit)
        .replace("%", "percent")
        .replace("/", "_per_")
        .replace("^-", "_to_minus_")
        .replace("^", "_to_")
        .replace("+", "")
    )
    name = "u_" + re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_]", "_", text.replace("-", "minus"))).strip("_")
    # Antimony takes a unit that ends in s for a plural and renames it.
    return name + "_" if name.endswith("s") else name


def _unit_text(unit: Unit) -> str:
    powers = (f"{kind}^{power:g}" if power != 1 else kind for kind, power in _kinds(unit))
    return " * ".join([f"{_size(unit)!r} dimensionless", *powers])


def _size(unit: Unit) -> float:
    size = unit.size
    for name, power in unit.dimension:
        size *= BASE_UNITS[name][1] ** power
    return size


def _kinds(unit: Unit) -> list[tuple[str, float]]:
    powers: dict[str, float] = {}
    for name, power in unit.dimension:
        kind = BASE_UNITS[name][0]
        powers[kind] = powers.get(kind, 0.0) + power
    return [(kind, power) for kind, power in powers.items() if power]


def _participants(changes: tuple[tuple[str, float], ...], sign: int) -> Iterator[str]:
    for pool, number in changes:
        if number * sign > 0:
            yield pool if abs(number) == 1 else f"{abs(number):g} {pool}"


def _text(expression: Expression, draft: Draft) -> str:
    """An expression with every operation in parentheses, so that no tool's order of operations matters."""
    if isinstance(expression, Number):
        unit = draft.literals.get(id(expression))
        return expression.text if unit is None or unit.is_pure else f"{expression.text} {_unit_id(unit)}"
    if isinstance(expression, Name):
        return expression.name
    return _call_text(expression, [_text(argument, draft) for argument in expression.arguments])


def _call_text(call: Call, arguments: list[str]) -> str:
    if call.function in _INFIX:
        return f"({arguments[0]} {call.function} {arguments[1]})"
    if call.function in ("negate", "!"):
        return f"({'-' if call.function == 'negate' else '!'}{arguments[0]})"
    return f"{call.function}({', '.join(arguments)})"


def _set_units(model: libsbml.Model, draft: Draft) -> None:
    units = infer_units(draft, _ignore)
    model.setSubstanceUnits(_unit_id(unit_of("nmol")))
    model.setExtentUnits(_unit_id(unit_of("nmol")))
    model.setTimeUnits(_unit_id(unit_of("h")))
    model.setVolumeUnits(_unit_id(unit_of("L")))
    model.getCompartment(SPACE).setUnits(_unit_id(unit_of("L")))
    model.getCompartment(SPACE).setSize(1.0)
    for name, unit in units.items():
        if name in draft.states and draft.states[name].kind == "pool":
            model.getSpecies(name).setSubstanceUnits(_unit_id(unit))
            continue
        parameter = model.getParameter(name) or _new_parameter(model, name)
        parameter.setUnits(_unit_id(unit))
        parameter.setConstant(name in draft.parameters or name in draft.interface.covariates)


def _new_parameter(model: libsbml.Model, name: str) -> libsbml.Parameter:
    parameter = model.createParameter()
    parameter.setId(name)
    return parameter


def _set_values(model: libsbml.Model, draft: Draft) -> None:
    for name, part in draft.parameters.items():
        if isinstance(part.row.value, float):
            model.getParameter(name).setValue(part.row.value)
    for name, given in draft.inputs.items():
        model.getParameter(name).setValue(given.default)
    for name, state in draft.states.items():
        if isinstance(state.initial, float):
            (model.getSpecies(name).setInitialAmount if state.kind == "pool" else model.getParameter(name).setValue)(
                state.initial
            )
    for name, formula in {**draft.formulas(), **draft.initial_formulas()}.items():
        assignment = model.createInitialAssignment()
        assignment.setSymbol(name)
        assignment.setMath(libsbml.parseL3Formula(_text(formula, draft)))


def _mark_literals(model: libsbml.Model) -> None:
    """Says of each literal without a unit that it is a pure number; libSBML takes silence for 'cannot verify'."""
    rules = [model.getRule(index) for index in range(model.getNumRules())]
    laws = [model.getReaction(index).getKineticLaw() for index in range(model.getNumReactions())]
    starts = [model.getInitialAssignment(index) for index in range(model.getNumInitialAssignments())]
    for holder in (*rules, *laws, *starts):
        tree = holder.getMath().deepCopy()
        _mark(tree)
        holder.setMath(tree)


def _mark(node: libsbml.ASTNode) -> None:
    if node.isNumber() and not node.isSetUnits():
        node.setUnits("dimensionless")
    for index in range(node.getNumChildren()):
        _mark(node.getChild(index))


def _complaints(document: libsbml.SBMLDocument) -> Iterator[Problem]:
    off = False
    for category in (libsbml.LIBSBML_CAT_MODELING_PRACTICE, libsbml.LIBSBML_CAT_SBO_CONSISTENCY):
        document.setConsistencyChecks(category, off)
    document.checkConsistency()
    for index in range(document.getNumErrors()):
        error = document.getError(index)
        text = " ".join(error.getMessage().split())
        yield Problem(Place(path="composed model"), f"libSBML {error.getErrorId()}: {text}")
