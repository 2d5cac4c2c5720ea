"""Adverse events by organ class and term: how many, when, for how long, together with what. It grades nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, cast

import pandas as pd

from cytotrial.results.proportions import Estimate, exact_proportion
from cytotrial.results.tables import readable

Denominator = Literal["patient", "course", "cycle"]
SEVERE = 3  # the grade from which an event counts as severe, in every version of CTCAE
ANY_TERM = "Any adverse event"
GRADES = (1, 2, 3, 4, 5)
QUARTILES = (0.5, 0.25, 0.75)
UNIT_NAMES: Mapping[Denominator, str] = MappingProxyType({"patient": "patients", "course": "courses", "cycle": "cycles"})
TIME_COLUMNS = [
    *("arm", "organ_class", "term", "episodes", "patients", "episodes_per_patient"),
    *("onset_median", "onset_q1", "onset_q3", "duration_median", "duration_q1", "duration_q3", "unfinished"),
]


UNIT_KEYS: Mapping[Denominator, list[str]] = MappingProxyType(
    {"patient": ["ID"], "course": ["ID", "COURSE"], "cycle": ["ID", "COURSE", "CYCLE"]}
)


def adverse_events(units: pd.DataFrame, events: pd.DataFrame, *, arms: Sequence[str], per: Denominator) -> pd.DataFrame:
    """One row per arm and term, each of `units` counted once at its worst grade; the first row of an arm is any term.

    `units` are patients, or courses or cycles that were begun (rows of ARM, ID, COURSE, CYCLE); an event counts in the one in
    which it began. Columns: arm, organ_class, term, version, patients (or courses, cycles), any_grade, any_grade_percent,
    grade_1 ... grade_5, grade_3_or_more, grade_3_or_more_percent, low_percent, high_percent (exact 95 % interval of grade 3
    or more). Most severe terms first.
    """
    keys = ["ARM", *UNIT_KEYS[per]]
    counted = units[keys].drop_duplicates()
    inside = events.dropna(subset=keys).astype({key: counted[key].dtype for key in keys}).merge(counted, on=keys)
    frames = [
        _of_arm(arm, int((counted["ARM"] == arm).sum()), inside[inside["ARM"] == arm], keys=UNIT_KEYS[per]) for arm in arms
    ]
    return readable(pd.concat(frames, ignore_index=True).rename(columns={"patients": UNIT_NAMES[per]}))


def adverse_event_times(events: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """When adverse events begin and how long they last: one row per arm and term, times in hours since the first planned dose.

    Columns: arm, organ_class, term, episodes, patients, episodes_per_patient, onset_median, onset_q1, onset_q3 (of the first
    episode of each patient), duration_median, duration_q1, duration_q3 (of the episodes that ended), unfinished.
    """
    rows = []
    for arm in arms:
        mine = events[events["ARM"] == arm]
        for key, part in mine.groupby(["SOC", "TERM"], sort=True):
            first = part.groupby("ID")["ASTTM"].min()
            lasting = (part["AENTM"] - part["ASTTM"]).dropna()
            counts = (len(part), len(first), len(part) / len(first))
            spreads = [float(found.quantile(share)) for found in (first, lasting) for share in QUARTILES]
            rows.append([arm, *cast("tuple[str, str]", key), *counts, *spreads, int(part["AENTM"].isna().sum())])
    frame = pd.DataFrame(rows, columns=TIME_COLUMNS)
    whole, text = {"episodes", "patients", "unfinished"}, {"arm", "organ_class", "term"}
    return readable(frame.astype({name: "int64" if name in whole else "float64" for name in TIME_COLUMNS if name not in text}))


def co_occurrence(patients: pd.DataFrame, events: pd.DataFrame, *, arm: str, at_least: int) -> pd.DataFrame:
    """Terms that the same patients of an arm had, at the grade or above: term, other, both, percent (of all patients).

    `expected_percent` is what independence would give; a pair that is far above it has a common cause. Most frequent first.
    """
    n = int((patients["ARM"] == arm).sum())
    hits = events[(events["ARM"] == arm) & (events["GRADE"].fillna(0) >= at_least)][["ID", "TERM"]].drop_duplicates()
    pairs = hits.merge(hits, on="ID", suffixes=("", "_OTHER"))
    pairs = pairs[pairs["TERM"] < pairs["TERM_OTHER"]]
    single = hits.groupby("TERM").size()
    found = pairs.groupby(["TERM", "TERM_OTHER"]).size().sort_values(ascending=False, kind="stable")
    names = [cast("tuple[str, str]", key) for key in found.index]
    return readable(
        pd.DataFrame(
            {
                "term": pd.Series([first for first, _ in names], dtype="string"),
                "other": pd.Series([second for _, second in names], dtype="string"),
                "both": found.to_numpy(dtype="int64"),
                "percent": 100 * found.to_numpy(dtype=float) / n if n else found.to_numpy(dtype=float),
                "expected_percent": [100 * single[first] * single[second] / n**2 for first, second in names],
            }
        )
    )


def event_rate(events: pd.DataFrame, units: pd.DataFrame, *, at_least: int, term: str | None, per: Denominator) -> Estimate:
    """The share of `units` (rows of ID; ID COURSE; or ID COURSE CYCLE) in which `term` reached the grade; any term where None.

    An event counts in the course and cycle in which it began; terms are compared without regard to capitals.
    """
    keys = UNIT_KEYS[per]
    hit = events["GRADE"].fillna(0) >= at_least
    found = events[hit] if term is None else of_terms(events[hit], [term])
    affected = found[keys].dropna().astype("int64").drop_duplicates()
    counted = units[keys].astype("int64").drop_duplicates()
    return exact_proportion(len(counted.merge(affected, on=keys)), len(counted))


def of_terms(events: pd.DataFrame, terms: Collection[str]) -> pd.DataFrame:
    """The events of some terms, without regard to capitals."""
    wanted = {term.casefold() for term in terms}
    # Many rows hold few terms: each is compared once.
    written = [term for term in events["TERM"].dropna().unique() if term.casefold() in wanted]
    return events[events["TERM"].isin(written)]


def _of_arm(arm: str, patients: int, events: pd.DataFrame, *, keys: list[str]) -> pd.DataFrame:
    graded = events[events["GRADE"].fillna(0) >= 1]
    whole = graded.assign(TERM=ANY_TERM, SOC="", VERSION=graded["VERSION"].iloc[0] if len(graded) else "")
    rows = [_row(arm, patients, ("", ANY_TERM, whole["VERSION"].iloc[0] if len(whole) else ""), whole, keys=keys)]
    named = [
        _row(arm, patients, cast("tuple[str, ...]", key), part, keys=keys)
        for key, part in graded.groupby(["SOC", "TERM", "VERSION"], sort=True)
    ]
    frame = pd.DataFrame(rows + named)
    order = frame.iloc[1:].sort_values(["grade_3_or_more", "any_grade", "term"], ascending=[False, False, True])
    return pd.concat([frame.iloc[:1], order])


def _row(arm: str, patients: int, key: tuple[str, ...], events: pd.DataFrame, *, keys: list[str]) -> dict[str, object]:
    worst = events.groupby(keys)["GRADE"].max()
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
        **{f"grade_{grade}": int((worst == grade).sum()) for grade in GRADES},
        "grade_3_or_more": int((worst >= SEVERE).sum()),
        "grade_3_or_more_percent": 100 * severe.value,
        "low_percent": 100 * severe.low,
        "high_percent": 100 * severe.high,
    }
