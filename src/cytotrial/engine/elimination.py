"""The order and the list of operations that solve W x = r for one pattern of a sparse matrix. No numbers are computed here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Elimination:
    """LU factorisation without pivoting, and the two triangular solutions, as operations on the slots of a packed matrix.

    Attributes:
        slots: (row, column) -> position in the packed matrix, fill included.
        order: states in order of elimination.
        factor: ("invert", d, -, -): w[d] = 1 / w[d]; ("scale", a, d, -): w[a] *= w[d];
            ("update", a, b, c): w[a] -= w[b] * w[c].
        solve: ("update", i, a, j): r[i] -= w[a] * r[j]; ("scale", i, d, -): r[i] *= w[d].
    """

    slots: dict[tuple[int, int], int]
    order: tuple[int, ...]
    factor: tuple[tuple[str, int, int, int], ...]
    solve: tuple[tuple[str, int, int, int], ...]


def plan_elimination(pattern: Iterable[tuple[int, int]], size: int) -> Elimination:
    """The elimination of a matrix with these entries and a full diagonal, in Markowitz order: least possible fill first.

    The diagonal needs no pivoting because it holds 1 / (h gamma), which a shorter step makes as large as needed.

    >>> plan_elimination([(0, 1)], 2).order
    (0, 1)
    """
    rows: list[set[int]] = [{index} for index in range(size)]
    columns: list[set[int]] = [{index} for index in range(size)]
    for row, column in pattern:
        rows[row].add(column)
        columns[column].add(row)
    order, left = [], set(range(size))
    while left:
        pivot = min(left, key=lambda index: ((len(rows[index] & left) - 1) * (len(columns[index] & left) - 1), index))
        left.discard(pivot)
        order.append(pivot)
        for row in columns[pivot] & left:
            for column in rows[pivot] & left:
                rows[row].add(column)
                columns[column].add(row)
    slots = {key: slot for slot, key in enumerate((row, column) for row in range(size) for column in sorted(rows[row]))}
    return Elimination(slots, tuple(order), tuple(_factor(order, slots)), tuple(_solve(order, slots)))


def _factor(order: list[int], slots: dict[tuple[int, int], int]) -> Iterable[tuple[str, int, int, int]]:
    for place, pivot in enumerate(order):
        diagonal = slots[pivot, pivot]
        yield ("invert", diagonal, 0, 0)
        later = order[place + 1 :]
        across = [column for column in later if (pivot, column) in slots]
        for row in later:
            below = slots.get((row, pivot))
            if below is not None:
                yield ("scale", below, diagonal, 0)
                for column in across:
                    yield ("update", slots[row, column], below, slots[pivot, column])


def _solve(order: list[int], slots: dict[tuple[int, int], int]) -> Iterable[tuple[str, int, int, int]]:
    for place, row in enumerate(order):
        for column in order[:place]:
            if (row, column) in slots:
                yield ("update", row, slots[row, column], column)
    for place in range(len(order) - 1, -1, -1):
        row = order[place]
        for column in order[place + 1 :]:
            if (row, column) in slots:
                yield ("update", row, slots[row, column], column)
        yield ("scale", row, slots[row, row], 0)
