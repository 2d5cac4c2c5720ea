"""The scans of a chunk of patients so far, and what they show. It measures no tumour, and the criteria are another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.history import History
from cytotrial.observe.observe import Occasion
from cytotrial.observe.recurrence import RecurrenceAssessor
from cytotrial.observe.response import NOT_EVALUABLE, Assessment, ResponseAssessor


@dataclass(frozen=True)
class Look:
    """What criteria can read at a round of visits, (patients,) each: findings so far, and the tumour of those `scanned`.

    `size` [mm], `area` [mm2] and `new_lesion` are as the scan shows them.
    """

    occasion: Occasion
    history: History
    scanned: BoolArray
    size: FloatArray
    area: FloatArray
    new_lesion: BoolArray


@dataclass
class Shown:
    """What the scans so far show, (patients,) each: the response and change at the last one, and when progression showed [h].

    `is_open` is as in `Assessment`.
    """

    last: CodeArray
    change: FloatArray
    progression_time: FloatArray
    is_open: BoolArray


class Scans:
    """Scans by patient, each patient's own in order; a round of scans reads those again who were scanned, nobody else."""

    def __init__(self, assessor: ResponseAssessor | RecurrenceAssessor, patients: int) -> None:
        self._assessor = assessor
        self._made: IntArray = np.zeros(patients, dtype=np.int64)
        # One column more than anybody has scans, so that the next one has a place.
        self._times: FloatArray = np.full((patients, 1), np.nan)
        self._sizes: FloatArray = np.full((patients, 1), np.nan)
        self._areas: FloatArray = np.full((patients, 1), np.nan)
        self._new: BoolArray = np.zeros((patients, 1), dtype=bool)
        nothing = np.full(patients, np.nan)
        self.shown = Shown(np.full(patients, NOT_EVALUABLE), nothing, nothing.copy(), np.zeros(patients, dtype=bool))

    @property
    def times(self) -> FloatArray:
        """(patients, scans) [h]; NaN beyond a patient's last."""
        return self._times[:, : self._columns]

    @property
    def sizes(self) -> FloatArray:
        """(patients, scans) sums of diameters [mm]; NaN beyond a patient's last."""
        return self._sizes[:, : self._columns]

    @property
    def areas(self) -> FloatArray:
        """(patients, scans) sums of products [mm2]; NaN beyond a patient's last."""
        return self._areas[:, : self._columns]

    @property
    def new_lesions(self) -> BoolArray:
        """(patients, scans) whether a scan showed a new lesion."""
        return self._new[:, : self._columns]

    @property
    def last_time(self) -> FloatArray:
        """(patients,) when the last scan was [h]; NaN where there was none."""
        last: FloatArray = np.fmax.reduce(self.times, axis=1)
        return last

    @property
    def _columns(self) -> int:
        return max(1, int(self._made.max(initial=0)))

    def read(self, look: Look) -> None:
        """Adds a round of scans."""
        self.add(look.scanned, time=look.occasion.time, size=look.size, area=look.area, new_lesion=look.new_lesion)

    def add(self, scanned: BoolArray, *, time: FloatArray, size: FloatArray, area: FloatArray, new_lesion: BoolArray) -> None:
        """Adds a round of scans, (patients,) each, of the patients `scanned`."""
        (who,) = np.nonzero(scanned)
        if who.size == 0:
            return
        place = self._made[who]
        self._times[who, place], self._new[who, place] = time[who], new_lesion[who]
        self._sizes[who, place], self._areas[who, place] = size[who], area[who]
        self._made[who] += 1
        found = self._assess(who)
        self.shown.last[who] = found.overall[np.arange(who.size), place]
        self.shown.change[who] = found.change[np.arange(who.size), place]
        self.shown.progression_time[who] = found.progression_time
        self.shown.is_open[who] = found.is_open
        if self._made.max() == self._times.shape[1]:
            self._widen()

    def to_table(self, *, arm: str, ids: IntArray) -> pd.DataFrame:
        """The rows of the table `responses`."""
        return self._assessor.to_table(self.times, self.sizes, areas=self.areas, arm=arm, ids=ids, new_lesions=self.new_lesions)

    def _assess(self, who: IntArray) -> Assessment:
        last = self._made[who].max()
        return self._assessor.assess(
            self._times[who, :last],
            self._sizes[who, :last],
            areas=self._areas[who, :last],
            new_lesions=self._new[who, :last],
        )

    def _widen(self) -> None:
        missing = np.full((self._made.size, 1), np.nan)
        self._times = np.concatenate([self._times, missing], axis=1)
        self._sizes = np.concatenate([self._sizes, missing], axis=1)
        self._areas = np.concatenate([self._areas, missing], axis=1)
        self._new = np.concatenate([self._new, np.zeros((self._made.size, 1), dtype=bool)], axis=1)
