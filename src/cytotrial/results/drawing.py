"""What every figure shares: colours told apart by everybody, an empty layout with its title, panels, notes. Draws no data."""

from __future__ import annotations

import math
from typing import Any

Figure = dict[str, Any]

# Paul Tol's bright scheme: told apart by people who do not see red or green.
ARM_COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB")
RESPONSE_COLOURS = {"CR": "#228833", "PR": "#66CCEE", "SD": "#CCBB44", "PD": "#EE6677", "NE": "#BBBBBB", "NED": "#4477AA"}
FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif", "size": 13, "color": "#1b1f24"}
GRID = "#e5e8ec"
BEYOND = 1.02  # of the last time: how far an axis of months reaches
FEWEST_TICKS = 3  # on a logarithmic axis
RATIO_STEPS: tuple[tuple[float, ...], ...] = (
    (1.0,),
    (1.0, 3.0),
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0),
)


def blank_layout(title: str, *, x: str, y: str, words: list[str]) -> dict[str, Any]:
    """A layout with a title that says SIMULATED, both axes named, and `words` as the text of the figure."""
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": "#5c6670", "ticks": "outside", "tickcolor": "#5c6670"}
    return {
        "title": {"text": f"{title} · SIMULATED", "x": 0, "xref": "paper", "font": {"size": 16}},
        "meta": {"text": words},
        "font": FONT,
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 64, "r": 24, "t": 84, "b": 64},
        "height": 430,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        "xaxis": {**axis, "title": {"text": x}},
        "yaxis": {**axis, "title": {"text": y}},
    }


def panel_domain(number: int, count: int) -> dict[str, list[float]]:
    """The share of the width that panel `number` of `count` takes, with a gap between."""
    gap = 0.04
    width = (1 - gap * (count - 1)) / count
    start = number * (width + gap)
    return {"domain": [start, min(1.0, start + width)]}


def round_step(last: float) -> float:
    """A step of whole months that gives some five to eight ticks."""
    return float(next((step for step in (1, 2, 3, 6, 12, 24, 36, 60) if last / step <= 8), math.ceil(last / 8)))


def month_ticks(last: float) -> list[float]:
    """Round months from 0 to `last`, or a little after it: axes leave some room."""
    if math.isnan(last):
        return [0.0]
    step = round_step(last)
    return [step * number for number in range(math.floor(last * BEYOND / step) + 1)]


def ratio_ticks(low: float, high: float) -> list[float]:
    """Round ratios from `low` to `high` for a logarithmic axis: the coarsest set that leaves some of them.

    >>> ratio_ticks(0.64, 1.51), ratio_ticks(0.05, 8.0)
    ([0.7, 1.0, 1.5], [0.1, 0.3, 1.0, 3.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in RATIO_STEPS:
        values = (round(step * 10.0**power, 10) for power in powers for step in steps)
        found = [value for value in values if low <= value <= high]
        if len(found) >= FEWEST_TICKS:
            break
    return found


def note(text: str, *, y: float, x: float = 0.0) -> dict[str, Any]:
    """A small grey text in the corner of a figure."""
    place = {"xref": "paper", "yref": "paper", "x": x, "y": y, "xanchor": "right" if x > 0 else "left", "yanchor": "bottom"}
    return {**place, "text": text, "showarrow": False, "font": {"size": 11, "color": "#5c6670"}}


def error_bars(value: float, low: float, high: float) -> dict[str, Any]:
    """Plotly's error bars of a value with its interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value],
        "arrayminus": [value - low],
        "thickness": 1.5,
        "width": 4,
    }


def arm_colour(number: int) -> str:
    """The colour of an arm, by its number."""
    return ARM_COLOURS[number % len(ARM_COLOURS)]


def tint(colour: str, strength: float = 0.15) -> str:
    """A colour made transparent."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"


def without_nan(values: list[float]) -> list[float | None]:
    """The values with None where there is none."""
    return [None if math.isnan(value) else value for value in values]


def shortened(text: str) -> str:
    """A text that fits beside an axis."""
    return text if len(text) <= 22 else text[:21] + "…"


def months_text(value: float) -> str:
    """A time in months, or 'not reached'."""
    return "not reached" if math.isnan(value) else f"{value:.1f} months"


def risk_row(arm: str, ticks: list[float], numbers: list[int], colour: str) -> Figure:
    """The numbers of patients at risk of an arm, as a row of text on the second vertical axis."""
    row = {
        "x": ticks,
        "y": [shortened(arm)] * len(ticks),
        "text": [str(number) for number in numbers],
        "mode": "text",
        "yaxis": "y2",
    }
    return {**row, "textfont": {"color": colour, "size": 12}, "hoverinfo": "skip", "showlegend": False, "cliponaxis": False}
