"""Care that was really used, told from what the clinic measured: how many needed it and for how long. Not what was at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from cytotrial.formats.clinic import CareInUse
from cytotrial.results.proportions import Estimate, exact_proportion
from cytotrial.results.tables import readable
from cytotrial.units import HOURS_PER_DAY, conversion

Unit = Literal["patient", "course", "cycle"]
KEYS: Mapping[Unit, list[str]] = {"patient": ["ID"], "course": ["ID", "COURSE"], "cycle": ["ID", "COURSE", "CYCLE"]}
LONG_HOURS = 3 * HOURS_PER_DAY  # longer care is told in days
COLUMNS = [
    *("arm", "care", "title", "patients", "percent", "courses", "courses_percent", "low_percent", "high_percent"),
    *("hours_median", "hours_q1", "hours_q3"),
]


def care_in_use(
    findings: pd.DataFrame, slots: pd.DataFrame, patients: pd.DataFrame, care: Mapping[str, CareInUse], *, arms: Sequence[str]
) -> pd.DataFrame:
    """One row per arm and care: how many patients and begun courses had it, and for how long those who did.

    Columns: arm, care, title, patients, percent (of all), courses, courses_percent (of those begun) with low_percent and
    high_percent (95 %), hours_median, hours_q1, hours_q3 (over the courses with it, between the visits at which it was seen).
    """
    rows = []
    for arm in arms:
        everybody = int((patients["ARM"] == arm).sum())
        measured, mine = findings[findings["ARM"] == arm], slots[slots["ARM"] == arm]
        for name, what in care.items():
            used = times_in_use(measured, mine, what)
            if used is None:
                continue
            whole, share = used["ID"].nunique(), use_rate(used, mine, per="course")
            lasting = used.groupby(KEYS["course"])["HOURS"].sum()
            spread = [float(lasting.quantile(part)) for part in (0.5, 0.25, 0.75)]
            courses = (len(lasting), 100 * share.value, 100 * share.low, 100 * share.high)
            percent = 100 * whole / everybody if everybody else float("nan")
            rows.append([arm, name, what.title.en, whole, percent, *courses, *spread])
    frame = pd.DataFrame(rows, columns=COLUMNS)
    whole_numbers, text = {"patients", "courses"}, {"arm", "care", "title"}
    kinds = {name: "int64" if name in whole_numbers else "float64" for name in COLUMNS if name not in text}
    return readable(frame.astype(kinds))


def times_in_use(measured: pd.DataFrame, slots: pd.DataFrame, care: CareInUse) -> pd.DataFrame | None:
    """The visits of one arm at which the care was in use: ID, COURSE, CYCLE, HOURS since the visit before; None: not measured.

    A visit belongs to the cycle before it; what is seen before the first dose of a patient is left out.
    """
    seen = [measured[measured["NAME"] == sign.finding] for sign in care.seen_in]
    measurements = [rows for rows in seen if len(rows)]
    if not measurements:
        return None
    hits = [
        rows[rows["AVAL"] > sign.above * conversion(sign.unit, str(rows["AVALU"].iloc[0]))][["ID", "TIME"]]
        for sign, rows in zip(care.seen_in, seen, strict=True)
        if len(rows)
    ]
    used = pd.concat(hits).astype({"TIME": "float64"}).drop_duplicates()
    visits = pd.concat([rows[["ID", "TIME"]] for rows in measurements]).astype({"TIME": "float64"}).drop_duplicates()
    visits = visits.sort_values(["ID", "TIME"], kind="stable")
    visits["HOURS"] = visits.groupby("ID")["TIME"].diff().fillna(0.0)
    used = used.merge(visits, on=["ID", "TIME"], how="left")
    begun = pd.DataFrame(slots[slots["GIVEN"].fillna(0) > 0].groupby(KEYS["cycle"], as_index=False).agg({"TIME": "min"}))
    begun = begun.astype({"TIME": "float64", "COURSE": "int64", "CYCLE": "int64"}).sort_values("TIME", kind="stable")
    placed = pd.merge_asof(used.sort_values("TIME", kind="stable"), begun, on="TIME", by="ID")
    known: pd.DataFrame = placed[placed["COURSE"].notna()]
    return known.astype({"COURSE": "int64", "CYCLE": "int64"})


def use_rate(used: pd.DataFrame, slots: pd.DataFrame, *, per: Unit, patients: int | None = None) -> Estimate:
    """The share of begun courses or cycles with the care, or of `patients` where these are given."""
    keys = KEYS[per]
    count = len(used[keys].drop_duplicates())
    begun = slots[slots["GIVEN"].fillna(0) > 0][keys].drop_duplicates()
    return exact_proportion(count, len(begun) if patients is None else patients)


def hours_in_use(used: pd.DataFrame, *, per: Unit) -> np.ndarray:
    """The hours of each patient, course or cycle that had the care (units,)."""
    found: np.ndarray = used.groupby(KEYS[per])["HOURS"].sum().to_numpy(dtype=float)
    return found


def length_unit(longest_hours: float) -> tuple[float, str]:
    """The hours of a unit, and its sign, in which care of that length is told.

    >>> length_unit(8.0), length_unit(1340.0)
    ((1.0, 'h'), (24.0, 'd'))
    """
    return (HOURS_PER_DAY, "d") if longest_hours > LONG_HOURS else (1.0, "h")
