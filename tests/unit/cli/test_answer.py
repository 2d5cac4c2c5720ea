"""The tables of `cytotrial run`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from cytotrial.cli.answer import _lasting, _published_title, estimate_text, print_answer
from cytotrial.cli.progress import shown_progress
from cytotrial.cli.run import parse_settings
from cytotrial.cli.tables import cell_text, print_frame, print_rows
from cytotrial.errors import ProtocolError
from cytotrial.results import load

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


def drawn(width: int, draw: Callable[[Console], None]) -> str:
    console = Console(width=width, record=True, file=StringIO())
    draw(console)
    return console.export_text()


@pytest.mark.parametrize("width", [80, 120])
def test_the_answer_fits_the_terminal_and_holds_every_table(run_folder: Path, width: int) -> None:
    text = drawn(width, lambda console: print_answer(console, load(run_folder)))
    for part in (
        "Bolus (3 simulated patients)",
        "Efficacy",
        "Doses of aldesleukin",
        "Why doses were not given",
        "Adverse events (CTCAE v5.0)",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= width


def test_doses_events_and_reasons_are_those_of_the_run(run_folder: Path) -> None:
    lines = [line.split() for line in drawn(120, lambda console: print_answer(console, load(run_folder))).splitlines()]
    assert ["withhold", "creatinine", "relative", "1", "1"] in lines
    event = next(line for line in lines if line[:2] == ["Creatinine", "increased"])
    assert event[2:10] == ["33", "%", "0", "%", "0", "%", "0", "%"]
    cycle = next(line for line in lines if line[:3] == ["1", "1", "2"])
    assert cycle[3:] == ["2", "1.5", "(1.25-1.75)", "75", "25", "75", "creatinine", "relative"]


@pytest.mark.parametrize(
    ("value", "low", "high", "is_share", "text"),
    [
        (0.1412, 0.1008, 0.19, True, "14.1 % (10.1-19.0)"),
        (0.0, 0.0, 0.0143, True, "0.0 % (0.0-1.4)"),
        (0.01, -0.05, 0.07, True, "1.0 % (-5.0 to 7.0)"),
        (16.3, 13.0, math.nan, False, "16.3 (13 to -)"),
        (math.nan, 12.0, math.nan, False, "?"),
        (pd.NA, pd.NA, pd.NA, True, "?"),
        (12.0, math.nan, math.nan, False, "12"),
    ],
)
def test_an_estimate_reads_as_in_a_paper(value: float, low: float, high: float, is_share: bool, text: str) -> None:
    assert estimate_text(value, low, high, is_share=is_share, missing="?") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.141176, "0.1412"), (255.0, "255"), (math.nan, "-"), (None, "-"), (pd.NA, "-"), (True, "yes"), (3, "3"), (1e-9, "1e-09"),
     (0.0, "0"), (-0.5, "-0.5"), (12345.6, "12346"), (2.5e7, "2.5e+07"), ("x", "x"), (math.inf, "inf")],
)  # fmt: skip
def test_a_cell_shows_four_significant_digits_and_missing_is_not_zero(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_optional_columns_are_left_out_where_the_terminal_is_narrow() -> None:
    rows = [("a" * 30, "b" * 30, "c" * 30)]
    draw = lambda console: print_rows(console, rows, columns=("first", "second", "third"), optional=("second",))  # noqa: E731
    assert "second" in drawn(120, draw)
    assert "second" not in drawn(80, draw)
    assert "c" * 30 in drawn(80, draw)


def test_rows_that_are_not_shown_are_counted() -> None:
    assert "... and 7 more" in drawn(80, lambda console: print_frame(console, pd.DataFrame({"n": range(10)}), most_rows=3))


def test_text_of_users_is_never_read_as_markup() -> None:
    assert "[red]x[/red]" in drawn(80, lambda console: print_rows(console, [("[red]x[/red]",)], columns=("[bold]",)))


def test_settings_are_read_and_all_wrong_ones_are_reported() -> None:
    assert parse_settings(["clearance=16 L/h", "pk.volume = 4 L"]) == {"clearance": "16 L/h", "pk.volume": "4 L"}
    with pytest.raises(ProtocolError, match=r"'clearance' is not a setting(.|\n)*'=4' is not a setting(.|\n)*2 problems"):
        parse_settings(["clearance", "=4"])
    with pytest.raises(ProtocolError, match="'a' is set twice"):
        parse_settings(["a=1", "a=2"])


@dataclass(frozen=True)
class Step:
    arm: str
    done: int
    patients: int
    fraction: float
    stage: str


def test_progress_is_plain_lines_where_no_one_watches_a_terminal(capsys) -> None:
    with shown_progress() as progress:
        for done in (0, 50, 100):
            progress(Step("Bolus", done, 100, done / 100, "simulating"))
        progress(Step("", 0, 0, 1.0, "writing"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  0%  simulating (0 of 100 patients)", "100%  writing"]  # within 5 s a stage is named once


def test_quiet_shows_no_progress(capsys) -> None:
    with shown_progress(quiet=True) as progress:
        progress(Step("Bolus", 0, 1, 0.0, "simulating"))
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def simulated(monkeypatch, run_folder: Path) -> list[dict]:
    """The trial is not simulated: the made-up run stands for its result. Holds what was asked of it."""
    asked: list[dict] = []

    def run_trial(protocol: object, library: object, **options: object) -> object:
        asked.append({"protocol": protocol, **options})
        return load(run_folder)

    monkeypatch.setattr("cytotrial.trial.run_trial", run_trial)
    return asked


@pytest.fixture
def shipped(library) -> str:
    return next(iter(library.protocols))


def test_run_prints_tables_folder_and_notice_and_passes_its_options_on(
    call, simulated: list[dict], run_folder: Path, shipped: str
) -> None:
    shown = call("run", shipped, "--patients", 12, "--seed", 7, "-o", "out", "--threads", 1)
    assert shown.exit_code == 0, shown.output
    assert "Efficacy" in shown.stdout
    assert str(run_folder) in shown.stdout
    assert "Not a medical device" in shown.stdout
    assert "1 patient could not be simulated" in shown.stderr
    asked = simulated[0]
    assert (asked["protocol"].patients, asked["protocol"].seed, asked["folder"], asked["threads"]) == (12, 7, Path("out"), 1)


def test_run_prints_json_alone_or_the_folder_alone(call, simulated: list[dict], run_folder: Path, shipped: str) -> None:
    assert json.loads(call("run", shipped, "--json").stdout)["schema"] == "summary/1"
    quiet = call("run", shipped, "--quiet")
    assert quiet.stdout == f"{run_folder}\n"
    assert quiet.stderr == ""


def test_ctrl_c_after_the_run_is_complete_does_not_say_that_it_is_lost(
    call, simulated: list[dict], shipped: str, monkeypatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cytotrial.cli.answer.print_answer", stop)
    shown = call("run", shipped)
    assert shown.exit_code == 130
    assert "stopped; the run is complete: " in shown.stderr
    assert "nothing was kept" not in shown.stderr


def test_run_reports_a_wrong_setting_before_anything_is_simulated(call, simulated: list[dict], shipped: str) -> None:
    shown = call("run", shipped, "--set", "clearance")
    assert shown.exit_code == 2
    assert 'Expected NAME="VALUE UNIT".' in shown.stderr
    assert simulated == []


def test_the_console_survives_a_terminal_that_knows_no_unicode(shell, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    shown = shell("show", "sources")
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("width", [80, 120])
def test_an_interval_of_adverse_events_is_never_cut(run_folder: Path, width: int) -> None:
    lines = drawn(width, lambda console: print_answer(console, load(run_folder))).splitlines()
    events = lines[next(place for place, line in enumerate(lines) if line.startswith("Adverse events")) :]
    severe = next(line for line in events if line.strip().startswith("Creatinine"))
    assert severe.rstrip().endswith(")")
    assert "%" in severe.split("(")[0]


def test_a_first_column_gives_way_where_another_would_keep_a_few_letters() -> None:
    rows = [("a_key_of_forty_two_letters_that_may_be_cut", "10 %", "some words that follow", "and more")]
    text = drawn(60, lambda console: print_rows(console, rows, columns=("key", "share", "what", "where"), right=("share",)))
    assert "some words" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 60


def test_long_care_is_told_in_days(run_folder: Path) -> None:
    row = {f"hours_{name}": value for name, value in (("median", 1344.0), ("q1", 672.0), ("q3", 2688.0))}
    assert _lasting(row) == "56 (28-112) d"
    assert _lasting({name: value / 96 for name, value in row.items()}) == "14 (7-28) h"
    assert _lasting(dict.fromkeys(row, math.nan)) == ""


@pytest.mark.parametrize(
    ("cells", "title"),
    [
        ({"endpoint": "relapse_free_survival", "estimand": "hazard_ratio"}, "relapse-free survival, hazard ratio"),
        ({"endpoint": "overall_survival", "estimand": "median", "unit": "month"}, "overall survival, median [month]"),
        (
            {"endpoint": "adverse_event", "term": "fever", "window": "grade 3", "denominator": "course"},
            "fever, grade 3, per course",
        ),
        ({"endpoint": "care_in_use", "term": "red_cell_transfusion"}, "red cell transfusion in use"),
        (
            {"endpoint": "peak_of", "term": "creatinine", "estimand": "mean", "unit": "mg/dL"},
            "peak of creatinine, mean [mg/dL]",
        ),
    ],
)
def test_a_published_endpoint_says_what_was_counted_and_how(cells: dict[str, str], title: str) -> None:
    row = {"term": pd.NA, "window": "", "estimand": "proportion", "denominator": "patient", "unit": "1", **cells}
    assert _published_title(row) == title
