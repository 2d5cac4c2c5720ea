"""`cytotrial export`: a run in the shapes other programs read. The shapes are made in `cytotrial.results`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytotrial.cli.console import results
from cytotrial.cli.notice import SIMULATED


def export(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    *,
    to: Annotated[str, typer.Option(metavar="SHAPE", help="csv, adam or nonmem.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.", show_default=False)],
) -> None:
    """Write a run as CSV tables, ADaM-shaped datasets, or NONMEM-shaped dose events. No existing file is overwritten."""
    from cytotrial.results import load
    from cytotrial.results.export import export as write_files

    console = results()
    for path in write_files(load(run), to, folder=output):
        console.print(str(path), markup=False, soft_wrap=True)
    console.print(SIMULATED, style="dim")
