"""`cytotrial why`: the chart and the decision about one planned dose, on one screen. Reads a run; decides nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
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
    from cytotrial.results.context import RuleUsed

HOURS_PER_DAY = 24
FIRST_HOUR = 8  # time 0 is 08:00
SAME_VISIT_HOURS = 1e-6
BEFORE_HOURS = 24  # what was given this long before the visit is listed
MOVED_BY_DECISION = float("inf")
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
        _print_slot(console, slot, decisions, result.context.dose_units)
    if slots.empty:
        console.print(f"No dose planned on day {day}; last seen at {clock_text(visit)}.", markup=False, style="bold")
    met = _print_criteria(console, result, arm=chosen, patient=patient, visit=visit)
    _print_chart(
        console, result, arm=chosen, patient=patient, visit=visit, first=[name for rule in met for name in rule.findings]
    )
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


def _print_slot(
    console: Console, slot: Mapping[Hashable, Any], decisions: pd.DataFrame, dose_units: Mapping[str, tuple[str, float]]
) -> None:
    when = clock_text(slot["TIME"])
    console.print(
        f"{slot['DRUG']}, course {slot['COURSE']}, cycle {slot['CYCLE']}, dose {slot['DOSE']}: {when}",
        markup=False,
        style="bold",
    )
    unit, amount = dose_units.get(slot["DRUG"], (slot["UNIT"], 1.0))
    amounts = f"planned {slot['PLANNED'] / amount:.3g} {unit}, given {slot['GIVEN'] / amount:.3g} {unit}"
    reason = "" if is_missing(slot["REASON"]) or not slot["REASON"] else f", because of {slot['REASON']}"
    console.print(f"  {slot['ACTION']}: {amounts}{reason}", markup=False)
    made = _at(decisions[decisions["DRUG"] == slot["DRUG"]], slot["TIME"])
    for row in made.to_dict("records"):
        for name in ("POLICY", "CRITERIA", "SOURCE"):
            if not is_missing(row[name]) and str(row[name]):
                console.print(f"  {name.lower() + ':':<10} {row[name]}", markup=False)


def _print_criteria(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> list[RuleUsed]:
    """The criteria met at the visit: since when, what they ask for and what lifts them. Returns what is known of each."""
    seen = _of_patient(result, "findings", arm=arm, patient=patient)
    rows = _at(seen, visit)
    decided = _of_patient(result, "decisions", arm=arm, patient=patient)
    known = {rule.criterion: rule for rule in result.context.rules.get(arm, ())}
    met, unknown = rows[rows["MET"] == 1], rows[rows["MET"].isna()]
    lines = []
    for row in met.to_dict("records"):
        rule = known.get(row["CRITERION"])
        words = "" if rule is None else rule.when + (f"; stays until {rule.until}" if rule.until else "")
        since = _met_since(seen[seen["CRITERION"] == row["CRITERION"]], decided["TIME"], visit)
        lines.append((str(row["CRITERION"]), str(row["LEVEL"]), f"{cell_text(round(visit - since, 1))} h", words))
    print_rows(console, lines, columns=("criterion met", "level", "for", "met when"), right=("for",), title="Criteria met")
    if len(unknown):
        console.print(f"Unknown, because not measured: {', '.join(map(str, unknown['CRITERION']))}", markup=False, style="dim")
    return [known[name] for name in met["CRITERION"] if name in known]


def _met_since(seen: pd.DataFrame, visits: pd.Series, visit: float) -> float:
    """Since when a criterion met at the visit has been met at every visit [h]; only met and unknown ones have rows."""
    past = visits[visits <= visit + SAME_VISIT_HOURS].sort_values()
    is_met = past.isin(seen.loc[seen["MET"] == 1, "TIME"])
    not_met = past[~is_met]
    return float(past[past > not_met.max()].min() if len(not_met) else past.min())


def _print_chart(console: Console, result: Result, *, arm: str, patient: int, visit: float, first: Sequence[str]) -> None:
    """The last values until the visit beside the first ones: those that decided (`first`), then those that moved, most first;
    signs without a unit in one line.
    """
    import pandas as pd

    frames = [_of_patient(result, name, arm=arm, patient=patient) for name in ("vitals", "labs")]
    seen = pd.concat([frame[frame["TIME"] <= visit + SAME_VISIT_HOURS] for frame in frames]).dropna(subset=["AVAL"])
    lines, signs = [], []
    for name, part in seen.sort_values("TIME", kind="stable").groupby("NAME", sort=False):
        start, last = part.iloc[0], part.iloc[-1]
        if last["AVALU"] == "1" and name not in first:
            signs.append((float(last["AVAL"]), f"{name} {cell_text(last['AVAL'])}"))
            continue
        age = visit - last["TIME"]
        when = "now" if age < SAME_VISIT_HOURS else f"{cell_text(round(age, 1))} h before"
        moved = abs(last["AVAL"] - start["AVAL"]) / max(abs(last["AVAL"]), abs(start["AVAL"]), SAME_VISIT_HOURS)
        if name in first:
            moved = MOVED_BY_DECISION
        row = (str(name), cell_text(last["AVAL"]), str(last["AVALU"]), when, cell_text(start["AVAL"]))
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
    lines = []
    for event in ongoing.sort_values(["GRADE", "ASTTM"], ascending=[False, True]).to_dict("records"):
        is_reached = event["TIME_WORST"] <= visit + SAME_VISIT_HOURS
        reached = "by now" if is_reached else f"{cell_text(round(event['TIME_WORST'] - visit, 1))} h later"
        lines.append((str(event["TERM"]), clock_text(event["ASTTM"]), cell_text(event["GRADE"]), reached))
    graded_by = ", ".join(sorted(set(ongoing["VERSION"].astype(str))))
    print_rows(
        console,
        lines,
        columns=("term", "since", "worst grade of the episode", "reached"),
        right=("worst grade of the episode",),
        title=f"Adverse events at that time{f', {graded_by}' if graded_by else ''}",
    )


def _print_given(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    """Doses of the last day, each in one line, and the care under way."""
    doses = _of_patient(result, "doses", arm=arm, patient=patient)
    recent = doses[(doses["GIVEN"] > 0) & (doses["TIME"] < visit) & (doses["TIME"] >= visit - BEFORE_HOURS)]
    lines = []
    for dose in recent.to_dict("records"):
        unit, amount = result.context.dose_units.get(dose["DRUG"], (dose["UNIT"], 1.0))
        over = f" over {cell_text(dose['DURATION'])} h" if dose["DURATION"] > 0 else ""
        lines.append(
            (clock_text(dose["TIME"]), str(dose["DRUG"]), f"{dose['GIVEN'] / amount:.3g} {unit} {dose['ROUTE']}{over}")
        )
    print_rows(console, lines, columns=("when", "drug", "how much"), title=f"Given in the {BEFORE_HOURS} h before")
    inputs = _of_patient(result, "inputs", arm=arm, patient=patient)
    care = inputs[(inputs["WHAT"] == "care") & (inputs["TIME"] <= visit + SAME_VISIT_HOURS)].sort_values("TIME", kind="stable")
    under_way = [str(name) for name, part in care.groupby("TARGET", sort=False) if part["VALUE"].iloc[-1] > 0]
    if under_way:
        console.print(f"Care under way: {', '.join(under_way)}", markup=False)
