"""`cytotrial show`: listings that fit an 80-column terminal, and a protocol with its calendar."""

from __future__ import annotations

import shutil

import pytest

from cytotrial.catalogue import Library
from cytotrial.cli.listings import citation_text, shortened
from cytotrial.formats.conditions import Condition

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


@pytest.mark.parametrize("topic", ["drugs", "diseases", "protocols", "rules", "regimens", "parameters", "sources"])
@pytest.mark.parametrize("width", [80, 120])
def test_every_listing_fits_the_terminal(call, monkeypatch, topic: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = call("show", topic)
    assert shown.exit_code == 0, shown.output
    assert max(map(len, shown.output.splitlines())) <= width
    assert len(shown.output.splitlines()) > 3


def test_ids_are_never_broken_across_lines(call, monkeypatch, library: Library) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = call("show", "parameters").output.split()
    for module in library.modules.values():
        for row in module.parameters:
            assert f"{module.id}.{row.name}" in words


def test_a_protocol_is_echoed_with_its_calendar_and_rules(call, library: Library) -> None:
    for name in library.protocols:
        shown = call("show", name)
        assert shown.exit_code == 0, shown.output
        for text in ("Arm: ", "Cycle 1: day", "rules ", "scans", "a Monday at 08:00"):
            assert text in shown.output


def test_every_rule_profile_is_shown_in_full(call, library: Library) -> None:
    for drug in library.drugs.values():
        for profile, rules in drug.rules.items():
            shown = call("show", "rules", drug.id, profile)
            assert shown.exit_code == 0, shown.output
            for criterion in rules.criteria:
                assert criterion.id in shown.output
            for step in rules.policy:
                assert step.then in shown.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drug"], "Did you mean 'drugs'?"),
        (["rules", "no_such_drug"], "`cytotrial show drugs` lists all drugs."),
        (["parameters", "no_such_module"], "no_such_module"),
    ],
)
def test_an_unknown_name_is_answered_with_the_way_on(call, arguments: list[str], message: str) -> None:
    shown = call("show", *arguments)
    assert shown.exit_code == 2
    assert message in shown.stderr


@pytest.mark.parametrize(
    ("written", "phrase"),
    [
        ({"lab": "creatinine", "from": 2.5, "below": 3, "unit": "mg/dL"}, "creatinine from 2.5 and below 3 mg/dL"),
        ({"lab": "creatinine", "above": 3, "times": "baseline"}, "creatinine above 3 times baseline"),
        ({"grade": "fever", "at_least": 3}, "grade of fever at least 3"),
        ({"not": {"given": "cycles", "above": 1}}, "not (cycles above 1)"),
        ({"any": [{"vital": "a", "below": 1}, {"all": [{"vital": "b", "below": 2}]}]}, "a below 1 or (b below 2)"),
        (
            {"at_least": 2, "of": [{"vital": "a", "below": 1}, {"vital": "b", "below": 1}]},
            "at least 2 of: a below 1; b below 1",
        ),
        ({"vital": "a", "below": 9, "consecutive": 2}, "a below 9 2 in a row"),
        ({"vital": "a", "below": 9, "for_at_least": "16 h"}, "a below 9 for at least 16 h"),
        ({"lab": "a", "above": 1, "rise_over": "24 h"}, "a above 1 rise over 24 h"),
    ],
)
def test_a_condition_reads_as_a_phrase(written: dict, phrase: str) -> None:
    assert Condition.model_validate(written).phrase() == phrase


def test_a_citation_is_one_line_whatever_is_known_of_the_source() -> None:
    many = [{"family": name} for name in ("Ab", "Bc", "Cd", "De")]
    assert (
        citation_text({"author": many, "issued": 1999, "title": "On it.", "DOI": "10/x"}) == "Ab et al., 1999. On it. DOI 10/x"
    )
    assert citation_text({"author": "A Society", "title": "On it"}) == "A Society. On it."
    assert citation_text({}) == ""


def test_a_long_formula_is_cut_in_a_listing() -> None:
    assert shortened("= " + "x" * 50) == "= " + "x" * 19 + "..."


def test_a_randomised_protocol_says_that_its_arms_share_the_patients(call, library) -> None:
    randomised = next(name for name, path in library.protocols.items() if "design: randomised" in path.read_text("utf-8"))
    assert "in all, shared among the arms" in call("show", randomised).stdout.replace("\n", " ")


def test_another_library_is_looked_into(call, library, tmp_path) -> None:
    shutil.copytree(library.root, tmp_path / "mine")
    name = next(iter(library.protocols))
    (tmp_path / "mine" / "protocols" / f"{name}.yaml").rename(tmp_path / "mine" / "protocols" / "only_mine.yaml")
    assert "only_mine" in call("show", "protocols", "--library", tmp_path / "mine").stdout
    assert call("check", "only_mine", "--library", tmp_path / "mine").exit_code == 0
    assert call("check", "only_mine").exit_code == 2


def test_a_folder_without_an_interface_is_no_library(call, tmp_path) -> None:
    shown = call("show", "drugs", "--library", tmp_path)
    assert shown.exit_code == 2
    assert "this is not the folder of a library" in shown.stderr
