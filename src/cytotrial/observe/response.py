"""Tumour response from scans, by published criteria: overall response per scan, best confirmed response, time of progression.

It knows no tumour: sizes come in as sums of diameters, and the criteria are data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.formats.clinic import ResponseFile
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.units import hours, parse_quantity

# Ordered from best to worst, so that a smaller code is a better response.
COMPLETE, PARTIAL, STABLE, PROGRESSIVE, NOT_EVALUABLE = (np.int8(code) for code in range(5))
LABELS = ("CR", "PR", "SD", "PD", "NE")

# A fall of 30 % from 100 to 70 mm is a fall of 30 %, whatever the last bit of 0.7 x 100 says.
RELATIVE_ROUNDING = 1e-9


@dataclass(frozen=True)
class Assessment:
    """What scans show. `overall` (patients, scans) and `best` (patients,) are indices into `LABELS`.

    `change` is the fraction of change from baseline and `nadir` the smallest size so far, this scan excluded [mm];
    both (patients, scans) on sums of diameters. `progression_time` [h] is the scan that first shows progression, NaN
    where none does. `confirmed_time` [h] is the first scan of the best response where that is complete or partial.
    """

    overall: CodeArray
    best: CodeArray
    change: FloatArray
    nadir: FloatArray
    progression_time: FloatArray
    confirmed_time: FloatArray


@dataclass(frozen=True)
class ResponseAssessor:
    """Response criteria made ready: fractions on the measure, sizes in mm, times in h."""

    name: str
    is_product: bool
    complete_below: float
    partial_decrease: float
    progression_increase: float
    progression_at_least: float
    confirmed_after: float
    stable_at_least: float

    @classmethod
    def from_file(cls, file: ResponseFile, *, name: str = "") -> ResponseAssessor:
        """The criteria of a file."""
        return cls(
            name=name or file.title.en,
            is_product=file.measure == "sum_of_products",
            complete_below=parse_quantity(file.complete_below, "mm"),
            partial_decrease=file.partial_decrease,
            progression_increase=file.progression_increase,
            progression_at_least=parse_quantity(file.progression_at_least or "0 mm", "mm"),
            confirmed_after=hours(file.confirmed_after or "0 h"),
            stable_at_least=hours(file.stable_at_least or "0 h"),
        )

    def assess(self, times: FloatArray, sizes: FloatArray, *, new_lesions: BoolArray | None = None) -> Assessment:
        """The response of each patient at each scan and over all.

        Args:
            times: (patients, scans) [h], rising; the first is the baseline scan.
            sizes: (patients, scans) sums of diameters [mm]; NaN where not scanned.
            new_lesions: (patients, scans) scans that show a new lesion: progression whatever the size. None where absent.

        The baseline scan itself is SD where measured. Scans after progression are still read, but no longer count for the best
        response. A lesion below the limit of `complete_below` has size 0, so that what grows back from it progresses.
        """
        size = np.where(sizes < self.complete_below, 0.0, sizes)
        measure = size**2 if self.is_product else size
        baseline = measure[:, :1]
        nadir = _smallest_before(measure)
        measured = ~np.isnan(measure) & ~np.isnan(baseline) & (baseline > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            increase = measure - nadir
            progressed = (
                (increase >= self.progression_increase * nadir * (1 - RELATIVE_ROUNDING))
                & (increase > 0)
                & (size - _smallest_before(size) >= self.progression_at_least * (1 - RELATIVE_ROUNDING))
            )
            if new_lesions is not None:
                progressed |= new_lesions
            partial = measure <= (1 - self.partial_decrease) * baseline * (1 + RELATIVE_ROUNDING)
            change = sizes / sizes[:, :1] - 1
        overall = np.select(
            [~measured, progressed, size == 0, partial], [NOT_EVALUABLE, PROGRESSIVE, COMPLETE, PARTIAL], STABLE
        ).astype(np.int8)
        overall[:, 0] = np.where(measured[:, 0], STABLE, NOT_EVALUABLE)
        best, confirmed = self._best(times, overall)
        first = _first_time(times, overall == PROGRESSIVE)
        return Assessment(overall, best, change, _smallest_before(sizes), first, confirmed)

    def to_table(
        self, times: FloatArray, sizes: FloatArray, *, arm: str, ids: IntArray, new_lesions: BoolArray | None = None
    ) -> pd.DataFrame:
        """The table `responses` of a run: one row per patient and scan made or missed."""
        assessment = self.assess(times, sizes, new_lesions=new_lesions)
        rows, scans = np.nonzero(~np.isnan(times))
        return pd.DataFrame(
            {
                "ARM": arm,
                "ID": ids[rows],
                "TIME": times[rows, scans],
                "SIZE": sizes[rows, scans],
                "CHANGE": assessment.change[rows, scans],
                "NADIR": assessment.nadir[rows, scans],
                "OVERALL": np.asarray(LABELS, dtype=object)[assessment.overall[rows, scans]],
                "BEST": np.asarray(LABELS, dtype=object)[assessment.best[rows]],
                "CRITERIA": self.name,
            }
        )

    def _best(self, times: FloatArray, overall: CodeArray) -> tuple[CodeArray, FloatArray]:
        """Best response before progression, and the time of its first scan where it is complete or partial."""
        patients, scans = overall.shape
        before = ~np.logical_or.accumulate(overall == PROGRESSIVE, axis=1)
        best = np.full(patients, NOT_EVALUABLE)
        confirmed = np.full(patients, np.nan)
        if scans > 1:
            seen = np.where(np.isnan(times), -np.inf, times - times[:, :1])
            stable = (overall[:, 1:] <= STABLE) & before[:, 1:] & (seen[:, 1:] >= self.stable_at_least - TIME_TOLERANCE_HOURS)
            best = np.where((overall[:, 1:] == PROGRESSIVE).any(axis=1), PROGRESSIVE, best)
            best = np.where(stable.any(axis=1), STABLE, best)
        for response in (PARTIAL, COMPLETE):
            when = self._confirmed(times, overall, before, response)
            found = ~np.isnan(when)
            best = np.where(found, response, best)
            confirmed = np.where(found, when, confirmed)
        return best.astype(np.int8), confirmed

    def _confirmed(self, times: FloatArray, overall: CodeArray, before: BoolArray, response: np.int8) -> FloatArray:
        """Time of the first scan of a confirmed response: held, at every scan made, until one late enough to confirm it."""
        patients, scans = overall.shape
        start = np.full(patients, np.nan)
        result = np.full(patients, np.nan)
        for scan in range(1, scans):
            code = overall[:, scan]
            holds = (code <= response) & before[:, scan]
            start = np.where(holds & np.isnan(start), times[:, scan], start)
            start = np.where(holds | (code == NOT_EVALUABLE), start, np.nan)
            late = holds & (times[:, scan] - start >= self.confirmed_after - TIME_TOLERANCE_HOURS)
            result = np.where(late & np.isnan(result), start, result)
        return result


def _smallest_before(sizes: FloatArray) -> FloatArray:
    """The smallest size of the earlier scans, (patients, scans); the first column is the first size itself."""
    smallest = np.fmin.accumulate(sizes, axis=1)
    return np.concatenate([smallest[:, :1], smallest[:, :-1]], axis=1)


def _first_time(times: FloatArray, shown: BoolArray) -> FloatArray:
    first = np.argmax(shown, axis=1)
    return np.where(shown.any(axis=1), times[np.arange(len(times)), first], np.nan)
