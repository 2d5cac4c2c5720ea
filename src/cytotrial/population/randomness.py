"""Correlated random effects: from standard normals by name to values on the scale of each parameter. No drawing of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from cytotrial.errors import LibraryError, Place, Problem

SMALLEST_PROBABILITY = 1e-12  # keeps the quantile of a cut distribution finite


def correlate(effects: Mapping[str, np.ndarray], correlations: Sequence[tuple[str, str, float]]) -> dict[str, np.ndarray]:
    """Standard normals (patients,) by name, given the wanted correlations; names without one stay as they are.

    Only names that are tied to each other, directly or through others, change together, so that a new effect elsewhere
    shifts nobody's values.

    Raises:
        LibraryError: the correlations contradict each other (no such joint distribution exists).
    """
    result = dict(effects)
    for group in _tied(correlations, effects):
        matrix = np.eye(len(group))
        for first, second, value in correlations:
            if first in group and second in group:
                row, column = group.index(first), group.index(second)
                matrix[row, column] = matrix[column, row] = value
        try:
            factor = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            names = ", ".join(group)
            raise LibraryError(
                [
                    Problem(
                        Place(),
                        f"the correlations of {names} contradict each other.",
                        "Lower them until they are possible together.",
                    )
                ]
            ) from None
        stacked = np.stack([effects[name] for name in group])
        for row, name in enumerate(group):
            # summed in a fixed order: the same bits for any number of patients
            result[name] = sum(factor[row, column] * stacked[column] for column in range(row + 1))
    return result


def _tied(correlations: Sequence[tuple[str, str, float]], effects: Mapping[str, np.ndarray]) -> list[list[str]]:
    groups: list[set[str]] = []
    for first, second, _ in correlations:
        if first not in effects or second not in effects:
            continue
        touched = [group for group in groups if first in group or second in group]
        groups = [group for group in groups if group not in touched] + [set().union({first, second}, *touched)]
    return [sorted(group) for group in groups]


def to_scale(
    normal: np.ndarray, scale: str, centre: np.ndarray | float, spread: float, *, low: float | None, high: float | None
) -> np.ndarray:
    """Values (patients,) from standard normals: log, logit or linear around `centre`, uniform or loguniform between limits.

    Limits cut the distribution: the quantile is taken inside them, so no value heaps up at a limit.
    """
    if scale == "uniform":
        return _between(normal, _limit(low), _limit(high))
    if scale == "loguniform":
        values: np.ndarray = np.exp(_between(normal, np.log(_limit(low)), np.log(_limit(high))))
        return values
    forward, backward = _SCALES[scale]
    middle = forward(np.asarray(centre, dtype=float))
    if spread == 0:
        return np.broadcast_to(backward(middle), normal.shape).astype(float)
    # A limit at the end of the scale itself, such as 0 of a logarithm, is infinitely far away.
    with np.errstate(divide="ignore"):
        bottom = -np.inf if low is None else (forward(low) - middle) / spread
        top = np.inf if high is None else (forward(high) - middle) / spread
    result: np.ndarray = backward(middle + spread * cut_normal(normal, bottom, top))
    return result


_SCALES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "log": (np.log, np.exp),
    "logit": (logit, expit),
    "linear": (np.asarray, np.asarray),
}


def cut_normal(normal: np.ndarray, bottom: np.ndarray | float, top: np.ndarray | float) -> np.ndarray:
    """Standard normals cut at `bottom` and `top`, by quantile; unchanged where there is no limit."""
    below, above = ndtr(bottom), ndtr(top)
    inside = below + ndtr(normal) * (above - below)
    cut = ndtri(np.clip(inside, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
    unlimited = np.isneginf(bottom) & np.isposinf(top)
    result: np.ndarray = np.where(unlimited, normal, cut)
    return result


def _between(normal: np.ndarray, low: float, high: float) -> np.ndarray:
    values: np.ndarray = low + (high - low) * ndtr(normal)
    return values


def _limit(value: float | None) -> float:
    return 0.0 if value is None else value
