"""The forest figures: what stands beside the axis, and where."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cytotrial.results.course_figures import time_course
from cytotrial.results.drawing import month_ticks, ratio_ticks
from cytotrial.results.figures import doses
from cytotrial.results.forest import beside_published, between_arms


def published(*rows: dict[str, object]) -> pd.DataFrame:
    base = {
        **{"study": "doe1995", "cited": "Doe 1995", "arm": "High", "endpoint": "objective_response", "term": None},
        **{"window": "", "estimand": "proportion", "denominator": "patient", "unit": "1", "inside": "yes"},
        **{f"{which}{side}": 0.2 for which in ("published", "simulated") for side in ("", "_low", "_high")},
    }
    return pd.DataFrame([{**base, **row} for row in rows])


def test_a_study_stands_once_above_its_lines_by_the_name_people_use() -> None:
    shown = beside_published(published({}, {"endpoint": "toxic_death"}, {"study": "roe2001", "cited": "Roe 2001"}))
    axis = shown["layout"]["yaxis"]
    assert axis["ticktext"] == ["<b>Doe 1995</b>", "objective response", "toxic death", "<b>Roe 2001</b>", "objective response"]
    assert [round(place) for place in shown["data"][0]["y"]] == [1, 2, 4]
    assert len(shown["layout"]["shapes"]) == 1


def test_two_arms_of_one_study_are_told_apart() -> None:
    shown = beside_published(published({}, {"study": "doe1995_low", "arm": "Low"}))
    assert "<b>Doe 1995, High</b>" in shown["layout"]["yaxis"]["ticktext"]
    assert "<b>Doe 1995, Low</b>" in shown["layout"]["yaxis"]["ticktext"]


def test_the_axis_of_hazard_ratios_has_round_ticks_and_holds_one() -> None:
    row = {"arm": "B", "against": "A", "endpoint": "overall survival", "measure": "hazard ratio"}
    table = pd.DataFrame([{**row, "value": 1.2, "low": 1.1, "high": 1.36}])
    axis = between_arms(table, arms=["A", "B"])["layout"]["xaxis2"]
    assert 1.0 in axis["tickvals"]
    assert len(axis["tickvals"]) >= 3
    low, high = (10**end for end in axis["range"])
    assert low < 0.8
    assert high > 1.36


def test_every_pair_of_arms_is_drawn_and_named_as_the_table_has_it() -> None:
    row = {"endpoint": "overall survival", "measure": "hazard ratio", "value": 0.8, "low": 0.6, "high": 1.1}
    pairs = [("B", "None"), ("C", "None"), ("C", "B")]
    shown = between_arms(pd.DataFrame([{**row, "arm": one, "against": other} for one, other in pairs]), arms=["None", "B", "C"])
    drawn = [trace["name"] for trace in shown["data"] if trace["xaxis"] == "x2"]
    assert drawn == [f"{one} against {other}" for one, other in pairs]
    assert "the arm named second" in shown["layout"]["xaxis2"]["title"]["text"]


@pytest.mark.parametrize(("low", "high"), [(0.64, 1.51), (0.76, 1.31), (0.05, 8.0), (0.3, 3.0), (0.001, 90.0)])
def test_ticks_of_ratios_lie_within_and_are_few(low: float, high: float) -> None:
    ticks = ratio_ticks(low, high)
    assert 3 <= len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)


def test_months_are_ticked_in_years_and_none_without_times() -> None:
    assert month_ticks(72.0) == [0, 12, 24, 36, 48, 60, 72]
    assert month_ticks(71.0)[-1] == 72
    assert month_ticks(math.nan) == [0]


def test_one_long_cycle_has_its_doses_numbered() -> None:
    slots = pd.DataFrame({"arm": "A", "drug": "d", "course": 1, "cycle": 1, "dose": range(1, 165), "patients": 10})
    shown = doses(slots.assign(given=9, reduced=0, withheld=1, other=0), arms=["A"])
    assert shown["layout"]["xaxis"]["ticktext"] == ["C1.1", "dose 50", "dose 100", "dose 150"]
    assert shown["layout"]["bargap"] == 0


def test_a_rounding_error_beside_another_arm_reads_as_nothing() -> None:
    levels = {name: [0.0, 1.0] for name in ("p05", "p25", "p50", "p75", "p95")}
    nothing = {name: [0.0, -2.5e-9] for name in levels}
    bands = pd.concat(
        [pd.DataFrame({"arm": arm, "time": [0.0, 24.0], "patients": 5, **of}) for arm, of in (("A", levels), ("B", nothing))]
    )
    words = time_course(bands, "score", arms=["A", "B"])["layout"]["meta"]["text"]
    assert words[1] == "B: median 0 at the start, 0 at the end of the time shown, between 0 and 0 on the way"
