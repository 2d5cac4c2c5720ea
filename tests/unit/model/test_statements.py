"""The scanner of the dialect: what a statement is, where it goes on, and where its parts stand."""

from __future__ import annotations

import pytest

from cytotrial.errors import Place
from cytotrial.model.numeric import evaluate
from cytotrial.model.statements import scan
from cytotrial.model.syntax import names_in, parse_expression


def test_the_three_kinds_of_statement_are_told_apart() -> None:
    scanned = scan("J: 2 A + B -> C; k*A\nx' = -k*x;  // decay\nlevel := A/v\n", file="m.ant")
    assert [statement.kind for statement in scanned.statements] == ["reaction", "rate", "assignment"]
    reaction = scanned.statements[0]
    assert [(part.pool, part.stoichiometry) for part in reaction.reactants] == [("A", 2.0), ("B", 1.0)]
    assert [part.pool for part in reaction.products] == ["C"]
    assert scanned.problems == ()


def test_a_statement_goes_on_in_parentheses_and_before_an_operator() -> None:
    scanned = scan("x := (a +\n  b)\n  * c // why\n  + d\ny := 1\n", file="m.ant")
    assert [statement.target for statement in scanned.statements] == ["x", "y"]
    places = {use.name: (use.place.line, use.place.column) for use in names_in(scanned.statements[0].expression)}
    assert places == {"a": (1, 7), "b": (2, 3), "c": (3, 5), "d": (4, 5)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2^2", -4.0),
        ("2 - 3 - 4", -5.0),
        ("2 / 4 * 2", 1.0),
        ("2^-1", 0.5),
        ("(2^3)^2", 64.0),
        ("1 + 2 * 3", 7.0),
        ("piecewise(1, 2 < 1, 5, 3 >= 3, 9)", 5.0),
        ("piecewise(1, !(2 < 1) && 1 <= 1 || 1 > 2, 9)", 1.0),
        ("min(3, 1, 2) + max(1, 4)", 5.0),
        ("pow(2, 3) + abs(-1) + sqrt(4) + ln(exp(1))", 12.0),
        ("1.5e-1 + .5 + 1.", 1.65),
    ],
)
def test_operators_bind_as_in_mathematics(text: str, value: float) -> None:
    assert evaluate(parse_expression(text, Place()), {}) == pytest.approx(value)


def test_a_tower_of_powers_is_refused_as_ambiguous() -> None:
    with pytest.raises(ValueError, match=r"'a\^b\^c' can be read in two ways"):
        parse_expression("2^3^2", Place())


def test_chained_comparisons_are_refused() -> None:
    with pytest.raises(ValueError, match="comparisons cannot be chained"):
        parse_expression("1 < 2 < 3", Place())
