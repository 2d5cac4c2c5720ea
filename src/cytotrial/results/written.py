"""Units and numbers as people read them in figures, reports and terminals. It converts nothing and computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# Units of the files are plain letters; these are the same in print.
PRINTED: Mapping[str, str] = MappingProxyType({"percent": "%", "degC": "°C", "1": ""})
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
DIGITS = 3
LARGEST_PLAIN = 10_000


def unit_text(unit: str) -> str:
    """A unit as it is printed.

    >>> unit_text("10^9/L"), unit_text("degC"), unit_text("ug/kg/min"), unit_text("1/min")
    ('×10⁹/L', '°C', 'µg/kg/min', '/min')
    """
    if unit in PRINTED:
        return PRINTED[unit]
    found = unit.removeprefix("1") if unit.startswith("1/") else unit
    head, *tails = found.split("^")
    for tail in tails:
        length = next((place for place, letter in enumerate(tail) if not (letter.isdigit() or letter == "-")), len(tail))
        head += tail[:length].translate(RAISED) + tail[length:]
    found = head.replace("ug/", "µg/") if head.startswith("ug/") else head
    return f"×{found}" if unit.startswith("10^") else found


def among(value: float, values: Sequence[float], *, digits: int = DIGITS) -> str:
    """A number beside others of its kind: to `digits` digits of the largest, so that what is nothing beside it reads as 0.

    >>> among(-2.53e-09, [-2.53e-09, 412.0]), among(36.84, [36.8, 39.1]), among(12345.6, [12345.6])
    ('0', '36.8', '12,300')
    """
    if math.isnan(value):
        return "–"
    size = max((abs(other) for other in values if math.isfinite(other)), default=0.0)
    if size == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(size))
    found = round(value, places) + 0.0  # -0 is written 0
    if places <= 0:
        return f"{found:,.0f}" if abs(found) >= LARGEST_PLAIN else f"{found:.0f}"
    return f"{found:.{digits}g}" if places > 2 * digits else f"{found:.{places}f}".rstrip("0").rstrip(".")
