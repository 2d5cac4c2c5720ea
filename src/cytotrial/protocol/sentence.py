"""The words of a regimen sentence, each with its place: grammar in `regimen.lark`. Plans no doses: that is `schedule.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Generic, TypeVar

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from cytotrial.protocol.misread import EXAMPLE, Complaint, explain
from cytotrial.protocol.planned import Route
from cytotrial.protocol.quantities import Amount, QuantityError, read_amount, read_count, read_hours

Value = TypeVar("Value")

LONGEST_SENTENCE = 5_000  # characters; a longer one is a pasted document, not a regimen


@dataclass(frozen=True)
class Said(Generic[Value]):
    """A clause of the sentence: what it means, how it is written, where it starts."""

    value: Value
    text: str
    start: int


@dataclass(frozen=True)
class Frequency:
    """So many times in each day or week."""

    times: int
    week: bool


@dataclass(frozen=True)
class NamedDays:
    """Days named by number; in weeks named by number, in each week, or (weeks None, not each) days of the cycle."""

    days: tuple[int, ...]
    weeks: tuple[int, ...] | None = None
    each_week: bool = False


@dataclass(frozen=True)
class Line:
    """One dose with its clauses; None where a clause is not written. Durations in hours."""

    text: str
    start: int
    amount: Amount
    amount_text: str
    flat: Said[bool] | None = None
    route: Said[Route] | None = None
    bolus: Said[bool] | None = None
    continuous: Said[bool] | None = None
    over: Said[float] | None = None
    every: Said[float] | None = None
    frequency: Said[Frequency] | None = None
    days_a_week: Said[int] | None = None
    on_days: Said[NamedDays] | None = None
    single: Said[bool] | None = None
    lasting: Said[float] | None = None
    count: Said[int] | None = None


@dataclass(frozen=True)
class Repeat:
    """How the cycle is repeated: after so many hours of rest, or every so many hours."""

    start: int
    text: str
    rest: float | None
    every: float | None
    cycles: int | None


@dataclass(frozen=True)
class Sentence:
    """A sentence taken apart. Each block ('then') is one or more lines that run beside each other."""

    drug: str | None
    blocks: tuple[tuple[Line, ...], ...]
    repeat: Repeat | None


def read_sentence(text: str) -> tuple[Sentence | None, tuple[Complaint, ...]]:
    """The clauses of a sentence, or None with what is wrong. Of wrong words only the first is reported."""
    if not text.strip():
        return None, (Complaint(0, "the regimen is empty.", EXAMPLE),)
    if len(text) > LONGEST_SENTENCE:
        return None, (Complaint(0, f"the regimen is longer than {LONGEST_SENTENCE} characters.", EXAMPLE),)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as failure:
        return None, (explain(failure, text),)
    complaints: list[Complaint] = []
    drug: str | None = None
    blocks: list[tuple[Line, ...]] = []
    repeat: Repeat | None = None
    for part in tree.children:
        if isinstance(part, Token):
            drug = drug_id(part) if part.type == "DRUG" else drug
        elif part.data == "block":
            lines = [_line(line, text, complaints) for line in _trees(part)]
            blocks.append(tuple(line for line in lines if line is not None))
        else:
            repeat = _repeat(part, text, complaints)
    if complaints:
        return None, tuple(complaints)
    return Sentence(drug, tuple(blocks), repeat), ()


def drug_id(text: str) -> str:
    """A drug's name as a library id.

    >>> drug_id("Some drug alfa-2b")
    'some_drug_alfa_2b'
    """
    return re.sub(r"[\s_-]+", "_", text.strip().lower())


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = files("cytotrial.protocol").joinpath("regimen.lark").read_text(encoding="utf-8")
    return Lark(
        grammar, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=False, g_regex_flags=re.I
    )


def _trees(tree: Tree[Token]) -> Iterator[Tree[Token]]:
    return (child for child in tree.children if isinstance(child, Tree))


def _tokens(tree: Tree[Token]) -> dict[str, Token]:
    return {child.type: child for child in tree.children if isinstance(child, Token)}


def _line(tree: Tree[Token], text: str, complaints: list[Complaint]) -> Line | None:
    first = tree.children[0]
    assert isinstance(first, Token)
    start, end = _span(tree)
    amount = _try(read_amount, first, complaints)
    said: dict[str, Said[object]] = {}
    for clause in tree.children[1:]:
        slot, value = _clause(clause, complaints)
        begin, stop = _span(clause)
        written = text[begin:stop].rstrip(", ")
        if slot == "cycles":
            complaints.append(
                Complaint(begin, f"'{written}' stands alone.", "Expected for example 'repeat after 9 d rest, 2 cycles'.")
            )
        elif slot in said:
            other = said[slot].text
            complaints.append(Complaint(begin, f"'{written}' comes after '{other}'.", "One dose has one of each; remove one."))
        elif value is not None:
            said[slot] = Said(value, written, begin)
    if amount is None:
        return None
    return Line(text[start:end].rstrip(", "), start, amount, first.strip(), **said)  # type: ignore[arg-type]


def _clause(clause: Token | Tree[Token], complaints: list[Complaint]) -> tuple[str, object]:
    """The field of `Line` a clause fills, and its value; None where the value cannot be read."""
    if isinstance(clause, Tree):
        return _compound_clause(clause, complaints)
    if clause.type == "ROUTE":
        return "route", _route(clause)
    if clause.type == "FREQUENCY":
        return "frequency", _frequency(clause, complaints)
    if clause.type in {"DAYS_A_WEEK", "DOSES"}:
        return {"DAYS_A_WEEK": "days_a_week", "DOSES": "count"}[clause.type], _try(read_count, clause, complaints)
    return clause.type.lower(), True


def _compound_clause(clause: Tree[Token], complaints: list[Complaint]) -> tuple[str, object]:
    tokens = _tokens(clause)
    if clause.data == "on_days":
        return "on_days", _named_days(clause, complaints)
    if clause.data == "every":
        return "every", _every(tokens, complaints)
    if "DOSES" in tokens:
        return "count", _try(read_count, tokens["DOSES"], complaints)
    return str(clause.data), _try(read_hours, tokens["DURATION"], complaints)


def _route(token: Token) -> Route:
    letters = token.lower().replace(".", "")
    if letters.startswith(("iv", "intrav")):
        return "iv"
    return "sc" if letters.startswith("s") else "im"


ABBREVIATIONS = {"qd": (1, False), "bid": (2, False), "tid": (3, False), "qid": (4, False), "tiw": (3, True), "qw": (1, True)}


def _frequency(token: Token, complaints: list[Complaint]) -> Frequency | None:
    word = token.lower()
    if word in ABBREVIATIONS:
        return Frequency(*ABBREVIATIONS[word])
    week = "week" in word
    times = 1 if word in {"daily", "weekly"} else _try(read_count, token, complaints)
    return None if times is None else Frequency(times, week)


def _every(tokens: dict[str, Token], complaints: list[Complaint]) -> float | None:
    if "OTHER_DAY" in tokens:
        return read_hours("2 days")
    if "TIME_WORD" in tokens:
        return read_hours(f"1 {tokens['TIME_WORD']}")
    return _try(read_hours, tokens["DURATION"], complaints)


def _named_days(clause: Tree[Token], complaints: list[Complaint]) -> NamedDays | None:
    days = _number_list(_tokens(clause)["NUMBERS"], "day", complaints)
    for of_weeks in _trees(clause):
        tokens = _tokens(of_weeks)
        if "NUMBERS" in tokens:
            weeks = _number_list(tokens["NUMBERS"], "week", complaints)
            return NamedDays(days, weeks) if days and weeks else None
        return NamedDays(days, each_week=True) if days else None
    return NamedDays(days) if days else None


LARGEST_DAY = {"day": 36_525, "week": 5_218}  # 100 years


def _number_list(token: Token, what: str, complaints: list[Complaint]) -> tuple[int, ...]:
    numbers: list[int] = []
    for item in re.finditer(r"(\d+)(?:\s*(?:-|–|to)\s*(\d+))?", token, flags=re.I):
        first, last = int(item[1]), int(item[2] or item[1])
        start = (token.start_pos or 0) + item.start()
        if first < 1:
            complaints.append(Complaint(start, f"there is no {what} 0.", f"The first {what} is {what} 1."))
        elif last < first:
            complaints.append(Complaint(start, f"'{item[0]}' runs backwards.", f"Expected '{last}-{first}'."))
        elif last > LARGEST_DAY[what] or len(numbers) > LARGEST_DAY["day"]:
            complaints.append(Complaint(start, f"{what} {last} is more than 100 years away."))
        else:
            numbers.extend(range(first, last + 1))
    twice = {number for number in numbers if numbers.count(number) > 1} if len(numbers) < 1000 else set()
    if twice:
        complaints.append(Complaint(token.start_pos or 0, f"{what} {min(twice)} is named twice in '{token}'."))
    return tuple(sorted(set(numbers)))


def _repeat(tree: Tree[Token], text: str, complaints: list[Complaint]) -> Repeat:
    tokens = _tokens(tree)
    start, end = _span(tree)
    duration = _try(read_hours, tokens["DURATION"], complaints) if "DURATION" in tokens else None
    cycles = _try(read_count, tokens["CYCLES"], complaints) if "CYCLES" in tokens else None
    rest, every = (None, duration) if "EVERY" in tokens else (duration, None)
    if "CYCLES" not in tokens:
        what = f"'{text[start:end]}' does not say how many cycles."
        complaints.append(Complaint(start, what, "Expected for example 'repeat after 9 d rest, 2 cycles'."))
    elif "DURATION" not in tokens:
        complaints.append(
            Complaint(start, "the rest between cycles is missing.", "Expected for example 'repeat after 9 d rest, 2 cycles'.")
        )
    return Repeat(start, text[start:end].rstrip(", "), rest, every, cycles)


def _try(read: Callable[[str], Value], token: Token, complaints: list[Complaint]) -> Value | None:
    try:
        return read(str(token).strip())
    except QuantityError as failure:
        complaints.append(Complaint(token.start_pos or 0, failure.what, failure.advice))
        return None


def _span(part: Token | Tree[Token]) -> tuple[int, int]:
    if isinstance(part, Token):
        return part.start_pos or 0, part.end_pos or 0
    return int(part.meta.start_pos), int(part.meta.end_pos)
