"""What the clinic sees at a visit: the true state of the patient with measurement error, or nothing where nothing was measured.

It knows no disease and no equation; truth comes in as arrays by the names of the observables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, FloatArray, IntArray
from cytotrial.observe.plan import Finding, Moment, MonitoringPlan
from cytotrial.population.streams import uniforms_of_streams

if TYPE_CHECKING:
    from cytotrial.observe.history import History

MINUTES_PER_HOUR = 60.0


@dataclass(frozen=True)
class Occasion:
    """A round of visits. All arrays (patients,); `time` [h since the first planned dose] is each patient's own."""

    time: FloatArray
    present: BoolArray
    dose_due: BoolArray
    scan_due: BoolArray
    first: BoolArray

    def of(self, rows: IntArray) -> Occasion:
        """The occasion of the patients at these positions."""
        return Occasion(self.time[rows], self.present[rows], self.dose_due[rows], self.scan_due[rows], self.first[rows])


@dataclass(frozen=True)
class Interval:
    """The time since the last visit: its length [h], and the true extremes and increases of observables in it; (patients,)."""

    hours: FloatArray
    maximum: Mapping[str, FloatArray] = field(default_factory=dict)
    minimum: Mapping[str, FloatArray] = field(default_factory=dict)
    increase: Mapping[str, FloatArray] = field(default_factory=dict)

    def of(self, statistic: str) -> Mapping[str, FloatArray]:
        """The values of one statistic, by observable."""
        return {"maximum": self.maximum, "minimum": self.minimum, "increase": self.increase}[statistic]


@dataclass(frozen=True)
class PatientStreams:
    """The random streams of the patients of a chunk: one draw per patient, stream and minute."""

    seed: int
    patient: IntArray

    def uniforms(self, streams: Sequence[str], time: FloatArray, *, at: Sequence[IntArray], draws: int) -> FloatArray:
        """Uniform numbers for a time [h] (patients,), those of each stream for the patients at its positions `at`.

        One after the other: (all `at`, draws).
        """
        minutes = _minutes(time)
        patients = [self.patient[rows] for rows in at]
        return uniforms_of_streams(self.seed, streams, patients, [minutes[rows] for rows in at], draws=draws)


@dataclass(frozen=True)
class Chart:
    """What was seen in a round of visits, (patients,) each.

    `values` by finding, in its unit, NaN where not measured; `since` [h] is where the interval before the visit starts.
    """

    time: FloatArray
    present: BoolArray
    first: BoolArray
    since: FloatArray
    values: Mapping[str, FloatArray]


def observe(
    plan: MonitoringPlan,
    truth: Mapping[str, FloatArray],
    *,
    interval: Interval,
    occasion: Occasion,
    random: PatientStreams,
    history: History | None = None,
) -> Chart:
    """The chart of a round of visits.

    Args:
        plan: what is measured when.
        truth: true observables (patients,) at the time of the visit.
        interval: what happened since each patient's last visit; ignored at the first visit.
        occasion: who is at a visit, and why.
        random: the patients' streams; a draw depends on finding, patient and minute alone, so a plan can grow without
            changing the noise of what it already measured.
        history: charts so far; with it, "daily" looks at the last measurement, without it at the last visit.

    Returns:
        The chart; NaN where a finding was not due, not made, or not known to the biology.
    """
    since = np.where(occasion.first, occasion.time, occasion.time - np.nan_to_num(interval.hours))
    (here,) = np.nonzero(occasion.present)
    of_here = occasion.of(here)
    values = dict(zip(plan.findings, np.full((len(plan.findings), occasion.time.size), np.nan), strict=True))
    due = []
    who_is_due: dict[object, IntArray] = {}
    for name, finding in plan.findings.items():
        # Most findings are due by the same occasions, whenever they were last measured: asked once.
        looks_back = any(moment.period_hours for moment in finding.moments)
        asked = name if looks_back else (finding.moments, finding.is_over_interval)
        if asked not in who_is_due:
            last = since if history is None else history.measured_at(name)
            who_is_due[asked] = here[_is_due(finding, of_here, last[here])]
        at = who_is_due[asked]
        if at.size:
            true_value = _true_value(finding, truth, interval, at=at)
            if true_value is not None:
                due.append(_Due(finding, at, true_value))
    for one, measured in zip(due, _measure(due, random, occasion.time), strict=True):
        values[one.finding.name][one.at] = measured
    return Chart(occasion.time, occasion.present, occasion.first & occasion.present, since, values)


@dataclass(frozen=True)
class _Due:
    """A finding measured in this round: positions of whom (due,), and their true values (due,)."""

    finding: Finding
    at: IntArray
    true_value: FloatArray


def _is_due(finding: Finding, occasion: Occasion, last: FloatArray) -> BoolArray:
    due = occasion.first.copy() if not finding.is_over_interval else np.zeros_like(occasion.first)
    for moment in finding.moments:
        due |= moment_is_now(moment, occasion, last)
    if finding.is_over_interval:
        due &= ~occasion.first
    return due & occasion.present


def moment_is_now(moment: Moment, occasion: Occasion, last: FloatArray) -> BoolArray:
    """Whether something is due now that was last done at `last` [h], NaN where never; (patients,) each."""
    wanted = {"dose": occasion.dose_due, "scan": occasion.scan_due, "any": occasion.present}[moment.visit]
    if moment.until_hours < np.inf:
        wanted = np.asarray(wanted & (occasion.time < moment.until_hours - TIME_TOLERANCE_HOURS), dtype=np.bool_)
    if moment.period_hours == 0:
        return wanted
    period = moment.period_hours
    this_period = np.floor((occasion.time + TIME_TOLERANCE_HOURS) / period)
    last_period = np.floor((last + TIME_TOLERANCE_HOURS) / period)
    # Never measured is NaN, and then it is due.
    return np.asarray(wanted & (~(this_period <= last_period) | occasion.first), dtype=np.bool_)


def _true_value(finding: Finding, truth: Mapping[str, FloatArray], interval: Interval, *, at: IntArray) -> FloatArray | None:
    """The finding without error, in its unit, (at,); None where the biology does not give it."""
    if finding.statistic in ("value", "adjusted"):
        everybody = truth.get(finding.observable)
    else:
        everybody = interval.of(finding.statistic).get(finding.observable)
    if everybody is None:
        return None
    value: FloatArray = everybody[at] * finding.factor
    if finding.statistic == "increase" and finding.per_hours is not None:
        between = interval.hours[at]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(between > 0, value * finding.per_hours / between, np.nan)
    if finding.adjust is not None:
        other = truth.get(finding.adjust.observable)
        if other is None:
            return None
        value = value - finding.adjust.slope * np.maximum(other[at] - finding.adjust.above, 0.0)
    return value


def _measure(due: Sequence[_Due], random: PatientStreams, time: FloatArray) -> list[FloatArray]:
    """Measured values of each finding due: true value x exp(cv z1) + sd z2, rounded; NaN where the measurement was lost."""
    return _rounded(due, _lost(due, _noisy(due, random, time), random, time))


def _noisy(due: Sequence[_Due], random: PatientStreams, time: FloatArray) -> list[FloatArray]:
    noisy = [one for one in due if one.finding.noise.cv or one.finding.noise.sd]
    if not noisy:
        return [one.true_value for one in due]
    streams = [f"measure:{one.finding.name}" for one in noisy]
    drawn = random.uniforms(streams, time, at=[one.at for one in noisy], draws=2)
    parts = iter(np.split(drawn, np.cumsum([one.at.size for one in noisy])[:-1]))
    return [_with_error(one, next(parts)) if one.finding.noise.cv or one.finding.noise.sd else one.true_value for one in due]


def _with_error(due: _Due, drawn: FloatArray) -> FloatArray:
    """True values with the finding's relative and absolute error, from two uniform numbers each, (due, 2)."""
    noise, value = due.finding.noise, due.true_value
    # Few findings have both kinds of error, and a normal number costs as much as all the rest.
    measured = value * np.exp(noise.cv * ndtri(drawn[:, 0])) if noise.cv else value
    if noise.sd:
        measured = measured + noise.sd * ndtri(drawn[:, 1])
    # An instrument never reads below zero a quantity that cannot be negative.
    return np.where(value >= 0, np.maximum(measured, 0.0), measured)


def _lost(due: Sequence[_Due], values: list[FloatArray], random: PatientStreams, time: FloatArray) -> list[FloatArray]:
    def seen(one: _Due, value: FloatArray) -> FloatArray:
        if not one.finding.missing:
            return value
        drawn = random.uniforms([f"missing:{one.finding.name}"], time, at=[one.at], draws=1)[:, 0]
        return np.where(drawn < one.finding.missing, np.nan, value)

    return [seen(one, value) for one, value in zip(due, values, strict=True)]


def _rounded(due: Sequence[_Due], values: list[FloatArray]) -> list[FloatArray]:
    digits = [one.finding.noise.digits for one in due]
    return [value if to is None else np.round(value, to) for to, value in zip(digits, values, strict=True)]


def _minutes(time: FloatArray) -> IntArray:
    return np.asarray(np.round(time * MINUTES_PER_HOUR), dtype=np.int64)


__all__ = ["Chart", "Interval", "Occasion", "PatientStreams", "moment_is_now", "observe"]
