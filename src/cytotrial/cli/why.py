"""`cytotrial why`: the chart and the decision about one planned dose, on one screen. Reads a run; decides nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cytotrial.cli.console import results
from cytotrial.cli.notice import SIMULATED
from cytotrial.cli.tables import cell_text, is_missing, print_rows
from cytotrial.results.written import unit_text

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
NOTHING = 1e-6  # of the largest value in the arm: a state that decays never is exactly 0
NO_SIZE = 1e-12
GIVE = "give"
JUDGED = "judgement"  # how `decisions.POLICY` begins where nobody's criterion decided
SIGN = "sign"
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
    decisions = result.of_patient("decisions", arm=chosen, patient=patient)
    slots = result.of_patient("doses", arm=chosen, patient=patient)
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


def _last_visit(result: Result, *, arm: str, patient: int, day: int | None) -> float | None:
    """When the patient was last seen on a treatment day [h]; None where not at all."""
    if day is None:
        return None
    seen = [result.of_patient(name, arm=arm, patient=patient)["TIME"] for name in ("vitals", "labs")]
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
    mine = decisions[decisions["DRUG"] == slot["DRUG"]].sort_values("TIME", kind="stable")
    for row in _at(mine, slot["TIME"]).to_dict("records"):
        for name in ("POLICY", "CRITERIA", "SOURCE"):
            if not is_missing(row[name]) and str(row[name]):
                console.print(f"  {name.lower() + ':':<10} {row[name]}", markup=False)
        if slot["ACTION"] != GIVE and (is_missing(row["CRITERIA"]) or not str(row["CRITERIA"])):
            _print_earlier(console, slot, row, mine[mine["TIME"] < slot["TIME"]])


def _print_earlier(console: Console, slot: Mapping[Hashable, Any], row: Mapping[Hashable, Any], earlier: pd.DataFrame) -> None:
    """Where the reason of a dose without a criterion of its own lies: in a judgement, or in a decision that still holds."""
    if str(row["POLICY"]).startswith(JUDGED):
        text = "no criterion asks for it: the team decided so by its own judgement, which the rule profile draws at random."
        console.print(f"  {'reason:':<10} {text}", markup=False)
        console.print(f"  {'source:':<10} the `judgement` of the profile: `cytotrial show rules {row['DRUG']}`", markup=False)
        return
    # A step such as 'withhold and reduce one level' lowers every dose after it.
    is_same = earlier["POLICY"].fillna("").str.contains(str(slot["ACTION"]), regex=False)
    same = earlier[is_same & (earlier["CRITERIA"].fillna("") != "")]
    if same.empty:
        return
    last = same.iloc[-1]
    console.print(
        f"  {'reason:':<10} decided at {clock_text(last['TIME'])} and kept since: {last['CRITERIA']} ({last['POLICY']})",
        markup=False,
    )
    if not is_missing(last["SOURCE"]) and str(last["SOURCE"]):
        console.print(f"  {'source:':<10} {last['SOURCE']}", markup=False)


def _print_criteria(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> list[RuleUsed]:
    """The criteria met at the visit: since when, what they ask for and what lifts them. Returns what is known of each."""
    seen = result.of_patient("findings", arm=arm, patient=patient)
    rows = _at(seen, visit)
    decided = result.of_patient("decisions", arm=arm, patient=patient)
    known = {rule.criterion: rule for rule in result.context.rules.get(arm, ())}
    met, unknown = rows[rows["MET"] == 1], rows[rows["MET"].isna()]
    lines = []
    for row in met.to_dict("records"):
        rule = known.get(row["CRITERION"])
        words = "" if rule is None else rule.when + (f"; stays until {rule.until}" if rule.until else "")
        held = [] if rule is None else _held_by(result, rule, arm=arm, patient=patient, visit=visit)
        words = f"{', '.join(held)} (of: {words})" if held else words
        since = _met_since(seen[seen["CRITERION"] == row["CRITERION"]], decided["TIME"], visit)
        lines.append((str(row["CRITERION"]), str(row["LEVEL"]), f"{cell_text(round(visit - since, 1))} h", words))
    print_rows(console, lines, columns=("criterion met", "level", "for", "met when"), right=("for",), title="Criteria met")
    if len(unknown):
        console.print(f"Unknown, because not measured: {', '.join(map(str, unknown['CRITERION']))}", markup=False, style="dim")
    return [known[name] for name in met["CRITERION"] if name in known]


def _held_by(result: Result, rule: RuleUsed, *, arm: str, patient: int, visit: float) -> list[str]:
    """Of the adverse events that a criterion looks at, those under way at the visit that reached its grade by then."""
    rows = result.of_patient("adverse_events", arm=arm, patient=patient)
    present = rows[(rows["ASTTM"] <= visit + SAME_VISIT_HOURS) & ~(rows["AENTM"] <= visit)]
    wanted = dict(rule.grades)
    return [
        f"{event['TERM']} grade {event['GRADE']}"
        for event in present[present["TERM"].isin(list(wanted))].to_dict("records")
        if event["GRADE"] >= wanted[event["TERM"]] and event["TIME_WORST"] <= visit + SAME_VISIT_HOURS
    ]


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

    frames = [result.of_patient(name, arm=arm, patient=patient) for name in ("vitals", "labs")]
    seen = pd.concat([frame[frame["TIME"] <= visit + SAME_VISIT_HOURS] for frame in frames]).dropna(subset=["AVAL"])
    largest = _largest(result, arm)
    lines, signs = [], []
    for name, part in seen.sort_values("TIME", kind="stable").groupby("NAME", sort=False):
        start, last = part.iloc[0], part.iloc[-1]
        value, before = (_seen_text(row["AVAL"], largest.get(str(name), 0.0)) for row in (last, start))
        if last["AVALU"] == "1" and name not in first and result.context.groups.get(str(name), SIGN) == SIGN:
            signs.append((float(last["AVAL"]) if float(value) else 0.0, f"{str(name).replace('_', ' ')} {value}"))
            continue
        age = visit - last["TIME"]
        when = "now" if age < SAME_VISIT_HOURS else f"{cell_text(round(age, 1))} h before"
        moved = abs(last["AVAL"] - start["AVAL"]) / max(abs(last["AVAL"]), abs(start["AVAL"]), SAME_VISIT_HOURS)
        if name in first:
            moved = MOVED_BY_DECISION
        moved = 0.0 if value == before and name not in first else moved
        row = (str(name), value, unit_text(str(last["AVALU"])), when, before)
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


def _largest(result: Result, arm: str) -> dict[str, float]:
    """The largest size of each finding in an arm: what is nothing beside it is written 0."""
    measured = "SELECT ARM, NAME, AVAL FROM vitals UNION ALL SELECT ARM, NAME, AVAL FROM labs"
    rows = result.query(f"SELECT ARM, NAME, max(abs(AVAL)) AS LARGEST FROM ({measured}) GROUP BY ARM, NAME")
    mine = rows[(rows["ARM"] == arm) & rows["LARGEST"].notna()]
    return {str(name): float(size) for name, size in zip(mine["NAME"], mine["LARGEST"], strict=True)}


def _seen_text(value: float, largest: float) -> str:
    """A measured value; 0 where it is nothing beside what is measured in others.

    >>> _seen_text(1.76e-36, 2.1), _seen_text(1.61, 3.4)
    ('0', '1.61')
    """
    return cell_text(0.0 if abs(value) < max(NOTHING * largest, NO_SIZE) else value)


def _print_events(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    rows = result.of_patient("adverse_events", arm=arm, patient=patient)
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
    doses = result.of_patient("doses", arm=arm, patient=patient)
    recent = doses[(doses["GIVEN"] > 0) & (doses["TIME"] < visit) & (doses["TIME"] >= visit - BEFORE_HOURS)]
    lines = []
    for dose in recent.to_dict("records"):
        unit, amount = result.context.dose_units.get(dose["DRUG"], (dose["UNIT"], 1.0))
        over = f" over {cell_text(dose['DURATION'])} h" if dose["DURATION"] > 0 else ""
        lines.append(
            (clock_text(dose["TIME"]), str(dose["DRUG"]), f"{dose['GIVEN'] / amount:.3g} {unit} {dose['ROUTE']}{over}")
        )
    print_rows(console, lines, columns=("when", "drug", "how much"), title=f"Given in the {BEFORE_HOURS} h before")
    inputs = result.of_patient("inputs", arm=arm, patient=patient)
    care = inputs[(inputs["WHAT"] == "care") & (inputs["TIME"] <= visit + SAME_VISIT_HOURS)].sort_values("TIME", kind="stable")
    under_way = [str(name) for name, part in care.groupby("TARGET", sort=False) if part["VALUE"].iloc[-1] > 0]
    _print_support(console, result, arm=arm, patient=patient, visit=visit)
    if under_way:
        console.print(f"Care ordered, to be used if needed: {', '.join(under_way).replace('_', ' ')}", markup=False)


def _print_support(console: Console, result: Result, *, arm: str, patient: int, visit: float) -> None:
    """Care that ran in the last day, by what was measured of it: fluids, pressors, oxygen, transfusions."""
    import pandas as pd

    from cytotrial.units import conversion

    frames = [result.of_patient(name, arm=arm, patient=patient) for name in ("vitals", "labs")]
    seen = pd.concat(
        [rows[(rows["TIME"] > visit - BEFORE_HOURS) & (rows["TIME"] <= visit + SAME_VISIT_HOURS)] for rows in frames]
    )
    lines = []
    for care in result.context.care_in_use.values():
        for sign in care.seen_in:
            rows = seen[seen["NAME"] == sign.finding]
            if rows.empty:
                continue
            unit = str(rows["AVALU"].iloc[0])
            used = rows[rows["AVAL"] > sign.above * conversion(sign.unit, unit)]
            if len(used):
                most = f"up to {cell_text(used['AVAL'].max())} {unit_text(unit)}".rstrip()
                lines.append((care.title.en, most, clock_text(used["TIME"].max())))
    if result.context.care_in_use:
        title = f"Care used in the {BEFORE_HOURS} h before"
        print_rows(console, lines, columns=("care", "how much", "last seen"), title=title)
