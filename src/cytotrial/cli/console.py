"""The two places the command line writes to: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 120


def results() -> Console:
    """The console for what was asked for. Where it is no terminal it is 120 columns wide, unless COLUMNS says otherwise."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:
        return Console(highlight=False, width=PIPED_WIDTH)
    return console


def errors() -> Console:
    """The console for errors, progress and advice."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_indented(console: Console, text: str, *, by: int) -> None:
    """Prints a line moved in by so many columns; where it must wrap, every line of it is moved in."""
    from rich.padding import Padding
    from rich.text import Text

    console.print(Padding(Text(text), (0, 0, 0, by)))


def is_terminal() -> bool:
    """Whether a person watches standard error: progress is drawn there, and plain lines are written elsewhere."""
    return sys.stderr.isatty()
