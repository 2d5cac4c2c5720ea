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
    to: Annotated[str | None, typer.Option(metavar="SHAPE", help="csv, adam or nonmem.", show_default=False)] = None,
    figures: Annotated[
        str | None, typer.Option(metavar="KIND", help="Every figure as svg, pdf or png (needs matplotlib).", show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.", show_default=False)],
) -> None:
    """Write a run as CSV tables, ADaM-shaped datasets, NONMEM-shaped dose events, or figures. Nothing is overwritten."""
    from cytotrial.errors import Place, Problem, RunFolderError
    from cytotrial.results import load
    from cytotrial.results.export import export as write_files
    from cytotrial.results.export import export_figures

    if to is None and figures is None:
        advice = "For example: --to csv, or --figures pdf."
        raise RunFolderError([Problem(Place(path="--to"), "nothing was asked for.", advice)])
    console, result = results(), load(run)
    written = [] if to is None else write_files(result, to, folder=output)
    written += [] if figures is None else export_figures(result, figures, folder=output)
    for path in written:
        console.print(str(path), markup=False, soft_wrap=True)
    console.print(SIMULATED, style="dim")
