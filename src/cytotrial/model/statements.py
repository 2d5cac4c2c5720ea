"""Reads the statements of `.ant` files: reactions, rate rules, assignments, with file and line. No values, no meaning of names.

J_name: A -> B; expression        a reaction on pools [nmol/h]
state' = expression               the rate of an owned state [its unit/h]
name := expression                a local variable, an owned observable, or a term `to_<drive>`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cytotrial.errors import Place, Problem
from cytotrial.model.syntax import WORDS_OF_ANTIMONY, DialectError, Expression, parse_expression

Kind = Literal["reaction", "rate", "assignment"]


@dataclass(frozen=True)
class Participant:
    """A pool on one side of a reaction."""

    pool: str
    stoichiometry: float
    place: Place


@dataclass(frozen=True)
class Statement:
    """One statement. `target` is the reaction's name, the state or the variable; participants belong to reactions only."""

    kind: Kind
    target: str
    expression: Expression
    place: Place
    text: str
    reactants: tuple[Participant, ...] = ()
    products: tuple[Participant, ...] = ()


_REACTION = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)\s*:(?!=))?(?P<left>[^;=]*?)(?:->|=>)(?P<right>[^;]*);(?P<rate>.*)", re.DOTALL
)
_RATE = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*'\s*=(?P<value>.*)", re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*:=(?P<value>.*)", re.DOTALL)
_VALUE = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*=(?!>)(?P<value>.*)", re.DOTALL)
_PARTICIPANT = re.compile(r"\s*(?P<number>\d+\.?\d*)?\s*(?P<pool>[A-Za-z_]\w*)\s*")
_CONTINUED = re.compile(r"\s*(?:[+*/^<>]|-(?!>)|&&|\|\|)")
_BEGINNING = re.compile(r"\s*[A-Za-z_]\w*\s*(?::=|'\s*=|:.*->)")
_DEFINES = re.compile(r"\s*([A-Za-z_]\w*)\s*:=")
_WORD = re.compile(r"\s*([A-Za-z_*]\w*)")


@dataclass(frozen=True)
class Scanned:
    """A file's statements, what is wrong with its text, and the names that refused statements would have defined."""

    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()
    refused: frozenset[str] = frozenset()


def read_statements(path: Path, shown_as: str | None = None) -> Scanned:
    """The statements of a file and everything that is wrong with its text; `shown_as` is the name in messages."""
    file = shown_as or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return Scanned(problems=(Problem(Place(file), "the file is not UTF-8 text."),))
    except OSError as failure:
        return Scanned(problems=(Problem(Place(file), f"cannot be read: {failure.strerror}."),))
    return scan(text, file=file)


def scan(text: str, *, file: str) -> Scanned:
    """Like `read_statements`, from text."""
    statements: list[Statement] = []
    problems: list[Problem] = []
    refused: set[str] = set()
    for line, chunk in _chunks(text):
        try:
            statements.append(_statement(chunk, line, file))
        except DialectError as error:
            problems.append(error.problem)
            refused.update(match[1] for match in [_DEFINES.match(chunk)] if match)
    return Scanned(tuple(statements), tuple(problems), frozenset(refused))


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Each statement's text with its first line. It goes on in open parentheses, and where a line begins with an operator."""
    held, start, depth = "", 0, 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("//", 1)[0].rstrip()
        # A new statement inside open parentheses: the one before is left unclosed, and its own text says where.
        if (depth > 0 and not _BEGINNING.match(line)) or (held and _CONTINUED.match(line)):
            held += "\n" + line
        else:
            if held.strip():
                yield start, held
            held, start, depth = line, number, 0
        depth += line.count("(") - line.count(")")
    if held.strip():
        yield start, held


def _statement(chunk: str, line: int, file: str) -> Statement:
    body = re.sub(r"\s*;\s*$", "", chunk)
    place = Place(file, line, len(body) - len(body.lstrip()) + 1)
    if match := _ASSIGNMENT.fullmatch(body):
        return _equation("assignment", match, place, body)
    if match := _RATE.fullmatch(body):
        return _equation("rate", match, place, body)
    if match := _REACTION.fullmatch(body):
        return _reaction(match, place, body)
    raise DialectError(_refusal(body, place))


def _equation(kind: Kind, match: re.Match[str], place: Place, body: str) -> Statement:
    name = match["name"]
    _refuse_reserved(name, place)
    value = match["value"]
    if not value.strip():
        raise DialectError(Problem(place, f"'{name}' is given nothing: the right side is empty."))
    expression = _expression(value, match.start("value"), place, body)
    return Statement(kind, name, expression, place, body.strip())


def _reaction(match: re.Match[str], place: Place, body: str) -> Statement:
    rate = match["rate"]
    if not rate.strip():
        what = "the reaction has no rate."
        raise DialectError(Problem(place, what, "Expected 'J_name: A -> B; rate' with the rate in nmol/h."))
    left, right = (_participants(match, side, place, body) for side in ("left", "right"))
    if not left and not right:
        raise DialectError(Problem(place, "the reaction changes nothing: both sides are empty."))
    name = match["name"] or f"reaction_{place.line}"
    return Statement("reaction", name, _expression(rate, match.start("rate"), place, body), place, body.strip(), left, right)


def _participants(match: re.Match[str], side: str, place: Place, body: str) -> tuple[Participant, ...]:
    text = match[side]
    if not text.strip():
        return ()
    found, offset = [], match.start(side)
    for part in text.split("+"):
        here = _place_at(offset + len(part) - len(part.lstrip()), place, body)
        item = _PARTICIPANT.fullmatch(part)
        if not item:
            raise DialectError(Problem(here, f"'{part.strip()}' is not a pool.", "Expected for example 'A + 2 B -> C; rate'."))
        found.append(Participant(item["pool"], float(item["number"] or 1), here))
        offset += len(part) + 1
    return tuple(found)


def _expression(text: str, offset: int, place: Place, body: str) -> Expression:
    if ";" in text:
        here = _place_at(offset + text.index(";"), place, body)
        raise DialectError(Problem(here, "a second statement on the line.", "Expected one statement a line."))
    return parse_expression(text, _place_at(offset, place, body))


def _place_at(offset: int, place: Place, body: str) -> Place:
    before = body[:offset]
    breaks = before.count("\n")
    return Place(place.file, place.line + breaks, offset - before.rindex("\n") if breaks else offset + 1)


def _refuse_reserved(name: str, place: Place) -> None:
    if name in WORDS_OF_ANTIMONY:
        raise DialectError(Problem(place, f"'{name}' is a word of the language.", "Choose another name."))


def _refusal(body: str, place: Place) -> Problem:
    """Why a text is no statement of the dialect."""
    if match := _VALUE.fullmatch(body):
        name, value = match["name"], match["value"].strip()
        if not value:
            return Problem(
                place, f"'{name} =' is given nothing.", "Values stand in parameters.csv; a variable is 'name := expression'."
            )
        advice = "Values stand in parameters.csv, initial values in module.yaml; a variable is 'name := expression'."
        return Problem(place, f"'{name} = {value}' sets a value, which .ant files do not.", advice)
    word = _WORD.match(body)
    if word and word[1].lstrip("*") in WORDS_OF_ANTIMONY:
        advice = "Expected a reaction, a rate rule or an assignment; the composer writes the model around them."
        return Problem(place, f"'{word[1]}' is not part of the dialect.", advice)
    if ("->" in body or "=>" in body) and ";" not in body:
        return Problem(place, "the reaction has no rate.", "Expected 'J_name: A -> B; rate' with the rate in nmol/h.")
    shown = " ".join(body.split())[:60]
    advice = "Expected 'J_name: A -> B; rate', \"state' = rate\" or 'name := expression'."
    return Problem(place, f"'{shown}' is not a statement of the dialect.", advice)
