"""Shows how far a run is: a bar with the time left on a terminal, plain lines elsewhere. Knows nothing of what runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cytotrial.cli.console import errors, is_terminal

if TYPE_CHECKING:
    from cytotrial.trial import Progress

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Yields the function that a run calls with its progress."""
    if quiet:
        yield _nothing
    elif is_terminal():
        yield from _bar()
    else:
        yield _Lines()


def _nothing(progress: Progress) -> None:
    """Shows nothing."""


def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("elapsed"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors(), transient=True) as bars:
        task = bars.add_task("starting", total=1.0)
        yield lambda progress: bars.update(task, description=_what(progress), completed=progress.fraction)


class _Lines:
    """Writes a line when the stage changes, and then every few seconds."""

    def __init__(self) -> None:
        self.console = errors()
        self.last_what = ""
        self.last_time = -SECONDS_BETWEEN_LINES

    def __call__(self, progress: Progress) -> None:
        what, now = progress.stage, time.monotonic()
        if what != self.last_what or now - self.last_time >= SECONDS_BETWEEN_LINES:
            self.last_what, self.last_time = what, now
            self.console.print(f"{progress.fraction:4.0%}  {_what(progress)}", markup=False)


def _what(progress: Progress) -> str:
    return progress.stage + (f" ({progress.done} of {progress.patients} patients)" if progress.arm else "")
