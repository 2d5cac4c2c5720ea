"""What each section of the report shows, as rows of text from a `Result`. It lays nothing out, computes no statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cytotrial.report.wording import NOT_KNOWN, number, percent, points, with_interval
from cytotrial.results.adverse_events import ANY_TERM, GRADES
from cytotrial.results.proportions import exact_proportion
from cytotrial.results.reporting import ANY_REPORTED
from cytotrial.results.result import Result
from cytotrial.results.tables import records
from cytotrial.units import HOURS_PER_DAY

HEADLINE = {
    "objective response": "Objective response",
    "complete response": "Complete response",
    "duration of response, median": "Duration of response, median [months]",
    "relapse-free survival, median": "Relapse-free survival, median [months]",
    "progression-free survival, median": "Progression-free survival, median [months]",
    "overall survival, median": "Overall survival, median [months]",
}
TOXIC_ROWS = {
    3: "Any adverse event of grade 3 or more",
    4: "Any adverse event of grade 4 or more",
    5: "Any fatal adverse event",
}
MEASURES = {"difference": "difference in percentage points"}
SHOWN_GRADES = {"any": "any_grade", "grade 3": "grade_3", "grade 4": "grade_4", "grade 5": "grade_5"}
NOT_MEASURED = "not measured"
COVARIATE_UNITS = {"weight": "kg", "height": "cm", "age": "years", "body_surface": "m²"}
STATEMENTS = {"female"}  # columns of 1 and 0 that say of whom they are true
LONG_HOURS = 3 * HOURS_PER_DAY  # longer care is told in days
BY_ARM = 12  # more arms than this make a table no page can hold: the rest is in the run folder


@dataclass(frozen=True)
class TextTable:
    """A table as the reader sees it; `numeric` tells the columns to align right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def headline(result: Result) -> TextTable:
    """The answer on a few lines: responses, survival, severe toxicity and doses, one column an arm."""
    efficacy, events, given = result.efficacy(), result.adverse_events(), result.doses()
    arms = result.arms[:BY_ARM]
    rows = []
    levels = [level.or_better for criteria in result.context.criteria for level in criteria.levels]
    for endpoint, title in {**HEADLINE, **{name: name[:1].upper() + name[1:] for name in levels}}.items():
        if not (efficacy["endpoint"] == endpoint).any():
            continue
        cells = [_cell(efficacy[(efficacy["arm"] == arm) & (efficacy["endpoint"] == endpoint)]) for arm in arms]
        rows.append((title, *cells))
    severe = {row["arm"]: row for row in records(events[events["term"] == ANY_TERM])}
    for grade, title in TOXIC_ROWS.items():
        rows.append((title, *(_at_least(severe[arm], grade) for arm in arms)))
    reported = result.as_reported()
    for name in result.context.schemes:
        mine = reported[(reported["scheme"] == name) & (reported["term"] == ANY_REPORTED)]
        told = {row["arm"]: row["reported_3_or_more_percent"] for row in records(mine)}
        shares = (percent(told[arm] / 100) for arm in arms)
        rows.append((f"Grade 3 or more, as {name.replace('_', ' ')} would report it", *shares))
    rows.append(("Doses given, of those planned in begun cycles", *(_given(given[given["arm"] == arm]) for arm in arms)))
    if not given["on_treatment_percent"].equals(given["given_percent"]):
        title = "Doses given, of those planned until the drug was stopped for good"
        rows.append((title, *(_given_on_treatment(result, arm) for arm in arms)))
    return TextTable(("95 % intervals in brackets", *arms), tuple(rows), (False, *(True for _ in arms)))


def published(result: Result) -> dict[str, TextTable]:
    """The comparison with published numbers, calibration and validation apart, by role."""
    frame = result.beside_published()
    tables = {}
    for role in ("validation", "calibration", "information"):
        rows = frame[frame["role"] == role]
        if len(rows):
            columns = ("study", "endpoint", "published", "n", "simulated", "inside", "all graded", "where, criteria")
            lines = tuple(
                _published_row(row, names_arm=len(result.arms) > 1, studies=_studies(result)) for row in records(rows)
            )
            numeric = (False, False, True, True, True, False, True, False)
            tables[role] = _without_empty(TextTable(columns, lines, numeric), "all graded")
    return tables


def differences(result: Result) -> TextTable:
    """How each published trial was run otherwise than this protocol, one row a study and arm that differs."""
    frame = result.beside_published()
    known = frame[frame["differs"].fillna("") != ""].drop_duplicates(["study", "arm"])
    several, studies = len(result.arms) > 1, _studies(result)
    rows = tuple(
        (_study_name(str(row["study"]), studies) + (f", {row['arm']}" if several else ""), str(row["differs"]))
        for row in records(known)
    )
    return TextTable(("study", "not as in this trial"), rows, (False, False))


def as_reported(result: Result) -> dict[str, TextTable]:
    """What each compared publication would report beside all that was graded, by the title of its scheme."""
    frame = result.as_reported()
    tables = {}
    for name, scheme in result.context.schemes.items():
        rows = [
            (
                *((str(row["arm"]),) if len(result.arms) > 1 else ()),
                str(row["term"]),
                percent(row["graded_percent"] / 100),
                percent(row["reported_percent"] / 100),
                percent(row["graded_3_or_more_percent"] / 100),
                percent(row["reported_3_or_more_percent"] / 100),
                "" if pd.isna(row["reported_from_grade"]) else f"grade {row['reported_from_grade']}",
            )
            for row in records(frame[frame["scheme"] == name])
        ]
        arm = ("arm",) if len(result.arms) > 1 else ()
        columns = (*arm, "term", "graded", "as reported", "graded, 3 or more", "as reported, 3 or more", "reported from")
        numeric = (*(False for _ in arm), False, True, True, True, True, False)
        tables[f"{scheme.title} ({name})"] = TextTable(columns, tuple(rows), numeric)
    return tables


def care_in_use(result: Result) -> TextTable:
    """Care that was really used: who had it, in how many courses, for how many hours."""
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
    names = ("arm", "care", "patients", "courses (95 % interval)", "time a course, median (quartiles)")
    return TextTable(names, tuple(rows), (False, False, True, True, True))


def between_arms(result: Result) -> TextTable:
    """Each further arm against the first: a difference in percentage points or a hazard ratio, with its interval."""
    rows = []
    for row in records(result.between_arms()):
        show = points if row["measure"] == "difference" else number
        p_value = "" if pd.isna(row["p_value"]) else f"; p = {number(row['p_value'], 2)}"
        shown = (
            NOT_KNOWN if pd.isna(row["value"]) else f"{show(row['value'])} ({show(row['low'])} to {show(row['high'])}){p_value}"
        )
        each = show if row["measure"] != "difference" else percent
        values = [NOT_KNOWN if pd.isna(row[name]) else each(row[name]) for name in ("arm_value", "against_value")]
        names = (f"{row['arm']} against {row['against']}", row["kind"], row["endpoint"])
        rows.append((*names, *values, f"{MEASURES.get(row['measure'], row['measure'])}, {row['method']}", shown))
    columns = ("arms", "kind", "endpoint", "first named", "second named", "measure", "value (95 % interval)")
    return TextTable(columns, tuple(rows), (False, False, False, True, True, False, True))


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
        if is_number and frame[name].dropna().isin([0, 1]).all():
            shown = str(name).replace("_", " ")
            rows.append((shown if name in STATEMENTS else f"{shown}: 1", *(percent(part.mean()) for part in values)))
        elif is_number:
            unit = COVARIATE_UNITS.get(str(name), "")
            title = str(name).replace("_", " ") + (f" [{unit}]" if unit else "")
            rows.append((title, *(_spread(part) for part in values)))
        else:
            for level in sorted(frame[name].dropna().unique().tolist()):
                label = level if isinstance(level, str) else number(level)
                rows.append((f"{str(name).replace('_', ' ')}: {label}", *(percent((part == level).mean()) for part in values)))
    names = ("all arms (twins: the same patients)",) if result.design == "twins" and len(result.arms) > 1 else tuple(arms)
    return TextTable(("median (range), or share", *names), tuple(rows), (False, *(True for _ in arms)))


def refused(result: Result) -> TextTable:
    """Why drawn patients were not taken: the reason, how many, and per patient taken."""
    taken = max(result.manifest.patients, 1)
    rows = [
        (reason, number(count), f"{count / taken:.2g}")
        for reason, count in sorted(result.manifest.refused.items(), key=lambda item: -item[1])
    ]
    return TextTable(("reason", "draws refused", "per patient taken"), tuple(rows), (False, True, True))


def onset(result: Result) -> TextTable:
    """When adverse events begin and how long they last, by arm and term: medians with quartiles."""
    rows = [
        (
            str(row["arm"]),
            str(row["term"]),
            number(row["patients"]),
            f"{row['episodes_per_patient']:.1f}",
            _quartiles(row, "onset", days=True),
            _quartiles(row, "duration", days=True),
            number(row["unfinished"]),
        )
        for row in records(result.adverse_event_times())
    ]
    names = (
        "arm",
        "term",
        "patients",
        "episodes each",
        "first begins, day (quartiles)",
        "lasts, days (quartiles)",
        "not ended",
    )
    return TextTable(names, tuple(rows), (False, False, True, True, True, True, True))


def care(result: Result) -> TextTable:
    """Supportive care: who ever had it, and for how long."""
    rows = [
        (
            str(row["arm"]),
            str(row["care"]).replace("_", " "),
            number(row["patients"]),
            percent(row["percent"] / 100),
            f"{number(row['days_median'])} ({number(row['days_q1'])} to {number(row['days_q3'])})",
        )
        for row in records(result.care())
    ]
    names = ("arm", "care", "patients", "of all", "days, median (quartiles)")
    return TextTable(names, tuple(rows), (False, False, True, True, True))


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
    columns = (
        "worst grade of a patient",
        *(f"{arm}: {grade}" if len(arms) > 1 else grade for arm in arms for grade in SHOWN_GRADES),
    )
    return TextTable(columns, tuple(rows), (False, *(True for _ in columns[1:])))


def doses(result: Result) -> TextTable:
    """Doses given by arm, drug, course and cycle, of those who began it, with the most frequent reason for the others."""
    rows = [
        (
            row["arm"],
            str(row["drug"]).replace("_", " "),
            f"{row['course']}.{row['cycle']}",
            number(row["patients"]),
            number(row["planned_per_patient"]),
            f"{number(row['given_median'])} ({number(row['given_q1'])} to {number(row['given_q3'])})",
            percent(row["given_percent"] / 100),
            percent(row["reduced_percent"] / 100),
            percent(row["withheld_percent"] / 100),
            percent(row["other_percent"] / 100),
            percent(row["on_treatment_percent"] / 100),
            str(row["main_reason"]).replace("_", " "),
        )
        for row in records(result.doses())
    ]
    columns = [
        "arm",
        "drug",
        "course.cycle",
        "began",
        "planned",
        "given, median (quartiles)",
        "given",
        "reduced",
        "withheld",
        "stopped or not reached",
        "given, until stopped for good",
        "most frequent reason",
    ]
    return TextTable(tuple(columns), tuple(rows), (False, False, *(True for _ in range(9)), False))


def frame_table(frame: pd.DataFrame, names: Mapping[str, str], *, percents: Sequence[str] = ()) -> TextTable:
    """Some columns of a frame under readable names; `percents` are columns already in percent."""
    numeric = tuple(bool(pd.api.types.is_numeric_dtype(frame[name])) for name in names)
    rows = [
        tuple(
            (percent(row[name] / 100) if name in percents else number(row[name]))
            if is_number
            else ("" if pd.isna(row[name]) else str(row[name]).replace("_", " "))
            for name, is_number in zip(names, numeric, strict=True)
        )
        for row in records(frame)
    ]
    return TextTable(tuple(names.values()), tuple(rows), numeric)


def _without_empty(table: TextTable, column: str) -> TextTable:
    """The table without a column in which no row says anything."""
    index = table.columns.index(column)
    if any(row[index] for row in table.rows):
        return table
    cut = [(*part[:index], *part[index + 1 :]) for part in (table.columns, *table.rows)]
    return TextTable(cut[0], tuple(cut[1:]), (*table.numeric[:index], *table.numeric[index + 1 :]))


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return NOT_KNOWN
    row = rows.iloc[0]
    if row["patients"] == 0:
        return NOT_KNOWN
    text = with_interval(row["value"], row["low"], row["high"], unit=str(row["unit"]))
    if pd.isna(row["published"]):
        return text
    known = percent(row["published"]) if row["unit"] == "1" else number(row["published"])
    return f"{text}; published {known}"


def _at_least(row: dict[str, Any], grade: int) -> str:
    """The share of patients at a grade or above, with its exact interval."""
    count = sum(int(row[f"grade_{worse}"]) for worse in GRADES if worse >= grade)
    found = exact_proportion(count, int(row["patients"]))
    return with_interval(found.value, found.low, found.high, unit="1")


def _given(rows: pd.DataFrame) -> str:
    if rows.empty:
        return NOT_KNOWN
    planned = rows["patients"] * rows["planned_per_patient"]
    return f"{percent((rows['given_mean'] * rows['patients']).sum() / planned.sum())}"


def _lasting(row: dict[str, Any]) -> str:
    """A length of care: in hours, in days where the longer quartile is longer than LONG."""
    days = row["hours_q3"] > LONG_HOURS
    return f"{_quartiles(row, 'hours', days=days)} {'d' if days else 'h'}"


def _given_on_treatment(result: Result, arm: str) -> str:
    """Doses given of those planned while on treatment, over all drugs and cycles of an arm."""
    rows = result.doses()
    rows = rows[(rows["arm"] == arm) & (rows["on_treatment_percent"] > 0)]
    given = rows["given_mean"] * rows["patients"]
    return percent(given.sum() / (given / (rows["on_treatment_percent"] / 100)).sum()) if len(rows) else NOT_KNOWN


def _quartiles(row: dict[str, Any], name: str, *, days: bool) -> str:
    scale = HOURS_PER_DAY if days else 1.0
    shown = [number(row[f"{name}_{part}"] / scale, 2) for part in ("median", "q1", "q3")]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def _spread(values: pd.Series) -> str:
    return f"{number(values.median())} ({number(values.min())} to {number(values.max())})"


def _studies(result: Result) -> dict[str, Mapping[str, Any]]:
    """The reference of each compared study."""
    return {study.study: result.context.sources.get(study.source, {}) for study in result.context.published}


def _study_name(key: str, studies: Mapping[str, Mapping[str, Any]]) -> str:
    """A study as it is cited, 'Fyfe 1995'; its key where the run keeps no reference."""
    fields = studies.get(key, {})
    people = fields.get("author") or [{}]
    family = people[0].get("family", people[0].get("literal", "")) if isinstance(people, Sequence) else ""
    issued = fields.get("issued", {})
    dates = issued.get("date-parts", [[]]) if isinstance(issued, Mapping) else [[issued]]
    year = str(dates[0][0])[:4] if dates and dates[0] else ""
    return f"{family} {year}" if family and year else key


def _published_row(row: dict[str, Any], *, names_arm: bool, studies: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    is_share = row["estimand"] in {"proportion", "rate"}
    unit = "1" if is_share and row["unit"] == "1" else "other"
    criteria = "" if pd.isna(row["criteria"]) else str(row["criteria"])
    verified = "" if row["verified"] else "not verified in the source"
    remarks = [str(row["where"]), str(row["remark"] or ""), verified, criteria]
    counted = NOT_KNOWN if pd.isna(row["published_n"]) else number(row["published_n"])
    study = _study_name(str(row["study"]), studies)
    study = f"{study}, {row['arm']}" if names_arm and not pd.isna(row["arm"]) else study
    return (
        study,
        _endpoint(row),
        _value(row, "published", unit),
        counted,
        _value(row, "simulated", unit),
        str(row["inside"]),
        "" if pd.isna(row["graded"]) else percent(row["graded"]),
        "; ".join(remark for remark in remarks if remark),
    )


def _endpoint(row: dict[str, Any]) -> str:
    """What was counted, in words: 'peak of creatinine, cycle 1; mean per cycle [mg/dL]', 'hypotension, grade 3; per course'."""
    name, term = str(row["endpoint"]).replace("_", " "), "" if pd.isna(row["term"]) else str(row["term"]).replace("_", " ")
    counted = term if name == "adverse event" and term else f"{name} {term}".strip()
    counted = f"{term} in use" if name == "care in use" else counted
    counted = f"any {name}" if counted == "adverse event" else counted
    window = "" if pd.isna(row["window"]) or not row["window"] else f", {row['window']}"
    window += "" if pd.isna(row["among"]) or not row["among"] else f", among {row['among']}"
    estimand = "" if row["estimand"] == "proportion" else str(row["estimand"]).replace("_", " ")
    per = "" if row["denominator"] == "patient" else f"per {row['denominator']}"
    unit = "" if row["unit"] == "1" else f"[{row['unit']}]"
    detail = " ".join(part for part in (estimand, per, unit) if part)
    return f"{counted}{window}" + (f"; {detail}" if detail else "")


def _value(row: dict[str, Any], which: str, unit: str) -> str:
    value, low, high = row[which], row[f"{which}_low"], row[f"{which}_high"]
    show = percent if unit == "1" else number
    if pd.isna(low) and pd.isna(high):
        return show(value)
    return f"{show(value)} ({show(low)} to {show(high)})"
