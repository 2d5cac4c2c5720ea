"""Comparisons of findings with fixed bounds, many at one stroke. Nothing is joined and nothing looks back here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cytotrial.observe.arrays import BoolArray, CodeArray, FloatArray

if TYPE_CHECKING:
    from cytotrial.observe.conditions import Seen

Bound = Callable[[FloatArray, FloatArray], BoolArray]


class Comparisons:
    """Comparisons of the latest values with fixed bounds, made all at one stroke: a visit asks for some hundred of them."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._of: list[int] = []
        self._tests: dict[Bound, list[tuple[int, int, float]]] = {}

    def add(self, name: str, bounds: Sequence[tuple[float, Bound]]) -> int:
        """Notes that a finding will be compared with these bounds; its row in what `made` returns."""
        row, place = len(self._of), self._names.setdefault(name, len(self._names))
        self._of.append(place)
        for bound, test in bounds:
            self._tests.setdefault(test, []).append((row, place, bound))
        return row

    def made(self, history: Seen) -> CodeArray:
        """The comparisons now, (comparisons, patients): 1 true, 0 false, -1 unknown."""
        latest = np.array([history.latest(name) for name in self._names]).reshape(len(self._names), history.patients)
        within = np.ones((len(self._of), history.patients), dtype=bool)
        for test, noted in self._tests.items():
            rows, places = [row for row, *_ in noted], [place for _, place, _ in noted]
            bounds = np.array([bound for *_, bound in noted])[:, None]
            within[rows] &= test(latest[places], bounds)
        # What is not known lies within no bounds, and is one less than false.
        codes: CodeArray = within.view(np.int8)
        codes -= np.isnan(latest).view(np.int8)[self._of]
        return codes


__all__ = ["Bound", "Comparisons"]
