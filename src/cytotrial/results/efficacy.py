"""Responses, progression-free and overall survival of each arm with intervals; arms compared as the design asks. No figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cytotrial.results.proportions import Estimate, difference_of_proportions, exact_proportion, paired_difference
from cytotrial.results.survival import KaplanMeier, kaplan_meier, log_rank
from cytotrial.results.tables import readable
from cytotrial.units import HOURS_PER_MONTH, conversion

# From the best to the worst; a patient without an evaluable scan is NE. Codes of the response criteria, not of a library file.
RESPONSES = ("CR", "PR", "SD", "PD", "NE")
OBJECTIVE = ("CR", "PR")
LANDMARK_MONTHS = (6, 12, 24, 36, 60, 120)
SURVIVAL_TITLES = {"PFS": "progression-free survival", "OS": "overall survival"}
RESPONSE_TITLES = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
}
Design = Literal["twins", "randomised"]


def best_responses(patients: pd.DataFrame, responses: pd.DataFrame) -> pd.Series:
    """The best response of every patient by (ARM, ID): the column BEST where the criteria gave one, else the best OVERALL.

    Whoever has no evaluable scan, failed simulations included, is NE and stays in the denominator.
    """
    everyone = pd.MultiIndex.from_frame(patients[["ARM", "ID"]])
    stated = responses["BEST"].notna().any()
    code = responses["BEST"] if stated else responses["OVERALL"]
    rank = code.map({name: number for number, name in enumerate(RESPONSES)}).fillna(len(RESPONSES) - 1).astype(int)
    best = rank.groupby([responses["ARM"], responses["ID"]]).min().reindex(everyone, fill_value=len(RESPONSES) - 1)
    return best.map(dict(enumerate(RESPONSES))).astype(object).rename("BEST")


def survival_curve(survival: pd.DataFrame, endpoint: str) -> KaplanMeier:
    """The Kaplan-Meier curve of 'PFS' or 'OS' over all rows given; times in months."""
    rows = survival[survival["PARAMCD"] == endpoint]
    return kaplan_meier(rows["AVAL"].to_numpy(dtype=float), rows["CNSR"].to_numpy(dtype=float) != 0)


def response_durations(
    patients: pd.DataFrame, responses: pd.DataFrame, survival: pd.DataFrame, *, codes: Sequence[str] = OBJECTIVE
) -> KaplanMeier:
    """The curve of months from the first response to progression or death, of those whose best response is among `codes`."""
    best = best_responses(patients, responses)
    responders = best[best.isin(codes)].index
    hits = responses[responses["OVERALL"].isin(OBJECTIVE)]
    first = hits["TIME"].groupby([hits["ARM"], hits["ID"]]).min() / HOURS_PER_MONTH
    ends = survival[survival["PARAMCD"] == "PFS"].set_index(["ARM", "ID"])
    known = responders.intersection(first.index).intersection(ends.index)
    months = (ends.loc[known, "AVAL"].to_numpy(dtype=float) - first.loc[known].to_numpy(dtype=float)).clip(min=0)
    return kaplan_meier(months, ends.loc[known, "CNSR"].to_numpy(dtype=float) != 0)


@dataclass(frozen=True)
class _Row:
    arm: str
    endpoint: str
    unit: str
    patients: int
    events: int | None
    estimate: Estimate


def efficacy(patients: pd.DataFrame, responses: pd.DataFrame, survival: pd.DataFrame, *, arms: Sequence[str]) -> pd.DataFrame:
    """One row per arm and endpoint: arm, endpoint, unit, patients, events, value, low, high (95 %).

    Responses are shares of all patients, exact intervals. Survival: median (Brookmeyer-Crowley) and landmark rates
    (Kaplan-Meier, log-log) at those of 6, 12, 24, 36, 60 and 120 months that lie within the follow-up. NaN: not reached.
    """
    rows: list[_Row] = []
    for arm in arms:
        members, scans, ends = (table[table["ARM"] == arm] for table in (patients, responses, survival))
        best = best_responses(members, scans)
        groups = {"objective response": OBJECTIVE, **{RESPONSE_TITLES[code]: (code,) for code in RESPONSES}}
        for title, codes in groups.items():
            count = int(best.isin(codes).sum())
            rows.append(_Row(arm, title, "1", len(best), count, exact_proportion(count, len(best))))
        durations = response_durations(members, scans, ends)
        rows.append(
            _Row(arm, "duration of response, median", "months", durations.n, int(durations.events.sum()), durations.median())
        )
        for code, title in SURVIVAL_TITLES.items():
            curve = survival_curve(ends, code)
            events = int(curve.events.sum())
            rows.append(_Row(arm, f"{title}, median", "months", curve.n, events, curve.median()))
            months = [month for month in LANDMARK_MONTHS if curve.n and month <= curve.times[-1]]
            rows += [_Row(arm, f"{title}, {month} months", "1", curve.n, None, curve.at(month)) for month in months]
    return readable(
        pd.DataFrame(
            {
                "arm": [row.arm for row in rows],
                "endpoint": [row.endpoint for row in rows],
                "unit": [row.unit for row in rows],
                "patients": [row.patients for row in rows],
                "events": pd.array([row.events for row in rows], dtype="Int64"),
                "value": [row.estimate.value for row in rows],
                "low": [row.estimate.low for row in rows],
                "high": [row.estimate.high for row in rows],
            }
        )
    )


def beside(simulated: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """`simulated` (of `efficacy`) with published, published_low, published_high and study, in the unit of the row.

    `published` is the frame of `compare_with_published`. Of several studies of one row, the largest is taken.
    """
    keys = ["arm", "endpoint"]
    known = published.dropna(subset=["efficacy_row", "arm"]).sort_values("published_n", ascending=False, kind="stable")
    known = known.drop(columns="endpoint").rename(columns={"efficacy_row": "endpoint"}).drop_duplicates(keys)
    found = simulated.merge(
        known[[*keys, "published", "published_low", "published_high", "study", "unit"]], on=keys, how="left", suffixes=("", "_")
    )
    factor = [
        math.nan if pd.isna(written) else conversion(written, unit)
        for written, unit in zip(found["unit_"], found["unit"], strict=True)
    ]
    for name in ("published", "published_low", "published_high"):
        found[name] = found[name] * np.asarray(factor, dtype=float)
    return readable(found.drop(columns="unit_"))


def compare_arms(
    patients: pd.DataFrame, responses: pd.DataFrame, survival: pd.DataFrame, *, arms: Sequence[str], design: Design
) -> pd.DataFrame:
    """Every further arm against the first: arm, against, endpoint, measure, value, low, high, p_value, method.

    Twins are the same patients: differences of paired proportions, and for survival the paired share alive (or free of
    progression) at the landmarks that everybody's follow-up covers. Randomised: two-sample differences, log-rank, hazard ratio.
    """
    rows: list[tuple[object, ...]] = []
    for arm in arms[1:]:
        pair = (arm, arms[0])
        flags = best_responses(patients, responses).isin(OBJECTIVE)
        rows.append((*pair, "objective response", "difference", *_difference(flags, pair, design=design)))
        for code, title in SURVIVAL_TITLES.items():
            ends = survival[survival["PARAMCD"] == code]
            if design == "randomised":
                both = ends[ends["ARM"].isin(pair)]
                test = log_rank(
                    both["AVAL"].to_numpy(float), both["CNSR"].to_numpy(float) != 0, (both["ARM"] == arm).to_numpy(bool)
                )
                ratio = test.hazard_ratio
                rows.append((*pair, title, "hazard ratio", ratio.value, ratio.low, ratio.high, test.p_value, "log-rank, Peto"))
                continue
            indexed = ends.set_index(["ARM", "ID"])
            censored = indexed.loc[indexed["CNSR"] != 0, "AVAL"]
            for month in LANDMARK_MONTHS:
                if len(ends) and month <= ends["AVAL"].max() and (censored >= month).all():
                    free = (indexed["AVAL"] > month) | ((indexed["CNSR"] != 0) & (indexed["AVAL"] >= month))
                    rows.append((*pair, f"{title}, {month} months", "difference", *_difference(free, pair, design=design)))
    columns = ["arm", "against", "endpoint", "measure", "value", "low", "high", "p_value", "method"]
    frame = pd.DataFrame({name: [row[number] for row in rows] for number, name in enumerate(columns)})
    numbers = dict.fromkeys(["value", "low", "high", "p_value"], "float64")
    return readable(frame.astype(numbers))


def _difference(flags: pd.Series, pair: tuple[str, str], *, design: Design) -> tuple[float, float, float, float, str]:
    """Of a yes/no per (ARM, ID): the difference between the two arms, its interval, no p-value, and the method."""
    arms = flags.index.get_level_values(0)
    first, second = (flags[arms == arm].droplevel(0) for arm in pair)
    if design == "twins":
        shared = first.index.intersection(second.index)
        x, y = (part.loc[shared].to_numpy(dtype=bool) for part in (first, second))
        found = paired_difference(*(int(np.sum(part)) for part in (x & y, x & ~y, ~x & y, ~x & ~y)))
        return found.value, found.low, found.high, math.nan, "paired, Newcombe"
    found = difference_of_proportions(int(first.sum()), len(first), other_count=int(second.sum()), other_n=len(second))
    return found.value, found.low, found.high, math.nan, "two samples, Newcombe"
