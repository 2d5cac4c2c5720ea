"""`cytotrial why`: the chart and the decision on one screen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cytotrial.cli.why import _met_since, clock_text

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


def test_a_withheld_dose_is_explained_by_rule_criterion_source_and_chart(call, run_folder: Path) -> None:
    shown = call("why", run_folder, "--patient", 2, "--dose", 2)
    assert shown.exit_code == 0, shown.output
    for text in (
        "aldesleukin, course 1, cycle 1, dose 2: hour 8 (day 1, 16:00)",
        "withhold: planned 180 nmol, given 0 nmol, because of creatinine_relative",
        "policy:    any relative",
        "dutcher2014, Table 3, Renal",
        "Unknown, because not measured: confusion",
        "SIMULATED",
    ):
        assert text in shown.output
    chart = next(line for line in shown.output.splitlines() if line.strip().startswith("creatinine "))
    assert chart.split() == ["creatinine", "2.7", "mg/dL", "now", "1.1"]
    assert len(shown.output.splitlines()) <= 45


def test_a_given_dose_is_explained_too(call, run_folder: Path) -> None:
    shown = call("why", run_folder, "--patient", 2, "--dose", 1)
    assert "give: planned 180 nmol, given 180 nmol" in shown.output
    assert "Criteria met: none" in shown.output


def test_the_chart_holds_nothing_measured_after_the_decision(call, run_folder: Path) -> None:
    assert "2.7" not in call("why", run_folder, "--patient", 2, "--dose", 1).output


def test_a_day_shows_all_its_doses(call, run_folder: Path) -> None:
    shown = call("why", run_folder, "--patient", 1, "--day", 1).output
    assert "dose 1: hour 0 (day 1, 08:00)" in shown
    assert "dose 2: hour 8 (day 1, 16:00)" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--patient", "2"], "expected either --dose or --day"),
        (["--patient", "2", "--dose", "1", "--day", "1"], "expected either --dose or --day"),
        (["--patient", "2", "--dose", "9"], "patient 2 has no planned dose 9 in course 1, cycle 1."),
        (["--patient", "2", "--day", "4"], "patient 2 has no planned dose on day 4."),
        (["--patient", "9", "--dose", "1"], "patient 9 has no planned dose 1"),
        (["--patient", "2", "--dose", "1", "--arm", "Bolos"], "Did you mean 'Bolus'?"),
    ],
)
def test_what_is_not_in_the_run_is_said_with_the_next_step(call, run_folder: Path, arguments: list[str], message: str) -> None:
    shown = call("why", run_folder, *arguments)
    assert shown.exit_code == 2
    assert message in shown.stderr


def test_treatment_days_begin_at_eight_in_the_morning() -> None:
    assert clock_text(15.99) == "hour 15.99 (day 1, 23:59)"
    assert clock_text(16.0) == "hour 16 (day 1, 00:00)"
    assert clock_text(24.0) == "hour 24 (day 2, 08:00)"


def test_a_criterion_says_for_how_long_it_has_been_met_at_every_visit() -> None:
    visits = pd.Series([0.0, 8.0, 16.0, 24.0, 32.0])
    seen = pd.DataFrame({"TIME": [0.0, 16.0, 24.0, 32.0], "MET": [1, pd.NA, 1, 1]}).astype({"MET": "Int8"})
    assert _met_since(seen, visits, 32.0) == 24.0
    assert _met_since(seen, visits, 0.0) == 0.0


def test_an_event_says_whether_its_worst_grade_was_reached_by_then(call, run_folder: Path) -> None:
    early = call("why", run_folder, "--patient", 2, "--dose", 2).output
    row = next(line for line in early.splitlines() if line.strip().startswith("Creatinine increased"))
    assert row.split()[-2:] == ["by", "now"]
