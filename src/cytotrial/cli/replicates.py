"""Prints the spread of many whole trials. The trials are made in `cytotrial.replicates`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cytotrial.cli.answer import estimate_text
from cytotrial.cli.console import results
from cytotrial.cli.notice import NOTICE, SIMULATED
from cytotrial.cli.tables import MISSING, cell_text, is_missing, print_rows
from cytotrial.naming import abbreviated

if TYPE_CHECKING:
    from cytotrial.replicates import Replicates

COLUMNS = ("endpoint", "mean", "sd", "median", "5 % to 95 % of trials", "trials")


def print_replicates(found: Replicates, *, folder: Path | None, as_json: bool, quiet: bool) -> None:
    """The spread of every endpoint over the trials, and the probability of success where one was asked for."""
    chance = found.probability_of_success()
    if as_json:
        content = {
            "trials": found.made,
            "success": found.success.text if found.success else None,
            "probability_of_success": None if chance is None else [chance.value, chance.low, chance.high],
            "spread": json.loads(found.spread().to_json(orient="records")),
        }
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    if quiet:
        typer.echo(str(folder) if folder else MISSING)
        return
    console = results()
    spread = found.spread()
    for arm, part in spread.groupby("arm", sort=False):
        console.rule(f"{arm} ({found.made} trials of {found.protocol.patients} simulated patients)", align="left")
        lines = []
        for row in part.to_dict("records"):
            is_share = row["unit"] == "1" and "hazard ratio" not in str(row["endpoint"]) and "means" not in str(row["endpoint"])
            shown = [_value(row[name], is_share=is_share) for name in ("mean", "sd", "median", "p05", "p95")]
            title = abbreviated(str(row["endpoint"])) + ("" if row["unit"] == "1" else f" [{row['unit']}]")
            lines.append((title, *shown[:3], f"{shown[3]} to {shown[4]}", str(row["trials"])))
        print_rows(
            console,
            lines,
            columns=COLUMNS,
            right=("mean", "sd", "median", "trials"),
            whole=("5 % to 95 % of trials",),
            title="Spread",
            optional=("trials", "median"),
        )
    if found.success and chance:
        share = estimate_text(chance.value, chance.low, chance.high, is_share=True)
        console.print(f"Probability of success ({found.success.text}): {share}", markup=False, style="bold")
    if folder:
        console.print(f"Written to {folder}", markup=False, soft_wrap=True)
    console.print(f"{SIMULATED} {NOTICE}", markup=False, style="dim")


def _value(value: object, *, is_share: bool) -> str:
    if is_missing(value):
        return MISSING
    return f"{100 * float(str(value)):.1f} %" if is_share else cell_text(round(float(str(value)), 3))
