"""Proportions with intervals: exact for one, Newcombe's score intervals for a difference. It knows no trial and no endpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

CONFIDENCE = 0.95  # the two-sided level of every interval the product reports


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the number it rests on. NaN means that it cannot be told."""

    value: float
    low: float
    high: float
    n: int


UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)


def exact_proportion(count: int, n: int) -> Estimate:
    """The proportion count/n with the Clopper-Pearson interval; NaN when n is 0.

    >>> estimate = exact_proportion(37, 255)
    >>> round(estimate.low, 3), round(estimate.high, 3)
    (0.104, 0.194)

    Raises:
        ValueError: count is not between 0 and n.
    """
    if not 0 <= count <= n:
        raise ValueError(f"count {count} is not between 0 and n = {n}.")
    if n == 0:
        return UNKNOWN
    tail = (1 - CONFIDENCE) / 2
    low = float(stats.beta.ppf(tail, count, n - count + 1)) if count > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, count + 1, n - count)) if count < n else 1.0
    return Estimate(count / n, low, high, n)


def score_interval(count: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of count/n."""
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    centre = (count + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(count * (n - count) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def difference_of_proportions(count: int, n: int, *, other_count: int, other_n: int) -> Estimate:
    """count/n - other_count/other_n for two separate groups, with Newcombe's hybrid score interval (1998, method 10)."""
    if n == 0 or other_n == 0:
        return UNKNOWN
    return _newcombe((count, n), (other_count, other_n), correlation=0.0)


def paired_difference(both: int, first_only: int, second_only: int, neither: int) -> Estimate:
    """The difference of two proportions in the same patients, first - second, with Newcombe's paired interval (method 10).

    >>> estimate = paired_difference(14, 5, 0, 22)
    >>> round(estimate.value, 2), estimate.n
    (0.12, 41)
    """
    n = both + first_only + second_only + neither
    if n == 0:
        return UNKNOWN
    first, second = both + first_only, both + second_only
    product = first * (n - first) * second * (n - second)
    excess = float(both * neither - first_only * second_only)
    if excess > 0:
        excess = max(excess - n / 2, 0.0)  # Newcombe's continuity correction, for a positive correlation only
    correlation = excess / math.sqrt(product) if product > 0 else 0.0
    return _newcombe((first, n), (second, n), correlation=correlation)


def _newcombe(first: tuple[int, int], second: tuple[int, int], *, correlation: float) -> Estimate:
    p, q = first[0] / first[1], second[0] / second[1]
    (low_p, high_p), (low_q, high_q) = score_interval(*first), score_interval(*second)
    below = (p - low_p) ** 2 - 2 * correlation * (p - low_p) * (high_q - q) + (high_q - q) ** 2
    above = (high_p - p) ** 2 - 2 * correlation * (high_p - p) * (q - low_q) + (q - low_q) ** 2
    return Estimate(p - q, p - q - math.sqrt(below), p - q + math.sqrt(above), min(first[1], second[1]))
