"""`cytotrial why`: the chart and the decision about one planned dose, on one screen. Reads a run; decides nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cytotrial.cli.console import results
from cytotrial.cli.notice import SIMULATED
from cytotrial.cli.tables import cell_text, is_missing, print_rows

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from cytotrial.results import Result

HOURS_PER_DAY = 24
FIRST_HOUR = 8  # time 0 is 08:00
SAME_VISIT_HOURS = 1e-6
BEFORE_HOURS = 24  # what was given this long before the visit is listed
MOVED = 0.1  # a value this much away from the first one, as a share, is worth a row
CHART_ROWS = 14  # with the decision, the events and what was given, one screen
SIGNS = 6


def why(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    *,
    patient: Annotated[int, typer.Option(metavar="NUMBER", help="Number of the patient, from 1.", show_default=False)],
    arm: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the arm.", show_default="the first")] = None,
    dose: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Number of the planned dose in its cycle, from 1.", show_default=False)
    ] = None,
    day: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Or: treatment day, from 1; it begins at 08:00.", show_default=False)
    ] = None,
    course: Annotated[int, typer.Option(metavar="NUMBER", help="Course of --dose.")] = 1,
    cycle: Annotated[int, typer.Option(metavar="NUMBER", help="Cycle of --dose.")] = 1,
) -> None:
    """Why a dose was given or not: what the clinic saw, which criteria were met, which rule decided, and its source."""
    from cytotrial.errors import ProtocolError
    from cytotrial.results import load

    if (dose is None) == (day is None):
        raise ProtocolError("expected either --dose or --day. For example: --patient 17 --dose 9")
    result = load(run)
    chosen = _arm(result, arm)
    decisions = _of_patient(result, "decisions", arm=chosen, patient=patient)
    slots = _of_patient(result, "doses", arm=chosen, patient=patient)
    if day is None:
        slots = slots[(slots["COURSE"] == course) & (slots["CYCLE"] == cycle) & (slots["DOSE"] == dose)]
        missing = f"patient {patient} has no planned dose {dose} in course {course}, cycle {cycle}."
    else:
        slots = slots[slots["TIME"] // HOURS_PER_DAY == day - 1]
        missing = f"patient {patient} has no planned dose on day {day}."
    visit = float(slots["TIME"].iloc[-1]) if len(slots) else _last_visit(result, arm=chosen, patient=patient, day=day)
    if visit is None:
        first = f'`cytotrial query {run} "select * from doses where ID = {patient}"` lists all doses.'
        raise ProtocolError(f"{missing} {first}")
    console = results()
    console.rule(f"{chosen}, patient {patient}", align="left")
    for slot in slots.to_dict("records"):
        _print_slot(console, slot, decisions)
    if slots.empty:
        console.print(f"No dose planned on day {day}; last seen at {clock_text(visit)}.", markup=False, style="bold")
    _print_findings(console, result, arm=chosen, patient=patient, visit=visit)
    _print_chart(console, result, arm=chosen, patient=patient, visit=visit)
    _print_events(console, result, arm=chosen, patient=patient, visit=visit)
    _print_given(console, result, arm=chosen, patient=patient, visit=visit)
    console.print(SIMULATED, style="dim")


def clock_text(hours: float) -> str:
    """A time since the first planned dose: hour, treatment day (it begins at 08:00), and time of day.

    >>> clock_text(0.0), clock_text(64.5)
    ('hour 0 (day 1, 08:00)', 'hour 64.5 (day 3, 00:30)')
    """
    minutes = round(hours * 60)
    clock = minutes + FIRST_HOUR * 60
    day = minutes // (HOURS_PER_DAY * 60) + 1
    return f"hour {cell_text(hours)} (day {day}, {clock // 60 % HOURS_PER_DAY:02d}:{clock % 60:02d})"


def _arm(result: Result, arm: str | None) -> str:
    from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean

    if arm is None:
        return result.arms[0]
    if arm not in result.arms:
        raise ProtocolError([Problem(Place(path="--arm"), f"this run has no arm '{arm}'.", did_you_mean(arm, result.arms))])
    return arm


def _of_patient(result: Result, table: str, *, arm: str, patient: int) -> pd.DataFrame:
    frame = result.table(table)
    return frame[(frame["ARM"] == arm) & (frame["ID"] == patient)]


def _last_visit(result: Result, *, arm: str, patient: int, day: int | None) -> float | None:
    """When the patient was last seen on a treatment day [h]; None where not at all."""
    if day is None:
        return None
    seen = [_of_patient(result, name, arm=arm, patient=patient)["TIME"] for name in ("vitals", "labs")]
    times = [float(time) for series in seen for time in series if time // HOURS_PER_DAY == day - 1]
    return max(times, default=None)


def _at(frame: pd.DataFrame, visit: float) -> pd.DataFrame:
    return frame[(frame["TIME"] - visit).abs() < SAME_VISIT_HOURS]


def _print_slot(console: Console, slot: Mapping[Hashable, Any], decisions: pd.DataFrame) -> None:
    when = clock_text(slot["TIME"])
    console.print(
        f"{slot['DRUG']}, course {slot['COURSE']}, cycle {slot['CYCLE']}, dose {slot['DOSE']}: {when}",
        markup=False,
        style="bold",
    )
    amounts = f"planned {cell_text(slot['PLANNED'])} {slot['UNIT']}, given {cell_text(slot['GIVEN'])} {slot['UNIT']}"
    reason = "" if is_missing(slot["REASON"]) or not slot["REASON"] else f", because of {slot['REASON']}"
    console.print(f"  {slot['ACTION']}: {amounts}{reason}", markup=False)
    made = _at(decisions[decisions["DRUG"] == slot["DRUG"]], slot["TIME"])
    for row in made.to_dict("records"):
        for name in ("POLICY", "CRITERIA", "SOURCE"):
            if not is_missing(row[name]) and str(row[name]):
                console.print(f"  {name.lower() + ':':<10} {row[name]}", markup=False)


def _print_findings(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    rows = _at(_of_patient(result, "findings", arm=arm, patient=patient), visit)
    met, unknown = rows[rows["MET"] == 1], rows[rows["MET"].isna()]
    lines = [(str(row["CRITERION"]), str(row["LEVEL"])) for row in met.to_dict("records")]
    print_rows(console, lines, columns=("criterion met", "level"), title="Criteria met")
    if len(unknown):
        console.print(f"Unknown, because not measured: {', '.join(map(str, unknown['CRITERION']))}", markup=False, style="dim")


def _print_chart(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    """The last values until the visit that moved, most first, beside the first ones; signs without a unit in one line."""
    import pandas as pd

    frames = [_of_patient(result, name, arm=arm, patient=patient) for name in ("vitals", "labs")]
    seen = pd.concat([frame[frame["TIME"] <= visit + SAME_VISIT_HOURS] for frame in frames]).dropna(subset=["AVAL"])
    lines, signs = [], []
    for name, part in seen.sort_values("TIME", kind="stable").groupby("NAME", sort=False):
        first, last = part.iloc[0], part.iloc[-1]
        if last["AVALU"] == "1":
            signs.append((float(last["AVAL"]), f"{name} {cell_text(last['AVAL'])}"))
            continue
        age = visit - last["TIME"]
        when = "now" if age < SAME_VISIT_HOURS else f"{cell_text(round(age, 1))} h before"
        moved = abs(last["AVAL"] - first["AVAL"]) / max(abs(last["AVAL"]), abs(first["AVAL"]), SAME_VISIT_HOURS)
        row = (str(name), cell_text(last["AVAL"]), str(last["AVALU"]), when, cell_text(first["AVAL"]))
        lines.append((float(moved), row))
    lines.sort(key=lambda line: -line[0])
    shown = [row for moved, row in lines if moved >= MOVED][:CHART_ROWS]
    print_rows(
        console,
        shown,
        columns=("measured", "value", "unit", "when", "at first"),
        right=("value", "at first"),
        title="Chart",
    )
    if len(lines) > len(shown):
        console.print(f"{len(lines) - len(shown)} other values are near the first ones.", style="dim")
    present = [text for value, text in sorted(signs, key=lambda sign: -sign[0]) if value > 0]
    if present:
        more = f" and {len(present) - SIGNS} weaker ones" if len(present) > SIGNS else ""
        console.print(f"Signs: {', '.join(present[:SIGNS])}{more}", markup=False)


def _print_events(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    rows = _of_patient(result, "adverse_events", arm=arm, patient=patient)
    ongoing = rows[(rows["ASTTM"] <= visit) & ~(rows["AENTM"] <= visit)]
    lines = [
        (str(r["TERM"]), cell_text(r["GRADE"]), clock_text(r["ASTTM"]), str(r["VERSION"])) for r in ongoing.to_dict("records")
    ]
    print_rows(
        console,
        lines,
        columns=("term", "worst grade of the episode", "since", "graded by"),
        right=("worst grade",),
        title="Adverse events at that time",
    )


def _print_given(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    rows = _of_patient(result, "inputs", arm=arm, patient=patient)
    recent = rows[(rows["TIME"] <= visit) & (rows["TIME"] >= visit - BEFORE_HOURS)]
    lines = [
        (clock_text(r["TIME"]), f"{r['WHAT']}: {r['TARGET']}", f"{r['KIND']} {cell_text(r['VALUE'])} {r['UNIT']}")
        for r in recent.to_dict("records")
        if r["WHAT"] != "dose" or r["VALUE"] > 0
    ]
    title = f"Given in the {BEFORE_HOURS} h before"
    print_rows(console, lines, columns=("when", "what", "how much"), title=title)
