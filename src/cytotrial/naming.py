"""Ids and published endpoints as people read them: one wording for terminal, report and figures. It formats no number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Endpoints whose ids do not read as words; a term follows, or stands in their place.
_BEFORE_A_TERM: Mapping[str, str] = {
    "adverse_event": "{term}",
    "care_in_use": "{term} in use",
    "level_rate": "{term} or better",
    "value_at": "value of {term}",
}

_ABBREVIATIONS: Mapping[str, str] = {
    "relapse-free survival": "RFS",
    "progression-free survival": "PFS",
    "overall survival": "OS",
}


def words(name: str) -> str:
    """An id as words.

    >>> words("creatinine_with_overload"), words("relapse_free_survival")
    ('creatinine with overload', 'relapse-free survival')
    """
    return name.replace("_free_", "-free ").replace("_", " ")


def abbreviated(endpoint: str) -> str:
    """An endpoint with the abbreviations of survival that clinicians use.

    >>> abbreviated("overall survival, 12 months")
    'OS, 12 months'
    """
    for long, short in _ABBREVIATIONS.items():
        endpoint = endpoint.replace(long, short)
    return endpoint


def study_name(key: str, reference: Mapping[str, Any]) -> str:
    """A study as it is spoken of: the short title of its reference, or 'Family 1995'; its key where there is neither.

    >>> study_name("doe1995", {"author": [{"family": "Doe"}], "issued": 1995}), study_name("e1", {"title-short": "Trial 1"})
    ('Doe 1995', 'Trial 1')
    """
    short = reference.get("title-short")
    if short:
        return str(short)
    people = reference.get("author") or [{}]
    first = people[0] if isinstance(people, Sequence) and not isinstance(people, str) else {}
    family = first.get("family", first.get("literal", ""))
    issued = reference.get("issued", {})
    dates = issued.get("date-parts", [[]]) if isinstance(issued, Mapping) else [[issued]]
    year = str(dates[0][0])[:4] if dates and dates[0] else ""
    return f"{family} {year}" if family and year else key


def published_endpoint(row: Mapping[Any, Any]) -> str:
    """What a row of `beside_published()` counted, when and in whom, such as 'hypotension, grade 3, among age at most 60 y'."""
    name, term, window, among = (_text(row, key) for key in ("endpoint", "term", "window", "among"))
    term = words(term)
    if term:
        counted = _BEFORE_A_TERM.get(name, words(name) + (" {term}" if name.endswith("_of") else ": {term}")).format(term=term)
    else:
        counted = "any adverse event" if name == "adverse_event" else words(name)
    return ", ".join(part for part in (counted, window, f"among {among}" if among else "") if part)


def published_detail(row: Mapping[Any, Any]) -> str:
    """How it was summed up, such as 'median [month]' or 'per course'; empty for a share of the patients."""
    estimand, denominator, unit = (_text(row, key) for key in ("estimand", "denominator", "unit"))
    summed = "" if estimand == "proportion" else words(estimand)
    per = "" if denominator in {"patient", ""} else f"per {denominator}"
    return " ".join(part for part in (summed, per, "" if unit in {"1", ""} else f"[{unit}]") if part)


def cited_study(row: Mapping[Any, Any], *, several_arms: bool) -> str:
    """The study of a row by its name, with its arm where the run has several; its key in frames of older runs."""
    name = _text(row, "cited") or _text(row, "study")
    arm = _text(row, "arm") if several_arms else ""
    return f"{name}, {arm}" if arm else name


def _text(row: Mapping[Any, Any], key: str) -> str:
    """The text of a cell; empty where it is None, NaN or pandas' NA."""
    value = row.get(key)
    return value if isinstance(value, str) else ""
