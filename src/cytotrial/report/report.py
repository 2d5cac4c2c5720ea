"""Writes one HTML file that holds a whole run and needs no network. It computes no statistics."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cytotrial.errors import Place, Problem, RunFolderError
from cytotrial.report import answer_sections, course_sections
from cytotrial.report.text_table import TextTable
from cytotrial.report.wording import number, reference
from cytotrial.results.result import Result

TIME_COURSES_SHOWN = 26
TIME_COURSES_OPEN = 16  # the others can be opened
SIGNIFICANT_DIGITS = 5  # of the numbers behind a figure: more only makes the file larger
SHARED_FROM = 20  # times: shorter lists are not worth it
_SHORT = f"%.{SIGNIFICANT_DIGITS}g"

PARAMETER_COLUMNS = ("parameter", "value", "unit", "status", "source")


def render_report(result: Result) -> str:
    """The report of a run as the text of one HTML file: script, style and data inside, nothing loaded from anywhere."""
    folder = files("cytotrial.report")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    observables = result.observables()
    courses = result.observables_first(TIME_COURSES_SHOWN)
    figures = {name: result.plot(name) for name in [*result.figures(), *courses]}
    context = result.context
    return template.render(
        manifest=result.manifest,
        protocol=result.manifest.protocol,
        title=_title(result),
        design=result.design,
        people=int(result.table("patients")["ID"].nunique()),
        calendars=context.calendars,
        question=context.question,
        headline=answer_sections.headline(result),
        endpoints=answer_sections.endpoints(result),
        between=answer_sections.between_arms(result),
        published=answer_sections.published(result),
        patients=course_sections.patients(result),
        refused=course_sections.refused(result),
        onset=course_sections.onset(result),
        care=course_sections.care(result),
        care_in_use=course_sections.care_in_use(result),
        differences=answer_sections.differences(result),
        as_reported=answer_sections.as_reported(result),
        side_effects=course_sections.side_effects(result),
        doses=course_sections.doses(result),
        reasons=course_sections.reasons(result),
        together=course_sections.together(result),
        drug_levels=course_sections.drug_levels(result),
        failures=result.failures(),
        parameters=TextTable(
            PARAMETER_COLUMNS,
            tuple(
                (
                    row.name,
                    number(row.value, 4),
                    row.unit,
                    row.status,
                    " ".join(part for part in (row.source, row.where) if part),
                )
                for row in context.parameters
            ),
            (False, True, False, False, False),
        ),
        references={key: reference(fields) for key, fields in context.sources.items()},
        figures=figures,
        figure_data={name: embedded_json(figure) for name, figure in figures.items()},
        time_courses=courses,
        courses_open=TIME_COURSES_OPEN,
        observables_left_out=len(observables) - len(courses),
        script=Markup((folder / "report.js").read_text(encoding="utf-8")),
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),
        plotly=Markup((folder / "vendor" / "plotly-cartesian.min.js").read_text(encoding="utf-8")),
    )


def write_report(result: Result, path: Path | None = None) -> Path:
    """The path of the report, written to `path`, or to report.html in the run folder.

    Raises:
        RunFolderError: no space, or no permission.
    """
    target = path or result.folder / "report.html"
    text = render_report(result)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as failure:
        what = f"the report cannot be written: {failure.strerror}."
        raise RunFolderError(
            [Problem(Place(str(target)), what, "Check that the folder exists and that you may write there.")]
        ) from None
    return target


def embedded_json(figure: dict[str, Any]) -> Markup:
    """A figure as JSON that may stand inside a script element: shorter numbers, and no '<' that could end the element.

    A long list of times that an earlier trace has already is the number of that trace.
    """
    text = json.dumps(_shortened(_shared_times(figure)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    escaped = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(escaped)


def _shared_times(figure: dict[str, Any]) -> dict[str, Any]:
    traces: list[dict[str, Any]] = []
    for trace in figure.get("data", ()):
        times = trace.get("x")
        if isinstance(times, list) and len(times) >= SHARED_FROM:
            first = next((place for place, other in enumerate(traces) if other.get("x") == times), None)
            trace = trace if first is None else {**trace, "x": first}  # noqa: PLW2901
        traces.append(trace)
    return {**figure, "data": traces} if traces else figure


def _shortened(value: Any) -> Any:
    if isinstance(value, float):
        return float(_SHORT % value) if math.isfinite(value) else None
    if isinstance(value, list):
        # Nearly all of a figure is long lists of numbers: no call for each of them.
        finite = math.isfinite
        return [(float(_SHORT % part) if finite(part) else None) if type(part) is float else _shortened(part) for part in value]
    if isinstance(value, dict):
        return {key: _shortened(part) for key, part in value.items()}
    return value


def _title(result: Result) -> str:
    title = result.manifest.protocol.get("title", {})
    return str(title.get("en", "")) if isinstance(title, dict) and title.get("en") else result.folder.name
