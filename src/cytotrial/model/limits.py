"""Physical limits of states and observables, and who leaves them. What is usual or believable is not its business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cytotrial.catalogue import Library
from cytotrial.model.biology import Biology
from cytotrial.model.parts import flattened

STATE_SLACK = 0.01
"""Of the size that matters: an integration of relative tolerance 1e-4 may step over a limit by some of its errors."""

OBSERVABLE_SLACK = 1e-3
"""Of the limit's own size, or of 1 for a limit at 0, for the same reason."""


@dataclass(frozen=True)
class Limits:
    """What a quantity may be: from `low` to `high` in `unit`, infinite where nothing is said."""

    low: float
    high: float
    unit: str
    slack_low: float
    slack_high: float


@dataclass(frozen=True)
class Excursion:
    """A quantity that left its limits, in how many patients, and the worst value."""

    name: str
    limits: Limits
    patients: int
    worst: float

    def __str__(self) -> str:
        unit = "" if self.limits.unit == "1" else f" {self.limits.unit}"
        who = "1 patient" if self.patients == 1 else f"{self.patients} patients"
        limits = f"{self.limits.low:g} to {self.limits.high:g}{unit}"
        return f"'{self.name}' leaves {limits} in {who}, worst {self.worst:g}{unit}."


def state_limits(library: Library, biology: Biology) -> dict[str, Limits]:
    """Limits of every state, by flattened id; those without any stay infinite: they must be finite numbers all the same."""
    found = {}
    for module in biology.modules:
        for name, state in library.modules[module].file.states.items():
            id_ = name if name in biology.states else flattened(module, name)
            lowest = state.range_.low if state.range_.low is not None else 0.0 if state.kind == "pool" else -np.inf
            highest = np.inf if state.range_.high is None else state.range_.high
            slack = STATE_SLACK * state.nominal
            found[id_] = Limits(lowest, highest, state.unit, slack, slack)
    return found


def observable_limits(biology: Biology) -> dict[str, Limits]:
    """Limits of every observable that the equations give."""
    found = {}
    for name in biology.system.observables:
        observable = biology.observables[name]
        low = -np.inf if observable.range_.low is None else observable.range_.low
        high = np.inf if observable.range_.high is None else observable.range_.high
        slack_low, slack_high = (OBSERVABLE_SLACK * (abs(limit) or 1.0) for limit in (low, high))
        found[name] = Limits(low, high, observable.unit, slack_low, slack_high)
    return found


def excursions(limits: Mapping[str, Limits], values: Mapping[str, np.ndarray]) -> list[Excursion]:
    """Which quantities leave their limits or are not finite, by name.

    Args:
        limits: by name; what is not named is not looked at.
        values: (patients, times) by name.

    >>> limits = {"share": Limits(0.0, 1.0, "1", 0.01, 0.01)}
    >>> [str(item) for item in excursions(limits, {"share": np.array([[0.5, 1.5], [0.2, 1.001]])})]
    ["'share' leaves 0 to 1 in 1 patient, worst 1.5."]
    """
    found = []
    for name, limit in limits.items():
        series = values[name]
        with np.errstate(invalid="ignore"):
            beyond = np.maximum(limit.low - limit.slack_low - series, series - limit.high - limit.slack_high)
            bad = ~(beyond <= 0) | ~np.isfinite(series)
        if bad.any():
            worst = np.unravel_index(int(np.argmax(np.where(np.isfinite(beyond), beyond, np.inf) * bad)), bad.shape)
            found.append(Excursion(name, limit, int(bad.any(axis=1).sum()), float(series[worst])))
    return found
