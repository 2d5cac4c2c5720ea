"""The order in which quantities that read each other are evaluated, and the circles among them. Knows names only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from cytotrial.model.syntax import Expression, names_in


def evaluation_order(expressions: Mapping[str, Expression]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The names of `expressions`, each after those it reads, and every circle found, first name repeated at its end."""
    reads = {name: sorted({use.name for use in names_in(tree)} & expressions.keys()) for name, tree in expressions.items()}
    circles: list[tuple[str, ...]] = []
    while True:
        try:
            return tuple(TopologicalSorter(reads).static_order()), tuple(circles)
        except CycleError as error:
            circle = tuple(reversed(error.args[1]))
            circles.append(circle)
            # One link of the circle is cut, so that the circles behind it are found as well.
            reads[circle[0]] = [name for name in reads[circle[0]] if name != circle[1]]


def uses(expressions: Iterable[Expression]) -> set[str]:
    """Every name that the expressions read."""
    return {use.name for expression in expressions for use in names_in(expression)}
