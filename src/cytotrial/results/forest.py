"""Forest figures: arms against the first, and simulated values beside published ones, each with its interval. No statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.results.drawing import Figure, arm_colour, blank_layout, error_bars
from cytotrial.results.tables import records
from cytotrial.units import UnitError, conversion

DIFFERENCE, RATIO = "difference", "hazard ratio"
PUBLISHED_COLOUR = "#5c6670"
GAP_PIXELS = 90  # between the two panels: room for the numbers and the title of the upper axis


def between_arms(table: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """Differences of shares [percentage points] and hazard ratios of every further arm; `table`: `between_arms()`."""
    words: list[str] = []
    layout = blank_layout("Each arm against the first", x="", y="", words=words)
    data: list[Figure] = []
    for measure, suffix, factor in ((DIFFERENCE, "", 100.0), (RATIO, "2", 1.0)):
        rows = table[(table["measure"] == measure) & table["value"].notna()]
        for number, arm in enumerate(arms):
            part = rows[rows["arm"] == arm]
            values = factor * part["value"].to_numpy(dtype=float)
            low, high = (factor * part[name].fillna(part["value"]).to_numpy(dtype=float) for name in ("low", "high"))
            data.append(
                {
                    "x": values.tolist(),
                    "y": part["endpoint"].tolist(),
                    "error_x": _bars(values, low, high),
                    "mode": "markers",
                    "name": f"{arm} against {arms[0]}",
                    "legendgroup": arm,
                    "showlegend": measure == DIFFERENCE and len(part) > 0,
                    "marker": {"color": arm_colour(number), "size": 8},
                    "hovertemplate": "%{y}: %{x:.3g}<extra>" + arm + "</extra>",
                    "xaxis": f"x{suffix}",
                    "yaxis": f"y{suffix}",
                }
            )
            words += [
                f"{arm}, {row['endpoint']}: {measure} {factor * row['value']:.{1 if measure == DIFFERENCE else 2}f}"
                f"{' percentage points' if measure == DIFFERENCE else ''}"
                for row in records(part)
            ]
    known = table[table["value"].notna()]
    names = {measure: known.loc[known["measure"] == measure, "endpoint"].nunique() for measure in (DIFFERENCE, RATIO)}
    share = names[RATIO] / max(sum(names.values()), 1)
    height = 300 + 34 * sum(names.values()) * max(len(arms) - 1, 1)
    gap = GAP_PIXELS / height if names[RATIO] else 0.0
    axis, vertical = layout["xaxis"], {**layout["yaxis"], "automargin": True, "type": "category", "autorange": "reversed"}
    layout["yaxis"] = {**vertical, "domain": [share * (1 - gap) + gap, 1]}
    layout["xaxis"] = {**axis, "title": {"text": "difference [percentage points]"}, "zeroline": True, "anchor": "y"}
    if names[RATIO]:
        layout["yaxis2"] = {**vertical, "domain": [0, share * (1 - gap)]}
        title = {"text": f"hazard ratio (below 1: fewer events than in {arms[0]})"}
        layout["xaxis2"] = {**axis, "title": title, "type": "log", "anchor": "y2", "dtick": "D1"}
        ends = {"y0": 0, "y1": share * (1 - gap), "xref": "x2", "yref": "paper"}
        layout["shapes"] = [{"type": "line", "x0": 1, "x1": 1, **ends, "line": {"color": PUBLISHED_COLOUR, "width": 1}}]
    layout["xaxis"]["zerolinecolor"] = PUBLISHED_COLOUR
    layout |= {"height": height}
    return {"data": data, "layout": layout}


def beside_published(table: pd.DataFrame) -> Figure:
    """Every published share [%] with its simulated counterpart, one line each; `table` as `beside_published()` gives it."""
    shares = table[(table["estimand"] == "proportion") & table["simulated"].notna()].reset_index(drop=True)
    factor = np.array([_to_percent(unit) for unit in shares["unit"]])
    labels = [
        f"{_endpoint(row)} ({row['study']}){' ' * number}"  # the blanks keep rows of one name apart
        for number, row in enumerate(records(shares))
    ]
    inside = (shares["inside"] == "yes").to_numpy(dtype=bool)
    data = []
    for which, symbol, colour, offset in (
        ("published", "square-open", PUBLISHED_COLOUR, -0.14),
        ("simulated", "circle", arm_colour(0), 0.14),
    ):
        values = factor * shares[which].to_numpy(dtype=float)
        low, high = (factor * shares[f"{which}_{side}"].fillna(shares[which]).to_numpy(dtype=float) for side in ("low", "high"))
        data.append(
            {
                "x": values.tolist(),
                "y": (np.arange(len(shares)) + offset).tolist(),
                "customdata": labels,
                "error_x": _bars(values, low, high),
                "mode": "markers",
                "name": f"{which} (95 %)" if which == "simulated" else which,
                "marker": {"color": colour, "symbol": symbol, "size": 8},
                "hovertemplate": "%{customdata}: %{x:.1f} %<extra>" + which + "</extra>",
            }
        )
    words = [f"{int(inside.sum())} of {len(shares)} simulated shares lie within the published interval"]
    layout = blank_layout("Simulated beside published", x="patients, courses or cycles [%]", y="", words=words)
    # The study stands once, above its first line: narrow screens leave little room beside an axis.
    first = ~shares["study"].duplicated()
    texts = [
        (f"<b>{row['study']}</b><br>" if is_first else "") + _endpoint(row)
        for row, is_first in zip(records(shares), first, strict=True)
    ]
    ticks = {"tickvals": list(range(len(shares))), "ticktext": texts}
    layout["yaxis"] |= {**ticks, "range": [len(shares) - 0.5, -0.5], "automargin": True, "showgrid": False, "ticks": ""}
    layout["xaxis"] |= {"rangemode": "tozero"}
    words.append("intervals: published as stated or from n; simulated 95 %")
    layout |= {"height": 190 + 32 * max(len(shares), 2)}
    return {"data": data, "layout": layout}


def _bars(values: np.ndarray[Any, Any], low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> dict[str, Any]:
    one = error_bars(0.0, 0.0, 0.0)
    return {**one, "array": (high - values).tolist(), "arrayminus": (values - low).tolist()}


def _endpoint(row: dict[str, Any]) -> str:
    term = "" if pd.isna(row["term"]) else str(row["term"]).replace("_", " ")
    name = term if term and row["endpoint"] == "adverse_event" else f"{str(row['endpoint']).replace('_', ' ')} {term}".strip()
    name = f"{term} in use" if name.startswith("care in use") else name
    name = f"any {name}" if name == "adverse event" else name
    among = f"among {row['among']}" if row["among"] else ""
    return ", ".join(part for part in (name, row["window"], among) if part)


def _to_percent(unit: str) -> float:
    try:
        return conversion(unit, "%")
    except UnitError:
        return 100.0
