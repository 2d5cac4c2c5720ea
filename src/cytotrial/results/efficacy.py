"""Responses, progression-free and overall survival of each arm with intervals. Compares no arms, draws no figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cytotrial.results.criteria import CriteriaUsed, level_times, of_criteria, of_first
from cytotrial.results.proportions import Estimate, exact_proportion
from cytotrial.results.survival import KaplanMeier, kaplan_meier
from cytotrial.results.tables import readable
from cytotrial.units import HOURS_PER_MONTH, conversion

# From the best to the worst; a patient without an evaluable scan is NE. Codes of the response criteria, not of a library file.
RESPONSES = ("CR", "PR", "SD", "PD", "NE", "NED")
NOT_EVALUABLE = RESPONSES.index("NE")
OBJECTIVE = ("CR", "PR")
OBJECTIVE_RESPONSE = "objective response"
LANDMARK_MONTHS = (6, 12, 24, 36, 60, 120)
SURVIVAL_TITLES = {"RFS": "relapse-free survival", "PFS": "progression-free survival", "OS": "overall survival"}
EVENT_FREE = ("PFS", "RFS")  # a run has one of them, by what its first criteria look at
RESPONSE_TITLES = {
    "CR": "complete response",
    "PR": "partial response",
    "NED": "no evidence of disease",
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
    rank = code.map({name: number for number, name in enumerate(RESPONSES)}).fillna(NOT_EVALUABLE).astype(int)
    best = rank.groupby([responses["ARM"], responses["ID"]]).min().reindex(everyone, fill_value=NOT_EVALUABLE)
    return best.map(dict(enumerate(RESPONSES))).astype(object).rename("BEST")


def survival_curve(survival: pd.DataFrame, endpoint: str) -> KaplanMeier:
    """The Kaplan-Meier curve of 'PFS', 'RFS' or 'OS' over all rows given; times in months."""
    rows = survival[survival["PARAMCD"] == endpoint]
    return kaplan_meier(rows["AVAL"].to_numpy(dtype=float), rows["CNSR"].to_numpy(dtype=float) != 0)


def response_durations(
    patients: pd.DataFrame, responses: pd.DataFrame, survival: pd.DataFrame, *, codes: Sequence[str] = OBJECTIVE
) -> KaplanMeier:
    """The curve of months from the first response to progression or death, of those whose best response is among `codes`."""
    first = response_times(patients, responses, codes=codes)
    ends = survival[survival["PARAMCD"] == event_free(survival)].set_index(["ARM", "ID"])
    known = first.index.intersection(ends.index)
    months = (ends.loc[known, "AVAL"].to_numpy(dtype=float) - first.loc[known].to_numpy(dtype=float)).clip(min=0)
    return kaplan_meier(months, ends.loc[known, "CNSR"].to_numpy(dtype=float) != 0)


def response_times(patients: pd.DataFrame, responses: pd.DataFrame, *, codes: Sequence[str] = OBJECTIVE) -> pd.Series:
    """Months to the first scan that shows a response, by (ARM, ID), of those whose best response is among `codes`."""
    best = best_responses(patients, responses)
    hits = responses[responses["OVERALL"].isin(OBJECTIVE)]
    first = hits["TIME"].groupby([hits["ARM"], hits["ID"]]).min() / HOURS_PER_MONTH
    return first.loc[best[best.isin(codes)].index.intersection(first.index)].rename("MONTHS")


@dataclass(frozen=True)
class _Row:
    arm: str
    endpoint: str
    unit: str
    patients: int
    events: int | None
    estimate: Estimate


def efficacy(
    patients: pd.DataFrame,
    responses: pd.DataFrame,
    survival: pd.DataFrame,
    *,
    arms: Sequence[str],
    criteria: Sequence[CriteriaUsed] = (),
) -> pd.DataFrame:
    """One row per arm and endpoint: arm, endpoint, unit, patients, events, value, low, high (95 %).

    Responses are shares of all patients, exact intervals; time to response and its duration are of the responders. They are
    by the first of `criteria`, where it has any; its levels, and what the other sets say, follow under their own names.
    Survival, where the run has it: median (Brookmeyer-Crowley) and landmark rates
    (Kaplan-Meier, log-log) at those of 6, 12, 24, 36, 60 and 120 months that lie within the follow-up. NaN: not reached.
    """
    rows: list[_Row] = []
    known = {*survival["PARAMCD"], "OS", event_free(survival)}
    for arm in arms:
        members, assessed, ends = (table[table["ARM"] == arm] for table in (patients, responses, survival))
        scans = of_first(assessed, criteria)
        if not criteria or criteria[0].has_responses:
            rows += _response_rows(arm, members, scans, ends)
        for number, one in enumerate(criteria):
            rows += _level_rows(arm, members, assessed, one)
            rows += _other_rows(arm, members, of_criteria(assessed, one.name), one) if number else []
        for code, title in SURVIVAL_TITLES.items():
            curve = survival_curve(ends, code)
            if curve.n == 0 and (len(members) or code not in known):  # an endpoint that this trial does not have
                continue
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


def _response_rows(arm: str, patients: pd.DataFrame, responses: pd.DataFrame, survival: pd.DataFrame) -> list[_Row]:
    """By the criteria that decide: responses, the time to them and their duration."""
    best = best_responses(patients, responses)
    codes_of = {RESPONSE_TITLES[code]: (code,) for code in RESPONSES if code != "NED"}
    rows = []
    for title, codes in {OBJECTIVE_RESPONSE: OBJECTIVE, **codes_of}.items():
        count = int(best.isin(codes).sum())
        rows.append(_Row(arm, title, "1", len(best), count, exact_proportion(count, len(best))))
    rows.append(_time_row(arm, "time to response, median", response_times(patients, responses)))
    durations = response_durations(patients, responses, survival)
    rows.append(
        _Row(arm, "duration of response, median", "months", durations.n, int(durations.events.sum()), durations.median())
    )
    return rows


def _level_rows(arm: str, patients: pd.DataFrame, responses: pd.DataFrame, criteria: CriteriaUsed) -> list[_Row]:
    """How many reached each level of a ladder, or a better one, and after what time."""
    rows = []
    for level in criteria.levels:
        times = level_times(responses, criteria, level.id)
        rows.append(_Row(arm, level.or_better, "1", len(patients), len(times), exact_proportion(len(times), len(patients))))
        rows.append(_time_row(arm, f"time to {level.or_better}, median", times))
    return rows


def _other_rows(arm: str, patients: pd.DataFrame, responses: pd.DataFrame, criteria: CriteriaUsed) -> list[_Row]:
    """Responses by a set of criteria on sizes that stands beside the one that decides."""
    if criteria.levels or not criteria.has_responses:
        return []
    best = best_responses(patients, responses)
    rows = []
    for title, codes in {OBJECTIVE_RESPONSE: OBJECTIVE, RESPONSE_TITLES["CR"]: ("CR",)}.items():
        count = int(best.isin(codes).sum())
        rows.append(_Row(arm, f"{title}, {criteria.title}", "1", len(best), count, exact_proportion(count, len(best))))
    return rows


def _time_row(arm: str, title: str, months: pd.Series) -> _Row:
    """The median time of those who got there."""
    waited = kaplan_meier(months.to_numpy(dtype=float), np.zeros(len(months), dtype=bool))
    return _Row(arm, title, "months", waited.n, None, waited.median())


def event_free(survival: pd.DataFrame) -> str:
    """Whether a run counts PFS or RFS; PFS where it has neither.

    >>> event_free(pd.DataFrame({"PARAMCD": ["OS", "RFS"]}))
    'RFS'
    """
    known = set(survival["PARAMCD"])
    return next((code for code in EVENT_FREE if code in known), EVENT_FREE[0])


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
