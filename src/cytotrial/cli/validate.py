"""`cytotrial validate`: every published number of the shipped protocols beside the simulated one. It fits nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytotrial.cli.answer import print_published
from cytotrial.cli.console import errors, results
from cytotrial.cli.notice import NOTICE, SIMULATED
from cytotrial.cli.progress import shown_progress
from cytotrial.cli.shelf import LibraryFolder, chosen_library
from cytotrial.cli.tables import print_frame

if TYPE_CHECKING:
    import pandas as pd

STOPPED = 130
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
    shelf: LibraryFolder = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the comparison as CSV too.", show_default=False)
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the runs there; those complete already are used again.", show_default=False),
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="NUMBER", help="Threads to use.", show_default="all")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Simulate shipped protocols; every published number beside the simulated one, calibration and validation apart."""
    from cytotrial.validation import inside_by_study, joined, one_by_one, planned

    library = chosen_library(shelf)
    plans = planned(protocols or [], library, patients=patients)
    people = {plan.name: plan.patients for plan in plans}
    frames: list[pd.DataFrame] = []
    is_stopped = False
    with shown_progress(quiet=quiet) as progress:
        try:
            for frame in one_by_one(plans, library, keep=runs, threads=threads, progress=progress):
                frames.append(frame)  # noqa: PERF402 (what was done before Ctrl-C is shown)
        except KeyboardInterrupt:
            is_stopped = True
    table = joined(frames)
    if output is not None and frames:
        _write(table, output)
    console = results()
    for role, title in ROLES.items():
        rows = table[table["role"] == role]
        if not len(rows):
            continue
        console.rule(title, align="left")
        for name, part in rows.groupby("protocol", sort=False):
            console.print(f"Protocol {name} ({people[str(name)]} simulated patients)", style="bold", markup=False)
            print_published(console, part)
        console.print(f"{role.capitalize()}: {_summary(rows)}", markup=False, style="bold")
        console.print()
    if len(table):
        print_frame(console, inside_by_study(table), title="Simulated values inside the published interval, by study")
    elif not is_stopped:
        errors().print("no protocol names a study to compare with.", markup=False)
    console.print(f"{SIMULATED} {NOTICE}", markup=False, style="dim")
    if is_stopped:
        errors().print(_stopped(len(frames), len(plans), runs), markup=False, soft_wrap=True)
        raise typer.Exit(STOPPED)


def _stopped(done: int, count: int, runs: Path | None) -> str:
    """What a validation that was stopped leaves, and how to go on."""
    shown = f"stopped after {done} of {count} protocols" + ("; these are shown." if done else "; nothing was kept.")
    if runs is None:
        return f"{shown} With --runs FOLDER the same command goes on where it was stopped."
    return f"{shown} Complete runs are kept in {runs}; the same command goes on from there."


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
