"""mrgsolve where R has it. Only looked for: no R was at hand to write and try its model file with, and nothing is guessed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.peer import MissingPeerError, Prepared
from benchmarks.engine.task import Task


@dataclass(frozen=True)
class Mrgsolve:
    """mrgsolve, not yet compared."""

    name: str = "mrgsolve"
    patients: int = 16
    rtols: tuple[float, ...] = (1e-4,)
    threads: bool = False

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Always missing, with the reason."""
        if shutil.which("Rscript") is None:
            raise MissingPeerError("it needs R, which is not installed.")
        raise MissingPeerError("R is there, but the model file for mrgsolve is not written yet.")
