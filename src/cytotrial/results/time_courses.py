"""Bands over patients of one observable in time. Computed in DuckDB, so that memory does not grow with patients."""

from __future__ import annotations

import pandas as pd

from cytotrial.results.folder import RunFolder

# The band shown: the middle half and the middle nine tenths of the patients still followed.
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}


def bands(run: RunFolder, observable: str) -> pd.DataFrame:
    """One row per arm and time: arm, time [h], patients, p05, p25, p50, p75, p95 of `observable` (a column of trajectories)."""
    column = '"' + observable.replace('"', '""') + '"'
    shares = ", ".join(str(share) for share in QUANTILES.values())
    # One list of quantiles sorts the values once; a quantile each would sort them five times.
    parts = ", ".join(f"found[{number}] AS {name}" for number, name in enumerate(QUANTILES, start=1))
    return run.query(
        f"SELECT arm, time, patients, {parts} FROM ("
        f"SELECT ARM AS arm, TIME AS time, count({column}) AS patients, quantile_cont({column}::DOUBLE, [{shares}]) AS found "
        f"FROM trajectories WHERE NOT isnan({column}) GROUP BY ARM, TIME) ORDER BY arm, time"
    )
