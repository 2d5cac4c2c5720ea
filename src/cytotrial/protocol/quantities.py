"""Reads the numbers, doses and durations of a sentence. Knows their spelling and limits, not their place in a schedule."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from cytotrial.errors import did_you_mean
from cytotrial.protocol.planned import BodySize
from cytotrial.units import DAYS_PER_MONTH, HOURS_PER_DAY, HOURS_PER_MONTH, HOURS_PER_WEEK, conversion

HOURS_PER_YEAR = 365.25 * HOURS_PER_DAY

# Spelling (lower case) -> size in the unit that a planned dose carries.
DOSE_UNITS: dict[str, tuple[str, float]] = {
    "iu": ("IU", 1.0), "kiu": ("IU", 1e3), "miu": ("IU", 1e6), "mu": ("IU", 1e6), "million iu": ("IU", 1e6),
    **{spelling: ("mg", conversion(unit, "mg")) for spelling, unit in (
        ("ng", "ng"), ("ug", "ug"), ("µg", "ug"), ("μg", "ug"), ("mcg", "ug"), ("mg", "mg"), ("g", "g"))},
    **{spelling: ("nmol", conversion(unit, "nmol")) for spelling, unit in (
        ("pmol", "pmol"), ("nmol", "nmol"), ("umol", "umol"), ("µmol", "umol"), ("μmol", "umol"))},
}  # fmt: skip
DOSE_UNIT_NAMES = ("IU", "kIU", "MIU", "ng", "ug", "mg", "g", "nmol")

# Beyond these a dose is a slip of the pen for any medicine (about a million times a usual dose), whatever the drug's own limit.
LARGEST_AMOUNT = {"IU": 1e12, "mg": 1e6, "nmol": 1e9}
# A body [kg, m2] for such limits only: what is a mistake is wrong by powers of ten, whoever receives it. Never used to dose.
BODY_FOR_LIMITS: dict[BodySize, float] = {"flat": 1.0, "kg": 70.0, "m2": 1.8}

BODY_SIZES: dict[str, BodySize] = {"kg": "kg", "m2": "m2", "m^2": "m2", "m²": "m2"}
RATE_HOURS = {"day": HOURS_PER_DAY, "d": HOURS_PER_DAY, "24h": HOURS_PER_DAY, "h": 1.0, "hour": 1.0, "hr": 1.0}

DURATIONS: dict[str, float] = {
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 1.0 / 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
    **dict.fromkeys(("d", "day", "days"), HOURS_PER_DAY),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), HOURS_PER_WEEK),
    **dict.fromkeys(("mo", "month", "months"), HOURS_PER_MONTH),
    **dict.fromkeys(("y", "yr", "year", "years"), HOURS_PER_YEAR),
}
DURATION_NAMES = ("min", "h", "days", "weeks", "months", "years")
WORDS = {"once": 1, "twice": 2, "thrice": 3, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}

_NUMBER = re.compile(r"[-+]?(?:\d+(?:,\d+)*(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|(?:inf(?:inity)?|nan)(?!\w))", re.I)
_PLAIN = re.compile(
    r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:e[-+]?\d+)?|[-+]?\.\d+(?:e[-+]?\d+)?|[-+]?(?:inf(?:inity)?|nan)", re.I
)


class QuantityError(ValueError):
    """A quantity of a sentence cannot be read. `what` and `advice` are sentences for the user."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


@dataclass(frozen=True)
class Amount:
    """A dose as written: `value` in `unit`, per body size, per `rate_hours` where it is a rate."""

    value: float
    unit: str
    per: BodySize | None
    rate_hours: float | None


def read_amount(text: str) -> Amount:
    """The dose that '600000 IU/kg' or '18 MIU/m2/day' describes.

    >>> read_amount("18 MIU/m2/day")
    Amount(value=18000000.0, unit='IU', per='m2', rate_hours=24.0)

    Raises:
        QuantityError: no or an unknown unit; zero, negative, not finite or beyond any medicine.
    """
    number, rest = _split(text)
    unit, *divisors = [part.strip() for part in re.split(r"/|\sper\s", rest, flags=re.I)]
    unit = re.sub(r"\s+", " ", unit.lower())
    if not unit:
        raise QuantityError(f"the dose '{text}' has no unit.", "Expected for example '600000 IU/kg', or '42 MIU flat'.")
    if unit not in DOSE_UNITS:
        raise QuantityError(f"unknown unit '{rest.split('/')[0].strip()}' of the dose '{text}'.", _unit_advice(unit))
    per: BodySize | None = None
    rate: float | None = None
    for divisor in (part.lower() for part in divisors):
        if divisor in BODY_SIZES and per is None:
            per = BODY_SIZES[divisor]
        elif divisor in RATE_HOURS and rate is None:
            rate = RATE_HOURS[divisor]
        else:
            raise QuantityError(
                f"'/{divisor}' is not possible in the dose '{text}'.", "Expected /kg or /m2, and /day for a rate."
            )
    name, size = DOSE_UNITS[unit]
    value = _finite(number, text) * size
    if value <= 0:
        raise QuantityError(
            f"the dose '{text}' is not above zero.", "To observe without treatment, write an arm without treatments."
        )
    if value * BODY_FOR_LIMITS[per or "flat"] > LARGEST_AMOUNT[name]:
        raise QuantityError(
            f"the dose '{text}' is too large for any medicine.", "Check the number and its unit (IU or MIU, ug or mg)."
        )
    return Amount(float(f"{value:.15g}"), name, per, rate)


def read_hours(text: str) -> float:
    """A duration in hours; more than zero.

    >>> read_hours("15 min")
    0.25

    Raises:
        QuantityError: no or an unknown unit; zero, negative, not finite, or beyond 100 years.
    """
    number, unit = _split(text)
    if not unit:
        raise QuantityError(f"the duration '{text}' has no unit.", f"Expected for example '{text} h' or '{text} days'.")
    if unit.lower() not in DURATIONS:
        raise QuantityError(f"unknown unit of time '{unit}' in '{text}'.", did_you_mean(unit.lower(), DURATION_NAMES))
    value = float(f"{_finite(number, text) * DURATIONS[unit.lower()]:.15g}")
    if value <= 0:
        raise QuantityError(f"the duration '{text}' is not above zero.")
    if value > 100 * HOURS_PER_YEAR:
        raise QuantityError(f"the duration '{text}' is longer than 100 years.")
    return value


def read_count(text: str) -> int:
    """The whole number, 1 or more, of '14 doses' or 'three times'.

    Raises:
        QuantityError: not a whole number above zero, or more than a million.
    """
    first = text.split(maxsplit=1)[0].lower()
    if first in WORDS:
        return WORDS[first]
    number, _ = _split(text)
    if not (math.isfinite(number) and number == int(number) and 1 <= number <= 1_000_000):
        raise QuantityError(f"'{text}' is not possible.", "Expected a whole number from 1 to 1000000.")
    return int(number)


def hours_text(hours: float) -> str:
    """A duration for people, in the largest unit that leaves few decimals.

    >>> hours_text(0.25), hours_text(8.0), hours_text(336.0)
    ('15 min', '8 h', '14 d')
    """
    if hours < 1:
        return f"{hours * 60:.4g} min"
    if hours >= 48 and hours % HOURS_PER_DAY == 0:
        return f"{hours / HOURS_PER_DAY:.6g} d"
    return f"{hours:.6g} h"


def is_whole_days(hours: float) -> bool:
    """Whether a duration is a whole number of days, so that doses keep their time of day (a month is not)."""
    return hours % HOURS_PER_DAY == 0


def month_advice() -> str:
    """Why months cannot space doses."""
    return f"A month is {DAYS_PER_MONTH:g} days and would shift the time of day. Expected for example 'every 4 weeks'."


def _split(text: str) -> tuple[float, str]:
    match = _NUMBER.match(text.strip())
    if match is None or not _PLAIN.fullmatch(match[0]):
        shown = match[0] if match else text
        raise QuantityError(
            f"'{shown}' is not a number I can read.", "Write thousands as 600000 or 600,000, and decimals with a point: 1.5."
        )
    return float(match[0].replace(",", "")), text.strip()[match.end() :].lstrip(" -\t\n")


def _finite(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise QuantityError(f"'{text}' is not a finite number.")
    return number


def _unit_advice(unit: str) -> str:
    if unit in {"u", "unit", "units", "million units"}:
        return "Units differ between makers and eras; expected international units: IU, kIU or MIU."
    return did_you_mean(unit, DOSE_UNIT_NAMES)
