"""Tumour response from scans, by published criteria: overall response per scan, best confirmed response, time of progression.

It knows no tumour: sizes come in as sums of diameters and of products of diameters, and the criteria are data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.formats.response import ResponseFile
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.units import hours, parse_quantity

# Ordered from best to worst, so that a smaller code is a better response.
COMPLETE, PARTIAL, STABLE, PROGRESSIVE, NOT_EVALUABLE = (np.int8(code) for code in range(5))
# Where there was nothing to respond: it stands outside the order.
NO_EVIDENCE = np.int8(5)
LABELS = ("CR", "PR", "SD", "PD", "NE", "NED")

# A fall of 30 % from 100 to 70 mm is a fall of 30 %, whatever the last bit of 0.7 x 100 says.
RELATIVE_ROUNDING = 1e-9


@dataclass(frozen=True)
class Assessment:
    """What scans show. `overall` (patients, scans) and `best` (patients,) are indices into `LABELS`.

    `change` is the fraction of change from baseline and `nadir` the smallest size so far, this scan excluded [mm];
    both (patients, scans) on sums of diameters. `progression_time` [h] is the scan that first shows progression, NaN
    where none does; `is_open` (patients,) says that it rests on the last scan alone, and that the criteria want another.
    `confirmed_time` [h] is the first scan of the best response where that is complete or partial.
    """

    overall: CodeArray
    best: CodeArray
    change: FloatArray
    nadir: FloatArray
    progression_time: FloatArray
    confirmed_time: FloatArray
    is_open: BoolArray


@dataclass(frozen=True)
class ResponseAssessor:
    """Response criteria made ready: fractions on the measure, sizes in mm, times in h."""

    name: str
    is_product: bool
    complete_below: float
    partial_decrease: float
    progression_increase: float
    progression_at_least: float
    progression_unequivocal: float
    measurable_from: float
    confirmed_after: float
    stable_at_least: float

    @classmethod
    def from_file(cls, file: ResponseFile, *, name: str = "") -> ResponseAssessor:
        """The criteria of a file that measures sizes."""
        # The format sees to it that a file with this measure has all three.
        return cls(
            name=name or file.title.en,
            is_product=file.measure == "sum_of_products",
            complete_below=parse_quantity(file.complete_below or "", "mm"),
            partial_decrease=file.partial_decrease or 0.0,
            progression_increase=file.progression_increase or 0.0,
            progression_at_least=parse_quantity(file.progression_at_least or "0 mm", "mm"),
            progression_unequivocal=file.progression_unequivocal or 0.0,
            measurable_from=parse_quantity(file.measurable_from or "0 mm", "mm"),
            confirmed_after=hours(file.confirmed_after or "0 h"),
            stable_at_least=hours(file.stable_at_least or "0 h"),
        )

    def assess(
        self,
        times: FloatArray,
        sizes: FloatArray,
        *,
        areas: FloatArray | None = None,
        new_lesions: BoolArray | None = None,
    ) -> Assessment:
        """The response of each patient at each scan and over all.

        Args:
            times: (patients, scans) [h], rising; the first is the baseline scan.
            sizes: (patients, scans) sums of diameters [mm]; NaN where not scanned.
            areas: (patients, scans) sums of products of diameters [mm2], for criteria on products; None where nobody
                measures them: the product of a sum of diameters is then its square.
            new_lesions: (patients, scans) scans that show a new lesion: progression whatever the size. None where absent.

        The baseline scan itself is SD where measured. Scans after progression are still read, but no longer count for the best
        response. A lesion below the limit of `complete_below` has size 0, so that what grows back from it progresses.
        """
        size = np.where(sizes < self.complete_below, 0.0, sizes)
        measure = size
        if self.is_product:
            measure = size**2 if areas is None else np.where(size == 0.0, 0.0, areas)
        baseline = measure[:, :1]
        measured = ~np.isnan(measure) & ~np.isnan(baseline) & (baseline > 0)
        rises, still_open = self._rises(measure, size, np.zeros(size.shape, dtype=bool) if new_lesions is None else new_lesions)
        with np.errstate(invalid="ignore", divide="ignore"):
            partial = measure <= (1 - self.partial_decrease) * baseline * (1 + RELATIVE_ROUNDING)
            change = sizes / sizes[:, :1] - 1
        overall = np.select(
            [~measured, rises, size == 0, partial], [NOT_EVALUABLE, PROGRESSIVE, COMPLETE, PARTIAL], STABLE
        ).astype(np.int8)
        overall[:, 0] = np.where(measured[:, 0], STABLE, NOT_EVALUABLE)
        best, confirmed = self._best(times, overall)
        shown = overall == PROGRESSIVE
        first = _first_time(times, shown)
        is_open = shown.any(axis=1) & np.take_along_axis(still_open, np.argmax(shown, axis=1)[:, None], axis=1)[:, 0]
        return Assessment(overall, best, change, _smallest_before(sizes), first, confirmed, is_open)

    def _rises(self, measure: FloatArray, size: FloatArray, new_lesions: BoolArray) -> tuple[BoolArray, BoolArray]:
        """Which scans show progression, and which of them still wait for another scan to stand; both (patients, scans).

        A new lesion is progression at once, and so is a rise without doubt. A smaller rise counts if the next scan made
        still shows it, against the same smallest size, or shows a new lesion.
        """
        smallest, smallest_size = _smallest_before(measure), _smallest_before(size)

        def by(increase: float, after: FloatArray, size_after: FloatArray) -> BoolArray:
            with np.errstate(invalid="ignore"):
                rise = after - smallest
                enough: BoolArray = (
                    (rise >= increase * smallest * (1 - RELATIVE_ROUNDING))
                    & (rise > 0)
                    & (size_after >= self.measurable_from)
                    & (size_after - smallest_size >= self.progression_at_least * (1 - RELATIVE_ROUNDING))
                )
            return enough

        risen = by(self.progression_increase, measure, size)
        certain = new_lesions | by(max(self.progression_unequivocal, self.progression_increase), measure, size)
        if self.progression_unequivocal <= self.progression_increase:
            return certain, np.zeros(certain.shape, dtype=bool)
        # A new lesion at the next scan is a rise beyond any limit.
        next_measure, next_size = (_next_made(np.where(new_lesions, np.inf, values)) for values in (measure, size))
        again = by(self.progression_increase, next_measure, next_size)
        open_rise = risen & ~certain & np.isnan(next_measure)
        return certain | (risen & again) | open_rise, open_rise

    def to_table(
        self,
        times: FloatArray,
        sizes: FloatArray,
        *,
        arm: str,
        ids: IntArray,
        areas: FloatArray | None = None,
        new_lesions: BoolArray | None = None,
    ) -> pd.DataFrame:
        """The table `responses` of a run: one row per patient and scan made or missed."""
        assessment = self.assess(times, sizes, areas=areas, new_lesions=new_lesions)
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


def area_as_measured(size: FloatArray, true_size: FloatArray | None, true_area: FloatArray | None) -> FloatArray:
    """Sums of products [mm2] on a scan that measured sums of diameters `size` [mm]: misread alike in both dimensions.

    Without a true area it is the square of the sum of diameters, as of one lesion. All arrays have the same shape.

    >>> area_as_measured(np.array([66.0]), np.array([60.0]), np.array([1800.0])).round(6).tolist()
    [2178.0]
    """
    if true_size is None or true_area is None:
        return size**2
    with np.errstate(invalid="ignore", divide="ignore"):
        misread = np.where(true_size > 0, size / true_size, 0.0)
    area: FloatArray = true_area * misread**2
    return area


def _smallest_before(sizes: FloatArray) -> FloatArray:
    """The smallest size of the earlier scans, (patients, scans); the first column is the first size itself."""
    smallest = np.fmin.accumulate(sizes, axis=1)
    return np.concatenate([smallest[:, :1], smallest[:, :-1]], axis=1)


def _next_made(values: FloatArray) -> FloatArray:
    """The value of the next scan that was made, (patients, scans); NaN where none follows."""
    following = np.full(values.shape, np.nan)
    for scan in range(values.shape[1] - 2, -1, -1):
        made = ~np.isnan(values[:, scan + 1])
        following[:, scan] = np.where(made, values[:, scan + 1], following[:, scan + 1])
    return following


def _first_time(times: FloatArray, shown: BoolArray) -> FloatArray:
    first = np.argmax(shown, axis=1)
    return np.where(shown.any(axis=1), times[np.arange(len(times)), first], np.nan)
