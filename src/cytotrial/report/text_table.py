"""A table of the report as rows of text, and how rows of several arms or studies are put in it. It knows no result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

Row = tuple[str, ...]


@dataclass(frozen=True)
class TextTable:
    """A table as the reader sees it; `numeric` tells the columns to align right.

    A row that has words in its first cell alone is the heading of the rows below it. `spans` are headings above those of the
    columns, each with how many columns it stands over; empty where there are none.
    """

    columns: Row
    rows: tuple[Row, ...]
    numeric: tuple[bool, ...]
    spans: tuple[tuple[str, int], ...] = ()

    @property
    def starts(self) -> frozenset[int]:
        """The columns at which a span but the first begins."""
        ends = list(accumulate(count for _, count in self.spans))
        return frozenset(ends[:-1])


def grouped(table: TextTable, *, is_named: bool) -> TextTable:
    """The table with its first column as headings of the rows below them; without them where `is_named` is false and there is
    one heading only.
    """
    has_headings = is_named or len({row[0] for row in table.rows}) > 1
    rest = len(table.columns) - 1
    rows: list[Row] = []
    for number, row in enumerate(table.rows):
        if has_headings and (number == 0 or row[0] != table.rows[number - 1][0]):
            rows.append((row[0], *("" for _ in range(rest - 1))))
        rows.append(row[1:])
    return TextTable(table.columns[1:], tuple(rows), table.numeric[1:])


def without_columns(table: TextTable, saying: Sequence[tuple[str, str]]) -> TextTable:
    """The table without those named columns of `saying` in which every row says the same thing, such as nothing."""
    for name, nothing in saying:
        index = table.columns.index(name)
        if any(row[index] not in {"", nothing} for row in table.rows):
            continue
        cut = [(*part[:index], *part[index + 1 :]) for part in (table.columns, *table.rows)]
        numeric = (*table.numeric[:index], *table.numeric[index + 1 :])
        table = replace(table, columns=cut[0], rows=tuple(cut[1:]), numeric=numeric)
    return table
