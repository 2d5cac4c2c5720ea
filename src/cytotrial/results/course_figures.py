"""The time course of one observable over patients, with how many are still followed. It computes no quantile."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cytotrial.results.drawing import Figure, arm_colour, blank_layout, note, risk_row, tint
from cytotrial.results.written import among, unit_text
from cytotrial.units import HOURS_PER_DAY

DAYS_FROM = 3 * HOURS_PER_DAY  # a longer axis is in days
BANDS = (("p05", "p95", 0.12), ("p25", "p75", 0.25))
NOTHING = 1e-6  # of the largest median of all arms: less is a rounding error
RISK_TICKS = 7
RISK_SHARE = 0.065  # of the figure's height, for each arm


def time_course(bands: pd.DataFrame, name: str, *, arms: Sequence[str], unit: str = "", until: float | None = None) -> Figure:
    """The median of an observable in time with the middle 50 % and 90 % of patients; `bands` as `time_courses` returns it.

    `until` [h] is where the axis ends at first, and what the words tell of; the rest is in the figure and can be scrolled to.
    Where patients leave, their number stands below.
    """
    last = float(bands["time"].max()) if len(bands) else 0.0
    shown = last if until is None else min(last, until)
    scale = HOURS_PER_DAY if shown > DAYS_FROM else 1.0
    seen = bands[bands["time"] <= shown]
    data: list[Figure] = []
    words: list[str] = []
    printed = unit_text(unit)
    nothing = NOTHING * float(seen["p50"].abs().max()) if len(seen) else 0.0
    for number, arm in enumerate(arms):
        rows = bands[bands["arm"] == arm]
        if rows.empty:
            continue
        data += _curves(rows, arm, arm_colour(number), scale=scale, unit=printed)
        words.append(_words(seen[seen["arm"] == arm], arm, printed, nothing=nothing))
    label = name.replace("_", " ")
    layout = blank_layout(
        label[:1].upper() + label[1:],
        x=f"time since the first planned dose [{'d' if scale > 1 else 'h'}]",
        y=f"{label} [{printed}]" if printed else label,
        words=words,
    )
    if until is not None:
        layout["xaxis"] |= {"range": [0, shown / scale]}
    layout["annotations"] = [note("line: median; bands: middle 50 % and 90 % of patients followed", y=1.0, x=1.0)]
    left = [arm for arm in arms if seen.loc[seen["arm"] == arm, "patients"].nunique() > 1]
    if left:
        data += _numbers(bands, arms, shown=shown, last=last, scale=scale)
        # Room on the left for the first number, which is wider than its tick.
        layout["xaxis"] |= {"range": [-0.05 * shown / scale, 1.01 * shown / scale]}
        _make_room(layout, sum(bool((bands["arm"] == arm).any()) for arm in arms))
    return {"data": data, "layout": layout}


def _curves(rows: pd.DataFrame, arm: str, colour: str, *, scale: float, unit: str) -> list[Figure]:
    times = (rows["time"].to_numpy(dtype=float) / scale).tolist()
    edge = {"x": times, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "legendgroup": arm}
    curves: list[Figure] = []
    for low, high, strength in BANDS:
        curves.append({**edge, "y": rows[low].tolist()})
        curves.append({**edge, "y": rows[high].tolist(), "fill": "tonexty", "fillcolor": tint(colour, strength)})
    hover = "%{x:.1f}: %{y:.3g} " + unit + "<extra>" + arm + ", median</extra>"
    line = {"color": colour, "width": 2}
    middle = {"x": times, "y": rows["p50"].tolist(), "mode": "lines", "name": arm, "legendgroup": arm, "line": line}
    return [*curves, {**middle, "hovertemplate": hover}]


def _words(rows: pd.DataFrame, arm: str, unit: str, *, nothing: float) -> str:
    """What the median does in the time shown; empty rows are an arm that begins later.

    A value up to `nothing` is 0: rounding errors of the simulation are no values.
    """
    if rows.empty:
        return f"{arm}: nothing in the time shown"
    middle = [0.0 if abs(value) <= nothing else value for value in rows["p50"].tolist()]
    first, last, low, high = (among(value, middle) for value in (middle[0], middle[-1], min(middle), max(middle)))
    text = f"{arm}: median {first} at the start, {last} at the end of the time shown, between {low} and {high} on the way"
    return f"{text} [{unit}]" if unit else text


def _numbers(bands: pd.DataFrame, arms: Sequence[str], *, shown: float, last: float, scale: float) -> list[Figure]:
    """How many patients of each arm are still followed, at round times; beyond the time shown few such times."""
    step = _round_step(shown / scale) * scale
    inside = np.arange(0.0, shown * (1 + 1e-9), step)
    beyond = np.arange(inside[-1] + shown, last, shown) if shown > 0 else inside[:0]
    found = []
    for number, arm in enumerate(arms):
        rows = bands[bands["arm"] == arm]
        if rows.empty:
            continue
        times, patients = rows["time"].to_numpy(dtype=float), rows["patients"].to_numpy(dtype=int)
        ticks = np.concatenate([inside, beyond])
        # Nobody is followed after the last time of the arm.
        places = np.searchsorted(times, ticks - 1e-9)
        counts = [int(patients[place]) if place < times.size else 0 for place in places]
        found.append(risk_row(arm, (ticks / scale).tolist(), counts, arm_colour(number)))
    return found


def _round_step(length: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts a length into at most RISK_TICKS parts."""
    if length <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(length / RISK_TICKS))
    return float(next(factor * power for factor in (1, 2, 5, 10) if length <= RISK_TICKS * factor * power))


def _make_room(layout: Figure, arms: int) -> None:
    share = RISK_SHARE * arms
    layout["height"] += 60 + 28 * arms
    layout["margin"] |= {"b": 16}
    layout["xaxis"] |= {"anchor": "y"}
    layout["yaxis"] |= {"domain": [share + 0.21, 1]}
    layout["yaxis2"] = {"domain": [0, share], "type": "category", "autorange": "reversed", "showgrid": False, "zeroline": False}
    layout["yaxis2"] |= {"ticks": "", "automargin": True}
    layout["annotations"].append(note("patients followed", y=share + 0.015))
