"""Adverse events by organ class and term: how many had any grade, grade 3, grade 4. It grades nothing; the clinic did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import pandas as pd

from cytotrial.results.proportions import Estimate, exact_proportion
from cytotrial.results.tables import readable

Denominator = Literal["patient", "course", "cycle"]
SEVERE = 3  # the grade from which an event counts as severe, in every version of CTCAE
ANY_TERM = "Any adverse event"


def adverse_events(patients: pd.DataFrame, events: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """One row per arm and term, patients counted once at their worst grade; the first row of an arm is any term.

    Columns: arm, organ_class, term, version, patients, any_grade, any_grade_percent, grade_1 ... grade_4, grade_3_or_more,
    grade_3_or_more_percent, low_percent, high_percent (exact 95 % interval of grade 3 or more). Most severe terms first.
    """
    frames = [_of_arm(arm, int((patients["ARM"] == arm).sum()), events[events["ARM"] == arm]) for arm in arms]
    return readable(pd.concat(frames, ignore_index=True))


def event_rate(events: pd.DataFrame, units: pd.DataFrame, *, at_least: int, term: str | None, per: Denominator) -> Estimate:
    """The share of `units` (rows of ID; ID COURSE; or ID COURSE CYCLE) in which `term` reached the grade; any term where None.

    An event counts in the course and cycle in which it began; terms are compared without regard to capitals.
    """
    keys = {"patient": ["ID"], "course": ["ID", "COURSE"], "cycle": ["ID", "COURSE", "CYCLE"]}[per]
    hit = events["GRADE"].fillna(0) >= at_least
    if term is not None:
        hit &= events["TERM"].str.casefold() == term.casefold()
    affected = events.loc[hit, keys].dropna().astype("int64").drop_duplicates()
    counted = units[keys].astype("int64").drop_duplicates()
    return exact_proportion(len(counted.merge(affected, on=keys)), len(counted))


def _of_arm(arm: str, patients: int, events: pd.DataFrame) -> pd.DataFrame:
    graded = events[events["GRADE"].fillna(0) >= 1]
    whole = graded.assign(TERM=ANY_TERM, SOC="", VERSION=graded["VERSION"].iloc[0] if len(graded) else "")
    rows = [_row(arm, patients, ("", ANY_TERM, whole["VERSION"].iloc[0] if len(whole) else ""), whole)]
    named = [
        _row(arm, patients, cast("tuple[str, ...]", key), part)
        for key, part in graded.groupby(["SOC", "TERM", "VERSION"], sort=True)
    ]
    frame = pd.DataFrame(rows + named)
    order = frame.iloc[1:].sort_values(["grade_3_or_more", "any_grade", "term"], ascending=[False, False, True])
    return pd.concat([frame.iloc[:1], order])


def _row(arm: str, patients: int, key: tuple[str, ...], events: pd.DataFrame) -> dict[str, object]:
    worst = events.groupby("ID")["GRADE"].max()
    severe = exact_proportion(int((worst >= SEVERE).sum()), patients)
    organ_class, term, version = key
    return {
        "arm": arm,
        "organ_class": organ_class,
        "term": term,
        "version": version,
        "patients": patients,
        "any_grade": len(worst),
        "any_grade_percent": 100 * len(worst) / patients if patients else float("nan"),
        **{f"grade_{grade}": int((worst == grade).sum()) for grade in (1, 2, 3, 4)},
        "grade_3_or_more": int((worst >= SEVERE).sum()),
        "grade_3_or_more_percent": 100 * severe.value,
        "low_percent": 100 * severe.low,
        "high_percent": 100 * severe.high,
    }
