"""The unit check: size counts, 0 fits any unit, and messages show both units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.catalogue import load_library
from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.model.composition import compose
from cytotrial.model.syntax import parse_expression
from cytotrial.model.unit_algebra import AnyUnit, Unit, UnitChecker, unit_of

DRUG = "drugs/remedy/remedy.ant"
DRUG_TABLE = "drugs/remedy/parameters.csv"
DRUG_MODULE = "drugs/remedy/module.yaml"

MISFITS = {
    "a volume in another size": (
        DRUG_TABLE,
        ("volume,6,L,", "volume,6000,mL,"),
        r"remedy\.ant:5:12: 'remedy\.to_peak' needs the unit nmol/L, but the expression has nmol/mL\.\n  .*factor of 1000",
    ),
    "a clearance per minute": (
        DRUG_TABLE,
        ("clearance,16,L/h", "clearance,0.27,L/min"),
        r"remedy\.ant:2:41: a reaction needs the unit nmol/h, but the expression has nmol/min\.\n  .*factor of 60",
    ),
    "amounts and levels added": (
        DRUG,
        ("to_peak := level", "to_peak := level + centre"),
        r"remedy\.ant:5:18: nmol/L and nmol cannot be added: different units",
    ),
    "amounts and levels compared": (
        DRUG,
        ("level > 0,", "level > centre,"),
        r"remedy\.ant:4:\d+: nmol/L and nmol cannot be compared",
    ),
    "a number that should have a unit": (
        DRUG,
        ("to_peak := level", "to_peak := max(level, 1)"),
        r"remedy\.ant:5:12: nmol/L and 1 cannot be compared",
    ),
    "an exponent with a unit": (
        DRUG,
        ("to_peak := level", "to_peak := level ^ volume"),
        r"remedy\.ant:5:20: an exponent is a pure number, but this has the unit L",
    ),
    "a unit to a named power": (
        DRUG,
        ("to_peak := level", "to_peak := max(level, 0) ^ (k_effect / k_effect)"),
        r"remedy\.ant:5:12: nmol/L to a power that is not a literal has no unit",
    ),
    "an exponential of a level": (
        DRUG,
        ("release * effect", "release * exp(level)"),
        r"remedy\.ant:6:40: exp takes a pure number, but this has the unit nmol/L",
    ),
    "a logarithm of a level": (DRUG, ("release * effect", "release * ln(level)"), r"remedy\.ant:6:39: ln takes a pure number"),
    "a rate rule that is not per hour": (
        DRUG,
        ("effect' = k_effect * (", "effect' = (k_effect / k_effect) * ("),
        r"remedy\.ant:4:33: the rate of 'remedy\.effect' in 1 needs the unit 1/h, but the expression has 1",
    ),
    "a condition used as a number": (
        DRUG,
        ("release * effect", "release * (effect > 0)"),
        r"remedy\.ant:6:44: a condition stands where a quantity",
    ),
    "a number used as a condition": (
        DRUG,
        ("level > 0,", "level,"),
        r"remedy\.ant:4:53: a quantity stands where a condition is needed",
    ),
    "a formula in another unit": (
        "physiology/body/parameters.csv",
        ("= level_at_rest * volume,nmol", "= level_at_rest * volume,pmol"),
        r"parameters\.csv:7: parameter 'body\.messenger_at_rest' needs the unit pmol, but the expression has nmol\.",
    ),
    "a start in another unit": (
        "physiology/body/module.yaml",
        ("initial: messenger_at_rest", "initial: level_at_rest"),
        r"module\.yaml:5:.*the initial value of 'messenger' needs the unit nmol, but the expression has nmol/L",
    ),
    "an observable in another unit": (
        "interface.yaml",
        ("messenger_level: {unit: nmol/L", "messenger_level: {unit: pmol/L"),
        r"body\.ant:8:30: 'messenger_level' needs the unit pmol/L, but the expression has nmol/L\.\n  .*factor of 1000",
    ),
    "an unknown unit": (
        DRUG_TABLE,
        ("volume,6,L,", "volume,6,litters,"),
        r"parameters\.csv:3: unit: 'litters' is not a unit I know",
    ),
    "no unit": (DRUG_TABLE, ("volume,6,L,", "volume,6,,"), r"parameters\.csv:3: unit: 'unit' is empty"),
    "a product of terms with units": (
        "interface.yaml",
        ('damping: {unit: "1"', "damping: {unit: kg"),
        r"interface\.yaml:8:12: drives\.damping: drive 'damping' multiplies terms of unit kg",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_units_that_do_not_fit_are_errors_with_both_units(write_library: Callable[..., Path], misfit: str) -> None:
    path, change, message = MISFITS[misfit]
    with pytest.raises(LibraryError, match=message):
        compose(load_library(write_library({path: change})), drugs=["remedy"], disease="illness")


POWERS = {
    "a state": "max(level, 0) * effect ^ 0.5",
    "a difference": "level * (1 - effect) ^ 1.5",
    "a named exponent of a state": "level * effect ^ (k_effect / k_effect)",
    "a root of a state": "level * sqrt(effect)",
}


@pytest.mark.parametrize("base", POWERS)
def test_a_fractional_power_of_what_may_be_negative_is_an_error(write_library: Callable[..., Path], base: str) -> None:
    change = {DRUG: ("to_peak := level", f"to_peak := {POWERS[base]}")}
    with pytest.raises(LibraryError, match=r"remedy\.ant:5:\d+: .*might be negative\.\n  Write (max|sqrt)"):
        compose(load_library(write_library(change)), drugs=["remedy"], disease="illness")


@pytest.mark.parametrize(
    "power",
    [
        "level * max(effect, 0) ^ 0.5",
        "level * effect ^ 2",
        "level * exp(effect) ^ 0.5",
        "level * (volume / volume) ^ 1.5",
        "level * (level / half_level) ^ 0.5",
        "level * abs(effect) ^ (1 / 3)",
        "level * pow(max(effect, 0), 2.5)",
    ],
)
def test_a_power_of_what_cannot_be_negative_is_accepted(write_library: Callable[..., Path], power: str) -> None:
    change = {DRUG: ("to_peak := level", f"to_peak := {power}")}
    assert compose(load_library(write_library(change)), drugs=["remedy"], disease="illness").states


def _checker(units: dict[str, str]) -> tuple[UnitChecker, list[Problem]]:
    problems: list[Problem] = []
    return UnitChecker({name: unit_of(text) for name, text in units.items()}, problems.append, {}), problems


def test_zero_takes_the_unit_it_meets() -> None:
    checker, problems = _checker({"level": "nmol/L"})
    tree = parse_expression("max(0, piecewise(0, level > 0, level))", Place())
    found = checker.find(tree)
    assert isinstance(found, Unit)
    assert str(found) == "nmol/L"
    assert not problems
    assert {str(unit) for unit in checker.literals.values()} == {"nmol/L"}
    assert len(checker.literals) == 3


def test_zero_alone_has_any_unit() -> None:
    checker, _ = _checker({})
    assert isinstance(checker.find(parse_expression("-0 + 0", Place())), AnyUnit)


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("a * b", "L"),
        ("a / c", "nmol/(L*h)"),
        ("(a / a) ^ 0.5", "1"),
        ("sqrt(b ^ 2) * a / b", "nmol/L"),
        ("b ^ -1", "1/L"),
        ("ln(a / a) + exp(b / b)", "1"),
    ],
)
def test_units_multiply_and_divide(expression: str, unit: str) -> None:
    checker, problems = _checker({"a": "nmol/L", "b": "L", "c": "h"})
    found = checker.find(parse_expression(expression, Place()))
    expected = unit_of(unit) if expression != "a * b" else unit_of("nmol")
    assert isinstance(found, Unit)
    assert found.same(expected)
    assert not problems


def test_percent_is_not_a_pure_number() -> None:
    checker, problems = _checker({"share": "%"})
    assert checker.find(parse_expression("1 - share", Place())) is None
    assert "1 and % cannot be subtracted" in problems[0].what
