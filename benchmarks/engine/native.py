"""C++ compiled for this processor and loaded, and the arrays its drivers take. Not the C++ itself."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.engine.peer import MissingPeerError, Outcome, Stopwatch
from benchmarks.engine.task import Task

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno")
_ALWAYS = ("-std=c++17", "-shared", "-fPIC", "-pthread", "-Wno-psabi")
HERE = Path(__file__).parent
_NO_MAPPING, _NO_TRIMMING = (-4, 0), (-1, 2**31 - 1)  # options of glibc: M_MMAP_MAX, M_TRIM_THRESHOLD


def compile_cpp(source: str, folder: Path, *, name: str, extra: Sequence[str] = ()) -> tuple[ctypes.CDLL, float]:
    """The library and the seconds that compiling took; one compiled before is used again, with the seconds it took then.

    The source may include headers of this folder.

    Raises:
        MissingPeerError: no compiler, or it refuses the source.
    """
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise MissingPeerError("no C++ compiler: install g++ to include it.")
    headers = [header.read_text(encoding="utf-8") for header in sorted(HERE.glob("*.h"))]
    digest = hashlib.sha256("\0".join([source, *headers, *FLAGS, *extra]).encode()).hexdigest()[:16]
    library, seconds = folder / f"{name}-{digest}.so", folder / f"{name}-{digest}.seconds"
    if not (library.exists() and seconds.exists()):
        file = folder / f"{name}-{digest}.cpp"
        file.write_text(source, encoding="utf-8")
        started = time.perf_counter()
        command = [compiler, *FLAGS, *_ALWAYS, f"-I{HERE}", str(file), *extra, "-o", str(library)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise MissingPeerError(f"{compiler} refuses its source: {done.stderr.strip().splitlines()[:3]}")
        seconds.write_text(repr(time.perf_counter() - started), encoding="utf-8")
    return ctypes.CDLL(str(library)), float(seconds.read_text(encoding="utf-8"))


class _Work(ctypes.Structure):
    """`Work` of the drivers."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("patients", "segments", "times")),
        *((name, ctypes.c_void_p) for name in ("parameters", "initial", "breaks", "inputs", "rate")),
        ("infusion", ctypes.c_int64),
        ("time", ctypes.c_void_p),
        ("rtol", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("atol", "out", "options", "counts")),
    )


@dataclass(frozen=True)
class NativeRun:
    """A compiled driver with its options; `absolute` times rtol times nominal is the absolute tolerance."""

    library: ctypes.CDLL
    task: Task
    options: tuple[float, ...] = ()
    absolute: float = 1.0

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """The first patients at a tolerance; the states of one that fails are NaN from there on."""
        task = self.task
        states = len(task.system.states)
        out = np.full((patients, task.times.size, states), np.nan)
        counts = np.zeros(2, np.int64)
        arrays = {
            "parameters": np.ascontiguousarray(task.parameters[:patients, list(task.varied)]),
            "initial": np.ascontiguousarray(task.initial[:patients]),
            "breaks": task.breaks,
            "inputs": task.inputs,
            "rate": task.rates,
            "time": task.times,
            "atol": self.absolute * rtol * np.asarray(task.system.nominal),
            "options": np.array(self.options, np.float64),
        }
        addresses = {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items()}
        work = _Work(
            patients=patients,
            segments=task.breaks.size,
            times=task.times.size,
            infusion=task.infusion,
            rtol=rtol,
            out=out.ctypes.data,
            counts=counts.ctypes.data,
            **{name: array.ctypes.data for name, array in addresses.items()},
        )
        with Stopwatch() as watch:
            self.library.run(ctypes.byref(work), ctypes.c_int64(threads))
        return Outcome(out, watch.seconds, counts[0] / patients)


def keep_memory() -> bool:
    """Have freed memory kept by this program for its next use, where the C library can be told so; whether it was.

    Every run writes some hundred megabytes. Memory new to the program is cleared by the kernel first, which in one run of five
    takes half as long as the integration: for all alike, but only of some runs.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return mallopt is not None and all(mallopt(option, value) for option, value in (_NO_MAPPING, _NO_TRIMMING))


def driver_source(code: str, driver: str) -> str:
    """The scalar code followed by a driver of this folder."""
    return "\n".join(["#include <cmath>", code, (HERE / driver).read_text(encoding="utf-8")])
