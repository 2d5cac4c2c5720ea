"""The option that names another library than the shipped one, the same word for every command. It reads no file of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cytotrial.catalogue import Library

LibraryFolder = Annotated[
    Path | None,
    typer.Option("--library", metavar="FOLDER", help="A library of your own.", show_default="the shipped library"),
]


def chosen_library(folder: Path | None) -> Library:
    """The library in a folder, the shipped one where it is None.

    Raises:
        LibraryError: the folder does not exist, or holds no library.
    """
    from cytotrial.catalogue import load_library
    from cytotrial.errors import LibraryError, Place, Problem

    library = load_library(folder)
    if not (library.root / "interface.yaml").is_file():
        advice = "Expected the folder that holds interface.yaml, such as a copy of the shipped library."
        raise LibraryError([Problem(Place(str(folder)), "this is not the folder of a library.", advice)])
    return library
