"""diffrax on several patients at once: Kvaerno's third-order method, a PI controller, steps clipped to changes of inputs.

Its default controller takes ten times the steps on a problem of doses; this is the best of those its documentation names.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.engine.peer import MissingPeerError, Outcome, Prepared, Seconds, Stopwatch
from benchmarks.engine.scalar import specialise
from benchmarks.engine.task import Task

from cytotrial.engine.lowering import lower
from cytotrial.engine.program import Program, needed

_FIRST_STEP = 0.01  # [h]
_MOST_STEPS = 100_000


@dataclass(frozen=True)
class Diffrax:
    """Kvaerno3 under `vmap`."""

    name: str = "diffrax"
    patients: int = 8
    rtols: tuple[float, ...] = (1e-3, 1e-4, 1e-5)
    threads: bool = False

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Traced and compiled at the first run, whose seconds are not counted."""
        if importlib.util.find_spec("diffrax") is None:
            raise MissingPeerError("`pip install diffrax` to include it.")
        started = time.perf_counter()
        ready = _Run(task, _rates(task), self.patients)
        ready.run(1, rtol=self.rtols[0], threads=1)
        setting = "Kvaerno3, PI controller (0.3, 0.3, growth at most 3), float64, patients by vmap, one processor"
        return Prepared(ready, time.perf_counter() - started, importlib.metadata.version("diffrax"), setting)


@dataclass(frozen=True)
class _Run:
    task: Task
    rates: Callable[..., Any]
    batch: int
    compiled: list[Any] = field(default_factory=list)

    def run(self, patients: int, *, rtol: float, threads: int) -> Outcome:
        """Whole batches in one call each, because it compiles for a number of patients; the tolerance is an argument."""
        import jax

        states, steps, watch = [], [], Stopwatch()
        for first in range(0, patients, self.batch):
            arguments = self._arguments(first, rtol)
            if not self.compiled:
                self.compiled.append(jax.jit(self._all()).lower(*arguments).compile())
            with watch:
                found, taken = jax.block_until_ready(self.compiled[0](*arguments))
            states.append(np.asarray(found))
            steps.append(np.asarray(taken))
        share = patients / (len(states) * self.batch)
        seconds = Seconds(*(share * one for one in watch.seconds))
        return Outcome(np.concatenate(states)[:patients], seconds, float(np.mean(steps)))

    def _arguments(self, first: int, rtol: float) -> tuple[Any, ...]:
        import jax.numpy as jnp

        task = self.task
        rows = (first + np.arange(self.batch)) % len(task.parameters)
        own = task.parameters[np.ix_(rows, np.array(task.varied))]
        return (jnp.asarray(task.initial[rows]), jnp.asarray(own), jnp.asarray(task.rates[rows]), rtol)

    def _all(self) -> Callable[..., Any]:
        import diffrax
        import jax
        import jax.numpy as jnp

        task = self.task
        nominal, breaks = jnp.asarray(task.system.nominal), jnp.asarray(task.breaks)
        inputs = jnp.asarray(task.inputs)

        def field_of(time: Any, y: Any, given: Any) -> Any:
            parameters, rate = given
            now = inputs[jnp.clip(jnp.searchsorted(breaks, time, side="right") - 1, 0)]
            return self.rates(y, parameters, now.at[task.infusion].multiply(rate))

        def one(start: Any, parameters: Any, rate: Any, rtol: Any) -> Any:
            inner = diffrax.PIDController(rtol=rtol, atol=rtol * nominal, pcoeff=0.3, icoeff=0.3, factormax=3.0)
            solution = diffrax.diffeqsolve(
                *(diffrax.ODETerm(field_of), diffrax.Kvaerno3(), 0.0, task.end, _FIRST_STEP, start),
                args=(parameters, rate),
                stepsize_controller=diffrax.ClipStepSizeController(inner, jump_ts=breaks[1:]),
                saveat=diffrax.SaveAt(ts=jnp.asarray(task.times)),
                max_steps=_MOST_STEPS,
                adjoint=diffrax.ForwardMode(),
                throw=False,
            )
            return solution.ys, solution.stats["num_accepted_steps"]

        together: Callable[..., Any] = jax.vmap(one, in_axes=(0, 0, 0, None))
        return together


def _rates(task: Task) -> Callable[..., Any]:
    """The rates as a function of jax arrays (states,), (varied parameters,) and (inputs,)."""
    import jax

    jax.config.update("jax_enable_x64", True)  # noqa: FBT003
    lowered = lower(task.system)
    program, outputs = specialise(lowered.program, lowered.derivatives, shared=task.shared)
    order = needed(program, outputs)

    def rates(states: Any, parameters: Any, inputs: Any) -> Any:
        return _evaluate(program, order, outputs, leaves={"state": states, "parameter": parameters, "input": inputs})

    return rates


def _evaluate(program: Program, order: Sequence[int], outputs: Sequence[int], *, leaves: dict[str, Any]) -> Any:
    import jax.numpy as jnp

    rules: dict[str, Callable[..., Any]] = {
        **{"add": jnp.add, "subtract": jnp.subtract, "multiply": jnp.multiply, "negate": jnp.negative},
        **{"reciprocal": jnp.reciprocal, "exp": jnp.exp, "log": jnp.log, "sqrt": jnp.sqrt, "select": jnp.where},
        **{"less": jnp.less, "less_equal": jnp.less_equal, "equal": jnp.equal},
        **{"and": jnp.logical_and, "or": jnp.logical_or, "not": jnp.logical_not},
    }
    values: dict[int, Any] = {}
    for index in order:
        instruction = program.instructions[index]
        if instruction.operation == "number":
            values[index] = instruction.constant
        elif instruction.operation in leaves:
            values[index] = leaves[instruction.operation][int(instruction.constant)]
        else:
            values[index] = rules[instruction.operation](*(values[argument] for argument in instruction.arguments))
    return jnp.stack([jnp.asarray(values[output], dtype=jnp.float64) for output in outputs])
