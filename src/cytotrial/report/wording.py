"""Numbers, intervals and references as people read them. It computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

NOT_KNOWN = "–"
LARGEST_PLAIN = 1e6


def number(value: Any, digits: int = 3) -> str:
    """A number to `digits` significant digits without exponent where that stays short; '–' when missing.

    >>> number(0.14509), number(255), number(float("nan"))
    ('0.145', '255', '–')
    """
    if value is None or pd.isna(value):
        return NOT_KNOWN
    found = float(str(value))
    if found == int(found) and abs(found) < LARGEST_PLAIN:
        return str(int(found))
    return str(round(found)) if 10**digits <= abs(found) < LARGEST_PLAIN else f"{found:.{digits}g}"


def percent(value: Any) -> str:
    """A share as percent: one decimal below 10, none above.

    >>> percent(0.1451), percent(0.047)
    ('15 %', '4.7 %')
    """
    if value is None or pd.isna(value):
        return NOT_KNOWN
    hundredths = 100 * float(str(value))
    shown = f"{hundredths:.1f}".rstrip("0").rstrip(".") if abs(hundredths) < 9.95 else f"{hundredths:.0f}"
    return f"{shown} %"


def points(value: Any) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(-0.061), points(0.004)
    ('-6.1', '+0.4')
    """
    if value is None or pd.isna(value):
        return NOT_KNOWN
    return f"{100 * float(str(value)):+.1f}"


def with_interval(value: Any, low: Any, high: Any, *, unit: str) -> str:
    """A value with its interval in the words of its unit; 'not reached' for a missing time.

    >>> with_interval(0.15, 0.104, 0.194, unit="1")
    '15 % (10 to 19)'
    """
    if unit == "1":
        return NOT_KNOWN if pd.isna(value) else f"{percent(value)} {percents_between(low, high)}"
    if all(pd.isna(part) for part in (value, low, high)):
        return "not reached"
    parts = ["not reached" if pd.isna(part) else f"{float(str(part)):.1f}" for part in (value, low, high)]
    return f"{parts[0]} ({parts[1]} to {parts[2]})"


def percents_between(low: Any, high: Any) -> str:
    """The interval of a share, its sign left to the value before it.

    >>> percents_between(0.104, 0.194)
    '(10 to 19)'
    """
    return f"({percent(low).removesuffix(' %')} to {percent(high).removesuffix(' %')})"


def reference(fields: Mapping[str, Any]) -> str:
    """A bibliography entry of CSL fields as one line: authors, title, journal, year, volume, pages, DOI."""
    authors = _authors(fields.get("author", ()))
    issued = fields.get("issued", {})
    dates = issued.get("date-parts", [[]]) if isinstance(issued, Mapping) else [[issued]]
    year = str(dates[0][0]) if dates and dates[0] else ""
    volume = str(fields.get("volume", ""))
    pages = str(fields.get("page", ""))
    where = ":".join(part for part in (volume, pages) if part)
    journal = str(fields.get("container-title", fields.get("publisher", "")))
    tail = " ".join(part for part in (journal, f"{year};{where}" if year and where else year or where) if part)
    links = [f"doi:{fields['DOI']}"] if fields.get("DOI") else [str(fields["URL"])] if fields.get("URL") else []
    return ". ".join(part.rstrip(".") for part in (authors, str(fields.get("title", "")), tail, *links) if part) + "."


def _authors(listed: object) -> str:
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return str(listed or "")
    names = [f"{person.get('family', person.get('literal', ''))} {person.get('given', '')}".strip() for person in listed]
    return ", ".join(names[:3]) + (" et al" if len(names) > 3 else "")
