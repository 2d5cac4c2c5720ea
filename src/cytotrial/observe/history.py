"""What has been seen of each patient so far: charts and grades, in order of time. It measures and decides nothing.

A value counts as known until its finding's time of validity is over; then it is unknown again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import Finding, MonitoringPlan

TABLES = {"lab": "labs", "vital": "vitals", "sign": "vitals", "treatment": "vitals"}
COLUMNS = ("ARM", "ID", "TIME", "PARAMCD", "NAME", "AVAL", "AVALU")


@dataclass(frozen=True)
class Record:
    """One round of a series, (patients,): value (NaN: none), its time [h], and the time from which it speaks [h]."""

    value: FloatArray
    time: FloatArray
    since: FloatArray


@dataclass(frozen=True)
class _Values:
    """All measured values of one finding, (values,) each."""

    finding: Finding
    patient: IntArray
    time: FloatArray
    value: FloatArray


class History:
    """The charts and grades of a chunk of patients, one round after the other."""

    def __init__(self, plan: MonitoringPlan, patients: int) -> None:
        self.plan = plan
        self.patients = patients
        self.now: FloatArray = np.full(patients, np.nan)
        self._series: dict[str, list[Record]] = {name: [] for name in plan.findings}
        self._grades: dict[str, list[Record]] = {}
        self._baseline: dict[str, FloatArray] = {name: np.full(patients, np.nan) for name in plan.findings}
        self._latest: dict[str, FloatArray] = {name: np.full(patients, np.nan) for name in plan.findings}
        self._measured_at: dict[str, FloatArray] = {name: np.full(patients, np.nan) for name in plan.findings}
        self._fresh: dict[str, FloatArray] = {}

    def add(self, chart: Chart) -> None:
        """Adds a round. Findings outside the plan are not kept."""
        self.now = np.where(chart.present, chart.time, self.now)
        self._fresh.clear()
        for name in self.plan.findings.keys() & chart.values.keys():
            value = chart.values[name]
            known = chart.present & ~np.isnan(value)
            if not known.any():
                continue
            since = chart.since if self.plan.findings[name].is_over_interval else chart.time
            self._series[name].append(Record(np.where(known, value, np.nan), chart.time, since))
            self._latest[name] = np.where(known, value, self._latest[name])
            self._measured_at[name] = np.where(known, chart.time, self._measured_at[name])
            self._baseline[name] = np.where(known & chart.first, value, self._baseline[name])

    def add_grades(self, grades: Mapping[str, CodeArray], chart: Chart) -> None:
        """Adds the grades (-1 unknown) of the round of `chart`, for conditions on how long a grade has lasted."""
        for term, grade in grades.items():
            known = chart.present & (grade >= 0)
            if known.any():
                record = Record(np.where(known, grade.astype(np.float64), np.nan), chart.time, chart.time)
                self._grades.setdefault(term, []).append(record)

    def latest(self, name: str) -> FloatArray:
        """The last measured value (patients,), NaN where there is none or it is too old to count."""
        if name not in self._fresh:
            # Many conditions ask for the same finding in one round.
            age = self.now - self._measured_at[name]
            fresh = age <= self.plan.findings[name].valid_hours + TIME_TOLERANCE_HOURS
            self._fresh[name] = np.where(fresh, self._latest[name], np.nan)
        return self._fresh[name]

    def measured_at(self, name: str) -> FloatArray:
        """When the finding was last measured [h] (patients,), NaN where never."""
        return self._measured_at[name]

    def baseline(self, name: str) -> FloatArray:
        """The value of the patient's first visit (patients,), NaN where it was not measured then."""
        return self._baseline[name]

    def series(self, name: str) -> Sequence[Record]:
        """All rounds in which the finding was measured for somebody, oldest first."""
        return self._series[name]

    def grade_series(self, term: str) -> Sequence[Record]:
        """All rounds in which the term was graded for somebody, oldest first; empty where none was added."""
        return self._grades.get(term, ())

    def to_tables(self, *, arm: str, ids: IntArray, keep: BoolArray | None = None) -> dict[str, pd.DataFrame]:
        """The tables `labs` and `vitals` of a run: one row per measured value, ordered by patient, time and finding."""
        parts: dict[str, list[_Values]] = {"labs": [], "vitals": []}
        kept = np.ones(self.patients, dtype=bool) if keep is None else keep
        for name, finding in self.plan.findings.items():
            table = TABLES.get(finding.group)
            if table is None or not self._series[name]:
                continue
            value = np.stack([record.value for record in self._series[name]])
            time = np.stack([record.time for record in self._series[name]])
            rounds, who = np.nonzero(~np.isnan(value) & kept)
            parts[table].append(_Values(finding, ids[who], time[rounds, who], value[rounds, who]))
        return {table: _joined(values, arm) for table, values in parts.items()}


def _joined(parts: list[_Values], arm: str) -> pd.DataFrame:
    """One table of the values, ordered by patient, time and code; texts are written once the numbers are in order."""
    if not parts:
        return pd.DataFrame(
            {
                name: pd.Series(dtype={"ID": "int64", "TIME": "float64", "AVAL": "float64"}.get(name, "object"))
                for name in COLUMNS
            }
        )
    parts = sorted(parts, key=lambda part: part.finding.code)
    which = np.repeat(np.arange(len(parts)), [part.value.size for part in parts])
    patient, time, value = (np.concatenate([getattr(part, name) for part in parts]) for name in ("patient", "time", "value"))
    order = np.lexsort((which, time, patient))
    which = which[order]
    columns = {
        "ARM": arm,
        "ID": patient[order],
        "TIME": time[order],
        "PARAMCD": np.array([part.finding.code for part in parts], dtype=object)[which],
        "NAME": np.array([part.finding.name for part in parts], dtype=object)[which],
        "AVAL": value[order],
        "AVALU": np.array([part.finding.unit for part in parts], dtype=object)[which],
    }
    return pd.DataFrame(columns)[list(COLUMNS)]
