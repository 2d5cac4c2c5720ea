from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from cytotrial.errors import RunFolderError
from cytotrial.formats.run import Manifest
from cytotrial.report import render_report, write_report
from cytotrial.report.report import embedded_json
from cytotrial.report.text_table import TextTable, grouped, without_columns
from cytotrial.report.wording import number, percent, reference, with_interval
from cytotrial.results import Context, ParameterUsed, Result, RunWriter

MALICIOUS = "<script>alert('arm')</script>"


def small_result(folder: Path, *, arm: str = "One arm", context: Context | None = None) -> Result:
    manifest = Manifest(
        schema="run/1",
        complete=False,
        notice="SIMULATED: no row of any table is a patient",
        protocol={"title": {"en": "A very small trial", "fr": "Un très petit essai"}},
        protocol_text="schema: protocol/1  # as written",
        seed=42,
        patients=2,
        arms=[arm],
        versions={"cytotrial": "9.9"},
        hashes={"library": "abc123"},
        tables={},
        failures=0,
        created="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )
    with RunWriter(folder) as writer:
        writer.write("patients", pd.DataFrame({"ARM": arm, "ID": [1, 2], "weight": [60.0, 80.0], "module.rate": [1.0, 2.0]}))
        ends = {"ARM": arm, "ID": [1, 2], "PARAMCD": "OS", "AVAL": [5.0, 12.0], "CNSR": [0, 1], "EVNTDESC": "x"}
        writer.write("survival", pd.DataFrame(ends))
        writer.write("trajectories", pd.DataFrame({"ARM": arm, "ID": [1, 2], "TIME": 0.0, "pressure": [90.0, 120.0]}))
        failure = {"ARM": arm, "ID": [2], "TIME": 3.25, "STATUS": "step too small", "REASON": "the circulation became stiff"}
        writer.write("failures", pd.DataFrame(failure))
        return writer.finish(manifest, context=context)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    context = Context(
        parameters=(ParameterUsed("module.rate", 1.5, "L/h", "measured", "smith1990", "table 2"),),
        sources={
            "smith1990": {
                "title": "On rates",
                "author": [{"family": "Smith", "given": "A"}],
                "issued": {"date-parts": [[1990]]},
            }
        },
        calendars={"One arm": ("day 1 08:00  10 mg iv",)},
        units={"pressure": "mmHg"},
    )
    return render_report(small_result(tmp_path_factory.mktemp("report") / "run", context=context))


def without_the_drawing_library(report: str) -> str:
    return re.sub(r"<script>\s*/\*\*.*?</script>", "", report, flags=re.DOTALL)


def test_the_report_says_that_it_is_simulated_and_no_medical_device(report: str) -> None:
    text = without_the_drawing_library(report)
    assert "SIMULATED: no patient in this report is a person" in text
    assert "not a medical device" in text


def test_the_report_loads_nothing_from_anywhere(report: str) -> None:
    text = without_the_drawing_library(report)
    assert len(text) < 200_000  # the drawing library was indeed cut out
    assert "://" not in text
    assert re.search(r"<(link|img|iframe|script[^>]* src)", text) is None
    assert "Content-Security-Policy\" content=\"default-src 'none'" in text


@pytest.mark.parametrize(
    "shown",
    [
        "A very small trial",
        "seed 42",
        "day 1 08:00  10 mg iv",
        "0\u00a0% (0 to 84)",  # none of two responded; no line ends between a number and its sign
        "1 simulated patient could not be followed to the end",
        "the circulation became stiff",
        "70 (60 to 80)",
        "module.rate",
        "smith1990 table 2",
        "Smith A. On rates. 1990.",
        "abc123",
        "schema: protocol/1  # as written",
    ],
)
def test_the_report_shows_what_a_reader_needs(report: str, shown: str) -> None:
    assert shown in without_the_drawing_library(report)


def test_every_figure_of_the_report_has_its_data_and_its_words(report: str) -> None:
    names = re.findall(r'id="plot-(\w+)"', report)
    assert names == [
        *("survival", "waterfall", "spider", "swimmer", "benefit_risk"),
        *("adverse_events", "adverse_event_days", "doses", "pressure"),
    ]
    for name in names:
        found = re.search(rf'id="data-{name}">(.*?)</script>', report, flags=re.DOTALL)
        assert found is not None
        assert set(json.loads(found[1])) == {"data", "layout"}
    assert "One arm: median 5.0 months" in report


def test_names_from_a_protocol_cannot_become_markup(tmp_path: Path) -> None:
    text = without_the_drawing_library(render_report(small_result(tmp_path / "run", arm=MALICIOUS)))
    assert MALICIOUS not in text
    assert "&lt;script&gt;alert" in text
    assert "\\u003cscript>alert" in text


def test_numbers_in_figures_are_short_and_never_nan() -> None:
    assert embedded_json({"y": [1 / 3, float("nan"), "</script>"]}) == '{"y":[0.33333,null,"\\u003c/script>"]}'


def test_the_report_lies_in_the_run_folder_unless_told_otherwise(tmp_path: Path) -> None:
    result = small_result(tmp_path / "run")
    assert write_report(result) == tmp_path / "run" / "report.html"
    with pytest.raises(RunFolderError, match="the report cannot be written: No such file or directory"):
        write_report(result, tmp_path / "nowhere" / "report.html")


def test_numbers_are_written_as_people_read_them() -> None:
    assert [number(value) for value in (0.123456, 12.0, 123456.0, float("nan"), None)] == ["0.123", "12", "123456", "–", "–"]
    assert [percent(value) for value in (0.1451, 0.047, 0.0, 1.0, float("nan"))] == ["15 %", "4.7 %", "0 %", "100 %", "–"]
    assert with_interval(16.3, 14.0, float("nan"), unit="months") == "16.3 (14.0 to not reached)"


def test_a_reference_is_one_line() -> None:
    fields = {
        "author": [{"family": name, "given": "A"} for name in ("One", "Two", "Three", "Four")],
        "title": "A trial.",
        "container-title": "J Med",
        "issued": {"date-parts": [[1995, 3]]},
        "volume": 13,
        "page": "688-696",
        "DOI": "10.1000/x",
    }
    assert reference(fields) == "One A, Two A, Three A et al. A trial. J Med 1995;13:688-696. doi:10.1000/x."


def two_arms(*rows: tuple[str, ...]) -> TextTable:
    return TextTable(("arm", "care", "patients"), rows, (False, False, True))


def test_arms_stand_as_headings_above_their_rows() -> None:
    table = grouped(two_arms(("A", "oxygen", "3"), ("A", "fluid", "2"), ("B", "oxygen", "1")), is_named=False)
    assert table.columns == ("care", "patients")
    assert table.rows == (("A", ""), ("oxygen", "3"), ("fluid", "2"), ("B", ""), ("oxygen", "1"))
    assert table.numeric == (False, True)


def test_a_single_arm_has_no_heading_unless_there_are_others_in_the_run() -> None:
    alone = two_arms(("A", "oxygen", "3"))
    assert grouped(alone, is_named=False).rows == (("oxygen", "3"),)
    assert grouped(alone, is_named=True).rows == (("A", ""), ("oxygen", "3"))


def test_a_column_that_says_nothing_is_left_out() -> None:
    table = without_columns(two_arms(("A", "oxygen", "0 %"), ("A", "fluid", "0 %")), [("patients", "0 %"), ("care", "")])
    assert table.columns == ("arm", "care")
    assert table.numeric == (False, False)


def test_spans_tell_where_they_begin() -> None:
    table = TextTable(("x", "a", "b", "a", "b"), (), (), spans=(("", 1), ("First", 2), ("Second", 2)))
    assert table.starts == {1, 3}
    assert two_arms().starts == frozenset()


def test_curves_of_one_time_axis_hold_it_once() -> None:
    times = [float(hour) for hour in range(30)]
    figure = {"data": [{"x": times, "y": times}, {"x": list(times), "y": times}, {"x": times[:5]}], "layout": {}}
    shown = json.loads(embedded_json(figure))
    assert shown["data"][0]["x"] == times
    assert shown["data"][1]["x"] == 0
    assert shown["data"][2]["x"] == times[:5]
    assert figure["data"][1]["x"] == times


def test_the_question_is_told_in_words(tmp_path: Path) -> None:
    context = Context(question=(("disease", "A disease"), ("One arm", "A drug: 10 mg iv every 8 h, 14 doses.")))
    report = render_report(small_result(tmp_path / "run", context=context))
    assert "<dt>One arm</dt><dd>A drug: 10 mg iv every 8 h, 14 doses.</dd>" in report
