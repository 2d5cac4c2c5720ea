"""What care beside the drug took: days on each supportive measure, and the size of every course of an observable. No doses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pandas as pd

from cytotrial.results.folder import RunFolder
from cytotrial.results.tables import readable
from cytotrial.units import HOURS_PER_DAY

CARE = "care"  # the word `inputs.WHAT` has for what the clinic turns on and off
CARE_COLUMNS = ["arm", "care", "patients", "percent", "days_median", "days_q1", "days_q3", "days_mean"]


def care_days(patients: pd.DataFrame, inputs: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """Supportive care by arm: patients who ever had it, their share, and the days of those who had it.

    A ward, a drug that is at hand, oxygen: whatever was turned on and off. Care never turned off is not counted in days.
    """
    switched = inputs[(inputs["WHAT"] == CARE) & (inputs["KIND"] == "set")].sort_values("TIME", kind="stable")
    rows = []
    for arm in arms:
        everybody = int((patients["ARM"] == arm).sum())
        for care, part in switched[switched["ARM"] == arm].groupby("TARGET", sort=True):
            until = part.groupby("ID")["TIME"].shift(-1)
            days = ((until - part["TIME"]) / HOURS_PER_DAY)[part["VALUE"] > 0].groupby(part["ID"]).sum(min_count=1)
            spread = [float(days.quantile(share)) for share in (0.5, 0.25, 0.75)]
            percent = 100 * len(days) / everybody if everybody else float("nan")
            rows.append([arm, cast("str", care), len(days), percent, *spread, float(days.mean())])
    frame = pd.DataFrame(rows, columns=CARE_COLUMNS)
    kinds = {name: "int64" if name == "patients" else "float64" for name in CARE_COLUMNS[2:]}
    return readable(frame.astype(kinds))


def course_sizes(run: RunFolder, observables: Sequence[str]) -> pd.DataFrame:
    """The height and the area of each observable's course, by arm: medians over the patients whose courses are kept.

    Columns: arm, observable, patients, start_median, peak_median, lowest_median, area_median (trapezoids, [unit x d]: an
    exposure where the observable is a concentration).
    """
    parts = [_size_query(name) for name in observables]
    if not parts:
        return readable(pd.DataFrame(columns=["arm", "observable", "patients"]))
    return run.query(" UNION ALL ".join(parts) + " ORDER BY observable, arm")


def _size_query(name: str) -> str:
    column, text = '"' + name.replace('"', '""') + '"', "'" + name.replace("'", "''") + "'"
    return f"""
    SELECT ARM AS arm, {text} AS observable, count(*) AS patients, median(first) AS start_median, median(peak) AS peak_median,
           median(lowest) AS lowest_median, median(area) AS area_median
    FROM (
        SELECT ARM, ID, arg_min(value, TIME) AS first, max(value) AS peak, min(value) AS lowest, sum(slice) AS area
        FROM (
            SELECT ARM, ID, TIME, {column}::DOUBLE AS value,
                   ({column}::DOUBLE + lag({column}::DOUBLE) OVER patient) / 2 * (TIME - lag(TIME) OVER patient)
                   / {HOURS_PER_DAY} AS slice
            FROM trajectories WHERE NOT isnan({column}) WINDOW patient AS (PARTITION BY ARM, ID ORDER BY TIME)
        ) GROUP BY ARM, ID
    ) GROUP BY ARM"""
