"""What is wrong with a regimen sentence, in the user's words. Reads nothing itself: the parser says where it stopped."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from cytotrial.errors import nearest

EXAMPLE = "Expected for example '600000 IU/kg iv over 15 min every 8 h, 14 doses'."

_GIVEN = "how it is given ('bolus', 'over 15 min', 'continuous')"
_SCHEDULE = "a schedule such as 'every 8 h', 'daily', '3 times a week' or 'on days 1-5'"
_LENGTH = "a length such as 'for 5 days', '14 doses' or 'single dose'"

# What each terminal of the grammar is called when it was expected. A test keeps this complete.
EXPECTED = {
    "DRUG": "a drug",
    "AMOUNT": "a dose such as '600000 IU/kg' or '18 MIU flat'",
    "ROUTE": "a route (iv, sc, im)",
    "FLAT": "'flat'",
    **dict.fromkeys(("BOLUS", "CONTINUOUS", "OVER"), _GIVEN),
    **dict.fromkeys(("EVERY", "FREQUENCY", "DAYS_A_WEEK", "ON"), _SCHEDULE),
    **dict.fromkeys(("SINGLE", "FOR", "DOSES"), _LENGTH),
    **dict.fromkeys(("DURATION", "TIME_WORD", "OTHER_DAY"), "a duration such as '8 h'"),
    "DAYS": "'days'",
    "NUMBERS": "numbers such as '1-5' or '1, 3, 5'",
    "OF": "'of weeks 2-4'",
    "WEEKS": "'weeks'",
    "EACH_WEEK": "'of each week'",
    "CYCLES": "'2 cycles'",
    "THEN": "'then' and another dose",
    "REPEAT": "'repeat after 9 d rest, 2 cycles'",
    "AFTER": "'after 9 d rest'",
    "REST": "'rest'",
    "$END": "the end",
}
# Inside a line nearly everything may follow; this says it shortly.
MOST_PHRASES = 5
LONGEST_SHOWN = 40  # characters of a word that is not understood
NEXT_CLAUSE = (
    "a route (iv, sc, im)",
    "a schedule such as 'every 8 h' or 'daily'",
    "a length such as 'for 5 days' or '14 doses'",
    "'then' and another dose",
    "'repeat after 9 d rest, 2 cycles'",
    "the end",
)
VOCABULARY = (
    "iv", "sc", "im", "intravenous", "subcutaneous", "intramuscular", "infusion", "flat", "bolus", "continuous",
    "over", "every", "daily", "weekly", "once", "twice", "times", "single", "dose", "doses", "on", "day", "days", "of",
    "week", "weeks", "each", "for", "then", "followed", "repeat", "after", "rest", "cycles",
)  # fmt: skip


@dataclass(frozen=True)
class Complaint:
    """Something wrong in a sentence, at a character counted from 0."""

    start: int
    what: str
    advice: str = ""


def explain(failure: UnexpectedInput, text: str) -> Complaint:
    """A parse failure in the user's words: what stands there, the nearest word, what was expected."""
    if isinstance(failure, UnexpectedToken):
        terminals, start = set(failure.accepts or failure.expected), failure.token.start_pos
        at_end = failure.token.type == "$END"
    elif isinstance(failure, UnexpectedCharacters):
        terminals, start, at_end = set(failure.allowed or ()), failure.pos_in_stream, False
    else:
        terminals, start, at_end = set(), len(text), True
    phrases = list(dict.fromkeys(phrase for terminal, phrase in EXPECTED.items() if terminal in terminals))
    if len(phrases) > MOST_PHRASES:
        phrases = list(NEXT_CLAUSE)
    expected = "Expected " + _either(phrases) + "." if phrases else EXAMPLE
    if at_end or start is None or start >= len(text.rstrip()):
        return Complaint(len(text.rstrip()), "the sentence ends too early.", expected)
    word = re.match(r"\S[^\s,]*", text[start:])
    found = word[0] if word else text[start]
    found = found if len(found) <= LONGEST_SHOWN else found[:LONGEST_SHOWN] + "..."
    if (text[:start].strip(" ,") == "") and not found[0].isdigit():
        return Complaint(start, f"'{found}' cannot start a regimen.", EXAMPLE)
    match = nearest(found.lower(), VOCABULARY) if found.lower() not in VOCABULARY else None
    advice = f"Did you mean '{match}'?" if match else expected
    return Complaint(start, f"'{found}' is not understood here.", advice)


def _either(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " or " + phrases[-1]
