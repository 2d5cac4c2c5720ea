"""Work against precision: where a curve meets an error, and ratios of repeats with their interval. It runs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

COVERAGE = 0.9


@dataclass(frozen=True)
class Point:
    """One run of a peer: its tolerance, what it took, and how far those patients were off that it finished."""

    rtol: float
    seconds_per_patient: float
    p99: float
    largest: float
    steps: float
    failed: int = 0


@dataclass(frozen=True)
class Match:
    """Where a curve meets an error: tolerance and seconds per patient, by interpolation between two runs."""

    rtol: float
    seconds_per_patient: float
    steps: float


@dataclass(frozen=True)
class Ratio:
    """The median of repeats, and an interval that covers the true median in at least 90 % of cases."""

    median: float
    low: float
    high: float


def match_error(curve: Sequence[Point], *, error: str, level: float) -> Match | None:
    """The cheapest way to this error, or None where no two runs lie on its two sides: nothing is extrapolated.

    A run in which a patient failed counts for nothing.

    Args:
        curve: runs in order of tolerance.
        error: 'p99' or 'largest'.
        level: the error wanted.
    """
    found = []
    for one, two in pairwise(curve):
        first, second = (getattr(point, error) for point in (one, two))
        if one.failed or two.failed or not (math.isfinite(first) and math.isfinite(second)) or min(first, second) <= 0:
            continue
        if min(first, second) <= level <= max(first, second):
            share = 0.0 if first == second else math.log(level / first) / math.log(second / first)
            found.append(
                Match(
                    _between(one.rtol, two.rtol, share),
                    _between(one.seconds_per_patient, two.seconds_per_patient, share),
                    _between(one.steps, two.steps, share),
                )
            )
    return min(found, key=lambda match: match.seconds_per_patient, default=None)


def _between(one: float, two: float, share: float) -> float:
    return float(one ** (1 - share) * two**share)


def median_ratio(ratios: Sequence[float]) -> Ratio:
    """The median with the interval between two of the sorted repeats that covers it in at least 90 % of cases.

    >>> median_ratio([2.0, 1.0, 3.0, 4.0, 5.0])
    Ratio(median=3.0, low=1.0, high=5.0)
    """
    ordered = sorted(ratios)
    cut = 0
    while cut + 1 < len(ordered) / 2 and 1 - 2 * _tail(cut + 1, len(ordered)) >= COVERAGE:
        cut += 1
    return Ratio(float(np.median(ordered)), ordered[cut], ordered[-1 - cut])


def _tail(below: int, repeats: int) -> float:
    """The chance that at most `below` of the repeats lie under the true median."""
    return float(sum(math.comb(repeats, number) for number in range(below + 1)) / 2**repeats)
