"""Expressions of the model dialect as trees that know their line and column. No units, no symbols' meaning, no SymPy.

expression = numbers, names, + - * / ^, min max piecewise exp ln sqrt abs, < <= > >= && || !, parentheses
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cytotrial.errors import Place, Problem, did_you_mean

FUNCTIONS = {"min": None, "max": None, "piecewise": None, "exp": 1, "ln": 1, "sqrt": 1, "abs": 1, "pow": 2}
"""Name -> number of arguments; None where it varies."""

COMPARISONS = ("<=", ">=", "<", ">")
WORDS_OF_ANTIMONY = frozenset({
    "time", "pi", "true", "false", "avogadro", "exponentiale", "infinity", "inf", "nan", "notanumber", "delay", "model", "end",
    "function", "import", "species", "compartment", "unit", "var", "const", "at", "in", "is", "has", "gene", "reaction", "ext",
    "event", "formula",
})  # fmt: skip
"""Names that mean something else to Antimony; a symbol called so would change meaning silently."""

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||<=|>=|==|!=|[-+*/^<>!(),])|(?P<other>.)",
    re.ASCII,
)


class DialectError(ValueError):
    """Text is not in the dialect. Holds the `Problem`."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    """A literal; a pure number, but 0 fits any unit."""

    value: float
    text: str
    place: Place


@dataclass(frozen=True, eq=False, slots=True)
class Name:
    """A symbol."""

    name: str
    place: Place


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """An operator or function with its arguments: + - * / ^ negate, < <= > >= && || !, and `FUNCTIONS`."""

    function: str
    arguments: tuple[Expression, ...]
    place: Place


Expression = Number | Name | Call


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: Place


def parse_expression(text: str, place: Place) -> Expression:
    """The tree of an expression whose first character stands at `place`; lines are counted through line breaks in `text`.

    Raises:
        DialectError: the text is not an expression of the dialect; says where.
    """
    parser = _Parser(list(_tokens(text, place)), place)
    tree = parser.alternative()
    parser.expect_end()
    return tree


def names_in(expression: Expression) -> Iterator[Name]:
    """Every use of a symbol, in reading order."""
    if isinstance(expression, Name):
        yield expression
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from names_in(argument)


def _tokens(text: str, place: Place) -> Iterator[_Token]:
    line, column = place.line, place.column
    for match in _TOKEN.finditer(text):
        here = Place(place.file, line, column)
        found, kind = match[0], str(match.lastgroup)
        if kind == "other" or found in ("==", "!="):
            advice = "Expected + - * / ^ ( ) , < <= > >= && || !." if found != "=" else "A statement has one sign of equality."
            raise DialectError(Problem(here, f"unexpected '{found}' in an expression.", advice))
        if kind != "space":
            yield _Token(kind, found, here)
        breaks = found.count("\n")
        line += breaks
        column = len(found) - found.rindex("\n") if breaks else column + len(found)


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, tokens: list[_Token], start: Place) -> None:
        self._tokens = tokens
        self._next = 0
        self._start = start

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            what = "a parenthesis closes that was not opened." if token.text == ")" else f"unexpected '{token.text}'."
            raise DialectError(Problem(token.place, what, "Expected an operator or the end of the statement."))

    def alternative(self) -> Expression:
        return self._chain(("||",), self._conjunction)

    def _conjunction(self) -> Expression:
        return self._chain(("&&",), self._comparison)

    def _comparison(self) -> Expression:
        left = self._sum()
        sign = self._take(*COMPARISONS)
        if sign is None:
            return left
        right = self._sum()
        if again := self._take(*COMPARISONS):
            raise DialectError(Problem(again.place, "comparisons cannot be chained.", "Expected 'a < b && b < c'."))
        return Call(sign.text, (left, right), sign.place)

    def _sum(self) -> Expression:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Expression:
        return self._chain(("*", "/"), self._signed)

    def _chain(self, signs: tuple[str, ...], operand: object) -> Expression:
        assert callable(operand)
        left: Expression = operand()
        while sign := self._take(*signs):
            left = Call(sign.text, (left, operand()), sign.place)
        return left

    def _signed(self) -> Expression:
        sign = self._take("-", "+", "!")
        if sign is None:
            return self._power()
        operand = self._signed()
        return operand if sign.text == "+" else Call("negate" if sign.text == "-" else "!", (operand,), sign.place)

    def _power(self) -> Expression:
        base = self._atom()
        sign = self._take("^")
        if sign is None:
            return base
        negative = self._take("-")
        exponent = self._atom()
        if again := self._take("^"):
            raise DialectError(Problem(again.place, "'a^b^c' can be read in two ways.", "Write (a^b)^c or a^(b^c)."))
        if negative:
            exponent = Call("negate", (exponent,), negative.place)
        return Call("^", (base, exponent), sign.place)

    def _atom(self) -> Expression:
        token = self._advance()
        if token.kind == "number":
            return Number(float(token.text), token.text, token.place)
        if token.text == "(":
            inner = self.alternative()
            self._close(token)
            return inner
        if token.kind != "name":
            raise DialectError(
                Problem(token.place, f"unexpected '{token.text}'.", "Expected a number, a name or a parenthesis.")
            )
        if self._take("("):
            return self._call(token)
        if token.text in WORDS_OF_ANTIMONY:
            raise DialectError(Problem(token.place, f"'{token.text}' is not part of the dialect.", _advice_on(token.text)))
        return Name(token.text, token.place)

    def _call(self, token: _Token) -> Expression:
        name = token.text
        if name not in FUNCTIONS:
            advice = did_you_mean(name, FUNCTIONS, see="Expected one of: " + ", ".join(FUNCTIONS) + ".")
            raise DialectError(Problem(token.place, f"unknown function '{name}'.", advice))
        arguments = [self.alternative()]
        while self._take(","):
            arguments.append(self.alternative())
        self._close(token)
        count, expected = len(arguments), FUNCTIONS[name]
        if expected is not None and count != expected:
            raise DialectError(Problem(token.place, f"{name} has {count} arguments.", f"Expected {expected}."))
        if name in ("min", "max") and count < 2:
            raise DialectError(Problem(token.place, f"{name} has one argument.", "Expected at least 2."))
        if name == "piecewise" and (count < 3 or count % 2 == 0):
            what = f"piecewise has {count} arguments, so one case has no value."
            raise DialectError(Problem(token.place, what, "Expected piecewise(value, condition, ..., otherwise)."))
        return Call("^" if name == "pow" else name, tuple(arguments), token.place)

    def _take(self, *texts: str) -> _Token | None:
        if self._next < len(self._tokens) and self._tokens[self._next].text in texts:
            self._next += 1
            return self._tokens[self._next - 1]
        return None

    def _advance(self) -> _Token:
        if self._next == len(self._tokens):
            last = self._tokens[-1].place if self._tokens else self._start
            raise DialectError(Problem(last, "the expression ends too early.", "Expected a number, a name or a parenthesis."))
        self._next += 1
        return self._tokens[self._next - 1]

    def _close(self, opening: _Token) -> None:
        if self._take(")"):
            return
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise DialectError(Problem(token.place, f"unexpected '{token.text}'.", "Expected an operator, ',' or ')'."))
        raise DialectError(Problem(opening.place, "a parenthesis is opened here and never closed."))


def _advice_on(word: str) -> str:
    if word == "time":
        return "The biology knows no clock: let a state carry what changes with time."
    return "Give the number a name and a row in parameters.csv." if word in {"pi", "avogadro", "exponentiale"} else ""
