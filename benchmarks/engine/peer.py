"""What a peer is to the comparison: made ready once, then run at a tolerance. Peers themselves have modules of their own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import numpy as np
from benchmarks.engine.task import Task


class MissingPeerError(Exception):
    """A peer cannot be run here; the message says what it lacks and how to get it."""


class Seconds(NamedTuple):
    """What a run took: by the clock, and of processors at work for it, which other programs do not lengthen."""

    clock: float
    processor: float

    def of(self, threads: int) -> float:
        """Processor time of a run on one processor, so that a machine in use tells the same; of more, by the clock."""
        return self.processor if threads == 1 else self.clock


class Stopwatch:
    """Adds up the time spent inside `with`, which may be entered again."""

    def __init__(self) -> None:
        self.seconds = Seconds(0.0, 0.0)
        self._started = Seconds(0.0, 0.0)

    def __enter__(self) -> Self:
        self._started = Seconds(time.perf_counter(), time.process_time())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        ended = Seconds(time.perf_counter(), time.process_time())
        self.seconds = Seconds(
            *(total + end - start for total, end, start in zip(self.seconds, ended, self._started, strict=True))
        )


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        states: (patients, times, states).
        seconds: of integration, without compilation.
        steps: accepted steps per patient; NaN where the peer does not tell.
    """

    states: np.ndarray
    seconds: Seconds
    steps: float


class Ready(Protocol):
    """A peer made ready for one task."""

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """The first patients at a tolerance."""


@dataclass(frozen=True)
class Prepared:
    """A peer made ready, and what that took.

    Attributes:
        ready: to be run.
        compile_seconds: from the equations to something that runs.
        version: of the peer.
        setting: how it was set up, in words.
    """

    ready: Ready
    compile_seconds: float
    version: str
    setting: str


class Peer(Protocol):
    """One way to integrate the task."""

    @property
    def name(self) -> str:
        """As in the table."""

    @property
    def patients(self) -> int:
        """How many it is given: as many as are practical."""

    @property
    def rtols(self) -> Sequence[float]:
        """Where its work-precision curve is measured, loose to tight."""

    @property
    def threads(self) -> bool:
        """Whether it can use more than one processor."""

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Made ready for a task; compiled things go to the folder. Raises MissingPeerError where it cannot be run."""
