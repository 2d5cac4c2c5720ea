"""`cytotrial query`: SQL over the tables of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytotrial.cli.console import results
from cytotrial.cli.notice import SIMULATED
from cytotrial.cli.tables import print_frame

MOST_ROWS = 200


def query(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    sql: Annotated[
        str, typer.Argument(help='For example "select ACTION, count(*) from doses group by all".', show_default=False)
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
) -> None:
    """Ask a run's tables in SQL. Every table of the run is a view: patients, doses, labs, ..."""
    from cytotrial.errors import ProtocolError
    from cytotrial.results import load

    if as_json and as_csv:
        raise ProtocolError("--json and --csv exclude each other. Choose one.")
    frame = load(run).query(sql)
    if as_json:
        typer.echo(frame.to_json(orient="records", lines=True, date_format="iso"), nl=False)
    elif as_csv:
        typer.echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)
    else:
        console = results()
        print_frame(console, frame, most_rows=MOST_ROWS)
        console.print(f"{len(frame)} rows. {SIMULATED}", style="dim")
