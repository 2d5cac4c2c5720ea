"""Writes planned doses as a calendar for people: days, counts, times of day. Time 0 is a Monday at 08:00."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise

from cytotrial.protocol.planned import PlannedDose
from cytotrial.protocol.quantities import hours_text
from cytotrial.units import HOURS_PER_DAY

FIRST_CLOCK_HOUR = 8.0  # docs: time 0 is a Monday at 08:00
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CYCLES_SHOWN = 4  # a course of more cycles is shown by its first two and its last
SAME_TIME = 1e-6  # hours


def calendar_lines(doses: Sequence[PlannedDose]) -> list[str]:
    """One line for each cycle and kind of dose in it; equal cycles in the middle of a long course are drawn together."""
    by_cycle = [list(group) for _, group in groupby(doses, key=lambda dose: dose.cycle)]
    if len(by_cycle) <= CYCLES_SHOWN:
        return [line for cycle in by_cycle for line in _cycle_lines(cycle)]
    period = by_cycle[1][0].hours - by_cycle[0][0].hours
    between = f"Cycles 3-{len(by_cycle) - 1}: the same, every {hours_text(period)}"
    return [*_cycle_lines(by_cycle[0]), *_cycle_lines(by_cycle[1]), between, *_cycle_lines(by_cycle[-1])]


def dose_text(dose: PlannedDose) -> str:
    """One dose in words.

    >>> dose_text(PlannedDose(0.0, 18e6, "IU", "flat", "sc", 0.0))
    '18 MIU flat sc'
    """
    amount, unit = _readable(dose.amount, dose.unit)
    size = " flat" if dose.per == "flat" else f"/{dose.per}"
    manner = ""
    if dose.route == "iv":
        manner = f" over {hours_text(dose.duration_hours)}" if dose.duration_hours else " bolus"
    return f"{amount:.10g} {unit}{size} {dose.route}{manner}"


def _readable(amount: float, unit: str) -> tuple[float, str]:
    """The amount in the unit of its kind that needs the fewest zeros."""
    if unit == "IU":
        return (amount / 1e6, "MIU") if amount >= 1e6 else (amount, unit)
    if unit == "mg" and amount < 0.1:
        return (amount * 1e3, "ug") if amount >= 1e-4 else (amount * 1e6, "ng")
    return amount, unit


def _cycle_lines(cycle: list[PlannedDose]) -> list[str]:
    phases = sorted({dose.phase for dose in cycle})
    lines = []
    for phase in phases:
        part = [dose for dose in cycle if dose.phase == phase]
        count = "1 dose" if len(part) == 1 else f"{len(part)} doses"
        lines.append(f"Cycle {cycle[0].cycle}: {_days(part)}, {count}, {_rhythm(part)}: {_doses_text(part)}")
    return lines


def _doses_text(part: list[PlannedDose]) -> str:
    last = part[-1]
    if last.duration_hours < part[0].duration_hours:
        return f"{dose_text(part[0])}, the last over {hours_text(last.duration_hours)}"
    return dose_text(part[0])


def _day(dose: PlannedDose) -> int:
    return math.floor(dose.hours / HOURS_PER_DAY + SAME_TIME) + 1


def _days(part: list[PlannedDose]) -> str:
    """The days of the doses: runs joined; for a long list the first and the last."""
    days = sorted({_day(dose) for dose in part})
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][1] + 1:
            runs[-1][1] = day
        else:
            runs.append([day, day])
    if len(runs) > 8:
        return f"days {days[0]} to {days[-1]}"
    text = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
    return f"day {text}" if len(days) == 1 else f"days {text}"


def _rhythm(part: list[PlannedDose]) -> str:
    first = f"day {_day(part[0])} {_clock(part[0])}"
    gaps = {round(after.hours - before.hours, 6) for before, after in pairwise(part)}
    if not gaps:
        return f"at {first}"
    if len(gaps) == 1:
        return f"every {hours_text(gaps.pop())} from {first}"
    clocks = list(dict.fromkeys(_clock(dose) for dose in part))
    weekdays = [name for name in WEEKDAYS if any(_weekday(dose) == name for dose in part)]
    return f"{', '.join(weekdays)} at {' and '.join(clocks)} from {first}"


def _clock(dose: PlannedDose) -> str:
    minutes = round((dose.hours + FIRST_CLOCK_HOUR) * 60.0)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _weekday(dose: PlannedDose) -> str:
    """The weekday of the treatment day, which begins at 08:00: a dose at 00:00 belongs to the day before."""
    return WEEKDAYS[(_day(dose) - 1) % len(WEEKDAYS)]
