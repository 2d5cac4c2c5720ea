"""Figures in which single patients can be seen: swimmer, spider, and adverse events day by day. No sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.results.criteria import CriteriaUsed, level_times
from cytotrial.results.drawing import RESPONSE_COLOURS, Figure, blank_layout, month_ticks, note, panel_domain
from cytotrial.results.efficacy import OBJECTIVE, best_responses, event_free
from cytotrial.units import HOURS_PER_DAY, HOURS_PER_MONTH

SWIMMERS = 40  # of each arm: more bars than that cannot be told apart on a page
SPIDERS = 100
TERMS_SHOWN = 20
MOST_DAYS = 42  # adverse events of an infusion come and go within a course; later days only thin the columns
EVENT_MARKS = {"PFS": "progression or death", "RFS": "recurrence or death"}
LEVEL_SYMBOLS = ("star", "diamond", "circle", "square", "triangle-up")
MARKS = {
    "first response": ("star", "#1b1f24"),
    **dict.fromkeys(EVENT_MARKS.values(), ("x", "#BB3344")),
    "last seen without": ("triangle-right", "#5c6670"),
}
HEAT = [[0.0, "#fbfcfd"], [0.05, "#fdeee3"], [0.25, "#f6b48f"], [0.5, "#e06c5c"], [1.0, "#7a1f3d"]]


def swimmer(
    patients: pd.DataFrame,
    responses: pd.DataFrame,
    survival: pd.DataFrame,
    doses: pd.DataFrame,
    *,
    arms: Sequence[str],
    criteria: Sequence[CriteriaUsed] = (),
) -> Figure:
    """One bar a patient, to progression, death or the end of follow-up, with its courses and its first response.

    Where the first of `criteria`, which `responses` are by, is a ladder, the first time at each of its levels.
    """
    ladder = criteria[0] if criteria and criteria[0].levels else None
    endpoint = event_free(survival)
    best = best_responses(patients, responses)
    words: list[str] = []
    layout = blank_layout("Course of each patient", x="", y="patients", words=words)
    data: list[Figure] = []
    last = float(survival.loc[survival["PARAMCD"] == endpoint, "AVAL"].max()) if len(survival) else 1.0
    for number, arm in enumerate(arms):
        ends = survival[(survival["ARM"] == arm) & (survival["PARAMCD"] == endpoint)].sort_values("ID").head(SWIMMERS)
        ends = ends.sort_values(["AVAL", "ID"], kind="stable").assign(ROW=np.arange(1, len(ends) + 1)).set_index("ID")
        codes = best.loc[[(arm, patient) for patient in ends.index]].to_numpy() if len(ends) else np.array([])
        suffix = "" if number == 0 else str(number + 1)
        place = {"xaxis": f"x{suffix}", "yaxis": "y"}
        for code, colour in RESPONSE_COLOURS.items():
            rows = ends[codes == code]
            data.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": rows["AVAL"].tolist(),
                    "y": rows["ROW"].tolist(),
                    "name": code,
                    "legendgroup": code,
                    "showlegend": number == 0,
                    "marker": {"color": colour},
                    "hovertemplate": "%{x:.1f} months<extra>" + code + "</extra>",
                    **place,
                }
            )
        mine = responses[(responses["ARM"] == arm) & responses["ID"].isin(ends.index)]
        # A response that was not confirmed is none: its patient's bar is of another colour and carries no star.
        responded = ends.index[np.isin(codes, OBJECTIVE)]
        scans = mine[mine["OVERALL"].isin(OBJECTIVE) & mine["ID"].isin(responded)]
        first = scans.groupby("ID")["TIME"].min() / HOURS_PER_MONTH
        seen = {
            **({} if ladder else {"first response": first}),
            EVENT_MARKS[endpoint]: ends.loc[ends["CNSR"] == 0, "AVAL"],
            "last seen without": ends.loc[ends["CNSR"] != 0, "AVAL"],
        }
        data += [_marks(name, times, ends["ROW"], first=number == 0) | place for name, times in seen.items()]
        data += [trace | place for trace in _level_marks(mine, ladder, ends["ROW"], first=number == 0)] if ladder else []
        given = doses[(doses["ARM"] == arm) & (doses["GIVEN"].fillna(0) > 0) & doses["ID"].isin(ends.index)]
        starts = (given.groupby(["ID", "COURSE"])["TIME"].min() / HOURS_PER_MONTH).reset_index(level="COURSE", drop=True)
        data.append(_course_ticks(starts, ends["ROW"], first=number == 0) | place)
        axis = {**layout["xaxis"], **panel_domain(number, len(arms)), "anchor": "y"}
        layout[f"xaxis{suffix}"] = {
            **axis,
            "title": {"text": f"{arm}<br>since the first planned dose [months]"},
            "range": [-0.02 * last, 1.03 * last],
            "tickvals": month_ticks(last),
        }
        members = int((patients["ARM"] == arm).sum())
        shown = "all" if len(ends) == members else f"the first {len(ends)} of"
        words.append(f"{arm}: {shown} {members} patients by number, sorted by time without progression")
    layout["yaxis"] |= {"showticklabels": False, "showgrid": False, "ticks": ""}
    layout |= {"barmode": "overlay", "bargap": 0.25, "height": 640}
    return {"data": data, "layout": layout}


def spider(patients: pd.DataFrame, responses: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """The tumour of each patient from scan to scan, as change from baseline, coloured by best response."""
    best = best_responses(patients, responses)
    words: list[str] = []
    layout = blank_layout("Tumour size of each patient", x="", y="change from baseline [%]", words=words)
    data: list[Figure] = []
    last = float(responses["TIME"].max()) / HOURS_PER_MONTH if len(responses) else 1.0
    for number, arm in enumerate(arms):
        suffix = "" if number == 0 else str(number + 1)
        mine = responses[responses["ARM"] == arm].dropna(subset=["CHANGE"])
        chosen = np.sort(mine["ID"].unique())[:SPIDERS]
        for code, colour in RESPONSE_COLOURS.items():
            ids = [patient for patient in chosen if best.loc[(arm, patient)] == code]
            x, y = _lines(mine, ids)
            data.append(
                {
                    "x": x,
                    "y": y,
                    "mode": "lines",
                    "name": code,
                    "legendgroup": code,
                    "showlegend": number == 0,
                    "line": {"color": colour, "width": 1.2},
                    "opacity": 0.75,
                    "hovertemplate": "%{x:.1f} months: %{y:.0f} %<extra>" + code + "</extra>",
                    "xaxis": f"x{suffix}",
                    "yaxis": "y",
                }
            )
        axis = {**layout["xaxis"], **panel_domain(number, len(arms)), "anchor": "y"}
        layout[f"xaxis{suffix}"] = {
            **axis,
            "title": {"text": f"{arm}<br>since the first planned dose [months]"},
            "range": [-0.02 * last, 1.03 * last],
            "tickvals": month_ticks(last),
        }
        words.append(f"{arm}: {len(chosen)} patients with a scan, the first by number")
    layout["yaxis"] |= {"range": [-105, 105], "zeroline": True, "zerolinecolor": "#5c6670"}
    layout["annotations"] = [note("growth beyond +100 % is cut", y=1.0, x=1.0)]
    return {"data": data, "layout": layout}


def adverse_event_days(patients: pd.DataFrame, events: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """The share of patients who have each adverse event on each day since the first planned dose; a map, darker is more."""
    worst = events.groupby("TERM")["ID"].nunique().sort_values(ascending=False, kind="stable")
    terms = [str(term) for term in worst.index[:TERMS_SHOWN]]
    days = _last_day(events)
    words: list[str] = []
    layout = blank_layout("Adverse events day by day", x="", y="", words=words)
    data: list[Figure] = []
    for number, arm in enumerate(arms):
        suffix = "" if number == 0 else str(number + 1)
        members = int((patients["ARM"] == arm).sum())
        share = _share_by_day(events[events["ARM"] == arm], terms, days=days, patients=members)
        data.append(
            {
                "type": "heatmap",
                "x": list(range(1, days + 1)),
                "y": terms,
                "z": share.tolist(),
                "zmin": 0,
                "zmax": 100,
                "colorscale": HEAT,
                "showscale": number == len(arms) - 1,
                "colorbar": {"title": {"text": "patients [%]", "side": "right"}, "thickness": 14},
                "xgap": 1,
                "ygap": 1,
                "hovertemplate": "day %{x}, %{y}: %{z:.0f} %<extra></extra>",
                "xaxis": f"x{suffix}",
                "yaxis": "y",
            }
        )
        axis = {**layout["xaxis"], **panel_domain(number, len(arms)), "anchor": "y", "showgrid": False, "dtick": 7, "tick0": 1}
        layout[f"xaxis{suffix}"] = {**axis, "title": {"text": f"{arm}<br>day since the first planned dose [d]"}}
        if terms:
            row, day = np.unravel_index(int(np.argmax(share)), share.shape)
            most = f"most patients at once, {share[row, day]:.0f} %, had {terms[row].lower()} on day {day + 1}"
            words.append(f"{arm}: {most if share.any() else 'no adverse event on these days'}")
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "type": "category", "showgrid": False, "ticks": ""}
    layout |= {"height": 170 + 26 * max(len(terms), 4)}
    return {"data": data, "layout": layout}


def _marks(name: str, times: pd.Series, rows: pd.Series, *, first: bool) -> dict[str, Any]:
    symbol, colour = MARKS[name]
    return {
        "x": times.tolist(),
        "y": rows.reindex(times.index).tolist(),
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "showlegend": first,
        "marker": {"symbol": symbol, "color": colour, "size": 7},
        "hovertemplate": "%{x:.1f} months<extra>" + name + "</extra>",
    }


def _level_marks(responses: pd.DataFrame, ladder: CriteriaUsed, rows: pd.Series, *, first: bool) -> list[dict[str, Any]]:
    """The first time of each patient at each level or a better one, a symbol a level."""
    marks = []
    for place, level in enumerate(ladder.levels):
        times = level_times(responses, ladder, level.id).droplevel("ARM")
        mark = _marks("first response", times, rows, first=first)
        symbol = LEVEL_SYMBOLS[place % len(LEVEL_SYMBOLS)]
        hover = "%{x:.1f} months<extra>" + level.or_better + "</extra>"
        mark |= {"name": level.or_better, "legendgroup": level.or_better, "hovertemplate": hover}
        marks.append(mark | {"marker": {**mark["marker"], "symbol": symbol}})
    return marks


def _course_ticks(starts: pd.Series, rows: pd.Series, *, first: bool) -> dict[str, Any]:
    return {
        "x": starts.tolist(),
        "y": rows.reindex(starts.index).tolist(),
        "mode": "markers",
        "name": "course begins",
        "legendgroup": "course begins",
        "showlegend": first,
        "marker": {"symbol": "line-ns-open", "color": "#1b1f24", "size": 8, "line": {"width": 1.5}},
        "hovertemplate": "%{x:.1f} months<extra>course begins</extra>",
    }


def _lines(scans: pd.DataFrame, ids: Sequence[int]) -> tuple[list[float | None], list[float | None]]:
    """The courses of several patients as one line with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for _, part in scans[scans["ID"].isin(ids)].sort_values("TIME", kind="stable").groupby("ID"):
        x += [*(part["TIME"] / HOURS_PER_MONTH).tolist(), None]
        y += [*(100 * part["CHANGE"]).clip(upper=100).tolist(), None]
    return x, y


def _last_day(events: pd.DataFrame) -> int:
    """The last day with an adverse event beginning, within the days shown."""
    last = events["ASTTM"].max() / HOURS_PER_DAY if len(events) else 1.0
    return int(np.clip(np.ceil(last), 7, MOST_DAYS))


def _share_by_day(events: pd.DataFrame, terms: Sequence[str], *, days: int, patients: int) -> np.ndarray[Any, Any]:
    """Percent of the patients with each term on each day, (terms, days); an episode without end lasts."""
    share = np.zeros((len(terms), days))
    for row, term in enumerate(terms):
        part = events[events["TERM"] == term]
        start = part["ASTTM"].to_numpy(dtype=float) / HOURS_PER_DAY
        end = part["AENTM"].fillna(np.inf).to_numpy(dtype=float) / HOURS_PER_DAY
        ids = part["ID"].to_numpy()
        for day in range(days):
            share[row, day] = np.unique(ids[(start < day + 1) & (end >= day)]).size
    return 100 * share / max(patients, 1)
