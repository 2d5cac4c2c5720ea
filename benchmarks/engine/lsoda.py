"""LSODA called from C++, with compiled rates; it makes its own Jacobian by differences, as its interface has no other.

It links against an installation of liblsoda (lsoda.h and liblsoda.a) that you name in CYTOTRIAL_LSODA.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engine.native import NativeRun, compile_cpp, driver_source
from benchmarks.engine.peer import MissingPeerError, Outcome, Prepared
from benchmarks.engine.scalar import scalar_code
from benchmarks.engine.task import Task


@dataclass(frozen=True)
class Lsoda:
    """LSODA in C."""

    name: str = "LSODA from C++"
    patients: int = 24
    rtols: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6)
    threads: bool = True

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Linked against the installation in CYTOTRIAL_LSODA."""
        root = Path(os.environ.get("CYTOTRIAL_LSODA", ""))
        if not (root / "include" / "lsoda.h").exists():
            raise MissingPeerError("set CYTOTRIAL_LSODA to a folder with include/lsoda.h and lib/liblsoda.a.")
        source = driver_source(scalar_code(task.system, shared=task.shared), "lsoda_driver.cpp")
        extra = (f"-I{root}/include", str(root / "lib" / "liblsoda.a"))
        library, seconds = compile_cpp(source, folder, name="lsoda", extra=extra)
        return Prepared(_Run(NativeRun(library, task)), seconds, "liblsoda", "compiled rates, its own Jacobian by differences")


@dataclass(frozen=True)
class _Run:
    native: NativeRun

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """It counts evaluations, not steps."""
        return replace(self.native.run(patients, rtol=rtol, threads=threads), steps=float("nan"))
