"""The command `cytotrial`: its subcommands, and what an error or Ctrl-C means for the exit status. No command's work."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cytotrial.cli.check import check
from cytotrial.cli.cite import cite, sources
from cytotrial.cli.compare import compare
from cytotrial.cli.console import errors
from cytotrial.cli.doctor import doctor
from cytotrial.cli.export import export
from cytotrial.cli.new import new
from cytotrial.cli.notice import NOTICE
from cytotrial.cli.query import query
from cytotrial.cli.run import run
from cytotrial.cli.show import show
from cytotrial.cli.validate import validate
from cytotrial.cli.why import why
from cytotrial.errors import InputError, SimulationError

WRONG_INPUT = 2
SIMULATION_FAILED = 3
STOPPED = 130


class Commands(TyperGroup):
    """The group of commands; turns the two kinds of error, and Ctrl-C, into a message and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """What the chosen command returns."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            errors().print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(WRONG_INPUT) from None
        except SimulationError as error:
            errors().print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(SIMULATION_FAILED) from None
        except KeyboardInterrupt:
            errors().print("stopped; nothing was kept")
            raise typer.Exit(STOPPED) from None


def _version(value: bool | None) -> None:  # noqa: FBT001 (typer calls it so)
    if value:
        from importlib.metadata import version

        typer.echo(f"cytotrial {version('cytotrial')}")
        raise typer.Exit


def _application() -> typer.Typer:
    application = typer.Typer(
        name="cytotrial",
        cls=Commands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=NOTICE,
    )

    @application.callback()
    def about(
        *,
        version: Annotated[
            bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
        ] = None,
    ) -> None:
        """Virtual clinical trials of cytokine therapy, beside the published ones.

        Begin with `cytotrial show protocols`, then `cytotrial run PROTOCOL`.
        """

    for command in (run, check, show, why, compare, query, export, sources, cite, validate, new, doctor):
        application.command(epilog=NOTICE)(command)
    return application


app = _application()


def main() -> int:
    """Runs the command line; the exit status is 0, 2 (the input is wrong), 3 (the simulation failed) or 130 (stopped)."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows '?' rather than ending the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="cytotrial")
    except SystemExit as end:
        return int(end.code or 0)
    return 0
