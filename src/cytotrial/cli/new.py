"""`cytotrial new`: a copy of a shipped protocol to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytotrial.cli.console import results
from cytotrial.cli.shelf import LibraryFolder, chosen_library


def new(
    name: Annotated[str, typer.Argument(help="Name of the new protocol; the file is NAME.yaml.", show_default=False)],
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="PROTOCOL", help="The shipped protocol, or file, to copy.", show_default=False)
    ],
    shelf: LibraryFolder = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file to write.", show_default="NAME.yaml")
    ] = None,
) -> None:
    """Copy a protocol to edit. An existing file is never overwritten."""
    from cytotrial.errors import Place, Problem, ProtocolError
    from cytotrial.protocol import find_protocol

    file = output or Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    original = find_protocol(source, chosen_library(shelf))
    text = original.read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise ProtocolError(
            [Problem(Place(str(file)), "this file exists already.", "Choose another name, or remove it.")]
        ) from None
    except OSError as failure:
        raise ProtocolError([Problem(Place(str(file)), f"cannot be written: {failure.strerror}.")]) from None
    console = results()
    console.print(f"Wrote {file}, a copy of {original.stem}.", markup=False)
    own = "" if shelf is None else f" --library {shelf}"
    console.print(f"Edit it, then: cytotrial check {file}{own}", markup=False, soft_wrap=True)
    console.print(f"               cytotrial run {file}{own}", markup=False, soft_wrap=True)
