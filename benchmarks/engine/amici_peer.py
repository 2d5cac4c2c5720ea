"""AMICI on the composed SBML with the doses as SBML events, KLU, shared parameters written into the code.

Its absolute tolerance is one number for all states, so the smallest size that matters among the states decides it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libsbml
import numpy as np
from benchmarks.engine.native import FLAGS
from benchmarks.engine.peer import MissingPeerError, Outcome, Prepared, Stopwatch
from benchmarks.engine.schedule_sbml import DOSE_RATE, sbml_with_schedule
from benchmarks.engine.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODEL = "cytotrial_bench"
_SHARE = 0.01  # quantile of the sizes that stands for the smallest: one state of a very small size should not decide it


@dataclass(frozen=True)
class Amici:
    """AMICI's CVODES."""

    name: str = "AMICI"
    patients: int = 16
    rtols: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    threads: bool = False

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Imported, generated and compiled; its own swig and cmake are found beside Python."""
        if importlib.util.find_spec("amici") is None:
            raise MissingPeerError("`pip install amici swig cmake` (it compiles itself) to include it.")
        import amici
        import amici.sim.sundials  # a model compiled by an earlier run looks for it

        for own in ("amici", "amici.sim.sundials", "amici.sim.sundials._swig_wrappers"):
            logging.getLogger(own).setLevel(logging.CRITICAL)

        text = sbml_with_schedule(task)
        target = folder / f"amici-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        taken = target / "seconds"
        if not taken.exists():
            try:
                seconds = self._build(text, target, task)
            except subprocess.CalledProcessError as error:
                raise MissingPeerError(f"its build of the model failed: {error}") from error
            taken.write_text(repr(seconds), encoding="utf-8")
        model = amici.import_model_module(_MODEL, str(target)).get_model()
        setting = "CVODES with KLU, doses as SBML events, no sensitivities, shared parameters in the code"
        seconds = float(taken.read_text(encoding="utf-8"))
        return Prepared(_Run(task, model), seconds, importlib.metadata.version("amici"), setting)

    def _build(self, text: str, target: Path, task: Task) -> float:
        """The seconds that importing, generating and compiling take."""
        from amici.importers.sbml import SbmlImporter

        started = time.perf_counter()
        with _environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", CXXFLAGS=" ".join(FLAGS)):
            SbmlImporter(text, from_file=False).sbml2amici(
                _MODEL,
                str(target),
                observation_model=[],
                hardcode_symbols=_shared_names(task, text),
                **{"generate_sensitivity_code": False, "compute_conservation_laws": False, "simplify": None, "verbose": False},
            )
        return time.perf_counter() - started


@dataclass(frozen=True)
class _Run:
    task: Task
    model: Any
    order: list[int] = field(default_factory=list)

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """One patient after the other; the seconds are those of AMICI's own calls."""
        from amici.sim.sundials import run_simulation

        task, model = self.task, self.model
        names = list(model.get_state_ids())
        columns = [names.index(name) for name in task.system.states]
        known = set(model.get_free_parameter_ids())
        fixed = set(model.get_fixed_parameter_ids())
        model.set_timepoints(task.times)
        solver = model.create_solver()
        solver.set_relative_tolerance(rtol)
        solver.set_absolute_tolerance(rtol * float(np.quantile(task.system.nominal, _SHARE)))
        solver.set_max_steps(20_000)
        states, watch, steps = [], Stopwatch(), []
        model.set_initial_state([])
        default = np.array(model.get_initial_state())
        for patient in range(patients):
            for name, value in self._values(patient):
                if name in known:
                    model.set_free_parameter_by_id(name, value)
                elif name in fixed:
                    model.set_fixed_parameter_by_id(name, value)
            start = default.copy()
            start[columns] = task.initial[patient]
            infusion = task.system.inputs[task.infusion]
            if infusion in names:
                start[names.index(infusion)] = task.inputs[0, task.infusion] * task.rates[patient]
            model.set_initial_state(start)
            with watch:
                data = run_simulation(model, solver)
            found = np.array(data.x)[:, columns]
            states.append(found if data.status == 0 else np.full_like(found, np.nan))
            if data.status == 0:
                steps.append(float(np.max(data.numsteps)))
        return Outcome(np.array(states), watch.seconds, float(np.mean(steps)) if steps else float("nan"))

    def _values(self, patient: int) -> Iterator[tuple[str, float]]:
        task = self.task
        for index in task.varied:
            yield task.system.parameters[index], float(task.parameters[patient, index])
        yield DOSE_RATE, float(task.rates[patient])


def _shared_names(task: Task, text: str) -> list[str]:
    """Everything that is a number for all patients: parameters, covariates that nothing reads, inputs that never change."""
    system, model = task.system, libsbml.readSBMLFromString(text).getModel()
    names = [system.parameters[index] for index in task.shared]
    names += [name for name in task.biology.covariates if name not in system.parameters]
    names += [name for index, name in enumerate(system.inputs) if np.ptp(task.inputs[:, index]) == 0]
    return [name for name in names if model.getParameter(name) is not None]


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
