"""libRoadRunner on the composed SBML, restarted at every change of an input.

It is tried in a process of its own first: it writes every rule out in full wherever it is used, and does not get through a
biology of many nested rules in any useful time.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libsbml
import numpy as np
from benchmarks.engine.peer import MissingPeerError, Outcome, Prepared, Stopwatch
from benchmarks.engine.task import Task

_TRIAL = "import roadrunner, sys; roadrunner.RoadRunner(open(sys.argv[1]).read())"


@dataclass(frozen=True)
class RoadRunner:
    """libRoadRunner's CVODE."""

    name: str = "libRoadRunner"
    patients: int = 8
    rtols: tuple[float, ...] = (1e-4, 1e-5, 1e-6, 1e-7)
    threads: bool = False
    load_seconds: float = 900.0

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Read from SBML; missing where that takes longer than `load_seconds`."""
        if importlib.util.find_spec("roadrunner") is None:
            raise MissingPeerError("`pip install libroadrunner` to include it.")
        file = folder / "biology.xml"
        file.write_text(_with_values(task), encoding="utf-8")
        try:
            done = subprocess.run(
                [sys.executable, "-c", _TRIAL, file], check=False, capture_output=True, timeout=self.load_seconds
            )
        except subprocess.TimeoutExpired as error:
            raise MissingPeerError(f"it did not compile the model within {self.load_seconds:.0f} s.") from error
        if done.returncode:
            raise MissingPeerError(f"it does not read the model: {done.stderr.decode()[-200:].strip()}")
        import roadrunner

        started = time.perf_counter()
        runner = roadrunner.RoadRunner(str(file))
        runner.integrator.stiff = True
        runner.integrator.variable_step_size = False
        runner.timeCourseSelections = list(task.system.states)
        version = importlib.metadata.version("libroadrunner")
        return Prepared(_Run(task, runner), time.perf_counter() - started, version, "CVODE, restarted at every change")


@dataclass(frozen=True)
class _Run:
    task: Task
    runner: Any

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """One patient after the other."""
        task, names = self.task, self.task.system
        self.runner.integrator.relative_tolerance = rtol
        for name, size in zip(names.states, np.asarray(names.nominal), strict=True):
            self.runner.integrator.setIndividualTolerance(name, rtol * float(size))
        watch, states = Stopwatch(), []
        for patient in range(patients):
            for index in task.varied:
                self.runner[names.parameters[index]] = float(task.parameters[patient, index])
            for index, name in enumerate(names.states):
                self.runner[name] = float(task.initial[patient, index])
            with watch:
                states.append(self._one(task.inputs_of(patient)))
        return Outcome(np.array(states), watch.seconds, float("nan"))

    def _one(self, inputs: np.ndarray) -> np.ndarray:
        task, rows = self.task, []
        for segment, begin in enumerate(task.breaks):
            end = task.breaks[segment + 1] if segment + 1 < task.breaks.size else task.end
            for index, name in enumerate(task.system.inputs):
                self.runner[name] = float(inputs[segment, index])
            inside = task.times[(task.times > begin) & (task.times <= end)]
            times = np.unique([begin, *inside, end])
            rows.append(np.array(self.runner.simulate(times=list(times)))[np.isin(times, inside)])
        return np.concatenate(rows)


def _with_values(task: Task) -> str:
    """The composed SBML with a number for every covariate: one that nothing reads has none."""
    document = libsbml.readSBMLFromString(task.biology.sbml())
    known = dict(zip(task.system.parameters, task.parameters[0], strict=True))
    for name in task.biology.covariates:
        document.getModel().getParameter(name).setValue(float(known.get(name, 0.0)))
    return str(libsbml.writeSBMLToString(document))
