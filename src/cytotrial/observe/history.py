"""What has been seen of each patient so far: charts and grades, in order of time. It measures and decides nothing.

A value counts as known until its finding's time of validity is over; then it is unknown again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt
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
class _Measured:
    """One finding for a table: which visits it was measured at, (visits,) in the order of the table, and the values there."""

    finding: Finding
    visits: IntArray
    value: FloatArray


class History:
    """The charts and grades of a chunk of patients, one round after the other."""

    def __init__(self, plan: MonitoringPlan, patients: int) -> None:
        self.plan = plan
        self.patients = patients
        self.now: FloatArray = np.full(patients, np.nan)
        self._times: list[FloatArray] = []
        self._series: dict[str, list[Record]] = {name: [] for name in plan.findings}
        self._rounds: dict[str, list[int]] = {name: [] for name in plan.findings}
        self._grades: dict[str, list[Record]] = {}
        self._baseline: dict[str, FloatArray] = {name: np.full(patients, np.nan) for name in plan.findings}
        self._latest: dict[str, FloatArray] = {name: np.full(patients, np.nan) for name in plan.findings}
        self._measured_at: dict[str, FloatArray] = {name: np.full(patients, np.nan) for name in plan.findings}
        self._fresh: dict[str, FloatArray] = {}

    def add(self, chart: Chart) -> None:
        """Adds a round. Findings outside the plan are not kept."""
        self.now = np.where(chart.present, chart.time, self.now)
        self._fresh.clear()
        self._times.append(chart.time)
        for name in self.plan.findings.keys() & chart.values.keys():
            value = chart.values[name]
            known = chart.present & ~np.isnan(value)
            if not known.any():
                continue
            since = chart.since if self.plan.findings[name].is_over_interval else chart.time
            self._series[name].append(Record(np.where(known, value, np.nan), chart.time, since))
            self._rounds[name].append(len(self._times) - 1)
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

    def of(self, rows: IntArray) -> SomeOf:
        """What has been seen of the patients at these positions."""
        return SomeOf(self, rows)

    def to_tables(self, *, arm: str, ids: IntArray, keep: BoolArray | None = None) -> dict[str, pd.DataFrame]:
        """The tables `labs` and `vitals` of a run: one row per measured value, ordered by patient, time and finding."""
        kept = np.ones(self.patients, dtype=bool) if keep is None else keep
        parts: dict[str, list[_Measured]] = {"labs": [], "vitals": []}
        for name, finding in sorted(self.plan.findings.items(), key=lambda item: item[1].code):
            table = TABLES.get(finding.group)
            if table is None or not self._series[name]:
                continue
            value = np.stack([record.value for record in self._series[name]], axis=1)
            patient, measured = np.nonzero(~np.isnan(value) & kept[:, None])
            visits = patient * len(self._times) + np.array(self._rounds[name])[measured]
            parts[table].append(_Measured(finding, visits, value[patient, measured]))
        return {table: self._table(values, arm=arm, ids=ids) for table, values in parts.items()}

    def _table(self, parts: list[_Measured], *, arm: str, ids: IntArray) -> pd.DataFrame:
        """One table of the values of several findings, which are in order of their codes.

        A patient's rounds are in order of time, so that patient and round together number the visits in the order of the table:
        each value has its place without sorting.
        """
        if not parts:
            return _no_values()
        rounds = len(self._times)
        counts = np.zeros(self.patients * rounds, dtype=np.int64)
        for part in parts:
            counts[part.visits] += 1
        place = np.cumsum(counts) - counts
        value = np.empty(counts.sum())
        which = np.empty(value.size, dtype=np.int16)
        for index, part in enumerate(parts):
            rows = place[part.visits]
            place[part.visits] += 1
            value[rows], which[rows] = part.value, index
        columns = {
            "ARM": _texts(np.zeros(value.size, dtype=np.int8), [arm]),
            "ID": np.repeat(ids, counts.reshape(self.patients, rounds).sum(axis=1)),
            "TIME": np.repeat(np.stack(self._times, axis=1).ravel(), counts),
            "PARAMCD": _texts(which, [part.finding.code for part in parts]),
            "NAME": _texts(which, [part.finding.name for part in parts]),
            "AVAL": value,
            "AVALU": _texts(which, [part.finding.unit for part in parts]),
        }
        return pd.DataFrame(columns)[list(COLUMNS)]


class SomeOf:
    """What has been seen of some patients of a history, as a history shows it of all: few visits are everybody's."""

    def __init__(self, history: History, rows: IntArray) -> None:
        """The patients at the positions `rows` of a history."""
        self.plan = history.plan
        self.patients = rows.size
        self._history = history
        self._rows = rows
        self._latest: dict[str, FloatArray] = {}

    def latest(self, name: str) -> FloatArray:
        """As `History.latest`."""
        if name not in self._latest:
            # Many conditions ask for the same finding in one round.
            self._latest[name] = self._history.latest(name)[self._rows]
        return self._latest[name]

    def measured_at(self, name: str) -> FloatArray:
        """As `History.measured_at`."""
        return self._history.measured_at(name)[self._rows]

    def baseline(self, name: str) -> FloatArray:
        """As `History.baseline`."""
        return self._history.baseline(name)[self._rows]

    def series(self, name: str) -> Sequence[Record]:
        """As `History.series`."""
        return _SomeRecords(self._history.series(name), self._rows)

    def grade_series(self, term: str) -> Sequence[Record]:
        """As `History.grade_series`."""
        return _SomeRecords(self._history.grade_series(term), self._rows)


class _SomeRecords(Sequence[Record]):
    """Records of some patients, cut out when they are looked at: few conditions look far back."""

    def __init__(self, records: Sequence[Record], rows: IntArray) -> None:
        self._records, self._rows = records, rows

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, slice):
            return _SomeRecords(self._records[index], self._rows)
        record = self._records[index]
        return Record(record.value[self._rows], record.time[self._rows], record.since[self._rows])


def _texts(codes: npt.NDArray[np.integer], texts: Sequence[str]) -> pd.Categorical[str]:
    """A column of texts that repeat, each kept once: millions of rows hold a few dozen of them."""
    known = pd.Index(list(dict.fromkeys(texts)))
    places: npt.NDArray[np.int16] = known.get_indexer(pd.Index(texts)).astype(np.int16)
    return pd.Categorical.from_codes(places[codes], known)


def _no_values() -> pd.DataFrame:
    types = {"ID": "int64", "TIME": "float64", "AVAL": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=types.get(name, "object")) for name in COLUMNS})
