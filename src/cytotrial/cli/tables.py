"""Draws tables that fit the terminal. Chooses no columns of its own and computes no number."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

MISSING = "-"
LARGEST_PLAIN = 1e6
SMALLEST_PLAIN = 1e-3
WIDEST_KEY = 0.6  # of the width: a first column up to this is never wrapped, so that ids can be copied
NARROWEST = 8  # letters that a column which may be wrapped needs
PADDING = 2  # between columns, and at the left edge
NO_LIMIT = 10_000  # wider than any terminal


def print_rows(
    console: Console,
    rows: Sequence[Sequence[str]],
    *,
    columns: Sequence[str],
    right: Collection[str] = (),
    whole: Collection[str] = (),
    title: str = "",
    optional: Sequence[str] = (),
    hidden: int = 0,
) -> None:
    """Prints rows of text under the names of their columns; those of `right` are set to the right.

    Columns of `optional` are left out, the first first, until the rest fits the width without wrapping.
    Cells of `whole` and of `right` are never wrapped, nor is a first column of moderate width unless `whole` is given or the
    other columns would have no room.
    `hidden` rows, of which the caller shows none, are counted below the table.
    """
    if not rows:
        console.print(f"{title}: none" if title else "none", markup=False, style="bold" if title else "")
        return
    # An optional column with nothing in it tells nothing.
    kept = [index for index, name in enumerate(columns) if name not in optional or any(row[index] for row in rows)]
    widest_key = max(_length(row[0]) for row in rows)
    keys = {columns[0]} if widest_key <= WIDEST_KEY * console.width and not whole else set()
    whole = {*right, *whole}
    table = _table(rows, columns, right=right, whole={*keys, *whole}, kept=kept, title=title)
    for name in optional:
        if table.__rich_measure__(console, console.options.update(max_width=NO_LIMIT)).maximum <= console.width:
            break
        kept = [index for index in kept if columns[index] != name]
        table = _table(rows, columns, right=right, whole={*keys, *whole}, kept=kept, title=title)
    # Where a key that is kept whole would leave another column a few letters, it is wrapped rather than that column.
    if _narrowest(rows, columns, kept, whole={*keys, *whole}, width=console.width) < NARROWEST:
        table = _table(rows, columns, right=right, whole=whole, kept=kept, title=title)
    console.print(table)
    if hidden:
        console.print(f"... and {hidden} more\n", style="dim")


def print_frame(
    console: Console, frame: pd.DataFrame, *, title: str = "", optional: Sequence[str] = (), most_rows: int | None = None
) -> None:
    """Prints a frame as it is: numbers to the right, missing values as '-', and the number of rows beyond `most_rows`."""
    shown = frame if most_rows is None else frame.head(most_rows)
    columns = [str(name) for name in shown.columns]
    right = []
    for number, name in enumerate(columns):
        values = [value for value in shown.iloc[:, number] if not is_missing(value)]
        if values and all(isinstance(value, numbers.Number) and not isinstance(value, bool) for value in values):
            right.append(name)
    rows = [[cell_text(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    print_rows(console, rows, columns=columns, right=right, title=title, optional=optional, hidden=len(frame) - len(shown))


def cell_text(value: Any) -> str:
    """A value as people read it: four significant digits, whole numbers whole, '-' where there is none.

    >>> cell_text(0.141176), cell_text(255.0), cell_text(float("nan"))
    ('0.1412', '255', '-')
    """
    if is_missing(value):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number_text(float(value)) if isinstance(value, numbers.Real) else str(value)


def number_text(number: float) -> str:
    """A number to four significant digits, whole numbers whole, very large and small ones with an exponent."""
    if number.is_integer() and abs(number) < LARGEST_PLAIN:
        return str(int(number))
    if not SMALLEST_PLAIN <= abs(number) < LARGEST_PLAIN:
        return f"{number:.3g}"
    return f"{number:.4g}" if abs(number) < 1000 else f"{number:.0f}"


def is_missing(value: Any) -> bool:
    """Whether a cell holds no value: None, NaN, or pandas' NA and NaT."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, numbers.Real) and math.isnan(float(value))


def _narrowest(
    rows: Sequence[Sequence[str]], columns: Sequence[str], kept: Sequence[int], *, whole: Collection[str], width: int
) -> int:
    """The letters that each column which may be wrapped has left beside those of `whole`, at least; `width` where all fit."""
    needed = {index: max(_length(columns[index]), *(_length(row[index]) for row in rows)) for index in kept}
    left = width - sum(needed[index] for index in kept if columns[index] in whole) - PADDING * len(kept)
    if left < 0:
        return 0
    free = sorted(needed[index] for index in kept if columns[index] not in whole)
    if sum(free) <= left:
        return width
    # Short columns take what they need; the others share the rest.
    for place, length in enumerate(free):
        share = left // (len(free) - place)
        if length > share:
            return share
        left -= length
    return width


def _length(text: str) -> int:
    """The letters of the longest line."""
    return max((len(line) for line in text.split("\n")), default=0)


def _table(
    rows: Sequence[Sequence[str]],
    columns: Sequence[str],
    *,
    right: Collection[str],
    whole: Collection[str],
    kept: Sequence[int],
    title: str,
) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=escape(title) or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for index in kept:
        name = columns[index]
        table.add_column(escape(name), justify="right" if name in right else "left", overflow="fold", no_wrap=name in whole)
    for row in rows:
        table.add_row(*(escape(row[index]) for index in kept))
    return table
