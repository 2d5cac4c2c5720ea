"""Plans the doses of a course from the clauses of a sentence, and says what does not go together. Reads no text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from cytotrial.protocol.misread import Complaint
from cytotrial.protocol.planned import BodySize, PlannedDose
from cytotrial.protocol.quantities import hours_text, is_whole_days, month_advice
from cytotrial.protocol.sentence import Line, NamedDays, Repeat, Said, Sentence
from cytotrial.units import HOURS_PER_DAY, HOURS_PER_WEEK

MOST_DOSES = 20_000  # of one course; a longer plan is a slip (15 doses a day for three years is 16,000)
SHORTEST_MONTH = 28 * HOURS_PER_DAY  # a longer interval that is not whole days was written in months or years
SAME_TIME = 1e-6  # hours; far below a minute, far above rounding of multiples of an interval

# Days of the week for 'n times a week': as evenly spread as whole days allow, Monday first.
SPREAD = {
    1: (1,),
    2: (1, 4),
    3: (1, 3, 5),
    4: (1, 2, 4, 5),
    5: (1, 2, 3, 4, 5),
    6: (1, 2, 3, 4, 5, 6),
    7: (1, 2, 3, 4, 5, 6, 7),
}


@dataclass(frozen=True)
class Course:
    """The planned doses, where the last interval ends [h], and the number of cycles."""

    doses: tuple[PlannedDose, ...]
    hours: float
    cycles: int


@dataclass(frozen=True)
class Stretch:
    """The doses of one line [h since the cycle's start], where the line ends, and where its last interval ends."""

    line: Line
    starts: tuple[float, ...]
    durations: tuple[float, ...]
    end: float
    interval_end: float


def plan_course(sentence: Sentence) -> tuple[Course | None, tuple[Complaint, ...]]:
    """All doses of a course, numbered and sorted; None with the reasons when the clauses do not make a plan."""
    complaints: list[Complaint] = []
    stretches: list[Stretch] = []
    start = 0.0
    for block in sentence.blocks:
        planned = [_stretch(line, start, complaints) for line in block]
        known = [stretch for stretch in planned if stretch is not None]
        for stretch in known:
            if stretch.starts[0] < start - SAME_TIME:
                what = f"'{stretch.line.text}' starts before the line before 'then' has ended."
                complaints.append(
                    Complaint(stretch.line.start, what, "Days and weeks are counted from the start of the cycle.")
                )
        stretches += known
        start = max((stretch.end for stretch in known), default=start)
    if complaints:
        return None, tuple(complaints)
    one_cycle = _merge(stretches, complaints)
    if complaints:
        return None, tuple(complaints)
    return _repeated(one_cycle, stretches, sentence.repeat)


def _stretch(line: Line, start: float, complaints: list[Complaint]) -> Stretch | None:
    wrong = [*_dose_complaints(line), *_schedule_complaints(line)]
    if not wrong:
        wrong = list(_arithmetic_complaints(line))
    if wrong:
        complaints.extend(wrong)
        return None
    if line.continuous:
        return _continuous(line, start)
    infusion = line.over.value if line.over else 0.0
    if line.on_days or _is_weekly_pattern(line):
        starts, end = _on_days(line, start)
        gap = _gap_in_day(line)
    elif line.single:
        starts, end, gap = [start], _next_day(start, infusion), HOURS_PER_DAY
    else:
        gap = _interval(line)
        number = line.count.value if line.count else _number_before(line.lasting.value if line.lasting else 0.0, gap)
        starts = [start + index * gap for index in range(number)]
        end = start + line.lasting.value if line.lasting else _next_day(starts[-1], infusion)
    interval_end = max(starts[-1] + max(gap, infusion), end if line.lasting or line.on_days else 0.0)
    return Stretch(line, tuple(starts), (infusion,) * len(starts), end, interval_end)


def _dose_complaints(line: Line) -> Iterator[Complaint]:
    """What is wrong with dose, route and manner of giving."""
    amount, at = line.amount, line.start
    schedule = line.every or line.frequency or line.days_a_week or line.on_days
    if amount.per is None and not line.flat:
        shown = f"'{line.amount_text}'" + (f" {schedule.text}" if schedule else "")
        size = line.amount_text.replace("/day", "").strip()
        what = f"{shown} has no body-size unit and no 'flat'."
        yield Complaint(at, what, f"Expected for example '{size}/kg', or '42 MIU flat'.")
    if amount.per is not None and line.flat:
        yield Complaint(line.flat.start, f"'flat' contradicts '{line.amount_text}'.", "Keep the body size or 'flat', not both.")
    if line.route is None:
        yield Complaint(at, f"'{line.amount_text}' has no route.", "Expected iv, sc or im.")
    manners = [clause for clause in (line.bolus, line.continuous, line.over) if clause]
    if len(manners) > 1:
        yield Complaint(manners[1].start, f"'{manners[1].text}' contradicts '{manners[0].text}'.", "Keep one.")
    elif line.route and line.route.value == "iv" and not manners:
        yield Complaint(
            line.route.start, "it is not said how 'iv' is given.", "Expected 'bolus', 'over 15 min' or 'continuous'."
        )
    elif line.route and line.route.value != "iv" and manners:
        what = f"'{line.route.text}' is an injection; '{manners[0].text}' does not go with it."
        yield Complaint(manners[0].start, what, f"Remove '{manners[0].text}', or write 'iv'.")
    if line.continuous and amount.rate_hours is None:
        what = f"'{line.amount_text}' continuous is not a rate."
        yield Complaint(at, what, f"Expected for example '{line.amount_text}/day'.")
    if not line.continuous and amount.rate_hours is not None:
        what = f"'{line.amount_text}' is a rate, and rates are for continuous infusions only."
        yield Complaint(at, what, "Write 'continuous', or the amount of one dose.")


def _schedule_complaints(line: Line) -> Iterator[Complaint]:
    """Clauses of the schedule that contradict each other, or are missing."""
    weekly = line.days_a_week or (line.frequency if line.frequency and line.frequency.value.week else None)
    per_day = line.frequency if line.frequency and not line.frequency.value.week else None
    schedules = [clause for clause in (line.every, line.frequency, line.days_a_week, line.on_days) if clause]
    pairs: list[tuple[Said[Any] | None, Said[Any] | None]] = [(line.every, line.frequency), (line.on_days, weekly)]
    if line.frequency and line.frequency.value.week:
        pairs += [(line.frequency, line.days_a_week)]
    pairs += [(line.single, clause) for clause in (*schedules, line.lasting, line.count)] + [(line.count, line.lasting)]
    if line.continuous:
        pairs += [
            (line.continuous, clause) for clause in (line.every, line.frequency, line.days_a_week, line.single, line.count)
        ]
    for first, second in pairs:
        if first and second:
            yield Complaint(
                max(first.start, second.start), f"'{first.text}' and '{second.text}' do not go together.", "Keep one."
            )
    if line.on_days and not line.on_days.value.each_week and (line.lasting or line.count):
        length = line.lasting or line.count
        weeks = "on days 1-5 of weeks 1-4" if line.on_days.value.weeks is None else "of weeks 2-4"
        text = length.text if length else ""
        advice = f"Name the weeks instead, for example '{weeks}', or write 'of each week'."
        yield Complaint(
            line.on_days.start, f"'{line.on_days.text}' already says when the doses end; '{text}' is not clear.", advice
        )
    if (
        line.on_days
        and (line.on_days.value.weeks is not None or line.on_days.value.each_week)
        and max(line.on_days.value.days) > 7
    ):
        yield Complaint(line.on_days.start, f"a week has no day {max(line.on_days.value.days)}.", "Expected days from 1 to 7.")
    if not schedules and not line.single and not line.continuous:
        advice = "Expected for example 'every 8 h', 'daily', '3 times a week', 'on days 1-5' or 'single dose'."
        yield Complaint(line.start, f"'{line.amount_text}' has no schedule.", advice)
    needs_length = weekly or line.every or per_day or line.continuous or (line.on_days and line.on_days.value.each_week)
    ends_by_days = line.on_days and not line.on_days.value.each_week
    if needs_length and not (line.lasting or line.count or line.single or ends_by_days):
        shown = (schedules[-1] if schedules else needs_length).text  # type: ignore[union-attr]
        yield Complaint(
            line.start, f"'{line.amount_text}' {shown} never ends.", "Expected for example '14 doses' or 'for 5 days'."
        )


def _arithmetic_complaints(line: Line) -> Iterator[Complaint]:
    """Numbers that do not work: intervals, infusions longer than them, too many doses."""
    weekly = line.days_a_week or (line.frequency if line.frequency and line.frequency.value.week else None)
    if weekly:
        times = (
            line.frequency.value.times
            if line.frequency and line.frequency.value.week
            else line.days_a_week and line.days_a_week.value
        )
        if times not in SPREAD:
            yield Complaint(weekly.start, f"'{weekly.text}': a week has 7 days.", "Expected a number from 1 to 7.")
            return
    if line.every and line.every.value > SHORTEST_MONTH and not is_whole_days(line.every.value):
        yield Complaint(line.every.start, f"'{line.every.text}' is not a whole number of days.", month_advice())
        return
    in_days = line.on_days is not None or line.days_a_week is not None
    if line.every and in_days and not _divides_day(line.every.value):
        yield Complaint(
            line.every.start,
            f"'{line.every.text}' does not fit into days.",
            "With named days expected every 4, 6, 8, 12 or 24 h.",
        )
        return
    interval = _gap_in_day(line) if in_days or _is_weekly_pattern(line) else _interval(line)
    if line.over and not line.single and line.over.value > interval + SAME_TIME:
        what = f"the infusion '{line.over.text}' is longer than the {hours_text(interval)} to the next dose."
        yield Complaint(line.over.start, what, "For an infusion without a break write 'continuous' with a dose per day.")
    doses = _count_doses(line, interval)
    if doses > MOST_DOSES:
        yield Complaint(
            line.start, f"'{line.text}' is {doses:.0f} doses.", f"At most {MOST_DOSES} doses of a course can be planned."
        )


def _count_doses(line: Line, interval: float) -> float:
    """About how many doses a line plans; reckoned before any is made."""
    if line.count:
        return line.count.value
    if line.on_days and not line.on_days.value.each_week:
        weeks = line.on_days.value.weeks
        return len(line.on_days.value.days) * (len(weeks) if weeks else 1) * HOURS_PER_DAY / min(interval, HOURS_PER_DAY)
    if line.lasting:
        gap = HOURS_PER_DAY if line.continuous else interval
        return math.ceil(line.lasting.value / gap - SAME_TIME)
    return 1


def _interval(line: Line) -> float:
    if line.every:
        return line.every.value
    return HOURS_PER_DAY / line.frequency.value.times if line.frequency else HOURS_PER_DAY


def _gap_in_day(line: Line) -> float:
    """Time between the doses of one dosing day [h]; 24 where there is one dose a day."""
    if line.every:
        return line.every.value
    if line.frequency and not line.frequency.value.week:
        return HOURS_PER_DAY / line.frequency.value.times
    return HOURS_PER_DAY


def _is_weekly_pattern(line: Line) -> bool:
    return line.days_a_week is not None or (line.frequency is not None and line.frequency.value.week)


def _divides_day(hours: float) -> bool:
    return hours <= HOURS_PER_DAY and abs(HOURS_PER_DAY / hours - round(HOURS_PER_DAY / hours)) < SAME_TIME


def _number_before(length: float, gap: float) -> int:
    """How many doses, `gap` apart from time 0, start before `length`."""
    return max(1, math.ceil(length / gap - SAME_TIME))


def _next_day(start: float, duration: float) -> float:
    """The end of the 24-hour day, counted from the cycle's start, in which a dose starts or its infusion ends."""
    days = max(math.floor(start / HOURS_PER_DAY + SAME_TIME) + 1, math.ceil((start + duration) / HOURS_PER_DAY - SAME_TIME))
    return days * HOURS_PER_DAY


def _on_days(line: Line, start: float) -> tuple[list[float], float]:
    """The dose times of a line on named days or so many days a week, and the end of the line."""
    gap = _gap_in_day(line)
    within_day = [index * gap for index in range(max(1, round(HOURS_PER_DAY / gap)))]
    named = line.on_days.value if line.on_days else NamedDays(_weekdays(line), each_week=True)
    if not named.each_week:
        days = _days_of_cycle(named)
        starts = [(day - 1) * HOURS_PER_DAY + time for day in days for time in within_day]
        infusion = line.over.value if line.over else 0.0
        end = max(named.weeks) * HOURS_PER_WEEK if named.weeks else _next_day(starts[-1], infusion)
        return starts, end
    in_week = [(day - 1) * HOURS_PER_DAY + time for day in named.days for time in within_day]
    if line.count:
        weeks = math.ceil(line.count.value / len(in_week))
    else:
        weeks = math.ceil((line.lasting.value if line.lasting else 0.0) / HOURS_PER_WEEK - SAME_TIME)
    starts = [start + week * HOURS_PER_WEEK + time for week in range(weeks) for time in in_week]
    if line.count:
        starts = starts[: line.count.value]
        return starts, _next_day(starts[-1], line.over.value if line.over else 0.0)
    end = start + (line.lasting.value if line.lasting else 0.0)
    return [time for time in starts if time < end - SAME_TIME], end


def _weekdays(line: Line) -> tuple[int, ...]:
    if line.days_a_week:
        return tuple(range(1, line.days_a_week.value + 1))
    return SPREAD[line.frequency.value.times] if line.frequency else ()


def _days_of_cycle(named: NamedDays) -> list[int]:
    if named.weeks is None:
        return list(named.days)
    return [(week - 1) * 7 + day for week in named.weeks for day in named.days]


def _continuous(line: Line, start: float) -> Stretch:
    """One dose per 24 h of a continuous infusion, the last one shorter where the length is not whole days."""
    if line.on_days:
        starts, end = _on_days(line, start)
        return Stretch(line, tuple(starts), (HOURS_PER_DAY,) * len(starts), end, max(end, starts[-1] + HOURS_PER_DAY))
    length = line.lasting.value if line.lasting else HOURS_PER_DAY
    bags = _number_before(length, HOURS_PER_DAY)
    starts = [start + index * HOURS_PER_DAY for index in range(bags)]
    durations = [min(HOURS_PER_DAY, start + length - time) for time in starts]
    return Stretch(line, tuple(starts), tuple(durations), start + length, start + length)


def _merge(stretches: list[Stretch], complaints: list[Complaint]) -> list[PlannedDose]:
    """The doses of all lines of a cycle in order of time; complains of doses that coincide or infusions that overlap."""
    doses: list[PlannedDose] = []
    for phase, stretch in enumerate(stretches, 1):
        line = stretch.line
        per: BodySize = line.amount.per or "flat"
        route = line.route.value if line.route else "iv"
        for start, duration in zip(stretch.starts, stretch.durations, strict=True):
            share = duration / line.amount.rate_hours if line.amount.rate_hours else 1.0
            amount = float(f"{line.amount.value * share:.15g}")
            doses.append(PlannedDose(start, amount, line.amount.unit, per, route, duration, phase=phase))
    if len(doses) > MOST_DOSES:
        complaints.append(_too_many(stretches[0].line.start, len(doses)))
        return []
    doses.sort(key=lambda dose: (dose.hours, dose.phase))
    if doses and doses[0].hours > SAME_TIME:
        first = math.floor(doses[0].hours / HOURS_PER_DAY + SAME_TIME) + 1
        what = f"the first dose is on day {first}, but day 1 is the day of the first dose."
        complaints.append(
            Complaint(stretches[doses[0].phase - 1].line.start, what, "Count days and weeks from the first dose.")
        )
    infused_until: dict[str, float] = {}
    for before, after in pairwise(doses):
        line = stretches[after.phase - 1].line
        day = math.floor(after.hours / HOURS_PER_DAY + SAME_TIME) + 1
        infused_until[before.route] = before.hours + before.duration_hours
        if after.hours - before.hours < SAME_TIME:
            other = stretches[before.phase - 1].line.text
            what = f"two doses of one drug at the same time, on day {day}: '{line.text}' and '{other}'."
            complaints.append(Complaint(line.start, what, "Lines run beside each other; write 'then' for one after the other."))
            break
        if infused_until.get(after.route, 0.0) > after.hours + SAME_TIME:
            what = f"the dose on day {day} starts before the infusion before it has ended."
            complaints.append(Complaint(line.start, what, "Write 'then' for one after the other, or a shorter infusion."))
            break
    return doses


def _too_many(start: int, count: int) -> Complaint:
    return Complaint(start, f"the course has {count} doses.", f"At most {MOST_DOSES} doses of a course can be planned.")


def _repeated(
    cycle: list[PlannedDose], stretches: list[Stretch], repeat: Repeat | None
) -> tuple[Course | None, tuple[Complaint, ...]]:
    """The course of all cycles, its first dose at time 0."""
    last_day = math.ceil(max(stretch.end for stretch in stretches) / HOURS_PER_DAY - SAME_TIME) * HOURS_PER_DAY
    interval_end = max(stretch.interval_end for stretch in stretches)
    cycles, period = 1, 0.0
    if repeat:
        cycles = repeat.cycles or 1
        period = repeat.every if repeat.every is not None else last_day + (repeat.rest or 0.0)
        last_end = max(dose.hours + dose.duration_hours for dose in cycle)
        if period <= cycle[-1].hours or period < last_end - SAME_TIME:
            what = f"'{repeat.text}': the next cycle would start before this one has ended."
            return None, (Complaint(repeat.start, what, f"One cycle lasts {hours_text(last_day)}."),)
        if not is_whole_days(period) and repeat.every is not None:
            return None, (Complaint(repeat.start, f"'{repeat.text}' is not a whole number of days.", month_advice()),)
        if len(cycle) * cycles > MOST_DOSES:
            return None, (_too_many(repeat.start, len(cycle) * cycles),)
    doses = tuple(
        replace(dose, hours=float(f"{dose.hours + index * period:.15g}"), cycle=index + 1, number=number)
        for index in range(cycles)
        for number, dose in enumerate(cycle, 1)
    )
    return Course(doses, float(f"{(cycles - 1) * period + interval_end:.15g}"), cycles), ()
