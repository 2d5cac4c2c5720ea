"""The project itself, and the same program printed as C++: the speed that a compiler allows."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine.cpp import cpp_of
from benchmarks.engine.native import FLAGS, compile_cpp
from benchmarks.engine.peer import Outcome, Prepared, Stopwatch
from benchmarks.engine.task import Task

from cytotrial.engine import CompiledModel, compile_model
from cytotrial.engine.assembly import assemble
from cytotrial.engine.machine import compiler_version, host_machine
from cytotrial.engine.methods import RODAS5P

RTOLS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)


@dataclass(frozen=True)
class Project:
    """CytoTrial as shipped."""

    name: str = "CytoTrial"
    patients: int = 1000
    rtols: Sequence[float] = RTOLS
    threads: bool = True

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Compiled without the cache, to see what it takes."""
        with TemporaryDirectory(dir=folder) as empty:
            started = time.perf_counter()
            model = compile_model(task.system, cache_folder=Path(empty))
            seconds = time.perf_counter() - started
        return Prepared(
            _Run(task, model), seconds, version("cytotrial"), f"{RODAS5P.name}, {model.lanes} lanes, {compiler_version()}"
        )


@dataclass(frozen=True)
class CppPrint:
    """The project's program through a C++ compiler; the loop around a worker stays the project's."""

    name: str = "the same program as C++"
    patients: int = 1000
    rtols: Sequence[float] = RTOLS
    threads: bool = True

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Printed, compiled and put in the place of the project's machine code."""
        lanes = host_machine().lanes
        text, shape = assemble(task.system, RODAS5P, lanes=lanes)
        library, seconds = compile_cpp(cpp_of(text, lanes=lanes), folder, name="project")
        model = CompiledModel(task.system, shape, _Loaded(library))
        return Prepared(_Run(task, model), seconds, "", f"{RODAS5P.name}, {lanes} lanes, g++ {' '.join(FLAGS)}")


@dataclass(frozen=True)
class _Loaded:
    """A C++ library in the place of the project's own code."""

    library: ctypes.CDLL

    def address(self, name: str) -> int:
        """The address of a function."""
        return ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value or 0


@dataclass(frozen=True)
class _Run:
    task: Task
    model: CompiledModel

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """All patients in one call."""
        ensemble = self.task.ensemble(patients, rtol=rtol, threads=threads, model=self.model)
        with Stopwatch() as watch:
            outputs = ensemble.advance(self.task.end, self.task.times)
        if ensemble.status.any():
            raise RuntimeError(f"rtol {rtol:g}: {(ensemble.status > 0).sum()} of {patients} patients failed.")
        states = outputs.states.reshape(patients, self.task.times.size, -1)
        return Outcome(states, watch.seconds, float(ensemble.steps.accepted.mean()))
