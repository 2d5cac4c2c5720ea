"""Bands over patients of one observable in time. Computed in DuckDB, so that memory does not grow with patients."""

from __future__ import annotations

import pandas as pd

from cytotrial.results.folder import RunFolder

# The band shown: the middle half and the middle nine tenths of the patients still followed.
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}
FEWEST_SEEN = 0.1  # of those followed: times at which fewer have a row of their own add points, but nothing to see


def bands(run: RunFolder, observable: str) -> pd.DataFrame:
    """One row per arm and time: arm, time [h], patients, p05, p25, p50, p75, p95 of `observable` (a column of trajectories).

    Every patient counts at every time between his own first and last row, with a value between the two rows beside it; where
    only those with a row counted, the median would jump whenever part of them were looked at. `patients` are those followed.
    """
    column = '"' + observable.replace('"', '""') + '"'
    shares = ", ".join(str(share) for share in QUANTILES.values())
    # One list of quantiles sorts the values once; a quantile each would sort them five times.
    parts = ", ".join(f"found[{number}] AS {name}" for number, name in enumerate(QUANTILES, start=1))
    return run.query(f"""
    WITH kept AS (
        SELECT ARM, ID, TIME, {column}::DOUBLE AS value, lead(TIME) OVER later AS next_time,
               lead({column}::DOUBLE) OVER later AS next_value
        FROM trajectories WHERE NOT isnan({column}) WINDOW later AS (PARTITION BY ARM, ID ORDER BY TIME)
    ), moments AS (
        SELECT ARM, TIME, count(*) AS seen FROM kept GROUP BY ARM, TIME
    ), patients AS (
        SELECT ARM, ID, min(TIME) AS first, max(TIME) AS last FROM kept GROUP BY ARM, ID
    ), followed AS (
        SELECT moments.ARM, ID, moments.TIME, seen, count(*) OVER (PARTITION BY moments.ARM, moments.TIME) AS present
        FROM moments JOIN patients
        ON moments.ARM = patients.ARM AND moments.TIME >= patients.first AND moments.TIME <= patients.last
    ), placed AS (
        SELECT followed.ARM, followed.TIME,
               CASE WHEN kept.TIME = followed.TIME THEN value
               ELSE value + (next_value - value) * (followed.TIME - kept.TIME) / (next_time - kept.TIME) END AS value
        FROM followed ASOF JOIN kept
        ON followed.ARM = kept.ARM AND followed.ID = kept.ID AND followed.TIME >= kept.TIME
        WHERE seen >= {FEWEST_SEEN} * present
    )
    SELECT arm, time, patients, {parts} FROM (
        SELECT ARM AS arm, TIME AS time, count(*) AS patients, quantile_cont(value, [{shares}]) AS found
        FROM placed GROUP BY ARM, TIME
    ) ORDER BY arm, time""")
