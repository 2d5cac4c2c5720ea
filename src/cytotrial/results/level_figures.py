"""How many patients have reached each level of a ladder by each time. It draws levels alone, no sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cytotrial.results.criteria import CriteriaUsed, level_times
from cytotrial.results.drawing import Figure, arm_colour, blank_layout, month_ticks, months_text
from cytotrial.units import HOURS_PER_MONTH

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def reached(
    patients: pd.DataFrame, responses: pd.DataFrame, criteria: Sequence[CriteriaUsed], *, arms: Sequence[str]
) -> Figure:
    """Of all patients of each arm, the share who have reached each level or a better one: one line an arm and level.

    Whoever left before reaching a level never reaches it. Colours tell arms apart, dashes levels.
    """
    data: list[Figure] = []
    words: list[str] = []
    layout = blank_layout(
        "Levels of response reached", x="time since the first planned dose [months]", y="patients [%]", words=words
    )
    last = max(float(responses["TIME"].max()) / HOURS_PER_MONTH, 1.0) if len(responses) else 1.0
    ladders = [(one, place, level) for one in criteria for place, level in enumerate(one.levels)]
    for number, arm in enumerate(arms):
        members = int((patients["ARM"] == arm).sum())
        for one, place, level in ladders:
            times = np.sort(level_times(responses[responses["ARM"] == arm], one, level.id).to_numpy(dtype=float))
            share = 100 * np.arange(1, len(times) + 1) / max(members, 1)
            name = f"{arm}: {level.or_better}" if len(arms) > 1 else level.or_better
            data.append(
                {
                    "x": [0.0, *times.tolist(), last],
                    "y": [0.0, *share.tolist(), float(share[-1]) if len(share) else 0.0],
                    "mode": "lines",
                    "name": name,
                    "line": {"color": arm_colour(number), "width": 2, "shape": "hv", "dash": DASHES[place % len(DASHES)]},
                    "hovertemplate": "%{x:.1f} months: %{y:.0f} %<extra>" + name + "</extra>",
                }
            )
            median = months_text(float(np.median(times))) if len(times) else "no time"
            words.append(f"{name}: {len(times)} of {members} patients, after {median} in the middle of those")
    layout["xaxis"] |= {"range": [-0.02 * last, 1.02 * last], "tickvals": month_ticks(last)}
    layout["yaxis"] |= {"range": [0, 102]}
    layout |= {"showlegend": True}
    return {"data": data, "layout": layout}
