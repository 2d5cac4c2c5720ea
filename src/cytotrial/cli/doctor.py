"""`cytotrial doctor`: what this machine offers, and whether a small simulation works on it. Changes nothing but a cache."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import typer

from cytotrial.cli.console import results
from cytotrial.cli.tables import print_rows

PACKAGES = (
    "cytotrial",
    "numpy",
    "scipy",
    "pandas",
    "llvmlite",
    "sympy",
    "antimony",
    "python-libsbml",
    "pydantic",
    "duckdb",
)
VECTORS = ("avx512f", "avx2", "sse2", "neon")
WORKED = "works"
LARGEST_ERROR = 1e-2  # a few times the default tolerance; a broken build is off by far more

COLUMNS = ("what", "found")


def doctor() -> None:
    """Versions, processor, folders, and a one-second self-test. Exit status 3 if the self-test fails."""
    console = results()
    print_rows(console, list(_versions()), columns=COLUMNS, title="Versions")
    print_rows(console, list(_machine()), columns=COLUMNS, title="Machine")
    tests = list(_self_tests())
    print_rows(console, tests, columns=COLUMNS, title="Self-test")
    if any(not found.startswith(WORKED) for _, found in tests):
        raise typer.Exit(3)


def _versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    yield "Python", f"{sys.version.split()[0]}, {sys.executable}"
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"


def _machine() -> Iterator[tuple[str, str]]:
    from cytotrial.engine.cache import default_cache_folder
    from cytotrial.engine.machine import host_machine

    machine = host_machine()
    names = [feature.strip("+") for feature in machine.features.split(",") if feature.startswith("+")]
    yield "system", platform.platform()
    yield "processor", f"{machine.processor}, {os.cpu_count()} logical cores"
    yield (
        "vectors",
        f"{next((name for name in VECTORS if name in names), 'other')}: {machine.lanes} patients at a time in each thread",
    )
    for what, folder in (("compiled models", default_cache_folder()), ("runs, from here", Path.cwd())):
        yield what, f"{folder} ({_writable(folder)})"


def _writable(folder: Path) -> str:
    """Whether a file can be written in the folder, or in the nearest parent that exists; tried, not guessed."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return "writable"
    except OSError as failure:
        return f"not writable: {failure.strerror}"


def _self_tests() -> Iterator[tuple[str, str]]:
    from cytotrial.catalogue import load_library

    library = load_library()
    yield (
        "library",
        f"{WORKED}: drugs {len(library.drugs)}, diseases {len(library.diseases)}, protocols {len(library.protocols)}",
    )
    started = time.perf_counter()
    error = _decay_error()
    seconds = time.perf_counter() - started
    outcome = WORKED if error < LARGEST_ERROR else "FAILS"
    yield "engine", f"{outcome}: relative error {error:.1g} on exponential decay, {seconds:.1f} s with compilation"


def _decay_error() -> float:
    """The largest relative error over a few patients of dy/dt = -k y after one hour, against exp(-k)."""
    import numpy as np

    from cytotrial.engine import Ensemble, compile_model
    from cytotrial.model.system import OdeSystem, symbol

    y, k = symbol("y"), symbol("k")
    system = OdeSystem(("y",), ("k",), (), ("y_seen",), (-k * y,), (y,), np.ones(1))
    rates = np.linspace(0.1, 5.0, 16)[:, np.newaxis]
    ensemble = Ensemble(compile_model(system), rates, np.ones_like(rates))
    ensemble.advance(1.0)
    exact = np.exp(-rates)
    return float(np.max(np.abs(ensemble.states - exact) / exact))
