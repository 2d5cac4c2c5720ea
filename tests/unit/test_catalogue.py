"""The catalogue: what lies where, read lazily, hashed by content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.catalogue import find_module, load_library, schema_line
from cytotrial.errors import LibraryError


def test_folders_are_listed_without_reading_a_file(write_library: Callable[..., Path]) -> None:
    library = load_library(write_library({"drugs/remedy/drug.yaml": "not: [valid", "interface.yaml": "nor: {this"}))
    assert list(library.drugs) == ["remedy"]
    assert list(library.diseases) == ["illness"]
    assert list(library.modules) == ["body", "illness", "remedy"]
    assert list(library.protocols) == ["trial"]


def test_a_broken_file_is_reported_when_it_is_asked_for(write_library: Callable[..., Path]) -> None:
    library = load_library(write_library({"drugs/remedy/drug.yaml": ("inn: remedy", "imn: remedy")}))
    with pytest.raises(
        LibraryError, match=r"library/drugs/remedy/drug\.yaml:3:1: imn: unknown key 'imn'\.\n  Did you mean 'inn'\?|drug\.yaml"
    ):
        _ = library.drugs["remedy"].file


def test_a_drug_always_has_the_profile_without_rules(write_library: Callable[..., Path]) -> None:
    drug = load_library(write_library()).drugs["remedy"]
    assert set(drug.rules) == {"careful", "unmanaged"}
    assert drug.rules["unmanaged"].criteria == []
    assert drug.rules["careful"].criteria[0].id == "hot"


def test_checks_mean_the_first_disease_where_none_says_it_is_theirs(write_library: Callable[..., Path]) -> None:
    assert load_library(write_library()).disease_of_checks == "illness"


def test_the_shipped_library_says_which_disease_its_checks_mean() -> None:
    chosen = [name for name, disease in load_library().diseases.items() if disease.file.default_of_checks]
    assert chosen == [load_library().disease_of_checks]


def test_regimens_and_evidence_are_found_by_name(write_library: Callable[..., Path]) -> None:
    library = load_library(write_library())
    assert library.drugs["remedy"].regimens["weekly"].sentence.startswith("remedy 1 MIU")
    assert library.evidence["study2020"].protocol == "trial"


def test_gradings_and_responses_are_told_apart_by_their_schema(write_library: Callable[..., Path]) -> None:
    library = load_library(write_library())
    assert list(library.gradings) == ["grades"]
    assert list(library.responses) == ["response"]
    assert list(library.support) == ["standard"]
    assert list(library.monitoring) == ["standard"]


def test_two_modules_of_one_name_are_an_error(write_library: Callable[..., Path]) -> None:
    library = load_library(write_library({"immune/body/module.yaml": "schema: module/1\n"}))
    with pytest.raises(LibraryError, match=r"library/physiology/body: 'body' is also the name of library/immune/body"):
        _ = library.modules


def test_an_unknown_module_names_the_nearest(write_library: Callable[..., Path]) -> None:
    with pytest.raises(LibraryError, match=r"unknown module 'bodi'\.\n  Did you mean 'body'\?"):
        find_module(load_library(write_library()), "bodi")


def test_an_unknown_drug_is_a_key_error(write_library: Callable[..., Path]) -> None:
    with pytest.raises(KeyError):
        _ = load_library(write_library()).drugs["placebo"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="nowhere: no such folder"):
        load_library(tmp_path / "nowhere")


def test_the_hash_follows_content_but_not_line_endings(write_library: Callable[..., Path]) -> None:
    root = write_library()
    before = load_library(root).content_hash
    path = root / "interface.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (root / ".hidden").write_text("x", encoding="utf-8")
    assert load_library(root).content_hash == before
    path.write_text(path.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    assert load_library(root).content_hash != before


def test_the_schema_line_is_read_without_parsing(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("# a comment\nschema: rules/1\nbroken: [", encoding="utf-8")
    assert schema_line(path) == "rules/1"
    assert schema_line(tmp_path / "absent.yaml") == ""
