"""What a YAML text says is remembered by its hash; places and errors do not depend on it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from cytotrial import remembered
from cytotrial.errors import ProtocolError
from cytotrial.formats.base import Format
from cytotrial.reading import parse_yaml


class Graded(Format):
    schema_: Literal["graded/1"] = Field(alias="schema")
    grades: dict[int, float]
    note: str = ""


TEXT = f"schema: graded/1\ngrades:\n  1: 2.5\n  2: 1e6\nnote: {'x' * remembered.SHORTEST}\n"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(remembered.platformdirs, "user_cache_path", lambda _: tmp_path / "cache")


def kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "yaml").glob("*.json"))


def test_a_text_is_read_the_same_the_first_and_the_second_time(tmp_path: Path) -> None:
    first = parse_yaml(TEXT, Graded, file="a.yaml")
    assert len(kept(tmp_path)) == 1
    second = parse_yaml(TEXT, Graded, file="a.yaml")
    assert second.content == first.content
    assert second.content.grades == {1: 2.5, 2: 1e6}
    assert second.place("grades", 2).line == first.place("grades", 2).line == 4


def test_a_text_that_does_not_fit_is_explained_with_places_both_times() -> None:
    for _ in range(2):
        with pytest.raises(ProtocolError, match=r"a\.yaml:3:6: grades"):
            parse_yaml(TEXT.replace("2.5", "much"), Graded, file="a.yaml")


def test_a_damaged_memory_only_costs_time(tmp_path: Path) -> None:
    content = parse_yaml(TEXT, Graded, file="a.yaml").content
    kept(tmp_path)[0].write_text("{")
    assert parse_yaml(TEXT, Graded, file="a.yaml").content == content


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert parse_yaml(TEXT, Graded, file="a.yaml").content.grades[1] == 2.5


def test_a_text_with_a_date_is_not_kept_but_read(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="note"):
        parse_yaml(TEXT.replace("note: ", "note: 2020-01-01 #"), Graded, file="a.yaml")
    assert kept(tmp_path) == []
