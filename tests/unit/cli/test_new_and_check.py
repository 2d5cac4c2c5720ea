"""`cytotrial new` and `cytotrial check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.catalogue import Library

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


@pytest.fixture
def shipped(library: Library) -> str:
    return next(iter(library.protocols))


def test_a_new_protocol_is_the_copy_of_a_shipped_one_and_is_right(
    call, library: Library, shipped: str, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = call("new", "mine", "--from", shipped)
    assert shown.exit_code == 0, shown.output
    assert Path("mine.yaml").read_text(encoding="utf-8") == library.protocols[shipped].read_text(encoding="utf-8")
    assert "cytotrial run mine.yaml" in shown.output
    checked = call("check", "mine.yaml")
    assert checked.exit_code == 0, checked.output
    assert "0 errors, 0 warnings, 0 notes." in checked.output


def test_an_existing_file_is_never_overwritten(call, shipped: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("precious", encoding="utf-8")
    shown = call("new", "mine", "--from", shipped, "-o", file)
    assert shown.exit_code == 2
    assert "this file exists already." in shown.stderr
    assert file.read_text(encoding="utf-8") == "precious"


def test_an_unknown_protocol_names_the_nearest(call, shipped: str, tmp_path: Path) -> None:
    shown = call("new", "mine", "--from", shipped[:-1], "-o", tmp_path / "mine.yaml")
    assert shown.exit_code == 2
    assert f"'{shipped}'" in shown.stderr
    assert not (tmp_path / "mine.yaml").exists()


def test_check_reports_all_problems_of_all_files_and_its_status_says_so(
    call, library: Library, shipped: str, tmp_path: Path
) -> None:
    text = library.protocols[shipped].read_text(encoding="utf-8")
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(text.replace("disease:", "desease:"), encoding="utf-8")
    second.write_text(text.replace("seed: 1", "seed: -1"), encoding="utf-8")
    shown = call("check", first, second)
    assert shown.exit_code == 2
    assert "unknown key 'desease'" in shown.output
    assert "second.yaml" in shown.output
    assert "Traceback" not in shown.output
    assert int(shown.output.strip().splitlines()[-1].split()[0]) >= 3


def test_check_of_a_single_library_file_says_what_was_and_was_not_checked(call, library: Library) -> None:
    shown = call("check", library.root / "sources.yaml")
    assert shown.exit_code == 0
    assert "has the shape of sources/1." in shown.output
    assert "cytotrial check FOLDER" in shown.output


def test_check_of_a_folder_outside_a_library_is_an_error(call, tmp_path: Path) -> None:
    shown = call("check", tmp_path)
    assert shown.exit_code == 2
    assert "this is not a folder of a library." in shown.output


def test_the_shipped_library_has_no_errors(call) -> None:
    shown = call("check")
    assert shown.exit_code == 0, shown.output
