"""Forest figures: arms against each other, simulated beside published values, each with its interval. No statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.naming import cited_study, published_endpoint
from cytotrial.results.drawing import GRID, Figure, arm_colour, blank_layout, error_bars, ratio_ticks
from cytotrial.results.tables import records
from cytotrial.units import UnitError, conversion

DIFFERENCE, RATIO = "difference", "hazard ratio"
MEASURES = {DIFFERENCE: "difference in percentage points", RATIO: "hazard ratio"}
FORMATS = {DIFFERENCE: "+.1f", RATIO: ".2f"}
RATIO_RANGE = (0.8, 1.25)  # shown at least, so that a ratio near 1 looks near 1
ROW_PIXELS = 24  # of a line of the comparison with published numbers
PUBLISHED_COLOUR = "#5c6670"
GAP_PIXELS = 90  # between the two panels: room for the numbers and the title of the upper axis


def between_arms(table: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """Differences of shares [percentage points] and hazard ratios of arms against each other; `table`: `between_arms()`."""
    words: list[str] = []
    pairs = list(table[["arm", "against"]].drop_duplicates().itertuples(index=False, name=None))
    others = list(dict.fromkeys(other for _, other in pairs))
    other = others[0] if len(others) == 1 else "the arm named second"
    layout = blank_layout("Arms against each other", x="", y="", words=words)
    data: list[Figure] = []
    for measure, suffix, factor in ((DIFFERENCE, "", 100.0), (RATIO, "2", 1.0)):
        rows = table[(table["measure"] == measure) & table["value"].notna()]
        for arm, against in pairs:
            part = rows[(rows["arm"] == arm) & (rows["against"] == against)]
            values = factor * part["value"].to_numpy(dtype=float)
            low, high = (factor * part[name].fillna(part["value"]).to_numpy(dtype=float) for name in ("low", "high"))
            data.append(
                {
                    "x": values.tolist(),
                    "y": part["endpoint"].tolist(),
                    "error_x": _bars(values, low, high),
                    "mode": "markers",
                    "name": f"{arm} against {against}",
                    "legendgroup": f"{arm} against {against}",
                    "showlegend": measure == DIFFERENCE and len(part) > 0,
                    "marker": {
                        "color": arm_colour(list(arms).index(arm)),
                        "symbol": "circle" if against == others[0] else "diamond-open",
                        "size": 8,
                    },
                    "hovertemplate": "%{y}: %{x:.3g}<extra>" + arm + "</extra>",
                    "xaxis": f"x{suffix}",
                    "yaxis": f"y{suffix}",
                }
            )
            told = [f"{row['endpoint']} {factor * row['value']:{FORMATS[measure]}}" for row in records(part)]
            words += [f"{arm} against {against}, {MEASURES[measure]}: {'; '.join(told)}"] if told else []
    known = table[table["value"].notna()]
    names = {measure: known.loc[known["measure"] == measure, "endpoint"].nunique() for measure in (DIFFERENCE, RATIO)}
    share = names[RATIO] / max(sum(names.values()), 1)
    height = 300 + (22 + 12 * max(len(pairs), 1)) * sum(names.values())
    gap = GAP_PIXELS / height if names[RATIO] else 0.0
    axis, vertical = layout["xaxis"], {**layout["yaxis"], "automargin": True, "type": "category", "autorange": "reversed"}
    layout["yaxis"] = {**vertical, "domain": [share * (1 - gap) + gap, 1]}
    layout["xaxis"] = {
        **axis,
        "title": {"text": f"difference from {other} [percentage points]"},
        "zeroline": True,
        "anchor": "y",
    }
    if names[RATIO]:
        layout["yaxis2"] = {**vertical, "domain": [0, share * (1 - gap)]}
        title = {"text": f"hazard ratio (below 1: fewer events than in {other})"}
        layout["xaxis2"] = {**axis, "title": title, "type": "log", "anchor": "y2", **_ratio_axis(known)}
        ends = {"y0": 0, "y1": share * (1 - gap), "xref": "x2", "yref": "paper"}
        layout["shapes"] = [{"type": "line", "x0": 1, "x1": 1, **ends, "line": {"color": PUBLISHED_COLOUR, "width": 1}}]
    layout["xaxis"]["zerolinecolor"] = PUBLISHED_COLOUR
    layout |= {"height": height}
    return {"data": data, "layout": layout}


def beside_published(table: pd.DataFrame) -> Figure:
    """Every published share [%] with its simulated counterpart, one line each, below the name of its study.

    `table` is as `beside_published()` gives it.
    """
    shares = table[(table["estimand"] == "proportion") & table["simulated"].notna()].reset_index(drop=True)
    factor = np.array([_to_percent(unit) for unit in shares["unit"]])
    rows = records(shares)
    several = shares["arm"].nunique() > 1
    studies = [cited_study(row, several_arms=several) for row in rows]
    endpoints = [", ".join(part for part in (published_endpoint(row), _per(row)) if part) for row in rows]
    heads: list[int] = []
    places: list[int] = []
    names: list[str] = []
    for number, study in enumerate(studies):
        if number == 0 or study != studies[number - 1]:
            heads.append(len(names))
            names.append(f"<b>{study}</b>")
        places.append(len(names))
        names.append(endpoints[number])
    inside = (shares["inside"] == "yes").to_numpy(dtype=bool)
    data = []
    for which, symbol, colour, offset in (
        ("published", "square-open", PUBLISHED_COLOUR, -0.17),
        ("simulated", "circle", arm_colour(0), 0.17),
    ):
        values = factor * shares[which].to_numpy(dtype=float)
        low, high = (factor * shares[f"{which}_{side}"].fillna(shares[which]).to_numpy(dtype=float) for side in ("low", "high"))
        data.append(
            {
                "x": values.tolist(),
                "y": (np.array(places, dtype=float) + offset).tolist(),
                "customdata": [f"{study}: {endpoint}" for study, endpoint in zip(studies, endpoints, strict=True)],
                "error_x": _bars(values, low, high),
                "mode": "markers",
                "name": f"{which} (95 %)" if which == "simulated" else which,
                "marker": {"color": colour, "symbol": symbol, "size": 7},
                "hovertemplate": "%{customdata}: %{x:.1f} %<extra>" + which + "</extra>",
            }
        )
    words = [
        f"{int(inside.sum())} of {len(shares)} simulated shares lie within the published interval",
        "Intervals: published as stated or from n; simulated 95 %",
    ]
    layout = blank_layout("Simulated beside published", x="patients, courses or cycles [%]", y="", words=words)
    ticks = {"tickvals": list(range(len(names))), "ticktext": names}
    layout["yaxis"] |= {**ticks, "range": [len(names) - 0.5, -0.5], "automargin": True, "showgrid": False, "ticks": ""}
    layout["xaxis"] |= {"rangemode": "tozero"}
    lines = [{"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": head - 0.5, "y1": head - 0.5} for head in heads[1:]]
    layout["shapes"] = [{**line, "line": {"color": GRID, "width": 1}} for line in lines]
    layout |= {"height": 190 + ROW_PIXELS * max(len(names), 3)}
    return {"data": data, "layout": layout}


def _per(row: Mapping[Any, Any]) -> str:
    return "" if row["denominator"] == "patient" else f"per {row['denominator']}"


def _ratio_axis(table: pd.DataFrame) -> dict[str, Any]:
    """Limits and ticks of a logarithmic axis that holds every hazard ratio with its interval, and 1."""
    ratios = table[table["measure"] == RATIO]
    ends = [value for name in ("value", "low", "high") for value in ratios[name].dropna().tolist() if value > 0]
    low, high = min([RATIO_RANGE[0], *ends]) / 1.05, max([RATIO_RANGE[1], *ends]) * 1.05
    ticks = ratio_ticks(low, high)
    return {"range": [math.log10(low), math.log10(high)], "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def _bars(values: np.ndarray[Any, Any], low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> dict[str, Any]:
    one = error_bars(0.0, 0.0, 0.0)
    return {**one, "array": (high - values).tolist(), "arrayminus": (values - low).tolist()}


def _to_percent(unit: str) -> float:
    try:
        return conversion(unit, "%")
    except UnitError:
        return 100.0
