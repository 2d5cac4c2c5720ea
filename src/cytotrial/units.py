"""Units at the door: text with units in, plain floats in one declared unit out. Inner code never sees a unit.

Time is in hours everywhere inside. Every other quantity has one unit, declared once (port, state or parameter table),
and files may write it in any unit of the same dimension.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import cast

import pint

HOURS_PER_DAY = 24.0
HOURS_PER_WEEK = 168.0
DAYS_PER_MONTH = 30.4375
HOURS_PER_MONTH = DAYS_PER_MONTH * HOURS_PER_DAY


_DEFINITIONS = """
yocto- = 1e-24 = y-
femto- = 1e-15 = f-
pico- = 1e-12 = p-
nano- = 1e-9 = n-
micro- = 1e-6 = u- = µ- = μ-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
deci- = 1e-1 = d-
kilo- = 1e3 = k-
meter = [length] = m = metre
second = [time] = s
gram = [mass] = g
mole = [substance] = mol
minute = 60 * second = min
hour = 60 * minute = h = hours
day = 24 * hour = d = days
week = 7 * day = weeks = wk
month = 30.4375 * day = months = mo
year = 365.25 * day = years = y
liter = 1e-3 * meter ** 3 = L = l = litre
molar = mole / liter = M
dalton_mass = gram / mole = g_per_mol
cell = [cell_count] = cells
activity_unit = [enzyme_activity] = U
international_unit = [biological_activity] = IU
mega_international_unit = 1e6 * international_unit = MIU = MU
mmHg = [blood_pressure]
kPa = 7.500617 * mmHg
degC = [body_temperature]
lesion = [lesion_count] = lesions
percent = 0.01 = %
beat = [] = beats
"""


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """The one pint registry: clinical units, with IU, cells, mmHg and body temperature as dimensions of their own."""
    units: pint.UnitRegistry[float] = pint.UnitRegistry(None, cache_folder=None)
    for line in _DEFINITIONS.strip().splitlines():
        units.define(line)
    return units


_DIMENSIONLESS = {"", "1", "-", "dimensionless"}
_QUANTITY = re.compile(r"^\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")


class UnitError(ValueError):
    """A text is not a quantity, or has another dimension than expected. The message says which."""


@lru_cache(maxsize=4096)
def unit_scale(unit: str) -> tuple[float, tuple[tuple[str, float], ...]]:
    """The size of a unit in base units, and its dimension as sorted (name, power) pairs.

    Raises:
        UnitError: the text is not a unit.
    """
    if unit.strip() in _DIMENSIONLESS:
        return 1.0, ()
    try:
        quantity = registry().parse_expression(unit.replace("µ", "u").replace("^", "**"))
        base = (quantity * registry().Unit("")).to_base_units()
    except (pint.PintError, AttributeError, TypeError, ValueError, SyntaxError) as error:
        raise UnitError(f"'{unit}' is not a unit I know.") from error
    dimension = tuple(sorted((str(name), float(power)) for name, power in base.dimensionality.items() if power))
    return float(cast(float, base.magnitude)), dimension


def conversion(source: str, target: str) -> float:
    """The factor that turns a number in `source` into one in `target`.

    >>> round(conversion("mL/min", "L/h"), 6)
    0.06

    Raises:
        UnitError: the dimensions differ, or one is not a unit.
    """
    size, dimension = unit_scale(source)
    target_size, target_dimension = unit_scale(target)
    if dimension != target_dimension:
        raise UnitError(f"'{source}' cannot be converted to '{target}': they measure different things.")
    return size / target_size


def split_quantity(text: str) -> tuple[float, str]:
    """The number and the unit text of '16 L/h'. A bare number has the unit ''.

    Raises:
        UnitError: there is no number in front.
    """
    match = _QUANTITY.match(text)
    if not match:
        raise UnitError(f"'{text}' is not a quantity such as '16 L/h'.")
    return float(match[1].replace("_", "")), match[2]


def parse_quantity(text: str | float, unit: str) -> float:
    """The value of a quantity with unit, in `unit`. A bare number is allowed only where `unit` is dimensionless.

    >>> parse_quantity("268 mL/min", "L/h")
    16.08

    Raises:
        UnitError: not a finite number, no unit where one is needed, or another dimension.
    """
    if isinstance(text, (int, float)):
        text = repr(float(text))
    value, written = split_quantity(text)
    if not math.isfinite(value):
        raise UnitError(f"'{text}' is not a finite number.")
    if written == "" and unit_scale(unit)[1]:
        raise UnitError(f"'{text}' has no unit. Expected a unit such as '{unit}'.")
    # Rounded to 15 digits so that 268 mL/min reads 16.08 L/h, not 16.080000000000002.
    return float(f"{value * conversion(written, unit):.15g}")


def hours(text: str | float) -> float:
    """A duration in hours. 'a month' is 30.4375 days; a number without unit is refused.

    >>> hours("7 weeks")
    1176.0
    """
    return parse_quantity(text, "h")
