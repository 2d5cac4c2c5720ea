"""Echoes a protocol as it was understood: arms, calendars, rules, scans. What is simulated is what is printed here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cytotrial.cli.console import print_indented
from cytotrial.question import CONDITIONS
from cytotrial.units import HOURS_PER_MONTH

if TYPE_CHECKING:
    from rich.console import Console

    from cytotrial.catalogue import Library
    from cytotrial.protocol import Protocol, Treatment

SCANS_SHOWN = 6
FACTS, FACT_COLUMN, CALENDAR = 2, 13, 2  # columns that lines are moved in by


def print_protocol(console: Console, library: Library, *, name: str, topics: Iterable[str]) -> None:
    """Prints a shipped protocol or a protocol file; an unknown name is compared with `topics` too.

    Raises:
        ProtocolError: no such protocol, or one with mistakes.
    """
    from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean
    from cytotrial.protocol import find_protocol, read_protocol

    if name not in library.protocols and not Path(name).exists() and not name.endswith((".yaml", ".yml")):
        advice = did_you_mean(name, [*topics, *library.protocols], see="`cytotrial show protocols` lists all protocols.")
        raise ProtocolError([Problem(Place(), f"'{name}' is neither a topic nor a protocol.", advice)])
    for line in protocol_lines(read_protocol(find_protocol(name, library), library)):
        by = len(line) - len(line.lstrip())
        # Facts stand in a column of their own; a calendar goes on below itself.
        print_indented(console, line.lstrip(), by=by, hanging={FACTS: FACT_COLUMN}.get(by, CALENDAR if by else 0))


def protocol_lines(plan: Protocol) -> list[str]:
    """The protocol as lines of text."""
    design = "arms are the same patients with the same noise" if plan.design == "twins" else "each patient is in one arm"
    eligible = f", eligible by {plan.eligibility}" if plan.eligibility else ""
    shared = "in each arm" if plan.design == "twins" else "in all, shared among the arms"
    lines = [
        plan.title.en,
        f"  disease      {plan.disease}",
        f"  patients     {plan.patients} {shared}, of population {plan.population}{eligible}",
        f"  design       {plan.design}: {design}; seed {plan.seed}",
        f"  scans        {_scans_text(plan)}",
        f"  graded by    {plan.grading}; response by {', '.join(plan.response)}",
        f"  follow-up    {plan.follow_up_hours / HOURS_PER_MONTH:.4g} months from the first planned dose, a Monday at 08:00",
    ]
    lines += [f"  compared     with {', '.join(plan.compare_with)}"] if plan.compare_with else []
    lines += [f"  set          {name} = {value}" for name, value in plan.set.items()]
    for arm in plan.arms:
        lines += ["", f"Arm: {arm.name}", f"  support      {arm.support}"]
        lines += [] if arm.treatments else ["  observed only"]
        for treatment in arm.treatments:
            lines += _treatment_lines(treatment)
    return lines


def _treatment_lines(treatment: Treatment) -> list[str]:
    regimen, courses = treatment.regimen, treatment.courses
    named = f" ({treatment.regimen_name})" if treatment.regimen_name else ""
    lines = [f"  {treatment.drug}{named}: {regimen.text}", *(f"    {line}" for line in regimen.calendar())]
    if courses.max > 1:
        condition = CONDITIONS.get(courses.only_if, f" after {courses.only_if}")
        rest = f"{courses.rest_hours / 24:.4g} days from the last planned dose to the next course"
        lines.append(f"    at most {courses.max} courses{condition}; {rest}")
    lines.append(f"    rules {treatment.rules}")
    return lines


def _scans_text(plan: Protocol) -> str:
    """Before treatment, then in weeks after the first planned dose."""
    times = plan.scan_times()
    if not times:
        return "before treatment only"
    weeks = ", ".join(f"{time / 168:.4g}" for time in times[:SCANS_SHOWN])
    more = f", ... ({len(times)} scans)" if len(times) > SCANS_SHOWN else ""
    return f"before treatment, and in weeks {weeks}{more}"
