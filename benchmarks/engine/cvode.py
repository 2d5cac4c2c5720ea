"""SUNDIALS CVODE called from C++, with the analytic Jacobian and the factors made for its pattern; default and tuned.

It links against an installation that you name in CYTOTRIAL_SUNDIALS: build it from source with `-O3 -march=native`, because the
packages of distributions are several times slower and would flatter the project.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.native import NativeRun, compile_cpp, driver_source
from benchmarks.engine.peer import MissingPeerError, Prepared
from benchmarks.engine.scalar import scalar_code
from benchmarks.engine.task import Task

# CVODE's own options and an absolute tolerance of a hundredth: within noise the best of some twenty settings tried on this
# model (Jacobians every 5 to 100 set-ups, set-ups every 10 to 40 steps, convergence 0.05 to 0.3, orders 4 and 5); it is flat.
TUNED = (51.0, 20.0, 0.3, 0.1, 5.0)
TUNED_ABSOLUTE = 0.01
_LIBRARIES = ("cvode", "nvecserial", "sunlinsoldense", "sunmatrixdense", "core", "generic")


@dataclass(frozen=True)
class Cvode:
    """CVODE with one set of options."""

    name: str
    tuned: bool
    sparse: bool = True
    patients: int = 200
    rtols: tuple[float, ...] = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
    threads: bool = True

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Linked against the installation in CYTOTRIAL_SUNDIALS."""
        root = os.environ.get("CYTOTRIAL_SUNDIALS", "")
        if not (Path(root) / "include" / "cvode" / "cvode.h").exists():
            raise MissingPeerError("set CYTOTRIAL_SUNDIALS to an installation of SUNDIALS that was built from source.")
        lib = next(path for name in ("lib", "lib64") if (path := Path(root) / name).exists())
        found = [str(file) for name in _LIBRARIES for file in sorted(lib.glob(f"libsundials_{name}.a"))]
        source = driver_source(scalar_code(task.system, shared=task.shared), "cvode_driver.cpp")
        library, seconds = compile_cpp(source, folder, name="cvode", extra=(f"-I{root}/include", *found))
        config = (Path(root) / "include" / "sundials" / "sundials_config.h").read_text(encoding="utf-8")
        version = re.search(r'SUNDIALS_VERSION "([^"]+)"', config)
        options = (float(self.sparse), *(TUNED if self.tuned else (0.0,) * 5), 0.0)
        setting = "its defaults" if not self.tuned else "an absolute tolerance of a hundredth"
        kind = "sparse factors made for the pattern" if self.sparse else "dense factors"
        ready = NativeRun(library, task, options, absolute=TUNED_ABSOLUTE if self.tuned else 1.0)
        return Prepared(ready, seconds, version.group(1) if version else "", f"analytic Jacobian, {kind}, {setting}")
