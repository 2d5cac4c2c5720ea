"""When scans are made, read from text such as 'at 8, 12 weeks then every 8 weeks until 1 year then every 3 months'.

The scan before treatment is always made and is not in the plan. Knows no patient: what a scan shows is observed elsewhere.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise

from cytotrial.protocol.quantities import QuantityError, read_hours

SHORTEST_GAP = 24.0  # hours; nobody scans more often, so it is a slip of the pen
SAME_TIME = 1e-6  # hours
EXAMPLE = "Expected for example 'every 8 weeks', 'at 8, 12 weeks then every 3 months', or 'none'."

_EVERY = re.compile(r"every\s+(.+?)(?:\s+until\s+(.+))?", re.I)
_AT = re.compile(r"at\s+(.+)", re.I)
_TIMES = re.compile(r"([\d.]+(?:\s*(?:,\s*and|,|and)\s*[\d.]+)*)\s*([a-z]+)", re.I)


@dataclass(frozen=True)
class ScanStep:
    """Scans at fixed times, or every so many hours from `origin` until a time (inf: without end). All in hours."""

    at: tuple[float, ...] = ()
    every: float = math.inf
    origin: float = 0.0
    until: float = math.inf

    def times(self, horizon: float) -> list[float]:
        """The scans of this step up to `horizon` [h]."""
        if self.at:
            return [time for time in self.at if time <= horizon + SAME_TIME]
        count = math.floor((min(self.until, horizon) - self.origin) / self.every + SAME_TIME)
        return [float(f"{self.origin + self.every * index:.15g}") for index in range(1, count + 1)]


@dataclass(frozen=True)
class ScanPlan:
    """The times of the scans after the start of treatment."""

    text: str
    steps: tuple[ScanStep, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no scan is ever made after the start."""
        return not self.steps

    def times(self, horizon: float) -> tuple[float, ...]:
        """The scan times after 0 and up to `horizon` [h], sorted.

        >>> read_scans("every 8 weeks").times(3000.0)
        (1344.0, 2688.0)
        """
        return tuple(time for step in self.steps for time in step.times(horizon))


def read_scans(text: str) -> ScanPlan:
    """The plan that a text describes.

    A step 'every' counts on from the last scan before it; 'until' includes its time.

    Raises:
        QuantityError: not understood, times that do not rise, or a step after one that has no end.
    """
    plain = text.strip()
    if plain.lower() == "none":
        return ScanPlan(text, ())
    steps: list[ScanStep] = []
    latest = 0.0
    for part in re.split(r"\s*,?\s+then\s+", plain, flags=re.I):
        if steps and math.isinf(latest):
            what = f"'{part}' is never reached: the scans before it have no end."
            raise QuantityError(what, "Write for example 'every 8 weeks until 1 year then every 3 months'.")
        step = _step(part, text, origin=latest)
        first = step.at[0] if step.at else step.until
        if first <= latest + SAME_TIME:
            raise QuantityError(f"'{part}' does not come after the scans before it.", EXAMPLE)
        latest = math.inf if not step.at and math.isinf(step.until) else max(step.times(math.inf), default=latest)
        steps.append(step)
    return ScanPlan(text, tuple(steps))


def _step(part: str, text: str, *, origin: float) -> ScanStep:
    every, at = _EVERY.fullmatch(part), _AT.fullmatch(part)
    if every:
        gap = read_hours(every[1])
        if gap < SHORTEST_GAP:
            raise QuantityError(f"'{part}' is more than one scan a day.", EXAMPLE)
        return ScanStep(every=gap, origin=origin, until=read_hours(every[2]) if every[2] else math.inf)
    if not at:
        raise QuantityError(f"the scans '{text}' are not understood at '{part}'.", EXAMPLE)
    times: list[float] = []
    position = 0
    for group in _TIMES.finditer(at[1]):
        if at[1][position : group.start()].strip(" ,").removesuffix("and").strip(" ,"):
            raise QuantityError(f"the scans '{text}' are not understood at '{part}'.", EXAMPLE)
        times += [read_hours(f"{number} {group[2]}") for number in re.findall(r"[\d.]+", group[1])]
        position = group.end()
    if not times or at[1][position:].strip():
        raise QuantityError(f"the scans '{text}' are not understood at '{part}'.", EXAMPLE)
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise QuantityError(f"the times of '{part}' do not rise.", EXAMPLE)
    return ScanStep(at=tuple(times))
