"""Commands that read runs beside each other, and those that name sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cytotrial.cli.cite import bibtex
from cytotrial.errors import ProtocolError
from cytotrial.protocol import find_protocol, read_protocol, with_overrides, with_untreated_arm
from cytotrial.replicates import Replicates, read_criterion

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml")


def test_a_run_with_one_arm_cannot_be_compared_with_itself(call, run_folder: Path) -> None:
    shown = call("compare", run_folder)
    assert shown.exit_code == 2
    assert "this run has one arm" in shown.stderr


def test_two_runs_are_compared_by_benefit_risk_and_doses(call, run_folder: Path) -> None:
    shown = call("compare", run_folder, run_folder)
    assert shown.exit_code == 0
    for text in (
        "the same virtual patients in both",
        "Benefit",
        "Risk",
        "objective response",
        "death of treatment",
        "SIMULATED",
    ):
        assert text in shown.stdout


def test_a_comparison_can_be_read_by_a_program(call, run_folder: Path) -> None:
    rows = [json.loads(line) for line in call("compare", run_folder, run_folder, "--json").stdout.splitlines()]
    assert {row["kind"] for row in rows} == {"benefit", "risk", "doses"}


def test_export_names_the_files_it_wrote(call, run_folder: Path, tmp_path: Path) -> None:
    shown = call("export", run_folder, "--to", "adam", "-o", tmp_path / "adam")
    assert shown.exit_code == 0
    assert (tmp_path / "adam" / "adsl.csv").read_text(encoding="utf-8").startswith("STUDYID,USUBJID,")
    assert "adsl.csv" in shown.stdout
    wrong = call("export", run_folder, "--to", "sas", "-o", tmp_path / "sas")
    assert wrong.exit_code == 2
    assert "no shape is called 'sas'" in wrong.stderr


def test_export_writes_figures_and_refuses_to_be_asked_for_nothing(call, run_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'print' is not installed")
    shown = call("export", run_folder, "--figures", "svg", "-o", tmp_path / "figures")
    assert shown.exit_code == 0
    assert (tmp_path / "figures" / "doses.svg").is_file()
    nothing = call("export", run_folder, "-o", tmp_path / "empty")
    assert nothing.exit_code == 2
    assert "nothing was asked for" in nothing.stderr


def test_cite_gives_references_as_text_bibtex_and_csl(call, library) -> None:
    protocol = next(iter(library.protocols))
    study = library.evidence[read_protocol(find_protocol(protocol, library), library).compare_with[0]]
    assert f"[{study.source}]" in call("cite", protocol).stdout
    assert f"{{{study.source}," in call("cite", protocol, "--as", "bibtex").stdout
    assert study.source in {entry["id"] for entry in json.loads(call("cite", protocol, "--as", "csl").stdout)}
    assert "no form is called 'ris'" in call("cite", protocol, "--as", "ris").stderr


def test_sources_lists_what_a_protocol_rests_on(call, library) -> None:
    shown = call("sources", next(iter(library.protocols)))
    assert shown.exit_code == 0
    assert "Sources" in shown.stdout


def test_a_reference_without_fields_is_still_valid_bibtex() -> None:
    assert bibtex("x1", {}) == "@article{x1,\n\n}"


def test_the_untreated_arm_is_added_once_and_only_to_twins(library) -> None:
    plan = read_protocol(find_protocol(next(iter(library.protocols)), library), library)
    both = with_untreated_arm(plan)
    assert [arm.treatments for arm in both.arms[1:]] == [()]
    assert with_untreated_arm(both) == both
    assert both.content_hash != plan.content_hash
    from dataclasses import replace

    with pytest.raises(ProtocolError, match="an untreated arm needs twins"):
        with_untreated_arm(replace(plan, design="randomised"))


@pytest.mark.parametrize(
    ("text", "arm", "endpoint", "value"),
    [
        ("objective response >= 14 %", None, "objective response", 0.14),
        ("High: complete response > 0.05", "High", "complete response", 0.05),
        ("progression-free survival, median<=6", None, "progression-free survival, median", 6.0),
    ],
)
def test_a_criterion_is_read(text: str, arm: str | None, endpoint: str, value: float) -> None:
    found = read_criterion(text)
    assert (found.arm, found.endpoint, found.value) == (arm, endpoint, pytest.approx(value))


@pytest.mark.parametrize("text", ["", "response", "objective response = 3", ">= 0.1", "a >= 1e-"])
def test_what_is_not_a_criterion_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="is not a criterion"):
        read_criterion(text)


def test_replicates_give_the_spread_of_whole_trials_and_the_chance_of_success(library, tmp_path: Path) -> None:
    import pandas as pd

    plan = with_overrides(read_protocol(find_protocol(next(iter(library.protocols)), library), library), seed=5)
    rows = [(5 + number, "A", "objective response", "1", value) for number, value in enumerate((0.1, 0.2, 0.3, 0.4))]
    table = pd.DataFrame(rows, columns=["seed", "arm", "endpoint", "unit", "value"])
    found = Replicates(plan, table, 4, read_criterion("objective response >= 0.25"), (False, False, True, True))
    assert found.probability_of_success().value == 0.5
    spread = found.spread().iloc[0]
    assert (spread["trials"], spread["median"]) == (4, pytest.approx(0.25))
    found.write(tmp_path / "out")
    written = json.loads((tmp_path / "out" / "replicates.json").read_text(encoding="utf-8"))
    assert (written["made"], written["first_seed"], written["probability_of_success"][0]) == (4, 5, 0.5)
    assert "SIMULATED" in written["notice"]
