"""`python -m cytotrial.cli.reference` writes docs/cli.md from the commands. Works in a checkout only."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import typer

from cytotrial.cli.app import app
from cytotrial.cli.notice import NOTICE

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
HEADER = f"""# The commands

Made by `python -m cytotrial.cli.reference`; `cytotrial COMMAND --help` says the same. {NOTICE}

Exit status: 0 all is well; 2 the input is wrong (every problem is listed, nothing was simulated); 3 the simulation failed;
130 stopped with Ctrl-C, nothing was kept. Results go to standard output; progress and errors go to standard error.
"""


def page_text() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(app)
    sections = [_section(name, command) for name, command in group.commands.items()]
    return "\n".join([HEADER, *sections])


def _section(name: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option" and parameter.name != "help"]
    usage = " ".join(
        ["cytotrial", name, *(_argument(parameter) for parameter in arguments), "[OPTIONS]" if options else ""]
    ).strip()
    lines = [f"## cytotrial {name}", "", "```", usage, "```", "", inspect.cleandoc(command.help or ""), ""]
    rows = [(_argument(parameter), parameter) for parameter in arguments] + [
        (_option(parameter), parameter) for parameter in options
    ]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| `{label}` | {_help(parameter)} |" for label, parameter in rows), ""]
    return "\n".join(lines)


def _argument(parameter: Any) -> str:
    name = re.sub(r"[\[\]{}.]", "", parameter.metavar or parameter.name).upper()
    name = f"{name}..." if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    value = f" {parameter.metavar}" if parameter.metavar and not parameter.is_flag else ""
    return ", ".join(parameter.opts) + value


def _help(parameter: Any) -> str:
    shown = parameter.show_default
    default = ""
    if isinstance(shown, str):
        default = f" Default: {shown}."
    elif parameter.default is not None and parameter.default is not False and not parameter.required:
        default = f" Default: {parameter.default}."
    return f"{parameter.help or ''}{default}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8", newline="\n")
