"""Numbers as a laboratory's report writes them. Nothing is compared here."""

from __future__ import annotations

from functools import cache

import numpy as np

from cytotrial.observe.arrays import FloatArray

SIGNIFICANT_DIGITS = 12  # far more than a laboratory reports, far fewer than a float holds


def decimal(number: FloatArray) -> FloatArray:
    """The number rounded to 12 significant digits: 3 times a limit of 1.4 is 4.2, as on a laboratory's report.

    >>> float(decimal(np.asarray(3 * 1.4)))
    4.2
    """
    if number.ndim == 0:
        return _decimal_number(float(number))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = 10.0 ** (SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(np.abs(number))))
        rounded = np.round(number * size) / size
    return np.where(np.isfinite(rounded), rounded, number)


@cache
def _decimal_number(number: float) -> FloatArray:
    return np.asarray(float(f"{number:.{SIGNIFICANT_DIGITS}g}"))


__all__ = ["decimal"]
