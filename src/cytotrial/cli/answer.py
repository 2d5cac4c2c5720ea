"""Prints the answer of a run: efficacy, doses, adverse events, and the published trial beside it. Computes no number."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cytotrial.cli.tables import MISSING, cell_text, is_missing, print_rows
from cytotrial.naming import abbreviated, cited_study, published_detail, published_endpoint, words

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from cytotrial.results import Result

MOST_EVENTS = 20
MOST_REASONS = 8
MOST_OF_A_STUDY = 12
NOT_REACHED = "not reached"
WIDEST_ENDPOINT = 0.3  # of the width of a comparison
NARROWEST_SIDE = 10
WIDEST_WORD = 18  # of the name of a side: it is not cut up to this
SPACES = 6  # between the columns of a comparison
SPREAD = ("median", "q1", "q3")
COMPARISON_TITLES = {"benefit": "Benefit", "risk": "Risk", "doses": "Doses"}
VALUE_TITLES = {"difference": "difference (95 %)", "hazard ratio": "hazard ratio (95 %)"}
TWINS = (
    "Twins: the interval is that of the mean difference between two treatments of these very patients; chance between "
    "patients is taken out, so it is narrower than a trial's and says nothing about how sure the model is."
)
ON_TREATMENT = "% given: of all doses planned; % on treatment: of those planned until the drug was stopped for good."
DOSE_COLUMNS = (
    "course", "cycle", "patients", "planned", "given, median (quartiles)", "% given", "% withheld", "% lost", "% on treatment",
    "main reason",
)  # fmt: skip


def print_answer(console: Console, result: Result) -> None:
    """Prints every table of the answer, arm by arm, then what compares the arms, then what compares with the literature."""
    efficacy, doses, reasons, events = result.efficacy(), result.doses(), result.reasons(), result.adverse_events()
    care, in_use, reported = result.care(), result.care_in_use(), result.as_reported()
    for arm in result.arms:
        patients = efficacy.loc[efficacy["arm"] == arm, "patients"]
        console.rule(f"{arm} ({int(patients.iloc[0])} simulated patients)" if len(patients) else arm, align="left")
        _print_efficacy(console, efficacy[efficacy["arm"] == arm])
        _print_doses(console, doses[doses["arm"] == arm], reasons[reasons["arm"] == arm])
        _print_events(console, events[events["arm"] == arm], reported[reported["arm"] == arm])
        _print_care(console, in_use[in_use["arm"] == arm], care[care["arm"] == arm])
    for (first, against), part in result.between_arms().groupby(["arm", "against"], sort=False):
        console.rule(f"{first} against {against}", align="left")
        print_comparison(console, part)
    published = result.beside_published()
    if len(published):
        console.rule("Beside the published", align="left")
        print_published(console, published, most_rows=MOST_OF_A_STUDY)


def estimate_text(value: Any, low: Any, high: Any, *, is_share: bool, missing: str = MISSING) -> str:
    """An estimate with its interval as people read it: per cent for shares, '-' for a bound that is not reached.

    >>> estimate_text(0.1412, 0.1008, 0.19, is_share=True), estimate_text(20.04, 17.0, float("nan"), is_share=False)
    ('14.1 % (10.1-19.0)', '20 (17 to -)')
    """
    if is_missing(value):
        return missing
    show = _percent if is_share else _short
    # '17--' and '-5--3' do not read as intervals.
    between = "-" if not (is_missing(low) or is_missing(high)) and low >= 0 else " to "
    interval = "" if is_missing(low) and is_missing(high) else f" ({show(low)}{between}{show(high)})"
    return f"{show(value)}{' %' if is_share else ''}{interval}"


def _percent(share: Any) -> str:
    return MISSING if is_missing(share) else f"{100 * float(share):.1f}"


def _short(value: Any) -> str:
    return MISSING if is_missing(value) else f"{float(value):.3g}"


def _print_efficacy(console: Console, rows: pd.DataFrame) -> None:
    lines = []
    for row in rows.to_dict("records"):
        is_share = row["unit"] == "1"
        title = str(row["endpoint"]) + ("" if is_share else f" [{row['unit']}]")
        title = abbreviated(title)
        missing = MISSING if is_share else NOT_REACHED
        simulated = estimate_text(row["value"], row["low"], row["high"], is_share=is_share, missing=missing)
        published = estimate_text(row["published"], row["published_low"], row["published_high"], is_share=is_share, missing="")
        count = row["patients"] if is_missing(row["events"]) else f"{row['events']} of {row['patients']}"
        lines.append((title, simulated, str(count), published, "" if is_missing(row["study"]) else str(row["study"])))
    print_rows(
        console,
        lines,
        columns=("endpoint", "simulated (95 %)", "patients", "published", "study"),
        right=("patients",),
        title="Efficacy",
        optional=("patients", "study"),
    )


def _print_doses(console: Console, rows: pd.DataFrame, reasons: pd.DataFrame) -> None:
    for drug, part in rows.groupby("drug", sort=False):
        lines = [
            (
                str(row["course"]),
                str(row["cycle"]),
                str(row["patients"]),
                _short(row["planned_per_patient"]),
                estimate_text(row["given_median"], row["given_q1"], row["given_q3"], is_share=False),
                *(
                    f"{row[name]:.0f}"
                    for name in ("given_percent", "withheld_percent", "other_percent", "on_treatment_percent")
                ),
                words(cell_text(row["main_reason"])),
            )
            for row in part.to_dict("records")
        ]
        print_rows(
            console,
            lines,
            columns=DOSE_COLUMNS,
            right=[name for name in DOSE_COLUMNS if name not in {"given, median (quartiles)", "main reason"}],
            title=f"Doses of {words(str(drug))}",
            optional=("% lost", "patients", "main reason"),
        )
        console.print(ON_TREATMENT, markup=False, style="dim")
        console.print()
    if len(reasons):
        shown = reasons.head(MOST_REASONS)
        lines = [
            (str(r["action"]), words(str(r["reason"])), str(r["doses"]), str(r["patients"])) for r in shown.to_dict("records")
        ]
        print_rows(
            console,
            lines,
            columns=("action", "because of", "doses", "patients"),
            right=("doses", "patients"),
            title="Why doses were not given as planned",
            hidden=len(reasons) - len(shown),
        )


def _print_events(console: Console, rows: pd.DataFrame, reported: pd.DataFrame) -> None:
    if not len(rows):
        return
    versions = sorted({str(version) for version in rows["version"] if str(version)})
    shown = rows[rows["any_grade"] > 0].head(MOST_EVENTS + 1)
    lines = []
    for row in shown.to_dict("records"):
        severe = estimate_text(
            *(row[name] / 100 for name in ("grade_3_or_more_percent", "low_percent", "high_percent")), is_share=True
        )
        shares = (
            _share(row["any_grade"], row["patients"]),
            _share(row["grade_3"], row["patients"]),
            _share(row["grade_4"], row["patients"]),
            _share(row["grade_5"], row["patients"]),
        )
        lines.append((str(row["term"]), *shares, severe))
    title = "Adverse events" + (f" ({', '.join(versions)})" if versions else "") + ": patients by worst grade"
    print_rows(
        console,
        lines,
        columns=("term", "any", "gr. 3", "gr. 4", "gr. 5", "grade 3+ (95 %)"),
        right=("any", "gr. 3", "gr. 4", "gr. 5"),
        whole=("grade 3+ (95 %)",),
        title=title,
        hidden=int((rows["any_grade"] > 0).sum()) - len(shown),
    )
    for scheme, part in reported.groupby("scheme", sort=False):
        told = [_points(part[name].iloc[0]) for name in ("reported_percent", "reported_3_or_more_percent")]
        text = f"As the scheme {scheme} would report them: any side effect {told[0]}, of grade 3 or more {told[1]}."
        console.print(f"{text} Terms it does not list are left out.", markup=False, style="dim")
        console.print()


def _points(percent: Any) -> str:
    return f"{percent:.0f} %"


def _print_care(console: Console, in_use: pd.DataFrame, care: pd.DataFrame) -> None:
    """Care that was used, then the days of what the ward turned on."""
    lines = [
        (
            str(row["title"]),
            f"{row['percent']:.0f} %",
            estimate_text(*(row[name] / 100 for name in ("courses_percent", "low_percent", "high_percent")), is_share=True),
            _lasting(row),
        )
        for row in in_use.to_dict("records")
    ]
    if lines:
        print_rows(
            console,
            lines,
            columns=("care", "patients", "courses (95 %)", "time a course"),
            right=("patients",),
            whole=("courses (95 %)", "time a course"),
            title="Care in use (time: median and quartiles of the courses that had it)",
        )
    ordered = [
        (
            words(str(row["care"])),
            f"{row['percent']:.0f} %",
            estimate_text(*(row[f"days_{name}"] for name in SPREAD), is_share=False),
        )
        for row in care.to_dict("records")
    ]
    if ordered:
        columns = ("care", "patients", "days, median (quartiles)")
        print_rows(console, ordered, columns=columns, right=("patients",), title="Care ordered")


def _lasting(row: Mapping[Hashable, Any]) -> str:
    """How long care was in use, in hours or, where that is long, in days."""
    from cytotrial.results.care_in_use import length_unit

    if is_missing(row["hours_median"]):
        return ""
    scale, unit = length_unit(row["hours_q3"])
    return f"{estimate_text(*(row[f'hours_{name}'] / scale for name in SPREAD), is_share=False)} {unit}"


def _share(count: Any, patients: Any) -> str:
    return f"{100 * count / patients:.0f} %" if patients else MISSING


def print_published(console: Console, rows: pd.DataFrame, *, most_rows: int | None = None) -> None:
    """Prints published numbers beside simulated ones, study by study, and how each trial was run otherwise."""
    for (_, arm, role), part in rows.groupby(["study", "arm", "role"], sort=False):
        shown = part.head(most_rows) if most_rows is not None else part
        lines = [_published_line(row) for row in shown.to_dict("records")]
        scheme = part["scheme"].iloc[0]
        print_rows(
            console,
            lines,
            columns=("endpoint", "simulated (95 %)", "published", "inside", "all graded", "n", "criteria", "where"),
            right=("n", "all graded"),
            whole=("simulated (95 %)", "published", "inside"),
            title=f"{_named(part)}, {role}: {arm}" + ("" if is_missing(scheme) else f", as reported by {scheme}"),
            optional=("where", "criteria", "n", "all graded"),
            hidden=len(part) - len(shown),
        )
        differs = part["differs"].iloc[0]
        if not is_missing(differs) and differs:
            console.print(f"Not as in this trial: {differs}.", markup=False, style="dim")
            console.print()


def _named(rows: pd.DataFrame) -> str:
    """A study by the name people cite it by and the key a protocol compares with it by."""
    row = rows.iloc[0].to_dict()
    name, key = cited_study(row, several_arms=False), str(row["study"])
    return name if name == key else f"{name} [{key}]"


def _published_line(row: Mapping[Hashable, Any]) -> Sequence[str]:
    """`inside` is yes, no, or - where no interval was published or nothing is simulated."""
    is_share = row["estimand"] == "proportion"
    simulated_missing = NOT_REACHED if row["estimand"] == "median" else MISSING
    if not is_missing(row["remark"]) and str(row["remark"]):
        simulated_missing = str(row["remark"])
    published = estimate_text(row["published"], row["published_low"], row["published_high"], is_share=is_share)
    published += "" if row["verified"] else " (not verified)"
    simulated = estimate_text(
        row["simulated"], row["simulated_low"], row["simulated_high"], is_share=is_share, missing=simulated_missing
    )
    graded = "" if is_missing(row["graded"]) else f"{100 * row['graded']:.0f} %"
    others = ("" if is_missing(row[name]) else cell_text(row[name]) for name in ("published_n", "criteria", "where"))
    return (_published_title(row), simulated, published, cell_text(row["inside"]), graded, *others)


def _published_title(row: Mapping[Hashable, Any]) -> str:
    """The endpoint and how it was summed up, such as 'fever, grade 3, per course'."""
    return ", ".join(part for part in (published_endpoint(row), published_detail(row)) if part).replace(", [", " [")


def print_comparison(console: Console, rows: pd.DataFrame) -> None:
    """Prints one group against another under their names: benefit, risk and doses, differences and ratios apart."""
    # The line above the table has the runs' whole paths; a column has room for the last part.
    names = [str(rows[name].iloc[0]).rsplit("/", 1)[-1] for name in ("arm", "against")]
    if names[0] == names[1]:
        names = [f"{name} ({which})" for name, which in zip(names, ("first run", "second run"), strict=True)]
    for kind, every in rows.groupby("kind", sort=False):
        title = COMPARISON_TITLES.get(str(kind), str(kind))
        for measure, part in every.groupby("measure", sort=False):
            value_title = VALUE_TITLES.get(str(measure), f"{measure} (95 %)")
            # A ratio has no value on either side.
            sides = names if part[["arm_value", "against_value"]].notna().to_numpy().any() else []
            lines = [_comparison_line(row, has_sides=bool(sides)) for row in part.to_dict("records")]
            titles = _side_titles(sides, lines, value_title, width=console.width)
            print_rows(
                console,
                lines,
                columns=("endpoint", *titles, value_title, "p", "method"),
                right=titles,
                whole=(value_title,),
                title=title,
                optional=("method", "p"),
            )
            title = ""
    if rows["method"].fillna("").str.contains("paired|pairs").any():
        console.print(TWINS, markup=False, style="dim")
        console.print()


def _side_titles(sides: Sequence[str], lines: Sequence[Sequence[str]], value_title: str, *, width: int) -> list[str]:
    """The names of both sides on as many lines as leave the endpoint and the value their room: a run's path is long."""
    values = max(len(value_title), *(len(line[len(sides) + 1]) for line in lines))
    endpoints = min(max(len(line[0]) for line in lines), int(WIDEST_ENDPOINT * width))
    longest = max((len(word) for name in sides for word in name.split()), default=0)
    room = max(NARROWEST_SIDE, min(longest, WIDEST_WORD), (width - values - endpoints - SPACES) // 2)
    return ["\n".join(textwrap.wrap(name, room)) for name in sides]


def _comparison_line(row: Mapping[Hashable, Any], *, has_sides: bool) -> tuple[str, ...]:
    is_share = row["measure"] == "difference"
    sides = [_side(row[name], is_share=is_share) for name in ("arm_value", "against_value")] if has_sides else []
    value = estimate_text(row["value"], row["low"], row["high"], is_share=is_share).replace(" %", " points")
    p_value = "" if is_missing(row["p_value"]) else f"{row['p_value']:.2g}"
    return (str(row["endpoint"]), *sides, value, p_value, str(row["method"]))


def _side(value: object, *, is_share: bool) -> str:
    if is_missing(value):
        return MISSING if is_share else ""
    return f"{100 * float(str(value)):.1f} %" if is_share else cell_text(value)
