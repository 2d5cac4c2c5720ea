"""Scan plans: the text and its times."""

import pytest

from cytotrial.protocol.quantities import QuantityError
from cytotrial.protocol.scans import read_scans

WEEK = 168.0
MONTH = 730.5


def test_every_eight_weeks_up_to_the_horizon_included():
    assert read_scans("every 8 weeks").times(16 * WEEK) == (8 * WEEK, 16 * WEEK)


def test_fixed_times_then_intervals_count_on_from_the_scan_before():
    plan = read_scans("at 8, 12 weeks then every 8 weeks until 1 year then every 3 months")
    weeks = [8, 12, 20, 28, 36, 44, 52]
    expected = [*(week * WEEK for week in weeks), *(52 * WEEK + n * 3 * MONTH for n in (1, 2, 3))]
    assert plan.times(52 * WEEK + 10 * MONTH) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["at 8 weeks, 6 months and 1 year", "at 8 weeks, 6 months, 1 year", "AT 8 weeks and 6 months, 1 y"]
)
def test_fixed_times_take_their_own_units(text):
    assert read_scans(text).times(1e5) == (8 * WEEK, 6 * MONTH, 8766.0)


def test_horizon_before_the_fixed_times_does_not_shift_the_intervals():
    plan = read_scans("at 8, 12 weeks then every 1 week")
    assert plan.times(10 * WEEK) == (8 * WEEK,)
    assert plan.times(13 * WEEK) == (8 * WEEK, 12 * WEEK, 13 * WEEK)


def test_none_is_no_scan():
    assert read_scans("none").times(1e6) == ()
    assert read_scans("none").is_empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "are not understood"),
        ("sometimes", "are not understood at 'sometimes'"),
        ("every 8", "the duration '8' has no unit"),
        ("every 8 moons", "unknown unit of time 'moons'"),
        ("every 0 weeks", "is not above zero"),
        ("every 5 min", "more than one scan a day"),
        ("at 12, 8 weeks", "do not rise"),
        ("at weeks", "are not understood"),
        ("at 8 weeks or so", "are not understood|unknown unit"),
        ("at 8 weeks then at 4 weeks", "does not come after"),
        ("at 8 weeks then every 4 weeks until 6 weeks", "does not come after"),
        ("every 8 weeks then every 3 months", "is never reached"),
    ],
)
def test_wrong_scan_text_is_explained(text, message):
    with pytest.raises(QuantityError, match=message):
        read_scans(text)
