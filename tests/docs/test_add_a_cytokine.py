"""The page that adds a cytokine, followed to the letter in an empty folder: files written, commands run. Judges no biology."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cytotrial.catalogue import Library, load_library
from cytotrial.cli.app import app
from cytotrial.results import Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-a-cytokine.md"
STEP = re.compile(
    r"(?:^`(?P<path>my_library/\S+)`(?:, below the line `(?P<below>[^`]+)`)?\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```",
    re.M | re.S,
)
NEW = "examplekine"


@dataclass(frozen=True)
class Followed:
    """Where the page was followed, what its commands printed, and the result of its last step."""

    folder: Path
    printed: tuple[str, ...]
    result: Result

    @property
    def library(self) -> Library:
        """The reader's own library."""
        return load_library(self.folder / "my_library")


def steps() -> Iterator[re.Match[str]]:
    """The blocks of the page from top to bottom."""
    return STEP.finditer(PAGE.read_text(encoding="utf-8"))


def write(path: Path, text: str, *, below: str | None) -> None:
    """One file of the page; where it says so, lines below a line that the file has once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if below is None:
        path.write_text(text, encoding="utf-8")
        return
    old = path.read_text(encoding="utf-8")
    assert old.count(f"\n{below}\n") == 1
    path.write_text(old.replace(f"\n{below}\n", f"\n{below}\n{text}"), encoding="utf-8")


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """The page, followed once."""
    folder = tmp_path_factory.mktemp("reader")
    names: dict[str, Any] = {}
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for step in steps():
            if step["path"]:
                write(Path(step["path"]), step["text"], below=step["below"])
            elif step["kind"] == "python":
                exec(compile(step["text"], PAGE.name, "exec"), names)
            else:
                assert step["kind"] == "sh", f"a block that nobody can follow: {step['text']}"
                for line in step["text"].splitlines():
                    program, *arguments = shlex.split(line)
                    outcome = CliRunner().invoke(app, arguments)
                    assert (program, outcome.exit_code) == ("cytotrial", 0), outcome.output
                    printed.append(outcome.output)
        yield Followed(folder, tuple(printed), names["result"])


def test_the_page_writes_a_drug_a_signal_and_a_protocol_that_the_shipped_library_lacks(
    followed: Followed, library: Library
) -> None:
    assert NEW in followed.library.drugs
    assert NEW not in library.drugs
    assert f"{NEW}_signalling" in followed.library.modules
    assert set(followed.library.protocols) - set(library.protocols) == {f"{NEW}_rcc"}


def test_the_checks_of_the_page_find_no_mistake_and_try_its_plausibility_case(followed: Followed) -> None:
    assert all("0 errors" in output for output in followed.printed)
    assert "intravenous_half_life" in followed.printed[-1]


def test_the_trial_of_the_page_gives_the_new_drug_to_its_four_patients(followed: Followed) -> None:
    doses = followed.result.table("doses")
    given = doses[(doses["DRUG"] == NEW) & (doses["GIVEN"] > 0)]
    assert given["ID"].nunique() == 4


def test_the_new_cytokine_moves_what_its_ports_move(followed: Followed) -> None:
    vitals = followed.result.table("vitals")
    hottest = vitals[vitals["NAME"] == "temperature"].groupby("ARM")["AVAL"].max()
    assert hottest["Examplekine"] > hottest["No treatment"] + 0.5
