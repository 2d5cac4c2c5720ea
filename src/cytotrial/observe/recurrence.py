"""Recurrence after an operation: no measurable disease at baseline, then a tumour seen, or a new lesion. It knows no tumour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.formats.response import ResponseFile
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray
from cytotrial.observe.response import LABELS, NO_EVIDENCE, NOT_EVALUABLE, PROGRESSIVE, Assessment
from cytotrial.units import parse_quantity


@dataclass(frozen=True)
class RecurrenceAssessor:
    """Criteria of recurrence made ready: a tumour is seen from `visible_from` [mm]."""

    name: str
    visible_from: float

    @classmethod
    def from_file(cls, file: ResponseFile, *, name: str = "") -> RecurrenceAssessor:
        """The criteria of a file whose measure is `recurrence`."""
        return cls(name or file.title.en, parse_quantity(file.visible_from or "", "mm"))

    def assess(
        self,
        times: FloatArray,
        sizes: FloatArray,
        *,
        areas: FloatArray | None = None,
        new_lesions: BoolArray | None = None,
    ) -> Assessment:
        """No evidence of disease, or recurrence, of each patient at each scan and over all.

        Args:
            times: (patients, scans) [h], rising; the first is the baseline scan.
            sizes: (patients, scans) sums of diameters [mm]; NaN where not scanned.
            areas: not looked at.
            new_lesions: (patients, scans) scans that show a new lesion. None where absent.

        A tumour seen on the baseline scan is not evaluable there; on a later one it is recurrence, of which the first counts.
        """
        new = np.zeros(sizes.shape, dtype=bool) if new_lesions is None else new_lesions
        shown = (sizes >= self.visible_from) | (new & ~np.isnan(sizes))
        shown[:, 0] = False
        overall = np.where(np.isnan(sizes), NOT_EVALUABLE, np.where(shown, PROGRESSIVE, NO_EVIDENCE)).astype(np.int8)
        overall[:, 0] = np.where(sizes[:, 0] < self.visible_from, NO_EVIDENCE, NOT_EVALUABLE)
        first = np.argmax(shown, axis=1)
        happened = shown.any(axis=1)
        time = np.where(happened, times[np.arange(len(times)), first], np.nan)
        before = ~np.logical_or.accumulate(overall == PROGRESSIVE, axis=1) & (overall == NO_EVIDENCE)
        free = before[:, 1:].any(axis=1)
        best = np.where(free, NO_EVIDENCE, np.where(happened, PROGRESSIVE, NOT_EVALUABLE)).astype(np.int8)
        unknown = np.full(sizes.shape, np.nan)
        nobody = np.zeros(len(times), dtype=bool)
        return Assessment(overall, best, unknown, unknown, time, np.full(len(times), np.nan), nobody)

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
        """The rows of the table `responses`: one per patient and scan; a size but no change, as there is none to begin from."""
        found = self.assess(times, sizes, areas=areas, new_lesions=new_lesions)
        rows, scans = np.nonzero(~np.isnan(times))
        labels = np.asarray(LABELS, dtype=object)
        return pd.DataFrame(
            {
                "ARM": arm,
                "ID": ids[rows],
                "TIME": times[rows, scans],
                "SIZE": sizes[rows, scans],
                "CHANGE": np.nan,
                "NADIR": np.nan,
                "OVERALL": labels[found.overall[rows, scans]],
                "BEST": labels[found.best[rows]],
                "CRITERIA": self.name,
            }
        )
