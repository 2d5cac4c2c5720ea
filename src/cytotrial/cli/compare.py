"""`cytotrial compare`: two runs, or the arms of one, benefit against risk. The statistics are in `cytotrial.results`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytotrial.cli.answer import print_comparison
from cytotrial.cli.console import results
from cytotrial.cli.notice import SIMULATED

MOST_DIFFERENCES = 12


def compare(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="[OTHER]", help="A second run; without it, the arms of the first.", show_default=False),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each row.")] = False,
) -> None:
    """Compare two runs, or the arms of one: benefit against risk, differences with intervals, what the questions differ in."""
    from cytotrial.errors import RunFolderError
    from cytotrial.results import load
    from cytotrial.results.runs import RunsCompared, compare_runs

    first = load(run)
    if other is None:
        if len(first.arms) < 2:
            raise RunFolderError("this run has one arm. Give a second run: cytotrial compare RUN OTHER")
        found = RunsCompared(first.between_arms(), first.design == "twins", ())
    else:
        found = compare_runs(first, load(other))
    table, paired, differences = found.table, found.paired, found.differences
    if as_json:
        typer.echo(table.to_json(orient="records", lines=True), nl=False)
        return
    console = results()
    for line in differences[:MOST_DIFFERENCES]:
        console.print(f"Differs in {line}", markup=False)
    if len(differences) > MOST_DIFFERENCES:
        console.print(f"... and in {len(differences) - MOST_DIFFERENCES} more", style="dim")
    who = "the same virtual patients in both, compared in pairs" if paired else "different virtual patients, two samples"
    console.print(f"Patients: {who}.", markup=False)
    for (arm, against), part in table.groupby(["arm", "against"], sort=False):
        console.rule(f"{arm} against {against}", align="left")
        print_comparison(console, part)
    console.print(SIMULATED, style="dim")
