"""`cytotrial check`: every mistake of protocols and library folders, all at once. The checks themselves live elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytotrial.cli.console import results
from cytotrial.cli.shelf import LibraryFolder, chosen_library

if TYPE_CHECKING:
    from cytotrial.catalogue import Library
    from cytotrial.errors import Problem
    from cytotrial.evidence.plausibility import Verdict

WRONG_INPUT = 2
STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Protocols, files or folders of a library, or a whole library.", show_default="the shipped library"
        ),
    ] = None,
    *,
    notes: Annotated[
        bool, typer.Option("--notes", help="Print notes on folders too; they are only counted otherwise.")
    ] = False,
    plausibility: Annotated[
        bool,
        typer.Option(
            "--plausibility", help="Simulate the plausibility cases of library folders too; one outside its range is an error."
        ),
    ] = False,
    shelf: LibraryFolder = None,
) -> None:
    """Find the mistakes of protocols and library files, without simulating them. Exit status 2 if there is an error."""
    console = results()
    counts = dict.fromkeys(STYLES, 0)
    for path, level, problem in _all_findings(paths or [], shelf):
        counts[level] += 1
        if level == "note" and not notes and not path.is_file():
            continue
        prefix = "" if level == "error" else f"{level}: "
        text = str(problem) if problem.place.file else f"{path}: {problem}"
        console.print(prefix + text, markup=False, style=STYLES[level], soft_wrap=True)
    if plausibility and not counts["error"]:
        for verdict in _verdicts(paths or [], shelf):
            counts["error"] += not verdict.is_inside
            console.print(str(verdict), markup=False, style="" if verdict.is_inside else STYLES["error"], soft_wrap=True)
    summary = ", ".join(f"{number} {level}{'' if number == 1 else 's'}" for level, number in counts.items())
    console.print(f"{summary}.", markup=False)
    if counts["error"]:
        raise typer.Exit(WRONG_INPUT)


def _all_findings(paths: list[Path], shelf: Path | None) -> Iterator[tuple[Path, str, Problem]]:
    from cytotrial.errors import InputError

    shipped = chosen_library(shelf)
    for path in paths or [shipped.root]:
        try:
            yield from ((path, level, problem) for level, problem in _findings(path, shipped))
        except InputError as error:
            yield from ((path, "error", problem) for problem in error.problems)


def _findings(path: Path, shipped: Library) -> Iterator[tuple[str, Problem]]:
    from cytotrial.catalogue import schema_line
    from cytotrial.errors import LibraryError, Place, Problem
    from cytotrial.formats import FORMATS
    from cytotrial.protocol import find_protocol, read_protocol
    from cytotrial.reading import read_yaml

    if path.is_dir():
        yield from _folder_findings(path, shipped)
        return
    schema = schema_line(path) if path.is_file() else ""
    if not path.is_file() or schema == "protocol/1" or schema not in FORMATS:
        read_protocol(path if path.is_file() else find_protocol(str(path), shipped), shipped)
        return
    read_yaml(path, FORMATS[schema], error=LibraryError)
    advice = "What it means is checked with its folder: `cytotrial check FOLDER`."
    yield "note", Problem(Place(str(path)), f"has the shape of {schema}.", advice)


def _verdicts(paths: list[Path], shelf: Path | None) -> Iterator[Verdict]:
    """The simulated plausibility cases of the library folders among the paths."""
    from cytotrial.evidence.plausibility import check_plausibility, plausibility_cases

    shipped = chosen_library(shelf)
    for path in paths or [shipped.root]:
        if path.is_dir():
            folder, library = _folder_of_library(path, shipped)
            cases = plausibility_cases(library)
            yield from check_plausibility(
                library, [case for case in cases if library.modules[case.module].folder.resolve().is_relative_to(folder)]
            )


def _folder_findings(path: Path, shipped: Library) -> Iterator[tuple[str, Problem]]:
    from cytotrial.checks import check_library

    folder, library = _folder_of_library(path, shipped)
    root = library.root.resolve()
    for finding in check_library(library, None if folder == root else library.root / folder.relative_to(root)):
        yield finding.level, finding.problem


def _folder_of_library(path: Path, shipped: Library) -> tuple[Path, Library]:
    """The folder with all links followed, and the library it lies in."""
    from cytotrial.catalogue import load_library
    from cytotrial.errors import LibraryError, Place, Problem

    folder = path.resolve()
    root = next((parent for parent in (folder, *folder.parents) if (parent / "interface.yaml").is_file()), None)
    if root is None:
        advice = "Expected a folder inside a library: one of its parents holds interface.yaml."
        raise LibraryError([Problem(Place(str(path)), "this is not a folder of a library.", advice)])
    return folder, shipped if root == shipped.root.resolve() else load_library(root)
