"""README, CONTRIBUTING and the page of the commands: links lead somewhere, commands exist, examples are read by the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from cytotrial.catalogue import Library
from cytotrial.cli.app import app
from cytotrial.cli.notice import NOTICE
from cytotrial.cli.reference import PAGE, page_text
from cytotrial.protocol import parse_regimen

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src" / "cytotrial" / "library").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_inside_the_repository_leads_somewhere(page: Path, library: Library) -> None:
    if page.parent.name == "biology" and page.stem not in {*library.modules, "README"}:
        pytest.skip(f"the library has no module {page.stem}")
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_page_of_the_commands_is_in_step_with_the_program() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_text(), "run `python -m cytotrial.cli.reference`"


def test_the_page_of_the_commands_names_every_command_and_option() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, command in typer.main.get_command(app).commands.items():
        assert f"## cytotrial {name}\n" in text
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert all(option in text for option in parameter.opts)
    assert NOTICE in text


def test_every_command_that_the_readme_shows_exists_with_its_options(library: Library) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(?:uv run )?(cytotrial [^#\n]*)", text, re.MULTILINE) + re.findall(r"`(cytotrial [^`]*)`", text)
    group = typer.main.get_command(app)
    assert len(shown) >= 6
    for line in shown:
        _, name, *arguments = shlex.split(line)
        known = {option for parameter in group.commands[name].params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("--")} <= known, line
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


@pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml")
def test_the_protocol_and_the_sentence_of_the_readme_are_those_of_the_library(library: Library) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"(?:cytotrial run|--from) (\w+)", text):
        assert name in library.protocols
    sentence = re.search(r'ct\.Trial\(\s*"([^"]+)"', text)
    disease = re.search(r'disease="(\w+)"', text)
    rules = re.search(r'rules="(\w+)"', text)
    assert sentence is not None
    assert disease is not None
    assert rules is not None
    regimen = parse_regimen(sentence[1])
    assert len(regimen.doses) == 28
    assert disease[1] in library.diseases
    assert rules[1] in library.drugs[str(regimen.drug)].rules


def test_every_regimen_sentence_of_the_pages_can_be_planned() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    sentences = set(re.findall(r'(?:regimen|sentence): "([^"]+ [^"]+)"', text))
    assert len(sentences) >= 3
    for sentence in sentences:
        assert parse_regimen(sentence).doses


def test_the_readme_says_what_it_is_not() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in text
    assert "no telemetry" in text
