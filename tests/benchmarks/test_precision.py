"""Curves, ratios and the picture of the comparison."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.engine.picture import work_precision_svg
from benchmarks.engine.precision import Point, match_error, median_ratio
from benchmarks.engine.task import output_times

CURVE = (Point(1e-2, 1.0, 1e-3, 1e-2, 100), Point(1e-4, 100.0, 1e-5, 1e-4, 10_000))


def test_between_two_runs_everything_is_interpolated_in_logarithms():
    match = match_error(CURVE, error="p99", level=1e-4)
    assert match is not None
    assert (match.rtol, match.seconds_per_patient, match.steps) == pytest.approx((1e-3, 10.0, 1000.0))


def test_nothing_is_extrapolated():
    assert match_error(CURVE, error="p99", level=1e-6) is None
    assert match_error(CURVE, error="largest", level=0.1) is None


def test_the_cheapest_of_several_ways_to_an_error_counts():
    bumpy = (*CURVE, Point(1e-5, 1000.0, 1e-3, 1e-2, 1.0), Point(1e-6, 2.0, 1e-5, 1e-4, 1.0))
    match = match_error(bumpy, error="p99", level=1e-4)
    assert match is not None
    assert match.seconds_per_patient == pytest.approx(10.0)


@pytest.mark.parametrize("bad", [{"failed": 1}, {"p99": math.inf}])
def test_a_run_with_a_failed_patient_counts_for_nothing(bad):
    first = CURVE[0]
    fields = {"rtol": first.rtol, "seconds_per_patient": 1.0, "p99": 1e-3, "largest": 1e-2, "steps": 1.0}
    assert match_error((Point(**{**fields, **bad}), CURVE[1]), error="p99", level=1e-4) is None


def test_the_interval_of_nine_repeats_leaves_out_one_at_each_end():
    ratio = median_ratio([float(number) for number in range(9)])
    assert (ratio.median, ratio.low, ratio.high) == (4.0, 1.0, 7.0)


def test_the_interval_covers_the_true_median_in_nine_of_ten_cases():
    """With a chance of at least 0.9 per trial, fewer than 860 of 1,000 has a chance below 1e-4."""
    draws = np.random.default_rng(1).lognormal(0.0, 0.3, (1000, 9))
    covered = [ratio.low <= 1.0 <= ratio.high for ratio in map(median_ratio, draws)]
    assert sum(covered) >= 860


def test_the_picture_is_well_formed_and_shows_every_peer_but_not_what_failed():
    broken = (Point(1e-2, 1.0, math.inf, math.inf, math.nan, failed=3),)
    text = work_precision_svg({"one <way>": CURVE, "another": CURVE[:1], "broken": broken}, title="A & B")
    root = ElementTree.fromstring(text)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"one <way>", "another", "A & B"} <= set(words)
    assert "broken" not in words
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 3


def test_output_times_rise_to_the_end_and_are_as_many_as_asked_for():
    times = output_times(np.arange(28) * 8.0, end=4320.0)
    assert (times.size, times[-1]) == (196, 4320.0)
    assert (np.diff(times) > 0).all()
