"""The assessments of levels of a chunk of patients so far, and what they show. The levels themselves are another's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.levels import UNKNOWN_LEVEL, Found, LevelAssessor
from cytotrial.observe.observe import moment_is_now
from cytotrial.observe.response import NOT_EVALUABLE
from cytotrial.observe.scans import Look, Shown


class Ascents:
    """Assessments by patient, each patient's own in order; who is assessed again is looked at from the start, nobody else."""

    def __init__(self, assessor: LevelAssessor, patients: int) -> None:
        self._assessor = assessor
        self._made: IntArray = np.zeros(patients, dtype=np.int64)
        # One column more than anybody has assessments, so that the next one has a place.
        self._times: FloatArray = np.full((patients, 1), np.nan)
        self._level: CodeArray = np.full((patients, 1), UNKNOWN_LEVEL)
        self._progression: BoolArray = np.zeros((patients, 1), dtype=bool)
        self._relapse: BoolArray = np.zeros((patients, 1), dtype=bool)
        nothing = np.full(patients, np.nan)
        self.last_time: FloatArray = nothing.copy()
        self.shown = Shown(np.full(patients, NOT_EVALUABLE), nothing, nothing.copy(), np.zeros(patients, dtype=bool))

    def read(self, look: Look) -> None:
        """Adds a round: of those whose assessment is due, everybody at the first visit."""
        occasion = look.occasion
        due = (moment_is_now(self._assessor.moment, occasion, self.last_time) | occasion.first) & occasion.present
        (who,) = np.nonzero(due)
        if who.size:
            self.add(who, time=occasion.time[who], found=self._assessor.find(look.history.of(who)))

    def add(self, who: IntArray, *, time: FloatArray, found: Found) -> None:
        """Adds an assessment of the patients at the positions `who`; `time` [h] and `found` are theirs, (who,) each."""
        place = self._made[who]
        self._times[who, place], self._level[who, place] = time, found.level
        self._progression[who, place], self._relapse[who, place] = found.progression, found.relapse
        self._made[who] += 1
        self.last_time[who] = time
        last = self._made[who].max()
        ascent = self._assessor.assess(self._times[who, :last], self._found(who, last))
        self.shown.last[who] = ascent.overall[np.arange(who.size), place]
        self.shown.progression_time[who] = ascent.progression_time
        if self._made.max() == self._times.shape[1]:
            self._widen()

    def to_table(self, *, arm: str, ids: IntArray) -> pd.DataFrame:
        """The rows of the table `responses`."""
        last = max(1, int(self._made.max(initial=0)))
        everybody = np.arange(self._made.size)
        return self._assessor.to_table(self._times[:, :last], self._found(everybody, last), arm=arm, ids=ids)

    def _found(self, who: IntArray, last: int) -> Found:
        return Found(self._level[who, :last], self._progression[who, :last], self._relapse[who, :last])

    def _widen(self) -> None:
        patients = self._made.size
        nobody = np.zeros((patients, 1), dtype=bool)
        self._times = np.concatenate([self._times, np.full((patients, 1), np.nan)], axis=1)
        self._level = np.concatenate([self._level, np.full((patients, 1), UNKNOWN_LEVEL)], axis=1)
        self._progression = np.concatenate([self._progression, nobody], axis=1)
        self._relapse = np.concatenate([self._relapse, nobody], axis=1)
