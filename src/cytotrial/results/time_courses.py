"""Bands over patients of one observable in time. It draws nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cytotrial.results.folder import RunFolder
from cytotrial.results.tables import readable

# The band shown: the middle half and the middle nine tenths of the patients still followed.
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}
FEWEST_SEEN = 0.1  # of those followed: times at which fewer have a row of their own add points, but nothing to see


def bands(run: RunFolder, observable: str) -> pd.DataFrame:
    """One row per arm and time: arm, time [h], patients, p05, p25, p50, p75, p95 of `observable` (a column of trajectories).

    Every patient counts at every time between his own first and last row, with a value between the two rows beside it; where
    only those with a row counted, the median would jump whenever part of them were looked at. `patients` are those followed.
    """
    rows = run.columns("trajectories", ["ARM", "ID", "TIME", observable]).dropna()
    rows = rows.sort_values(["ARM", "ID", "TIME"], kind="stable")
    found: list[pd.DataFrame] = []
    for arm, part in rows.groupby("ARM", sort=True, observed=True):
        columns = _of_arm(part["ID"].to_numpy(), part["TIME"].to_numpy(dtype=float), part[observable].to_numpy(dtype=float))
        found.append(pd.DataFrame({"arm": str(arm), **columns}))
    nothing = pd.DataFrame({name: pd.Series(dtype="float64") for name in ("arm", "time", "patients", *QUANTILES)})
    return readable(pd.concat(found or [nothing.astype({"arm": "string"})], ignore_index=True))


def _of_arm(patient: np.ndarray, time: np.ndarray, value: np.ndarray) -> Mapping[str, np.ndarray]:
    """The columns of one arm; rows in order of patients and, of each, of times."""
    moments, seen = np.unique(time, return_counts=True)
    starts = np.flatnonzero(np.diff(patient, prepend=patient[0] - 1))
    followed = np.full((starts.size, moments.size), np.nan)
    for row, (first, last) in enumerate(zip(starts, np.append(starts[1:], patient.size), strict=True)):
        own, values = time[first:last], value[first:last]
        inside = slice(*np.searchsorted(moments, (own[0], own[-1] + np.spacing(own[-1]))))
        followed[row, inside] = np.interp(moments[inside], own, values)
    present = np.count_nonzero(~np.isnan(followed), axis=0)
    kept = seen >= FEWEST_SEEN * present
    quantiles = _quantiles(followed[:, kept], present[kept])
    return {"time": moments[kept], "patients": present[kept], **dict(zip(QUANTILES, quantiles, strict=True))}


def _quantiles(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The quantiles of the columns of `values`, between the two values beside them; NaN counts for nothing."""
    values.sort(axis=0)  # NaN comes last
    place = np.array(list(QUANTILES.values()))[:, None] * (present - 1)
    below = np.floor(place).astype(np.int64)
    low, high = (np.take_along_axis(values, at, axis=0) for at in (below, np.minimum(below + 1, present - 1)))
    # A patient on the way to failing may have run beyond all numbers: so do the quantiles that it reaches.
    with np.errstate(invalid="ignore"):
        between: np.ndarray = low + (place - below) * (high - low)
    return between
