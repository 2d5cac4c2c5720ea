"""Antimony and SBML: libSBML accepts them with units, catches what we would, and computes the same rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import libsbml
import numpy as np
import pytest

from cytotrial.catalogue import Library, load_library
from cytotrial.errors import LibraryError
from cytotrial.model.biology import Biology
from cytotrial.model.composition import compose, inspected, modules_of
from cytotrial.model.exchange import sbml_text
from cytotrial.model.motion import quantities, rates_of_change


def test_the_sbml_is_level_3_version_2_and_passes_libsbml(write_library: Callable[..., Path]) -> None:
    biology = compose(load_library(write_library()), drugs=["remedy"], disease="illness")
    document = libsbml.readSBMLFromString(biology.sbml())
    assert (document.getLevel(), document.getVersion()) == (3, 2)
    assert document.getModel().getParameter("remedy__clearance").getUnits() == "u_L_per_h"
    assert document.getModel().getParameter("remedy__clearance").getValue() == 16.0


def test_libsbml_finds_a_unit_that_does_not_fit(write_library: Callable[..., Path]) -> None:
    change = {"drugs/remedy/parameters.csv": ("clearance,16,L/h", "clearance,16,L")}
    library = load_library(write_library(change))
    draft, findings = inspected(library, modules_of(library, drugs=["remedy"], disease="illness"))
    assert any("a reaction needs the unit nmol/h" in finding.problem.what for finding in findings)
    with pytest.raises(LibraryError, match="libSBML 10541"):
        sbml_text(draft)


def test_sbml_gives_the_same_rates_in_the_small_library(write_library: Callable[..., Path]) -> None:
    biology = compose(load_library(write_library()), drugs=["remedy"], disease="illness")
    _compare(biology, biology.parameter_values({"weight": np.array([70.0])}), seed=1)


def test_sbml_gives_the_same_rates_in_the_shipped_library(library: Library) -> None:
    for disease in library.diseases:
        biology = compose(library, drugs=list(library.drugs), disease=disease)
        covariates = {name: np.array([50.0]) for name in biology.covariates}
        _compare(biology, biology.parameter_values(covariates), seed=2)


def _compare(biology: Biology, parameters: np.ndarray, *, seed: int) -> None:
    """Rates from the SBML's own mathematics against those of the files, at states around the start."""
    generator = np.random.default_rng(seed)
    states = biology.initial_states(parameters)
    nominal = biology.system.nominal[None, :]
    states = states * generator.uniform(0.7, 1.4, (5, 1)) + nominal * generator.uniform(0.0, 1.0, (5, states.shape[1]))
    table = np.repeat(parameters, 5, axis=0)
    inputs = generator.uniform(0.0, 1.0, (5, len(biology.inputs)))
    ours = rates_of_change(biology, quantities(biology, table, states, inputs))
    model = libsbml.readSBMLFromString(biology.sbml()).getModel()
    starts = biology.starts(table)
    for row in range(5):
        values = {name: float(start[row]) for name, start in starts.items()}
        values |= dict(zip(biology.system.parameters, table[row], strict=True))
        values |= dict(zip(biology.system.states, states[row], strict=True))
        values |= dict(zip(biology.system.inputs, inputs[row], strict=True))
        theirs = _sbml_rates(model, values, biology.system.states)
        for name in biology.system.states:
            assert theirs[name] == pytest.approx(ours[name][row], rel=1e-10, abs=1e-13), name


def _sbml_rates(model: libsbml.Model, values: dict[str, float], states: tuple[str, ...]) -> dict[str, float]:
    rules = [model.getRule(index) for index in range(model.getNumRules())]
    waiting = {rule.getVariable(): rule.getMath() for rule in rules if rule.isAssignment()}
    while waiting:
        ready = [name for name, tree in waiting.items() if not (_names(tree) & waiting.keys())]
        assert ready, f"a circle among {sorted(waiting)}"
        for name in ready:
            values[name] = _value(waiting.pop(name), values)
    rates = dict.fromkeys(states, 0.0)
    rates |= {rule.getVariable(): _value(rule.getMath(), values) for rule in rules if rule.isRate()}
    for index in range(model.getNumReactions()):
        reaction = model.getReaction(index)
        speed = _value(reaction.getKineticLaw().getMath(), values)
        for sign, sides in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for side in (sides.get(number) for number in range(sides.size())):
                rates[side.getSpecies()] += sign * side.getStoichiometry() * speed
    return rates


def _names(node: libsbml.ASTNode) -> set[str]:
    own = {node.getName()} if node.isName() else set()
    return own.union(*(_names(node.getChild(index)) for index in range(node.getNumChildren())))


def _value(node: libsbml.ASTNode, values: Mapping[str, float]) -> float:
    """The value of a piece of MathML, by another road than our own evaluation."""
    if node.isName():
        return values[node.getName()]
    if node.isNumber():
        return float(node.getValue())
    parts = [node.getChild(index) for index in range(node.getNumChildren())]
    kind = node.getType()
    if kind == libsbml.AST_FUNCTION_PIECEWISE:
        for value, condition in zip(parts[0::2], parts[1::2], strict=False):
            if _value(condition, values):
                return _value(value, values)
        return _value(parts[-1], values)
    return _OPERATIONS[kind](*(_value(part, values) for part in parts))


_OPERATIONS: Mapping[int, Callable[..., float]] = {
    libsbml.AST_PLUS: lambda *terms: math.fsum(terms),
    libsbml.AST_MINUS: lambda left, right=None: -left if right is None else left - right,
    libsbml.AST_TIMES: lambda *factors: math.prod(factors),
    libsbml.AST_DIVIDE: lambda left, right: left / right,
    libsbml.AST_POWER: lambda base, exponent: base**exponent,
    libsbml.AST_FUNCTION_POWER: lambda base, exponent: base**exponent,
    libsbml.AST_FUNCTION_ROOT: lambda degree, value: value ** (1 / degree),
    libsbml.AST_FUNCTION_EXP: math.exp,
    libsbml.AST_FUNCTION_LN: math.log,
    libsbml.AST_FUNCTION_ABS: abs,
    libsbml.AST_FUNCTION_MIN: min,
    libsbml.AST_FUNCTION_MAX: max,
    libsbml.AST_RELATIONAL_LT: lambda left, right: float(left < right),
    libsbml.AST_RELATIONAL_LEQ: lambda left, right: float(left <= right),
    libsbml.AST_RELATIONAL_GT: lambda left, right: float(left > right),
    libsbml.AST_RELATIONAL_GEQ: lambda left, right: float(left >= right),
    libsbml.AST_LOGICAL_AND: lambda *terms: float(all(terms)),
    libsbml.AST_LOGICAL_OR: lambda *terms: float(any(terms)),
    libsbml.AST_LOGICAL_NOT: lambda term: float(not term),
}
