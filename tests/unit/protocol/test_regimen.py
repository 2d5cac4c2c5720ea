"""Regimen sentences: the doses they plan."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytotrial.errors import ProtocolError
from cytotrial.protocol import parse_regimen


def plan(sentence):
    """What is given when, without numbering: two spellings of one regimen are equal in this."""
    doses = parse_regimen(sentence).doses
    return [(dose.hours, dose.amount, dose.unit, dose.per, dose.route, dose.duration_hours) for dose in doses]


def times(sentence):
    return [dose.hours for dose in parse_regimen(sentence).doses]


Q8H = [8.0 * index for index in range(14)]
WEEKDAYS = [24.0 * (7 * week + day) for week in range(4) for day in range(5)]

EXPECTED_TIMES = {
    "600,000 IU/kg iv over 15 min every 8 h, 14 doses": Q8H,
    "x 600000 IU/kg iv over 15 min every 8 h, 14 doses, repeat after 9 d rest, 2 cycles": [*Q8H, *(336 + time for time in Q8H)],
    "720000 IU/kg iv bolus every 8 h for 15 doses, repeat after 9 days rest, 2 cycles": [
        *(8.0 * index for index in range(15)), *(336 + 8.0 * index for index in range(15)),
    ],
    "18 MIU/m2/day continuous iv for 5 days": [0, 24, 48, 72, 96],
    "18 MIU/m2/day iv continuous for 120 h, repeat after 6 d rest, 2 cycles": [0, 24, 48, 72, 96, 264, 288, 312, 336, 360],
    "18 MIU flat sc daily, 5 days a week for 4 weeks": WEEKDAYS,
    "9 MIU flat sc twice daily on days 1-5": [12.0 * index for index in range(10)],
    "20 MIU/m2 iv over 20 min daily 5 days a week for 4 weeks, then 10 MIU/m2 sc 3 times a week for 48 weeks": [
        *WEEKDAYS, *(24.0 * (28 + 7 * week + day) for week in range(48) for day in (0, 2, 4)),
    ],
    "18 MIU flat sc on days 1-5 of week 1, 18 MIU flat sc on days 1-2 of weeks 2-4, 9 MIU flat sc on days 3-5 of weeks 2-4, "
    "repeat after 1 week rest, 2 cycles": [*WEEKDAYS, *(840 + time for time in WEEKDAYS)],
    "18 MIU flat sc on days 1-5, then 18 MIU flat sc on days 8-9": [0, 24, 48, 72, 96, 168, 192],
    "3 ug/kg sc weekly for 26 weeks": [168.0 * week for week in range(26)],
    "6 ug/kg sc once a week for 8 weeks, then 3 ug/kg sc once a week for 252 weeks": [168.0 * week for week in range(260)],
    "1.1 mg flat iv over 15 min single dose": [0],
    "3 MIU flat sc every other day, 3 doses": [0, 48, 96],
    "3 MIU flat sc 2 times a week, 5 doses": [0, 72, 168, 240, 336],
    "3 MIU flat sc on days 1, 3 and 5 of each week for 2 weeks": [0, 48, 96, 168, 216, 264],
    "3 MIU flat sc every 8 h on days 1, 4": [0, 8, 16, 72, 80, 88],
    "3 MIU flat sc daily for 2 days, repeat every 3 weeks, 3 cycles": [0, 24, 504, 528, 1008, 1032],
    "3 MIU/kg iv bolus every 8 h, 4 doses, then 1 MIU flat sc daily for 2 days": [0, 8, 16, 24, 48, 72],
    "9 MIU/m2/day continuous iv for 36 h then 6 MIU/m2/day continuous iv for 12 h": [0, 24, 36],
}  # fmt: skip


@pytest.mark.parametrize("sentence", EXPECTED_TIMES)
def test_sentence_plans_the_expected_dose_times(sentence):
    assert times(sentence) == pytest.approx(EXPECTED_TIMES[sentence], abs=1e-9)


SAME = [
    ("600000 IU/kg iv over 15 min every 8 h, 14 doses", "0.6 MIU per kg INTRAVENOUS over 0.25 hours q8h 14 doses"),
    ("600000 IU/kg iv over 15 min every 8 h, 14 doses", "600 kIU/kg every 8 h iv, for 14 doses over 15 min"),
    ("18 MIU flat sc daily for 5 days", "18 million IU flat subcutaneously once a day, 5 doses"),
    ("18 MIU flat sc daily for 5 days", "18 MIU flat sc on days 1-5"),
    ("9 MIU flat sc twice daily on days 1-5", "9 MIU flat sc every 12 h for 5 days"),
    ("9 MIU flat sc twice daily for 5 days", "9 MIU flat sc bid, 10 doses"),
    ("10 MIU/m2 sc 3 times a week for 4 weeks", "10 MIU/m2 sc tiw for 28 days"),
    ("10 MIU/m2 sc 3 times a week for 4 weeks", "10 MIU/m² sc on days 1, 3, 5 of weeks 1-4"),
    ("3 ug/kg sc weekly for 26 weeks", "0.003 mg/kg sc every week, 26 doses"),
    ("3 µg/kg sc once weekly for 26 weeks", "3 mcg/kg sc every 7 days for 26 weeks"),
    ("18 MIU/m2/day continuous iv for 5 days", "18 MIU/m2/24h continuously iv on days 1-5"),
    ("18 MIU/m2/day continuous iv for 5 days", "0.75 MIU/m2/h continuous infusion iv for 120 h"),
    ("1 mg flat iv bolus single dose", "1 mg flat iv bolus once"),
    ("9 MIU flat sc on days 1-2, 3 MIU flat sc on days 8-9", "9 MIU flat sc on days 1-2 then 3 MIU flat sc on days 8-9"),
    ("9 MIU flat sc daily, 5 doses, then 3 MIU flat sc daily, 2 doses", "9 MIU flat sc on days 1-5, 3 MIU flat sc on days 6-7"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_plan_the_same_doses(one, other):
    assert plan(one) == plan(other)


def test_rest_is_counted_from_the_end_of_the_last_day_of_a_cycle():
    doses = parse_regimen("600000 IU/kg iv over 15 min every 8 h, 14 doses, repeat after 9 d rest, 2 cycles").doses
    assert doses[13].hours == 104
    assert (doses[14].hours, doses[14].cycle, doses[14].number) == (336, 2, 1)


def test_rest_after_named_weeks_is_counted_from_the_end_of_the_last_week():
    doses = parse_regimen("3 MIU flat sc on days 1-2 of weeks 1-2, repeat after 1 week rest, 2 cycles").doses
    assert doses[4].hours == 3 * 168


def test_course_lasts_to_the_end_of_the_last_interval():
    assert parse_regimen("600000 IU/kg iv over 15 min every 8 h, 14 doses").course_hours == 112
    assert parse_regimen("3 ug/kg sc weekly for 26 weeks").course_hours == 26 * 168
    assert parse_regimen("18 MIU/m2/day continuous iv for 36 h").course_hours == 36


def test_continuous_infusion_is_one_dose_a_day_and_gives_the_whole_amount():
    doses = parse_regimen("12 MIU/m2/day continuous iv for 60 h").doses
    assert [dose.duration_hours for dose in doses] == [24, 24, 12]
    assert [dose.amount for dose in doses] == [12e6, 12e6, 6e6]


def test_phase_is_the_line_of_the_sentence():
    doses = parse_regimen("6 ug/kg sc weekly for 2 weeks, then 3 ug/kg sc weekly for 1 week").doses
    assert [(dose.phase, dose.number, dose.cycle) for dose in doses] == [(1, 1, 1), (1, 2, 1), (2, 3, 1)]


def test_drug_in_front_is_read_as_a_library_name():
    assert parse_regimen("Some Kine alfa-2b, 3 MIU flat SC single dose").drug == "some_kine_alfa_2b"
    assert parse_regimen("3 MIU flat sc single dose").drug is None


def test_calendar_names_days_doses_and_the_first_clock_time():
    lines = parse_regimen("600000 IU/kg iv over 15 min every 8 h, 14 doses, repeat after 9 d rest, 2 cycles").calendar()
    assert lines == [
        "Cycle 1: days 1-5, 14 doses, every 8 h from day 1 08:00: 600000 IU/kg iv over 15 min",
        "Cycle 2: days 15-19, 14 doses, every 8 h from day 15 08:00: 600000 IU/kg iv over 15 min",
    ]


def test_calendar_says_which_weekdays_three_times_a_week_are():
    (line,) = parse_regimen("3 MIU/m2 sc 3 times a week for 2 weeks").calendar()
    assert line == "Cycle 1: days 1, 3, 5, 8, 10, 12, 6 doses, Mon, Wed, Fri at 08:00 from day 1 08:00: 3 MIU/m2 sc"


def test_calendar_of_many_cycles_stays_short():
    lines = parse_regimen("3 MIU flat sc daily for 5 days, repeat after 2 d rest, 40 cycles").calendar()
    assert lines[2] == "Cycles 3-39: the same, every 7 d"
    assert len(lines) == 4


AMOUNTS = st.sampled_from([("600000 IU/kg", 6e5, "IU", "kg"), ("18 MIU flat", 18e6, "IU", "flat"),
                           ("3 ug/kg", 0.003, "mg", "kg"),
                           ("1,250 kIU/m2", 1.25e6, "IU", "m2"), ("2.5 mg flat", 2.5, "mg", "flat")])  # fmt: skip
MANNERS = st.sampled_from([("iv over 15 min", "iv", 0.25), ("iv bolus", "iv", 0.0), ("sc", "sc", 0.0), ("IM", "im", 0.0)])
INTERVALS = st.sampled_from(
    [("every 8 h", 8.0), ("q 6 h", 6.0), ("daily", 24.0), ("twice daily", 12.0), ("every 2 days", 48.0), ("weekly", 168.0)]
)


@given(st.tuples(AMOUNTS, MANNERS, INTERVALS), st.integers(1, 40), st.integers(1, 6), st.integers(1, 30), st.booleans())
@settings(max_examples=150, deadline=None)
def test_generated_regimens_plan_what_arithmetic_says(parts, doses, cycles, rest, comma):
    amount, manner, interval = parts
    comma_text = "," if comma else ""
    sentence = f"{amount[0]} {manner[0]} {interval[0]}{comma_text} {doses} doses"
    if cycles > 1:
        sentence += f"{comma_text} repeat after {rest} d rest{comma_text} {cycles} cycles"
    regimen = parse_regimen(sentence)
    last_day = int((doses - 1) * interval[1] // 24) + 1
    period = (last_day + rest) * 24.0
    expected = [
        (cycle * period + index * interval[1], amount[1], amount[2], amount[3], manner[1], manner[2], cycle + 1, index + 1)
        for cycle in range(cycles)
        for index in range(doses)
    ]
    found = [
        (dose.hours, dose.amount, dose.unit, dose.per, dose.route, dose.duration_hours, dose.cycle, dose.number)
        for dose in regimen.doses
    ]
    assert found == expected
    assert regimen.cycles == cycles


def problems_of(text):
    """The problems of a text; none where it is a regimen with doses."""
    try:
        return () if parse_regimen(text).doses else None
    except ProtocolError as failure:
        return failure.problems


@given(st.text(alphabet="0123456789 abcdefiqvkmgMIU/,.-thensrpo%²µ", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_regimen_or_problems_with_a_column(text):
    problems = problems_of(text)
    assert problems is not None
    assert all(problem.what and problem.place.column >= 1 for problem in problems)


WORDS = ("9 MIU", "3 ug/kg", "flat", "iv", "sc", "bolus", "over 15 min", "continuous", "every 8 h", "daily", "3 times a week",
         "5 days a week", "on days 1-5", "of weeks 1-2", "of each week", "for 5 days", "14 doses", "single dose", "then",
         "repeat after 9 d rest", "2 cycles", "twice daily", "18 MIU/m2/day")  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=10))
@settings(max_examples=500, deadline=None)
def test_any_row_of_clauses_gives_a_regimen_or_problems_with_a_column(words):
    problems = problems_of(" ".join(words))
    assert problems is not None
    assert all(problem.what and problem.place.column >= 1 for problem in problems)
