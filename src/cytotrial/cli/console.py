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


def print_indented(console: Console, text: str, *, by: int, hanging: int = 0) -> None:
    """Prints a line moved in by so many columns; where it must wrap, the lines that follow are moved in by `hanging` more."""
    import textwrap

    room = max(console.width, by + hanging + 20)
    lines = textwrap.wrap(text, room, initial_indent=" " * by, subsequent_indent=" " * (by + hanging), break_on_hyphens=False)
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def is_terminal() -> bool:
    """Whether a person watches standard error: progress is drawn there, and plain lines are written elsewhere."""
    return sys.stderr.isatty()
