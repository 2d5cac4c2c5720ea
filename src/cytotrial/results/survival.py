"""Kaplan-Meier curves with Greenwood log-log bands, medians, landmark rates and the log-rank test. It fits no model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cytotrial.results.proportions import CONFIDENCE, UNKNOWN, Estimate

Numbers = NDArray[np.float64]

# A survival of exactly one half is met as 0.49999999999999994; the error of a product of n ratios is of the order n * 1e-16.
HALF_TOLERANCE = 1e-9


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve at its distinct times (events and censorings), all arrays (times,).

    `at_risk` is just before the time. `low` and `high` are the 95 % log-log band; NaN once the curve is 0.
    """

    times: Numbers
    survival: Numbers
    low: Numbers
    high: Numbers
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    n: int

    def at(self, time: float) -> Estimate:
        """Survival at `time`; NaN after the last observation, unless the curve is 0 by then."""
        if self.n == 0:
            return UNKNOWN
        position = int(np.searchsorted(self.times, time, side="right")) - 1
        if position < 0:
            return Estimate(1.0, 1.0, 1.0, self.n)
        if time > self.times[-1] and self.survival[-1] > 0:
            return Estimate(math.nan, math.nan, math.nan, self.n)
        return Estimate(float(self.survival[position]), float(self.low[position]), float(self.high[position]), self.n)

    def median(self) -> Estimate:
        """The median with the Brookmeyer-Crowley interval: where curve and band cross one half. NaN means not reached.

        Where the curve stays at exactly one half, the middle of that stretch is taken, as is customary.
        """
        if self.n == 0:
            return UNKNOWN
        crossings = [_crossing(self.times, curve) for curve in (self.survival, self.low, self.high)]
        return Estimate(crossings[0], crossings[1], crossings[2], self.n)

    def number_at_risk(self, times: Sequence[float]) -> list[int]:
        """How many are still followed and without event just before each of `times`."""
        positions = np.searchsorted(self.times, np.asarray(times, dtype=float), side="left")
        padded = np.append(self.at_risk, 0)
        return [int(padded[position]) for position in positions]


def kaplan_meier(time: ArrayLike, is_censored: ArrayLike) -> KaplanMeier:
    """The curve of times `time` (patients,), of which those with `is_censored` (patients,) ended without the event.

    The variance of log(-log S) is Greenwood's sum d / (n (n - d)) over (log S)^2. A censoring at an event's time is later.

    >>> curve = kaplan_meier([1.0, 2.0, 3.0], [False, True, False])
    >>> [round(value, 3) for value in curve.survival.tolist()]
    [0.667, 0.667, 0.0]

    Raises:
        ValueError: the arrays differ in length, or a time is missing or negative.
    """
    observed = np.asarray(time, dtype=float)
    event = ~np.asarray(is_censored, dtype=bool)
    if observed.shape != event.shape or observed.ndim != 1:
        raise ValueError(f"times {observed.shape} and censoring {event.shape} must be one-dimensional and of one length.")
    if not (np.isfinite(observed).all() and (observed >= 0).all()):
        raise ValueError("a survival time is missing, infinite or negative.")
    times, inverse = np.unique(observed, return_inverse=True)
    leaving = np.bincount(inverse, minlength=len(times)).astype(np.int64)
    deaths = np.bincount(inverse, weights=event, minlength=len(times)).astype(np.int64)
    at_risk = (len(observed) - np.concatenate(([0], np.cumsum(leaving)[:-1]))).astype(np.int64) if len(times) else leaving
    survival = np.asarray(np.cumprod(1 - deaths / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(deaths / (at_risk * (at_risk - deaths).astype(float)))
        half_width = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * np.sqrt(greenwood) / np.abs(np.log(survival))
        low, high = survival ** np.exp(half_width), survival ** np.exp(-half_width)
    low, high = (np.where(survival == 1, 1.0, np.where(survival == 0, math.nan, band)) for band in (low, high))
    return KaplanMeier(times, survival, low, high, at_risk, deaths, len(observed))


@dataclass(frozen=True)
class TwoSampleTest:
    """A log-rank test: statistic (1 degree of freedom), p-value, Peto hazard ratio of the first group to the second."""

    chi_square: float
    p_value: float
    hazard_ratio: Estimate


def log_rank(time: ArrayLike, is_censored: ArrayLike, is_first: ArrayLike) -> TwoSampleTest:
    """The log-rank test of two separate groups; `is_first` (patients,) tells them apart. NaN when no event can tell.

    The hazard ratio is exp((observed - expected) / variance), after Peto: close to Cox's between one half and two.
    """
    observed = np.asarray(time, dtype=float)
    event = ~np.asarray(is_censored, dtype=bool)
    first = np.asarray(is_first, dtype=bool)
    event_times = np.unique(observed[event])

    def still_at_risk(times: Numbers) -> Numbers:
        return len(times) - np.searchsorted(np.sort(times), event_times, side="left").astype(float)

    def deaths_at(times: Numbers) -> Numbers:
        ordered = np.sort(times)
        return (
            np.searchsorted(ordered, event_times, side="right") - np.searchsorted(ordered, event_times, side="left")
        ).astype(float)

    at_risk, at_risk_first = still_at_risk(observed), still_at_risk(observed[first])
    deaths, deaths_first = deaths_at(observed[event]), deaths_at(observed[event & first])
    share = at_risk_first / at_risk
    spread = np.divide(at_risk - deaths, at_risk - 1, out=np.zeros_like(at_risk), where=at_risk > 1)
    excess = float(np.sum(deaths_first - deaths * share))
    variance = float(np.sum(deaths * share * (1 - share) * spread))
    if variance <= 0:
        return TwoSampleTest(math.nan, math.nan, UNKNOWN)
    chi_square = excess**2 / variance
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    ratios = [math.exp(excess / variance + shift / math.sqrt(variance)) for shift in (0.0, -z, z)]
    return TwoSampleTest(
        chi_square, float(stats.chi2.sf(chi_square, 1)), Estimate(ratios[0], ratios[1], ratios[2], len(observed))
    )


def _crossing(times: Numbers, curve: Numbers) -> float:
    """The time at which a falling curve first is at most one half; NaN when it never is."""
    at_most_half = np.flatnonzero(curve <= 0.5 + HALF_TOLERANCE)
    if len(at_most_half) == 0:
        return math.nan
    first = int(at_most_half[0])
    below = np.flatnonzero(curve < 0.5 - HALF_TOLERANCE)
    if abs(curve[first] - 0.5) <= HALF_TOLERANCE and len(below):
        return float(times[first] + times[int(below[0])]) / 2
    return float(times[first])
