"""The sections on what happened: patients, side effects, doses, care, drug levels. Rows of text, no statistics."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cytotrial.naming import words
from cytotrial.report.text_table import TextTable, grouped, without_columns
from cytotrial.report.wording import NOT_KNOWN, number, percent, with_interval
from cytotrial.results.care_in_use import length_unit
from cytotrial.results.result import Result
from cytotrial.results.tables import records
from cytotrial.results.written import unit_text
from cytotrial.units import HOURS_PER_DAY

SHOWN_GRADES = {"any": "any_grade", "grade 3": "grade_3", "grade 4": "grade_4", "grade 5": "grade_5"}
NOT_MEASURED = "not measured"
COVARIATE_UNITS = {"weight": "kg", "height": "cm", "age": "years", "body_surface": "m²"}
STATEMENTS = {"female"}  # columns of 1 and 0 that say of whom they are true
BY_ARM = 12  # more arms than this make a table no page can hold: the rest is in the run folder
MOST_PAIRS = 15


def patients(result: Result) -> TextTable:
    """Who the virtual patients are: median and range of each number, shares of each group; twins are shown once."""
    frame = result.table("patients")
    arms = result.arms[:1] if result.design == "twins" else result.arms[:BY_ARM]
    parameters = {row.name for row in result.context.parameters}
    rows = []
    for name in frame.columns[2:]:
        if name in parameters or "." in name:
            continue
        values = [frame.loc[frame["ARM"] == arm, name] for arm in arms]
        is_number = pd.api.types.is_numeric_dtype(frame[name])
        shown = words(str(name))
        if is_number and frame[name].dropna().isin([0, 1]).all():
            rows.append((shown if name in STATEMENTS else f"{shown}: 1", *(percent(part.mean()) for part in values)))
        elif is_number:
            unit = COVARIATE_UNITS.get(str(name), "")
            rows.append((shown + (f" [{unit}]" if unit else ""), *(_spread(part) for part in values)))
        else:
            for level in sorted(frame[name].dropna().unique().tolist()):
                label = level if isinstance(level, str) else number(level)
                rows.append((f"{shown}: {label}", *(percent((part == level).mean()) for part in values)))
    names = ("all arms (twins: the same patients)",) if result.design == "twins" and len(result.arms) > 1 else tuple(arms)
    return TextTable(("median (range), or share", *names), tuple(rows), (False, *(True for _ in arms)))


def refused(result: Result) -> TextTable:
    """Why drawn patients were not taken: the reason, how many, and per patient taken."""
    taken = max(result.manifest.patients, 1)
    rows = [
        (words(reason), number(count), f"{count / taken:.2g}")
        for reason, count in sorted(result.manifest.refused.items(), key=lambda item: -item[1])
    ]
    return TextTable(("reason", "draws refused", "per patient taken"), tuple(rows), (False, True, True))


def side_effects(result: Result) -> TextTable:
    """Adverse events by organ class and term: any grade and grades 3, 4 and 5 in percent of patients, arms beside each other.

    A row without cells names the organ class of the rows below it.
    """
    frame = result.adverse_events()
    arms = result.arms[:BY_ARM]
    keys = frame[["organ_class", "term"]].drop_duplicates().sort_values(["organ_class", "term"])
    found = {(row["arm"], row["organ_class"], row["term"]): row for row in records(frame)}
    unknown = {arm: result.not_gradable(arm) for arm in arms}
    rows: list[tuple[str, ...]] = []
    above = ""
    for key in records(keys):
        if key["organ_class"] != above:
            above = key["organ_class"]
            rows.append((above, *("" for _ in range(len(SHOWN_GRADES) * len(arms)))))
        cells: list[str] = []
        for arm in arms:
            row = found.get((arm, key["organ_class"], key["term"]))
            if row is None:
                nothing = NOT_MEASURED if key["term"] in unknown[arm] else percent(0.0)
                cells += [nothing] + [NOT_KNOWN if nothing == NOT_MEASURED else nothing] * (len(SHOWN_GRADES) - 1)
            else:
                total = row["patients"]
                cells += [percent(row[column] / total) if total else NOT_KNOWN for column in SHOWN_GRADES.values()]
        rows.append((key["term"], *cells))
    columns = ("worst grade of a patient", *(grade for _ in arms for grade in SHOWN_GRADES))
    spans = (("", 1), *((arm, len(SHOWN_GRADES)) for arm in arms)) if len(arms) > 1 else ()
    return TextTable(columns, tuple(rows), (False, *(True for _ in columns[1:])), spans)


def onset(result: Result) -> TextTable:
    """When adverse events begin and how long they last, by arm and term: medians with quartiles."""
    rows = [
        (
            str(row["arm"]),
            str(row["term"]),
            number(row["patients"]),
            f"{row['episodes_per_patient']:.1f}",
            _quartiles(row, "onset", hours=HOURS_PER_DAY),
            _quartiles(row, "duration", hours=HOURS_PER_DAY),
            number(row["unfinished"]),
        )
        for row in records(result.adverse_event_times())
    ]
    begins, lasts = "first begins, day (quartiles)", "lasts, days (quartiles)"
    columns = ("arm", "term", "patients", "episodes each", begins, lasts, "not ended")
    return grouped(TextTable(columns, tuple(rows), (False, False, True, True, True, True, True)), is_named=len(result.arms) > 1)


def together(result: Result) -> TextTable:
    """The pairs of severe adverse events that most patients of an arm had both of, beside what chance alone would give."""
    rows = [
        (arm, f"{row['term']} and {row['other']}", number(row["both"]), percent(row["percent"] / 100), _expected(row))
        for arm in result.arms[:BY_ARM]
        for row in records(result.co_occurrence(arm).head(MOST_PAIRS))
    ]
    columns = ("arm", "both of grade 3 or more", "patients", "of all", "if independent")
    return grouped(TextTable(columns, tuple(rows), (False, False, True, True, True)), is_named=len(result.arms) > 1)


def doses(result: Result) -> TextTable:
    """Doses given by arm, drug, course and cycle, of those who began it, with the most frequent reason for the others."""
    rows = [
        (
            row["arm"],
            drug_title(result, str(row["drug"])),
            f"{row['course']}.{row['cycle']}",
            number(row["patients"]),
            number(row["planned_per_patient"]),
            f"{number(row['given_median'])} ({number(row['given_q1'])} to {number(row['given_q3'])})",
            percent(row["given_percent"] / 100),
            percent(row["amount_percent"] / 100),
            percent(row["reduced_percent"] / 100),
            percent(row["withheld_percent"] / 100),
            percent(row["other_percent"] / 100),
            percent(row["on_treatment_percent"] / 100),
            words(str(row["main_reason"])),
        )
        for row in records(result.doses())
    ]
    columns = (
        *("arm", "drug", "course.cycle", "began", "planned", "given, median (quartiles)", "given", "of the amount"),
        *("reduced", "withheld", "stopped or not reached", "given, until stopped for good", "most frequent reason"),
    )
    table = TextTable(columns, tuple(rows), (False, False, *(True for _ in range(10)), False))
    return grouped(without_columns(table, [("reduced", percent(0.0))]), is_named=len(result.arms) > 1)


def reasons(result: Result) -> TextTable:
    """Why doses were not given as planned: action, criterion, doses, patients."""
    frame = result.reasons()
    several = frame["drug"].nunique() > 1
    rows = [
        (
            str(row["arm"]),
            drug_title(result, str(row["drug"])) if several else "",
            words(str(row["action"])),
            words(str(row["reason"])),
            number(row["doses"]),
            number(row["patients"]),
            percent(row["percent"] / 100),
        )
        for row in records(frame)
    ]
    columns = ("arm", "drug", "action", "reason", "doses", "patients", "of planned doses")
    table = TextTable(columns, tuple(rows), (False, False, False, False, True, True, True))
    return grouped(without_columns(table, [("drug", "")]), is_named=len(result.arms) > 1)


def care_in_use(result: Result) -> TextTable:
    """Care that was really used: who had it, in how many courses, for how long."""
    rows = [
        (
            str(row["arm"]),
            str(row["title"]),
            f"{number(row['patients'])} ({percent(row['percent'] / 100)})",
            with_interval(row["courses_percent"] / 100, row["low_percent"] / 100, row["high_percent"] / 100, unit="1"),
            NOT_KNOWN if pd.isna(row["hours_median"]) else _lasting(row),
        )
        for row in records(result.care_in_use())
    ]
    columns = ("arm", "care", "patients", "courses (95 % interval)", "time a course, median (quartiles)")
    return grouped(TextTable(columns, tuple(rows), (False, False, True, True, True)), is_named=len(result.arms) > 1)


def care(result: Result) -> TextTable:
    """Supportive care: who ever had it, and for how long."""
    rows = [
        (
            str(row["arm"]),
            words(str(row["care"])),
            number(row["patients"]),
            percent(row["percent"] / 100),
            f"{number(row['days_median'])} ({number(row['days_q1'])} to {number(row['days_q3'])})",
        )
        for row in records(result.care())
    ]
    columns = ("arm", "care", "patients", "of all", "days, median (quartiles)")
    return grouped(TextTable(columns, tuple(rows), (False, False, True, True, True)), is_named=len(result.arms) > 1)


def drug_levels(result: Result) -> TextTable:
    """The exposure of each arm: peak and area under the course of every drug level, medians over patients."""
    units, titles = result.context.units, result.context.titles
    rows = []
    for row in records(result.exposure(result.drug_levels())):
        unit = unit_text(units.get(row["observable"], ""))
        title = titles.get(row["observable"], words(row["observable"]))
        rows.append((str(row["arm"]), f"{title} [{unit}]", number(row["peak_median"]), number(row["area_median"])))
    rows.sort(key=lambda row: result.arms.index(row[0]))
    columns = ("arm", "level [unit]", "peak, median", "area under the course, median [unit x d]")
    return grouped(TextTable(columns, tuple(rows), (False, False, True, True)), is_named=len(result.arms) > 1)


def drug_title(result: Result, drug: str) -> str:
    """A drug by its title; by its id, as words, in runs that keep none."""
    return result.context.drugs.get(drug, words(drug))


def _expected(row: dict[str, Any]) -> str:
    return percent(row["expected_percent"] / 100)


def _lasting(row: dict[str, Any]) -> str:
    """A length of care, in hours or, where it is long, in days."""
    hours, unit = length_unit(row["hours_q3"])
    return f"{_quartiles(row, 'hours', hours=hours)} {unit}"


def _quartiles(row: dict[str, Any], name: str, *, hours: float) -> str:
    if pd.isna(row[f"{name}_median"]):
        return NOT_KNOWN
    shown = [number(row[f"{name}_{part}"] / hours, 2) for part in ("median", "q1", "q3")]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def _spread(values: pd.Series) -> str:
    return f"{number(values.median())} ({number(values.min())} to {number(values.max())})"
