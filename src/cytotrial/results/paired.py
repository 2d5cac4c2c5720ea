"""What only twins allow: estimates whose interval comes from drawing pairs of the same patient again. It reads no table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cytotrial.results.cox import cox
from cytotrial.results.proportions import CONFIDENCE, UNKNOWN, Estimate

REPLICATES = 200  # the spread of the log ratio is then known to about 5 %
FEWEST_REPLICATES = 100  # of those that could be fitted; with fewer the interval means nothing
SEED = 1  # of the drawing alone: the same tables give the same interval


@dataclass(frozen=True)
class Ends:
    """When patients had an event or were last seen, all (patients,); row by row the same patient in both groups."""

    time: NDArray[np.float64]
    is_censored: NDArray[np.bool_]

    @classmethod
    def of(cls, time: ArrayLike, is_censored: ArrayLike) -> Ends:
        """From anything like an array."""
        return cls(np.asarray(time, dtype=np.float64), np.asarray(is_censored, dtype=bool))


def paired_hazard_ratio(first: Ends, second: Ends) -> Estimate:
    """The hazard of `first` over that of `second` (Cox), its interval by drawing pairs with replacement.

    The interval is exp(log ratio +- z SD), SD that of the log ratio over the replicates. NaN where it cannot be told.

    Raises:
        ValueError: the groups are not of one size.
    """
    if first.time.shape != second.time.shape:
        raise ValueError(f"pairs need groups of one size; these have {first.time.size} and {second.time.size} patients.")
    n = first.time.size
    value = _log_ratio(first, second, np.arange(n))
    if math.isnan(value):
        return UNKNOWN
    random = np.random.default_rng(SEED)
    drawn = np.array([_log_ratio(first, second, random.integers(0, n, n)) for _ in range(REPLICATES)])
    known = drawn[~np.isnan(drawn)]
    if known.size < FEWEST_REPLICATES:
        return Estimate(math.exp(value), math.nan, math.nan, n)
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * float(known.std(ddof=1))
    return Estimate(math.exp(value), math.exp(value - half), math.exp(value + half), n)


def paired_mean(first: ArrayLike, second: ArrayLike) -> Estimate:
    """The mean of `first` - `second` (patients,), with the t interval of the pairs' differences."""
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    n = differences.size
    if n == 0:
        return UNKNOWN
    error = float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error if n > 1 else math.nan
    value = float(differences.mean())
    return Estimate(value, value - half, value + half, n)


def separate_means(first: ArrayLike, second: ArrayLike) -> Estimate:
    """The difference of the means of two separate groups, with Welch's t interval."""
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.size < 2 or y.size < 2:
        return UNKNOWN
    value, parts = float(x.mean() - y.mean()), (float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size)
    if sum(parts) == 0:
        return Estimate(value, value, value, min(x.size, y.size))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (x.size - 1) + parts[1] ** 2 / (y.size - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(sum(parts))
    return Estimate(value, value - half, value + half, min(x.size, y.size))


def _log_ratio(first: Ends, second: Ends, chosen: NDArray[np.int64]) -> float:
    times = np.concatenate([first.time[chosen], second.time[chosen]])
    censored = np.concatenate([first.is_censored[chosen], second.is_censored[chosen]])
    return cox(times, censored, np.repeat([1.0, 0.0], chosen.size)).coefficient
