"""Doses planned and given: by cycle, by slot, and why a planned dose was not given as planned. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pandas as pd

from cytotrial.results.tables import readable

FULL_DOSE_TOLERANCE = 1e-9  # given and planned amounts agree to rounding
NO_REASON = "not stated"
STOPPED = "stop drug"  # the action after which a drug is never given again


def doses(slots: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """One row per arm, drug, course and cycle, over the patients who had at least one dose in it.

    Columns: arm, drug, course, cycle, patients (who began it), planned_per_patient, given_median, given_q1, given_q3,
    given_mean, and percent of planned slots: given_percent, reduced_percent, withheld_percent, other_percent (delayed, stopped,
    not reached), amount_percent (of the planned amount; relative dose intensity without regard to time), on_treatment_percent
    (given, of the slots planned until the drug was stopped for good, for toxicity or progression), main_reason.
    """
    keys = ["ARM", "DRUG", "COURSE", "CYCLE"]
    started = _started(slots, ["ARM", "ID", "DRUG", "COURSE", "CYCLE"])
    started = started.assign(ON_TREATMENT=_is_on_treatment(started))
    rows = []
    for key, part in started.groupby(keys, sort=True):
        arm, drug, course, cycle = cast("tuple[str, str, int, int]", key)
        given = _is_given(part)
        per_patient = given.groupby(part["ID"]).sum()
        reduced = given & (part["GIVEN"] < part["PLANNED"] * (1 - FULL_DOSE_TOLERANCE))
        withheld = ~given & (part["ACTION"] == "withhold")
        # A dose that was never reached has the reason of the one that stopped the cycle; that one is counted.
        decided = part.loc[~given & (part["ACTION"] != "not reached"), "REASON"]
        causes = decided.astype("string").fillna(NO_REASON).str.split(";").explode().str.strip().replace("", NO_REASON)
        rows.append(
            {
                "arm": arm,
                "drug": drug,
                "course": int(course),
                "cycle": int(cycle),
                "patients": len(per_patient),
                "planned_per_patient": len(part) / len(per_patient),
                "given_median": float(per_patient.median()),
                "given_q1": float(per_patient.quantile(0.25)),
                "given_q3": float(per_patient.quantile(0.75)),
                "given_mean": float(per_patient.mean()),
                "given_percent": 100 * float(given.mean()),
                "reduced_percent": 100 * float(reduced.mean()),
                "withheld_percent": 100 * float(withheld.mean()),
                "other_percent": 100 * float((~given & ~withheld).mean()),
                "amount_percent": 100 * float(part["GIVEN"].sum() / part["PLANNED"].sum())
                if part["PLANNED"].sum() > 0
                else float("nan"),
                "on_treatment_percent": 100 * float(given[part["ON_TREATMENT"]].mean()),
                "main_reason": str(causes.value_counts().idxmax()) if len(causes) else "",
            }
        )
    return _by_arm(pd.DataFrame(rows, columns=DOSE_COLUMNS).astype(_numbers(DOSE_COLUMNS)), arms)


DOSE_COLUMNS = [
    "arm",
    "drug",
    "course",
    "cycle",
    "patients",
    "planned_per_patient",
    "given_median",
    "given_q1",
    "given_q3",
    "given_mean",
    "given_percent",
    "reduced_percent",
    "withheld_percent",
    "other_percent",
    "amount_percent",
    "on_treatment_percent",
    "main_reason",
]


def doses_by_slot(slots: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """One row per planned slot: arm, drug, course, cycle, dose, patients, and of these given, reduced, withheld, other.

    All patients who started the cycle are counted in each of its slots; `given` is a full dose.
    """
    columns = ["arm", "drug", "course", "cycle", "dose", "patients", "given", "reduced", "withheld", "other"]
    rows = []
    started = _started(slots, ["ARM", "ID", "DRUG", "COURSE", "CYCLE"])
    for key, part in started.groupby(["ARM", "DRUG", "COURSE", "CYCLE", "DOSE"], sort=True):
        given = _is_given(part)
        reduced = given & (part["GIVEN"] < part["PLANNED"] * (1 - FULL_DOSE_TOLERANCE))
        withheld = ~given & (part["ACTION"] == "withhold")
        counts = [
            part["ID"].nunique(),
            *(int(flag.sum()) for flag in (given & ~reduced, reduced, withheld, ~given & ~withheld)),
        ]
        rows.append([*key, *counts])
    return _by_arm(pd.DataFrame(rows, columns=columns).astype(_numbers(columns)), arms)


def reasons(slots: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """Why doses were not given as planned: arm, drug, action, reason, doses, patients, percent (of the planned slots).

    A dose withheld for several criteria counts under each.
    """
    columns = ["arm", "drug", "action", "reason", "doses", "patients", "percent"]
    planned = slots.groupby(["ARM", "DRUG"]).size()
    changed = slots[slots["ACTION"] != "give"]
    listed = changed.assign(REASON=changed["REASON"].astype("string").fillna(NO_REASON).str.split(";")).explode("REASON")
    listed = listed.assign(REASON=listed["REASON"].str.strip().replace("", NO_REASON))
    rows = []
    for key, part in listed.groupby(["ARM", "DRUG", "ACTION", "REASON"], sort=True):
        slots_planned = int(planned[cast("tuple[str, ...]", key)[:2]])
        rows.append([*cast("tuple[str, ...]", key), len(part), part["ID"].nunique(), 100 * len(part) / slots_planned])
    frame = pd.DataFrame(rows, columns=columns).astype({"doses": "int64", "patients": "int64", "percent": "float64"})
    return _by_arm(frame.sort_values("doses", ascending=False, kind="stable"), arms)


def given_per(slots: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """The number of doses given in each patient, course or cycle that was started (`keys`: ID; ID COURSE; ID COURSE CYCLE)."""
    given = slots[_is_given(slots)]
    return given.groupby(list(keys)).size()


def _started(slots: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The slots of those patients and cycles in which at least one dose was given."""
    began = slots.loc[_is_given(slots), keys].drop_duplicates()
    return slots.merge(began, on=keys, how="inner")


def _is_on_treatment(slots: pd.DataFrame) -> pd.Series:
    """Whether a slot lies before the drug was stopped for good; all slots of a patient whose drug never was."""
    keys = ["ARM", "ID", "DRUG"]
    stopped = slots[slots["ACTION"] == STOPPED].groupby(keys)["TIME"].min().rename("STOPPED").reset_index()
    ends = slots[keys].merge(stopped, on=keys, how="left")["STOPPED"].fillna(float("inf")).to_numpy(dtype=float)
    return pd.Series(slots["TIME"].to_numpy(dtype=float) < ends, index=slots.index)


def _is_given(slots: pd.DataFrame) -> pd.Series:
    return slots["GIVEN"].fillna(0) > 0


def _numbers(columns: Sequence[str]) -> dict[str, str]:
    text = {"arm", "drug", "main_reason"}
    whole = {"course", "cycle", "dose", "patients", "given", "reduced", "withheld", "other"}
    return {name: "int64" if name in whole else "float64" for name in columns if name not in text}


def _by_arm(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    order = frame["arm"].map({arm: number for number, arm in enumerate(arms)}).astype("float64")
    return readable(frame.loc[order.sort_values(kind="stable").index])
