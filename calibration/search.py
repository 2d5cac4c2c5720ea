"""Levenberg-Marquardt over simulated trials, with a record on disk after every one of them.

All trials of a search share their seed: patients meet the same luck, so that two trials differ by what was moved. Slopes are
taken over a step wide enough to rise above what is left of the noise. A weak pull to the start keeps parameters that no target
sees where the library has them. Points that do not wait for each other are simulated side by side by as many workers as asked
for; the record is the same for any number. Nothing here knows a drug, a disease or a target.
"""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cytotrial.catalogue import Library, load_library
from cytotrial.model.biology import Biology, Parameter

RECORDS = Path(__file__).parent / "records"
STEP = 0.15  # of a slope, on the scale of the parameter
FARTHEST = math.log(2.5)  # a parameter stays within this of the library's value, on its scale
PULL = 0.5  # as far from the start as weighs one tolerance
DAMPINGS = (1.0, 10.0, 0.1)  # tried in turn; the best of them is the next centre
SOFT = 3.0  # tolerances: from here on a miss counts in proportion, not squared, and no single target drowns the others
EDGE = 4.0  # how much more a miss outside a band weighs, for each half width
UNREAD = 10.0  # tolerances: what could not be read
SPREAD = "between_sd"  # `module.name.between_sd`: the spread of a parameter between patients, moved like a value


@dataclass(frozen=True)
class Target:
    """A published number: where it stands among the published outcomes, its value, how far off counts as one, its weight."""

    evidence: str
    value: float
    tolerance: float
    weight: float = 1.0

    def residual(self, simulated: float) -> float:
        """Weighted distance in tolerances, far misses softened (pseudo-Huber); what could not be read counts as far off."""
        off = (simulated - self.value) / self.tolerance if math.isfinite(simulated) else UNREAD
        soft = SOFT * math.sqrt(2.0 * (math.hypot(1.0, off / SOFT) - 1.0))
        return math.copysign(math.sqrt(self.weight) * soft, off)


@dataclass(frozen=True)
class Band(Target):
    """A published range: its middle with half its width as tolerance; outside it a miss weighs more."""

    def residual(self, simulated: float) -> float:
        """That of a target, steeper from the edge of the band on."""
        off = abs(simulated - self.value) / self.tolerance
        return super().residual(simulated) * (1.0 + EDGE * max(off - 1.0, 0.0) if math.isfinite(off) else 1.0)


@dataclass(frozen=True)
class Scale:
    """The scale a parameter is moved on, and its limits there."""

    logit: bool
    start: float
    low: float
    high: float

    @classmethod
    def of(cls, parameter: Parameter) -> Scale:
        """That of a parameter's table."""
        value = float(parameter.value if parameter.value is not None else math.nan)
        if not value > 0.0:
            raise SystemExit(f"{parameter.id}: only a positive number can be moved, not {parameter.value}.")
        logit = parameter.scale == "logit"
        bare = cls(logit, value, -math.inf, math.inf)
        low, high = bare.to(value) - FARTHEST, bare.to(value) + FARTHEST
        if parameter.low:
            low = max(low, bare.to(parameter.low))
        if parameter.high and not (logit and parameter.high >= 1.0):
            high = min(high, bare.to(parameter.high))
        return cls(logit, value, low, high)

    def to(self, value: float) -> float:
        """The value on the scale."""
        return math.log(value / (1.0 - value)) if self.logit else math.log(value)

    def back(self, moved: float) -> float:
        """The value of a place on the scale, within the limits, in four digits."""
        held = min(max(moved, self.low), self.high)
        return float(f"{1.0 / (1.0 + math.exp(-held)) if self.logit else math.exp(held):.4g}")


Measure = Callable[[Mapping[str, float]], Mapping[str, float]]
Simulate = Callable[[Sequence[Any]], Iterable[Any]]


@contextmanager
def spread(function: Callable[[Any], Any], *, workers: int) -> Iterator[Simulate]:
    """A `map` of the function over workers that share the processors among them; answers come in the order asked.

    Workers are forks of this process, so that any function will do; it must not have simulated before it is spread.

    Raises:
        SystemExit: a worker was killed from outside.
    """
    if workers <= 1:
        yield lambda asked: map(function, asked)
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(function, context.Value("i", 0), workers))
    try:
        yield lambda asked: pool.map(_answer, asked)
    except BrokenProcessPool:
        advice = "most likely for want of memory. What was found is kept: the same call with fewer workers goes on from there."
        raise SystemExit(f"One of {workers} workers was killed, {advice}") from None
    finally:
        pool.shutdown(cancel_futures=True)


_functions: list[Callable[[Any], Any]] = []  # of a worker: the one it was begun with


def _begin(function: Callable[[Any], Any], begun: Any, workers: int) -> None:
    _functions[:] = [function]
    with begun.get_lock():
        number, begun.value = begun.value, begun.value + 1
    # A trial uses as many threads as it sees processors: a worker sees its share of them.
    if hasattr(os, "sched_setaffinity"):
        ours = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, ours[number::workers] or [ours[number % len(ours)]])


def _answer(asked: Any) -> Any:
    return _functions[0](asked)


class Search:
    """One search: parameters, targets, and every point tried so far.

    Attributes:
        points: what was tried, in order: values, simulated, distance.
    """

    def __init__(
        self,
        name: str,
        *,
        library: Library,
        free: Mapping[str, Parameter],
        targets: Mapping[str, Target],
        asked: Mapping[str, Any],
    ) -> None:
        """A search under that name; the points of an earlier call that asked the same of the same library are known."""
        self.path = RECORDS / f"{name}.json"
        self.scales = {full: Scale.of(parameter) for full, parameter in free.items()}
        self.units = {full: parameter.unit for full, parameter in free.items()}
        self.targets = targets
        self.points: list[dict[str, Any]] = []
        self.head: dict[str, Any] = {
            **asked,
            "library": library.content_hash,
            "targets": {name: {at.name: getattr(target, at.name) for at in fields(Target)} for name, target in targets.items()},
            "start": {full: scale.start for full, scale in self.scales.items()},
        }
        known = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        same = all(known.get(key) == value for key, value in self.head.items())
        self._known = {json.dumps(point["values"]): point for point in known["points"]} if known and same else {}

    @property
    def best(self) -> dict[str, Any]:
        """The point with the smallest distance."""
        return min(self.points, key=lambda point: float(point["distance"]))

    def run(self, measure: Measure, *, rounds: int, workers: int = 1) -> dict[str, Any]:
        """Slopes around the centre, then damped steps from it, `rounds` times; returns the best point.

        The slopes of a round are points that do not wait for each other, and so are its steps: `workers` simulate them.
        """
        names = list(self.scales)
        start = np.array([self.scales[name].to(self.scales[name].start) for name in names])
        centre = start.copy()
        with spread(measure, workers=workers) as simulate:
            # The first point goes alone: it leaves the machine code on disk for the workers of all others.
            here = self._tried([centre], names, simulate)[0]
            for _ in range(rounds):
                steps = np.array(
                    [STEP if centre[at] + STEP <= self.scales[name].high else -STEP for at, name in enumerate(names)]
                )
                around = self._tried(list(centre + np.diag(steps)), names, simulate)
                slopes = np.stack([self._residuals(point) - self._residuals(here) for point in around], axis=1) / steps
                places = [centre + self._step(slopes, self._residuals(here), centre - start, damping) for damping in DAMPINGS]
                found = list(zip(self._tried(places, names, simulate), places, strict=True))
                ahead, place = min(found, key=lambda pair: float(pair[0]["distance"]))
                if ahead["distance"] >= here["distance"]:
                    break
                here, centre = ahead, np.clip(place, *self._limits(names))
        return self.best

    def _step(self, slopes: np.ndarray, residuals: np.ndarray, from_start: np.ndarray, damping: float) -> np.ndarray:
        pull = 1.0 / PULL**2
        normal = slopes.T @ slopes + (pull + damping) * np.eye(slopes.shape[1])
        return np.asarray(-np.linalg.solve(normal, slopes.T @ residuals + pull * from_start))

    def _limits(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return np.array([self.scales[name].low for name in names]), np.array([self.scales[name].high for name in names])

    def _residuals(self, point: Mapping[str, Any]) -> np.ndarray:
        return np.array([target.residual(point["simulated"][name]) for name, target in self.targets.items()])

    def _tried(self, places: Sequence[np.ndarray], names: Sequence[str], simulate: Simulate) -> list[dict[str, Any]]:
        """The points at these places, simulated unless known; each is on disk before the next is waited for."""
        asked = [{name: self.scales[name].back(float(at)) for name, at in zip(names, place, strict=True)} for place in places]
        new = {json.dumps(values): values for values in asked if json.dumps(values) not in self._known}
        answers = zip(new.values(), simulate(list(new.values())), strict=True)
        return [self._told(self._known.get(json.dumps(values)) or self._point(*next(answers))) for values in asked]

    def _point(self, values: Mapping[str, float], simulated: Mapping[str, float]) -> dict[str, Any]:
        point: dict[str, Any] = {"values": values, "simulated": dict(simulated)}
        point["distance"] = float(np.sum(self._residuals(point) ** 2))
        self._known[json.dumps(values)] = point
        return point

    def _told(self, point: dict[str, Any]) -> dict[str, Any]:
        self.points.append(point)
        self.write()
        sys.stderr.write(f"point {len(self.points)}: {point['distance']:.2f}, best {self.best['distance']:.2f}\n")
        return point

    def write(self, **more: Any) -> None:
        """The record, whole or not at all."""
        RECORDS.mkdir(exist_ok=True)
        part = self.path.with_suffix(".part")
        content = {**self.head, "best": self.best, **more, "points": self.points}
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        part.replace(self.path)

    def as_settings(self, values: Mapping[str, float]) -> dict[str, str | float]:
        """Values as a protocol's `set` writes them, with units."""
        return {name: value if self.units[name] == "1" else f"{value!r} {self.units[name]}" for name, value in values.items()}


def fitted(biology: Biology, modules: Sequence[str]) -> dict[str, Parameter]:
    """The parameters of these modules whose tables say `fitted` and give a positive number."""
    return {
        full: parameter
        for full, parameter in biology.parameters.items()
        if parameter.module in modules and parameter.row.status == "fitted" and parameter.value and parameter.value > 0.0
    }


def to_move(parameters: Mapping[str, Parameter], names: Iterable[str]) -> dict[str, Parameter]:
    """What a search is given to move, by name: parameters, and spreads between patients as `module.name.between_sd`."""
    return {full: _spread_of(parameters, full) if full.endswith(f".{SPREAD}") else parameters[full] for full in names}


def _spread_of(parameters: Mapping[str, Parameter], full: str) -> Parameter:
    """A spread as a positive number without a unit."""
    varied = parameters[full.removesuffix(f".{SPREAD}")]
    told = {"unit": "1", "scale": "log", "low": None, "high": None, "status": varied.row.spread_status}
    row = varied.row.model_copy(update=told)
    return replace(varied, id=full, value=varied.between_sd or None, row=row)


@contextmanager
def moved(library: Library, free: Mapping[str, Parameter], values: Mapping[str, float]) -> Iterator[Library]:
    """A copy of the library whose tables hold the values, spreads among them; it is gone afterwards."""
    with TemporaryDirectory() as folder:
        copy = load_library(Path(shutil.copytree(library.root, Path(folder) / library.root.name)))
        write_into_tables(copy, free, values)
        yield copy


def write_into_tables(library: Library, free: Mapping[str, Parameter], values: Mapping[str, float]) -> None:
    """Sets the value or the spread of each parameter in the table it comes from; nothing else of the table changes."""
    for full, value in values.items():
        table = library.modules[free[full].module].folder / "parameters.csv"
        lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
        name, _, column = full.partition(".")[2].partition(".")
        before = next(csv.reader([lines[0]])).index(column or "value")
        at = next(number for number, line in enumerate(lines) if next(csv.reader([line]))[0] == name)
        lines[at] = re.sub(rf"^((?:[^,]*,){{{before}}})[^,]*", rf"\g<1>{value:.4g}", lines[at])
        table.write_text("".join(lines), encoding="utf-8")
