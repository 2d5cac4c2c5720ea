"""SciPy's LSODA with compiled rates and analytic Jacobian, restarted at every change of an input."""

from __future__ import annotations

import ctypes
import itertools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from benchmarks.engine.native import compile_cpp
from benchmarks.engine.peer import Outcome, Prepared, Stopwatch
from benchmarks.engine.scalar import scalar_code
from benchmarks.engine.task import Task
from scipy.integrate import solve_ivp

_EXPORTED = """
extern "C" void take(const double* p, double* c) { constants(p, c); }
extern "C" void rates_of(const double* y, const double* c, const double* u, double* out) { rates(y, c, u, out); }
extern "C" void jacobian_of(const double* y, const double* c, const double* u, double* out) {
  double entries[ENTRIES];
  jacobian(y, c, u, entries);
  for (int k = 0; k < ENTRIES; k++) out[JACOBIAN_ROW[k] * STATES + JACOBIAN_COLUMN[k]] = entries[k];
}
extern "C" int constants_needed() { return CONSTANTS; }
"""


MOST_EVALUATIONS = 100_000  # of the rates for one patient; without a limit of its own it may stand still for ever


class _StandsStillError(Exception):
    """One patient needs too many evaluations."""


@dataclass(frozen=True)
class ScipyLsoda:
    """`solve_ivp` with LSODA."""

    name: str = "SciPy LSODA, compiled rates"
    patients: int = 8
    rtols: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6)
    threads: bool = False

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Its right-hand side as C++."""
        source = "\n".join(["#include <cmath>", scalar_code(task.system, shared=task.shared), _EXPORTED])
        library, seconds = compile_cpp(source, folder, name="scipy")
        return Prepared(_Run(task, library), seconds, scipy.__version__, "compiled rates, analytic dense Jacobian")


@dataclass(frozen=True)
class _Run:
    task: Task
    library: ctypes.CDLL

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """One patient after the other, on one processor whatever `threads` says."""
        task = self.task
        states = np.full((patients, task.times.size, len(task.system.states)), np.nan)
        with Stopwatch() as watch:
            for patient in range(patients):
                with suppress(_StandsStillError):
                    states[patient] = self._one(patient, rtol)
        return Outcome(states, watch.seconds, float("nan"))

    def _one(self, patient: int, rtol: float) -> np.ndarray:
        task, size = self.task, len(self.task.system.states)
        own = np.ascontiguousarray(task.parameters[patient, list(task.varied)])
        constants, inputs = np.empty(self.library.constants_needed()), task.inputs_of(patient)
        self.library.take(_place(own), _place(constants))
        state, rows, evaluations = task.initial[patient], [], itertools.count(1)
        for segment, begin in enumerate(task.breaks):
            end = task.breaks[segment + 1] if segment + 1 < task.breaks.size else task.end
            given = np.ascontiguousarray(inputs[segment])
            fixed = (_place(constants), _place(given))

            def rates(_time: float, y: np.ndarray, fixed: tuple[ctypes.c_void_p, ...] = fixed) -> np.ndarray:
                if next(evaluations) > MOST_EVALUATIONS:
                    raise _StandsStillError
                out = np.empty(size)
                self.library.rates_of(_place(y), *fixed, _place(out))
                return out

            def jacobian(_time: float, y: np.ndarray, fixed: tuple[ctypes.c_void_p, ...] = fixed) -> np.ndarray:
                out = np.zeros((size, size))
                self.library.jacobian_of(_place(y), *fixed, _place(out))
                return out

            inside = task.times[(task.times > begin) & (task.times <= end)]
            solution = solve_ivp(
                rates,
                (begin, end),
                state,
                method="LSODA",
                t_eval=np.unique([*inside, end]),
                jac=jacobian,
                rtol=rtol,
                atol=rtol * np.asarray(task.system.nominal),
            )
            rows.append(solution.y.T[: inside.size])
            state = solution.y[:, -1]
        return np.concatenate(rows)


def _place(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
