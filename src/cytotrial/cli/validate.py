"""`cytotrial validate`: every published number of the shipped protocols beside the simulated one. It fits nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytotrial.cli.answer import print_published
from cytotrial.cli.console import errors, results
from cytotrial.cli.notice import NOTICE, SIMULATED
from cytotrial.cli.progress import shown_progress

if TYPE_CHECKING:
    import pandas as pd

ROLES = {
    "validation": "Validation: the model never saw these numbers",
    "calibration": "Calibration: the model was fitted with these numbers",
    "information": "For information: another question than the trial's",
}


def validate(
    protocols: Annotated[
        list[str] | None,
        typer.Argument(help="Shipped protocols, or files.", show_default="all shipped ones that name a study"),
    ] = None,
    *,
    patients: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Virtual patients of each protocol.", show_default="the protocol's")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the comparison as CSV too.", show_default=False)
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="NUMBER", help="Threads to use.", show_default="all")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Simulate shipped protocols; every published number beside the simulated one, calibration and validation apart."""
    from cytotrial.validation import published_beside_simulated

    with shown_progress(quiet=quiet) as progress:
        table = published_beside_simulated(protocols or [], patients=patients, threads=threads, progress=progress)
    if output is not None:
        _write(table, output)
    console = results()
    for role, title in ROLES.items():
        rows = table[table["role"] == role]
        if not len(rows):
            continue
        console.rule(title, align="left")
        for name, part in rows.groupby("protocol", sort=False):
            console.print(f"Protocol {name}", style="bold", markup=False)
            print_published(console, part)
        console.print(f"{role.capitalize()}: {_summary(rows)}", markup=False, style="bold")
    if not len(table):
        errors().print("no protocol names a study to compare with.", markup=False)
    console.print(f"{SIMULATED} {NOTICE}", markup=False, style="dim")


def _summary(rows: pd.DataFrame) -> str:
    judged = rows[rows["inside"] != "-"]
    inside = int((judged["inside"] == "yes").sum())
    others = len(rows) - len(judged)
    rest = f"; {others} have no published interval or no simulated value" if others else ""
    return f"{inside} of {len(judged)} simulated values lie inside the published interval{rest}."


def _write(table: pd.DataFrame, path: Path) -> None:
    from cytotrial.errors import Place, Problem, RunFolderError

    try:
        table.to_csv(path, index=False, lineterminator="\n")
    except OSError as failure:
        raise RunFolderError([Problem(Place(str(path)), f"cannot be written: {failure.strerror}.")]) from None
