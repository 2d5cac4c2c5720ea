"""What has been seen of each patient so far: charts and grades, in order of time. It measures and decides nothing.

A value counts as known until its finding's time of validity is over; then it is unknown again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.columns import same, texts
from cytotrial.observe.decimals import decimal
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import Finding, MonitoringPlan

TABLES = {"lab": "labs", "vital": "vitals", "sign": "vitals", "treatment": "vitals"}
COLUMNS = ("ARM", "ID", "TIME", "PARAMCD", "NAME", "AVAL", "AVALU")

PATIENTS_AT_ONCE = 250  # in one part of a table: memory of this size is used again and again, not asked for anew


@dataclass(frozen=True)
class Record:
    """One round of a series, (patients,): value (NaN: none), its time [h], and the time from which it speaks [h]."""

    value: FloatArray
    time: FloatArray
    since: FloatArray


@dataclass(frozen=True)
class _Round:
    """A round of visits: positions of those present, (present,), in order, when it was and since when it speaks [h].

    `measured` are the places of the findings measured for somebody, `values` (measured, present) their values, NaN where none.
    """

    who: IntArray
    time: FloatArray
    since: FloatArray
    measured: IntArray
    values: FloatArray

    def of(self, place: int, patients: int, *, is_over_interval: bool) -> Record:
        """The round of one finding measured in it, for all patients."""

        def spread(values: FloatArray) -> FloatArray:
            among = np.full(patients, np.nan)
            among[self.who] = values
            return among

        time = spread(self.time)
        since = spread(self.since) if is_over_interval else time
        return Record(spread(self.values[np.searchsorted(self.measured, place)]), time, since)


class History:
    """The charts and grades of a chunk of patients, one round after the other.

    What is known of all is kept in arrays (findings, patients): a round changes those of its patients at one stroke.
    """

    def __init__(self, plan: MonitoringPlan, patients: int) -> None:
        self.plan = plan
        self.patients = patients
        self.now: FloatArray = np.full(patients, np.nan)
        findings = plan.findings.values()
        self._place = {name: index for index, name in enumerate(plan.findings)}
        self._over_interval = np.array([finding.is_over_interval for finding in findings], dtype=bool)
        self._valid = np.array([finding.valid_hours for finding in findings])[:, None] + TIME_TOLERANCE_HOURS
        self._seen: SomeOf | None = None
        self._is_momentary = np.array([finding.valid_hours == 0 for finding in findings], dtype=bool)
        self._rounds: list[_Round] = []
        self._measured_in: list[list[int]] = [[] for _ in plan.findings]
        self._grades: dict[str, list[Record]] = {}
        self._multiples: dict[tuple[str, float], FloatArray] = {}
        shape = (len(plan.findings), patients)
        self._baseline, self._latest, self._measured_at = (np.full(shape, np.nan) for _ in range(3))

    def add(self, chart: Chart) -> None:
        """Adds a round. Findings outside the plan are not kept."""
        (who,) = np.nonzero(chart.present)
        self._seen = None
        self.now[who] = chart.time[who]
        seen = [(place, chart.values[name][who]) for name, place in self._place.items() if name in chart.values]
        values = np.array([value for _, value in seen]).reshape(len(seen), who.size)
        is_known = ~np.isnan(values)
        (some,) = np.nonzero(is_known.any(axis=1))
        measured = np.array([place for place, _ in seen], dtype=np.int64)[some]
        values, is_known = values[some], is_known[some]
        time = np.broadcast_to(chart.time[who], values.shape)
        changes = [(self._latest, values, is_known), (self._measured_at, time, is_known)]
        if chart.first.any():
            changes.append((self._baseline, values, is_known & chart.first[who]))
            self._multiples.clear()
        for kept, now, where in changes:
            is_all = where.all(axis=1)
            for place, value, known, all_known in zip(measured, now, where, is_all, strict=True):
                row = kept[place]
                row[who] = value if all_known else np.where(known, value, row[who])
        for place in measured:
            self._measured_in[place].append(len(self._rounds))
        self._rounds.append(_Round(who, chart.time[who], chart.since[who], measured, values))

    def add_grades(self, grades: Mapping[str, CodeArray], chart: Chart) -> None:
        """Adds the grades (-1 unknown) of the round of `chart`, for conditions on how long a grade has lasted."""
        for term, grade in grades.items():
            known = chart.present & (grade >= 0)
            if known.any():
                record = Record(np.where(known, grade.astype(np.float64), np.nan), chart.time, chart.time)
                self._grades.setdefault(term, []).append(record)

    def latest(self, name: str) -> FloatArray:
        """The last measured value (patients,), NaN where there is none or it is too old to count."""
        place = self._place[name]
        is_fresh = self.now - self._measured_at[place] <= self._valid[place]
        latest: FloatArray = np.where(is_fresh, self._latest[place], np.nan)
        return latest

    def latest_of(self, rows: IntArray) -> dict[str, FloatArray]:
        """As `latest`, all findings of the patients at these positions at once."""
        latest = np.empty((len(self._place), rows.size))
        here = np.zeros(len(self._place), dtype=bool)
        if self._rounds and np.array_equal(self._rounds[-1].who, rows):
            # What counts at its own visit alone is what this visit has found.
            last = self._rounds[-1]
            here[:] = self._is_momentary
            latest[here] = np.nan
            momentary = here[last.measured]
            latest[last.measured[momentary]] = last.values[momentary]
        (others,) = np.nonzero(~here)
        at = np.ix_(others, rows)
        is_fresh = self.now[rows] - self._measured_at[at] <= self._valid[others]
        latest[others] = np.where(is_fresh, self._latest[at], np.nan)
        return dict(zip(self._place, latest, strict=True))

    def measured_at(self, name: str) -> FloatArray:
        """When the finding was last measured [h] (patients,), NaN where never; to be read, not kept."""
        measured_at: FloatArray = self._measured_at[self._place[name]]
        return measured_at

    def baseline(self, name: str) -> FloatArray:
        """The value of the patient's first visit (patients,), NaN where it was not measured then; to be read, not kept."""
        baseline: FloatArray = self._baseline[self._place[name]]
        return baseline

    def multiple_of_baseline(self, name: str, multiple: float) -> FloatArray:
        """A multiple of the baseline (patients,) as a report writes it."""
        key = (name, multiple)
        if key not in self._multiples:
            # Every visit is compared with it: it is worked out when the baseline is new.
            self._multiples[key] = decimal((1.0 + (multiple - 1.0)) * self.baseline(name))
        return self._multiples[key]

    def series(self, name: str) -> Sequence[Record]:
        """All rounds in which the finding was measured for somebody, oldest first; times are NaN for those not present."""
        return _Rounds(self, name, self._measured_in[self._place[name]])

    def record(self, name: str, number: int) -> Record:
        """The round of this number, of one finding measured in it."""
        place = self._place[name]
        return self._rounds[number].of(place, self.patients, is_over_interval=bool(self._over_interval[place]))

    def grade_series(self, term: str) -> Sequence[Record]:
        """All rounds in which the term was graded for somebody, oldest first; empty where none was added."""
        return self._grades.get(term, ())

    def of(self, rows: IntArray) -> SomeOf:
        """What has been seen of the patients at these positions; worked out once where the same are asked for again."""
        if self._seen is None or not np.array_equal(self._seen.rows, rows):
            self._seen = SomeOf(self, rows)
        return self._seen

    def to_tables(self, *, arm: str, ids: IntArray, keep: BoolArray | None = None) -> dict[str, pd.DataFrame]:
        """The tables `labs` and `vitals` of a run: one row per measured value, ordered by finding, patient and time."""
        parts: dict[str, list[pd.DataFrame]] = {table: [_no_values()] for table in ("labs", "vitals")}
        for table, part in self.parts(arm=arm, ids=ids, keep=keep):
            parts[table].append(part)
        return {table: pd.concat(found[1:] or found, ignore_index=True) for table, found in parts.items()}

    def parts(self, *, arm: str, ids: IntArray, keep: BoolArray | None = None) -> Iterator[tuple[str, pd.DataFrame]]:
        """The tables as `to_tables`, some patients at a time: all of it at once would fill the memory."""
        kept = np.ones(self.patients, dtype=bool) if keep is None else keep
        by_code = sorted(self.plan.findings.values(), key=lambda finding: finding.code)
        shown = {table: [one for one in by_code if TABLES.get(one.group) == table] for table in ("labs", "vitals")}
        for first in range(0, self.patients, PATIENTS_AT_ONCE):
            visits = self._visits(np.arange(first, min(first + PATIENTS_AT_ONCE, self.patients)), kept=kept)
            for table, findings in shown.items():
                part = visits.table([self._place[finding.name] for finding in findings], findings, arm=arm, ids=ids)
                if len(part):
                    yield table, part

    def _visits(self, patients: IntArray, *, kept: BoolArray) -> _Visits:
        """All visits of some neighbouring patients who are kept, by patient and time."""
        spans = [np.searchsorted(one.who, (patients[0], patients[-1] + 1)) for one in self._rounds]
        patient, time = (
            np.concatenate([getattr(one, name)[slice(*span)] for one, span in zip(self._rounds, spans, strict=True)] or [[]])
            for name in ("who", "time")
        )
        values = np.full((len(self._place), patient.size), np.nan)
        last = 0
        for one, (start, end) in zip(self._rounds, spans, strict=True):
            first, last = last, last + end - start
            values[one.measured, first:last] = one.values[:, start:end]
        # A patient's rounds are in order of time.
        order = np.argsort(patient, kind="stable")
        order = order[kept[patient[order].astype(np.int64)]]
        return _Visits(patient[order].astype(np.int64), time[order], values[:, order])


@dataclass(frozen=True)
class _Visits:
    """Visits in order, (visits,): whose and when [h]; `values` (findings, visits), NaN where not measured."""

    patient: IntArray
    time: FloatArray
    values: FloatArray

    def table(self, places: Sequence[int], findings: Sequence[Finding], *, arm: str, ids: IntArray) -> pd.DataFrame:
        """The values at these places, which are of these findings, by finding in the order given and then by visit."""
        values = self.values[places]
        is_known = ~np.isnan(values)
        which = np.repeat(np.arange(len(places), dtype=np.int16), np.count_nonzero(is_known, axis=1))

        def of_visits(column: np.ndarray) -> np.ndarray:
            return np.broadcast_to(column, values.shape)[is_known]

        columns = {
            "ARM": same(arm, which.size),
            "ID": of_visits(ids[self.patient]),
            "TIME": of_visits(self.time),
            "PARAMCD": texts(which, [finding.code for finding in findings]),
            "NAME": texts(which, [finding.name for finding in findings]),
            "AVAL": values[is_known],
            "AVALU": texts(which, [finding.unit for finding in findings]),
        }
        # As they are: put side by side in blocks, millions of rows would be copied.
        return pd.DataFrame(columns, copy=False)


class SomeOf:
    """What has been seen of some patients of a history, as a history shows it of all: few visits are everybody's."""

    def __init__(self, history: History, rows: IntArray) -> None:
        """The patients at the positions `rows` of a history."""
        self.plan = history.plan
        self.patients = rows.size
        self._history = history
        self.rows = rows
        self._latest: dict[str, FloatArray] = history.latest_of(rows)

    def latest(self, name: str) -> FloatArray:
        """As `History.latest`."""
        return self._latest[name]

    def measured_at(self, name: str) -> FloatArray:
        """As `History.measured_at`."""
        return self._history.measured_at(name)[self.rows]

    def baseline(self, name: str) -> FloatArray:
        """As `History.baseline`."""
        return self._history.baseline(name)[self.rows]

    def multiple_of_baseline(self, name: str, multiple: float) -> FloatArray:
        """As `History.multiple_of_baseline`."""
        return self._history.multiple_of_baseline(name, multiple)[self.rows]

    def series(self, name: str) -> Sequence[Record]:
        """As `History.series`."""
        return _SomeRecords(self._history.series(name), self.rows)

    def grade_series(self, term: str) -> Sequence[Record]:
        """As `History.grade_series`."""
        return _SomeRecords(self._history.grade_series(term), self.rows)


class _Rounds(Sequence[Record]):
    """The rounds of one finding, spread over all patients when they are looked at: few conditions look back."""

    def __init__(self, history: History, name: str, numbers: Sequence[int]) -> None:
        self._history, self._name, self._numbers = history, name, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, slice):
            return _Rounds(self._history, self._name, self._numbers[index])
        return self._history.record(self._name, self._numbers[index])


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


def _no_values() -> pd.DataFrame:
    types = {"ID": "int64", "TIME": "float64", "AVAL": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=types.get(name, "object")) for name in COLUMNS})
