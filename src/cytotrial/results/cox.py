"""Cox's proportional hazards model for one covariate, ties after Efron. It knows no trial and draws no curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cytotrial.results.proportions import CONFIDENCE, UNKNOWN, Estimate

Numbers = NDArray[np.float64]

MOST_STEPS = 50
STEP_TOLERANCE = 1e-10  # of the coefficient: far below what any interval shows
LARGEST_COEFFICIENT = 20.0  # a hazard ratio of 5e8: the likelihood has no maximum, as when all events are in one group


@dataclass(frozen=True)
class CoxFit:
    """A fitted model: coefficient (log hazard ratio per unit of the covariate), its standard error, and the events."""

    coefficient: float
    standard_error: float
    events: int
    n: int

    @property
    def hazard_ratio(self) -> Estimate:
        """exp(coefficient) with its Wald interval; NaN where the data cannot tell."""
        if math.isnan(self.coefficient):
            return UNKNOWN
        half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * self.standard_error
        low, high = math.exp(self.coefficient - half), math.exp(self.coefficient + half)
        return Estimate(math.exp(self.coefficient), low, high, self.n)

    @property
    def p_value(self) -> float:
        """Of the Wald test that the coefficient is 0."""
        return float(2 * stats.norm.sf(abs(self.coefficient / self.standard_error)))


def cox(time: ArrayLike, is_censored: ArrayLike, covariate: ArrayLike) -> CoxFit:
    """The model fitted to times (patients,), of which those with `is_censored` (patients,) ended without the event.

    The coefficient is NaN where nothing can be told: no event, a covariate that does not vary among those at risk, or a
    likelihood without maximum (all events on one side). Efron's approximation; Newton's method on the partial likelihood.

    >>> fit = cox([1.0, 2.0, 3.0, 4.0], [False, False, False, True], [1.0, 0.0, 1.0, 0.0])
    >>> round(fit.coefficient, 3), fit.events
    (0.941, 3)

    Raises:
        ValueError: the arrays differ in length.
    """
    times, event, x = np.asarray(time, float), ~np.asarray(is_censored, bool), np.asarray(covariate, float)
    if not times.shape == event.shape == x.shape or times.ndim != 1:
        raise ValueError(f"times {times.shape}, censoring {event.shape} and covariate {x.shape} must be of one length.")
    events = int(event.sum())
    unknown = CoxFit(math.nan, math.nan, events, len(times))
    if events == 0 or np.ptp(x) == 0:
        return unknown
    sample = _Sample.of(times, event, x - x.mean())
    coefficient = 0.0
    for _ in range(MOST_STEPS):
        slope, information = sample.slope_and_information(coefficient)
        if not information > 0 or abs(coefficient) * np.ptp(x) > LARGEST_COEFFICIENT:
            return unknown
        step = slope / information
        # A half of the covariate's spread at a time: the first steps may overshoot where the effect is large.
        step = math.copysign(min(abs(step), 2.0 / float(np.std(x))), step)
        coefficient += step
        if abs(step) < STEP_TOLERANCE * max(1.0, abs(coefficient)):
            return CoxFit(coefficient, 1 / math.sqrt(sample.slope_and_information(coefficient)[1]), events, len(times))
    return unknown


@dataclass(frozen=True)
class _Sample:
    """Patients from the last time to the first; of each event, where its risk set ends and what of its ties is taken off."""

    x: Numbers
    total: float  # of x over the events
    last_at_risk: NDArray[np.intp]
    tied_from: NDArray[np.intp]
    tied_to: NDArray[np.intp]
    share: Numbers  # Efron: l / d for the l-th of d tied events
    event_x: Numbers

    @classmethod
    def of(cls, times: Numbers, event: NDArray[np.bool_], x: Numbers) -> _Sample:
        descending = np.argsort(-times, kind="stable")
        ordered = times[descending]
        event_order = np.argsort(-times[event], kind="stable")
        event_times, event_x = times[event][event_order], x[event][event_order]
        first = np.searchsorted(-event_times, -event_times, side="left")
        last = np.searchsorted(-event_times, -event_times, side="right")
        share = (np.arange(len(event_times)) - first) / (last - first)
        at_risk = np.searchsorted(-ordered, -event_times, side="right") - 1
        return cls(x[descending], float(event_x.sum()), at_risk, first, last, share, event_x)

    def slope_and_information(self, coefficient: float) -> tuple[float, float]:
        """The first and the negative second derivative of the log partial likelihood."""
        sums = [_efron_sums(self, coefficient, power) for power in (0, 1, 2)]
        mean = sums[1] / sums[0]
        return self.total - float(mean.sum()), float(np.sum(sums[2] / sums[0] - mean**2))


def _efron_sums(sample: _Sample, coefficient: float, power: int) -> Numbers:
    """Of each event: the sum of x^power exp(coefficient x) over its risk set, less its share of the tied events."""
    of_all = np.cumsum(sample.x**power * np.exp(coefficient * sample.x))
    of_tied = np.concatenate(([0.0], np.cumsum(sample.event_x**power * np.exp(coefficient * sample.event_x))))
    tied = of_tied[sample.tied_to] - of_tied[sample.tied_from]
    found: Numbers = of_all[sample.last_at_risk] - sample.share * tied
    return found
