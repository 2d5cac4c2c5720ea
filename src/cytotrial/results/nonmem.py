"""The doses that were really given, as the event records of NONMEM. Observations are not in it; they are in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cytotrial.results.tables import readable

if TYPE_CHECKING:
    from cytotrial.results.result import Result

DOSING_EVENT = 1
EVENT_COLUMNS = ["ID", "TIME", "AMT", "RATE", "EVID", "CMT", "DV", "MDV", "ARMN", "SUBJ", "COURSE", "CYCLE", "DOSE"]


def dose_events(result: Result) -> pd.DataFrame:
    """One row a dose given, sorted by ID and TIME: TIME [h], AMT [nmol], RATE [nmol/h] (0 = bolus), EVID 1, CMT, ...

    ID is a number for each patient of each arm: SUBJ, the patient's own number, plus a round number for each further arm ARMN.
    CMT numbers drug and route; `compartments` says which. DV is empty and MDV 1: no record is an observation.
    """
    rows = result.table("doses")
    rows = rows[rows["GIVEN"].fillna(0) > 0].reset_index(drop=True)
    arm = rows["ARM"].map({name: number for number, name in enumerate(result.arms, start=1)}).astype("int64")
    key = compartments(result).set_index(["DRUG", "ROUTE"])["CMT"]
    amounts, hours = rows["GIVEN"].to_numpy(dtype=float), rows["DURATION"].fillna(0).to_numpy(dtype=float)
    rate = np.divide(amounts, hours, out=np.zeros_like(amounts), where=hours > 0)
    found = pd.DataFrame(
        {
            "ID": (arm - 1) * _round_number(result) + rows["ID"],
            "TIME": rows["TIME"],
            "AMT": amounts,
            "RATE": rate,
            "EVID": DOSING_EVENT,
            "CMT": [int(key.loc[pair]) for pair in zip(rows["DRUG"], rows["ROUTE"], strict=True)],
            "DV": np.nan,
            "MDV": 1,
            "ARMN": arm,
            "SUBJ": rows["ID"],
            "COURSE": rows["COURSE"],
            "CYCLE": rows["CYCLE"],
            "DOSE": rows["DOSE"],
        }
    )
    return found[EVENT_COLUMNS].sort_values(["ID", "TIME", "CMT"], kind="stable").reset_index(drop=True)


def compartments(result: Result) -> pd.DataFrame:
    """What each CMT of `dose_events` stands for: CMT, DRUG, ROUTE, UNIT."""
    rows = result.table("doses")[["DRUG", "ROUTE", "UNIT"]].drop_duplicates().sort_values(["DRUG", "ROUTE"])
    return readable(rows.reset_index(drop=True).assign(CMT=np.arange(1, len(rows) + 1))[["CMT", "DRUG", "ROUTE", "UNIT"]])


def _round_number(result: Result) -> int:
    """A power of ten above every patient's number, so that the ID of a further arm shows both."""
    largest = int(result.table("patients")["ID"].max())
    return int(10 ** len(str(largest)))
