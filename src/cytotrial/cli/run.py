"""`cytotrial run`: simulates a protocol, then prints what it found. The trial itself is `cytotrial.trial`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytotrial.cli.console import errors, results
from cytotrial.cli.notice import NOTICE, SIMULATED
from cytotrial.cli.progress import shown_progress
from cytotrial.cli.shelf import LibraryFolder, chosen_library

STOPPED = 130

if TYPE_CHECKING:
    from cytotrial.catalogue import Library
    from cytotrial.protocol import Protocol
    from cytotrial.results import Result


def run(
    protocol: Annotated[
        str, typer.Argument(help="A shipped protocol (`cytotrial show protocols`) or a file.", show_default=False)
    ],
    *,
    patients: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Number of virtual patients.", show_default="the protocol's")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Seed of the random numbers.", show_default="the protocol's")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar='NAME="VALUE UNIT"', help="Change a parameter; may be repeated.", show_default=False),
    ] = None,
    shelf: LibraryFolder = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="The run folder.", show_default="runs/PROTOCOL-SEED-HASH"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Threads to use; the numbers do not depend on it.", show_default="all")
    ] = None,
    rtol: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Relative error that one step of the integration may make, 1e-10 to 0.01.",
            show_default="1e-4",
        ),
    ] = None,
    zero_arm: Annotated[bool, typer.Option("--zero-arm", help="Add an arm of the same patients without treatment.")] = False,
    replicates: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="Run so many whole trials, seed after seed; print the spread of their answers.",
            show_default=False,
        ),
    ] = None,
    success: Annotated[
        str | None,
        typer.Option(
            metavar='"ENDPOINT >= VALUE"',
            help="With --replicates: the probability of this, such as 'objective response >= 14 %'.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the run folder only.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again even where a complete run exists.")] = False,
) -> None:
    """Simulate a trial: tables on screen, a run folder, and a report in one HTML file."""
    from cytotrial.errors import Place, Problem, ProtocolError
    from cytotrial.protocol import find_protocol, read_protocol, with_overrides, with_untreated_arm
    from cytotrial.trial import run_trial

    library = chosen_library(shelf)
    plan = read_protocol(find_protocol(protocol, library), library)
    plan = with_overrides(plan, patients=patients, seed=seed, set=parse_settings(settings or []))
    plan = with_untreated_arm(plan) if zero_arm else plan
    if replicates is not None:
        _run_replicates(plan, library, replicates, success, output, threads, rtol=rtol, as_json=as_json, quiet=quiet)
        return
    if success is not None:
        raise ProtocolError([Problem(Place(path="--success"), "goes with --replicates.", "For example: --replicates 200")])
    with shown_progress(quiet=quiet) as progress:
        result = run_trial(plan, library, folder=output, threads=threads, progress=progress, replace=force, rtol=rtol)
    try:
        _print(result, as_json=as_json, quiet=quiet)
    except KeyboardInterrupt:
        errors().print(f"stopped; the run is complete: {result.folder}", markup=False, soft_wrap=True)
        raise typer.Exit(STOPPED) from None


def _run_replicates(
    plan: Protocol,
    library: Library,
    count: int,
    success: str | None,
    output: Path | None,
    threads: int | None,
    *,
    rtol: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Makes whole trials, writes them where a folder is named, and prints their spread."""
    from cytotrial.cli.replicates import print_replicates
    from cytotrial.replicates import run_replicates

    with shown_progress(quiet=quiet) as progress:
        found = run_replicates(plan, library, count=count, success=success, threads=threads, progress=progress, rtol=rtol)
    if output is not None:
        found.write(output)
    print_replicates(found, folder=output, as_json=as_json, quiet=quiet)
    if found.made < found.asked:
        kept = f"shown, and kept in {output}" if output is not None else "shown; --output FOLDER would keep them"
        text = f"stopped after {found.made} of {found.asked} trials; these are {kept}. The unfinished one is lost."
        errors().print(text, markup=False, soft_wrap=True)
        raise typer.Exit(STOPPED)


def parse_settings(settings: list[str]) -> dict[str, str]:
    """The parameters of --set by name; raises ProtocolError with every one that is not NAME=VALUE.

    >>> parse_settings(["clearance=16 L/h"])
    {'clearance': '16 L/h'}
    """
    from cytotrial.errors import Place, Problem, ProtocolError

    problems, found = [], {}
    for text in settings:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            problems.append(Problem(Place(path="--set"), f"'{text}' is not a setting.", 'Expected NAME="VALUE UNIT".'))
        elif name in found:
            problems.append(Problem(Place(path="--set"), f"'{name}' is set twice."))
        found[name] = value
    if problems:
        raise ProtocolError(problems)
    return found


def print_result(result: Result) -> None:
    """Prints the tables of a run, where its folder is, and the notice."""
    from cytotrial.cli.answer import print_answer

    console = results()
    print_answer(console, result)
    report = result.folder / "report.html"
    console.print(f"Run folder: {result.folder}", markup=False, soft_wrap=True)
    if report.is_file():
        console.print(f"Report:     {report}", markup=False, soft_wrap=True)
    console.print(f"{SIMULATED} {NOTICE}", markup=False, style="dim")
    if result.manifest.failures:
        count = result.manifest.failures
        who = "1 patient" if count == 1 else f"{count} patients"
        errors().print(f"{who} could not be simulated; see the table failures.", style="yellow", markup=False)


def _print(result: Result, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        typer.echo((result.folder / "summary.json").read_text(encoding="utf-8").rstrip())
    elif quiet:
        typer.echo(str(result.folder))
    else:
        print_result(result)
