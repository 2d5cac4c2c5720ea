"""The sections that answer the question: endpoints, arms against each other, published numbers. Rows of text, no statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from cytotrial.naming import cited_study, published_detail, published_endpoint, words
from cytotrial.report.text_table import TextTable, grouped, without_columns
from cytotrial.report.wording import NOT_KNOWN, number, percent, percents_between, points, with_interval
from cytotrial.results.adverse_events import ANY_TERM, GRADES
from cytotrial.results.proportions import exact_proportion
from cytotrial.results.reporting import ANY_REPORTED
from cytotrial.results.result import Result
from cytotrial.results.tables import records

HEADLINE = (
    "objective response",
    "complete response",
    "duration of response, median",
    "relapse-free survival, median",
    "progression-free survival, median",
    "overall survival, median",
)
TOXIC_ROWS = {
    3: "Any adverse event of grade 3 or more",
    4: "Any adverse event of grade 4 or more",
    5: "Any fatal adverse event",
}
MEASURES = {"difference": "difference in percentage points"}
BY_ARM = 12  # more arms than this make a table no page can hold: the rest is in the run folder
ROLES = ("validation", "calibration", "information")


def headline(result: Result) -> TextTable:
    """The answer on a few lines: responses, survival, severe toxicity and doses, beside the published where it is known."""
    events, given = result.adverse_events(), result.doses()
    arms = result.arms[:BY_ARM]
    levels = [level.or_better for criteria in result.context.criteria for level in criteria.levels]
    rows = _endpoint_rows(result, (*HEADLINE, *levels))
    severe = {row["arm"]: row for row in records(events[events["term"] == ANY_TERM])}
    for grade, title in TOXIC_ROWS.items():
        rows.append((title, [(_at_least(severe[arm], grade), "") for arm in arms]))
    reported = result.as_reported()
    for name in result.context.schemes:
        mine = reported[(reported["scheme"] == name) & (reported["term"] == ANY_REPORTED)]
        told = {row["arm"]: row["reported_3_or_more_percent"] for row in records(mine)}
        rows.append((f"Grade 3 or more, as {words(name)} would report it", [(percent(told[arm] / 100), "") for arm in arms]))
    began = [(_given(given[given["arm"] == arm]), "") for arm in arms]
    rows.append(("Doses given, of those planned in begun cycles", began))
    if not given["on_treatment_percent"].equals(given["given_percent"]):
        treated = [(_given_on_treatment(given[given["arm"] == arm]), "") for arm in arms]
        rows.append(("Doses given, of those planned until the drug was stopped for good", treated))
    return _beside_table(arms, rows)


def endpoints(result: Result) -> TextTable:
    """Every endpoint of efficacy, beside the published where it is known."""
    return _beside_table(result.arms[:BY_ARM], _endpoint_rows(result, dict.fromkeys(result.efficacy()["endpoint"])))


def between_arms(result: Result) -> TextTable:
    """Arms against each other: a difference in percentage points or a hazard ratio, with its interval."""
    rows = []
    for row in records(result.between_arms()):
        show = points if row["measure"] == "difference" else number
        p_value = "" if pd.isna(row["p_value"]) else number(row["p_value"], 2)
        shown = NOT_KNOWN if pd.isna(row["value"]) else f"{show(row['value'])} ({show(row['low'])} to {show(row['high'])})"
        each = show if row["measure"] != "difference" else percent
        values = [NOT_KNOWN if pd.isna(row[name]) else each(row[name]) for name in ("arm_value", "against_value")]
        names = (f"{row['arm']} against {row['against']}", row["kind"], row["endpoint"])
        rows.append((*names, *values, f"{MEASURES.get(row['measure'], row['measure'])}, {row['method']}", shown, p_value))
    columns = ("arms", "kind", "endpoint", "first named", "second named", "measure", "value (95 % interval)", "p")
    table = TextTable(columns, tuple(rows), (False, False, False, True, True, False, True, True))
    if not rows:
        return table
    if len({row[0] for row in rows}) == 1:  # two arms: their names stand over their columns
        first, second = (str(result.between_arms()[name].iloc[0]) for name in ("arm", "against"))
        table = TextTable((*columns[:3], first, second, *columns[5:]), table.rows, table.numeric)
    return without_columns(grouped(table, is_named=False), [("p", "")])


def published(result: Result) -> dict[str, TextTable]:
    """The comparison with published numbers, calibration and validation apart, by role; study by study."""
    frame = result.beside_published()
    tables = {}
    for role in ROLES:
        rows = frame[frame["role"] == role]
        if len(rows):
            columns = ("study", "endpoint", "published", "n", "simulated", "inside", "all graded", "where, criteria")
            lines = tuple(_published_row(row, several_arms=len(result.arms) > 1) for row in records(rows))
            table = TextTable(columns, lines, (False, False, True, True, True, False, True, False))
            tables[role] = without_columns(grouped(table, is_named=True), [("all graded", "")])
    return tables


def differences(result: Result) -> TextTable:
    """How each published trial was run otherwise than this protocol, one row a study and arm that differs."""
    frame = result.beside_published()
    known = frame[frame["differs"].fillna("") != ""].drop_duplicates(["study", "arm"])
    several = len(result.arms) > 1
    rows = tuple((cited_study(row, several_arms=several), str(row["differs"])) for row in records(known))
    return TextTable(("study", "not as in this trial"), rows, (False, False))


def as_reported(result: Result) -> dict[str, TextTable]:
    """What each compared publication would report beside all that was graded, by the title of its scheme."""
    frame = result.as_reported()
    tables = {}
    for name, scheme in result.context.schemes.items():
        rows = [
            (
                str(row["arm"]),
                str(row["term"]),
                percent(row["graded_percent"] / 100),
                percent(row["reported_percent"] / 100),
                percent(row["graded_3_or_more_percent"] / 100),
                percent(row["reported_3_or_more_percent"] / 100),
                "" if pd.isna(row["reported_from_grade"]) else f"grade {row['reported_from_grade']}",
            )
            for row in records(frame[frame["scheme"] == name])
        ]
        columns = ("arm", "term", "graded", "as reported", "graded, 3 or more", "as reported, 3 or more", "reported from")
        table = TextTable(columns, tuple(rows), (False, False, True, True, True, True, False))
        tables[f"{scheme.title} ({name})"] = grouped(table, is_named=len(result.arms) > 1)
    return tables


Pairs = list[tuple[str, str]]


def _endpoint_rows(result: Result, names: Iterable[str]) -> list[tuple[str, Pairs]]:
    """Of each endpoint that the run has: its title, and simulated and published by arm."""
    efficacy = result.efficacy()
    known = {(row["arm"], row["endpoint"]): row for row in records(efficacy)}
    units = {row["endpoint"]: "" if row["unit"] == "1" else f" [{row['unit']}]" for row in records(efficacy)}
    rows = []
    for name in names:
        if name in units:
            cells = [_cells(known.get((arm, name))) for arm in result.arms[:BY_ARM]]
            rows.append((name[:1].upper() + name[1:] + units[name], cells))
    return rows


def _beside_table(arms: list[str], rows: list[tuple[str, Pairs]]) -> TextTable:
    """A column of simulated values for each arm, and one of published values for those that have any."""
    has_published = [any(cells[place][1] for _, cells in rows) for place in range(len(arms))]
    columns, spans = ["95 % intervals in brackets"], [("", 1)]
    for arm, has in zip(arms, has_published, strict=True):
        columns += ["simulated", "published"] if has else ["simulated"]
        spans.append((arm, 2 if has else 1))
    lines = []
    for title, cells in rows:
        shown = [part for pair, has in zip(cells, has_published, strict=True) for part in (pair if has else pair[:1])]
        lines.append((title, *shown))
    return TextTable(tuple(columns), tuple(lines), (False, *(True for _ in columns[1:])), tuple(spans))


def _cells(row: Mapping[str, Any] | None) -> tuple[str, str]:
    if row is None or row["patients"] == 0:
        return NOT_KNOWN, ""
    text = with_interval(row["value"], row["low"], row["high"], unit=str(row["unit"]))
    if pd.isna(row["published"]):
        return text, ""
    is_share = row["unit"] == "1"
    known = percent(row["published"]) if is_share else number(row["published"])
    if pd.isna(row["published_low"]):
        return text, known
    low, high = row["published_low"], row["published_high"]
    return text, f"{known} {percents_between(low, high) if is_share else f'({number(low)} to {number(high)})'}"


def _at_least(row: dict[str, Any], grade: int) -> str:
    """The share of patients at a grade or above, with its exact interval."""
    count = sum(int(row[f"grade_{worse}"]) for worse in GRADES if worse >= grade)
    found = exact_proportion(count, int(row["patients"]))
    return with_interval(found.value, found.low, found.high, unit="1")


def _given(rows: pd.DataFrame) -> str:
    if rows.empty:
        return NOT_KNOWN
    planned = rows["patients"] * rows["planned_per_patient"]
    return percent((rows["given_mean"] * rows["patients"]).sum() / planned.sum())


def _given_on_treatment(rows: pd.DataFrame) -> str:
    """Doses given of those planned while on treatment, over all drugs and cycles of an arm."""
    rows = rows[rows["on_treatment_percent"] > 0]
    given = rows["given_mean"] * rows["patients"]
    return percent(given.sum() / (given / (rows["on_treatment_percent"] / 100)).sum()) if len(rows) else NOT_KNOWN


def _published_row(row: dict[str, Any], *, several_arms: bool) -> tuple[str, ...]:
    is_share = row["estimand"] in {"proportion", "rate"} and row["unit"] == "1"
    criteria = "" if pd.isna(row["criteria"]) else str(row["criteria"])
    verified = "" if row["verified"] else "not verified in the source"
    remarks = [str(row["where"]), str(row["remark"] or ""), verified, criteria]
    endpoint, detail = published_endpoint(row), published_detail(row)
    return (
        cited_study(row, several_arms=several_arms),
        f"{endpoint}; {detail}" if detail else endpoint,
        _value(row, "published", is_share=is_share),
        NOT_KNOWN if pd.isna(row["published_n"]) else number(row["published_n"]),
        _value(row, "simulated", is_share=is_share),
        str(row["inside"]),
        "" if pd.isna(row["graded"]) else percent(row["graded"]),
        "; ".join(remark for remark in remarks if remark),
    )


def _value(row: dict[str, Any], which: str, *, is_share: bool) -> str:
    value, low, high = row[which], row[f"{which}_low"], row[f"{which}_high"]
    if is_share and not pd.isna(value) and not pd.isna(low):
        return with_interval(value, low, high, unit="1")
    shown = percent(value) if is_share else number(value)
    return shown if pd.isna(low) and pd.isna(high) else f"{shown} ({number(low)} to {number(high)})"
