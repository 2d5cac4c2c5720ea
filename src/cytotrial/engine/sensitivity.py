"""How much chosen outcomes move when chosen parameters do, from patients moved a little. Not a calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.events import Events, no_events
from cytotrial.engine.kernel import CompiledModel, compile_model
from cytotrial.engine.tolerances import Tolerances
from cytotrial.errors import did_you_mean

STEP = 0.01  # of the parameter's value: the error of a central difference is then about 1e-4 of the slope
TIGHT = Tolerances(rtol=1e-6)  # steps are chosen anew in every copy, so their errors do not cancel in a difference


@dataclass(frozen=True)
class Sensitivities:
    """Outcomes of each patient and their slopes. NaN where an integration failed.

    Attributes:
        outcomes: names, in order.
        parameters: names, in order.
        times: (times,) [h].
        parameter_values: (patients, parameters) at which the slopes are taken.
        values: (patients, times, outcomes).
        slopes: (patients, times, outcomes, parameters) [unit of the outcome / unit of the parameter].
    """

    outcomes: tuple[str, ...]
    parameters: tuple[str, ...]
    times: np.ndarray
    parameter_values: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    def relative(self) -> np.ndarray:
        """Per cent of the outcome for one per cent of the parameter, shape of `slopes`; NaN where an outcome is 0."""
        size = np.where(self.values == 0, np.nan, self.values)[..., None]
        relative: np.ndarray = self.slopes * self.parameter_values[:, None, None, :] / size
        return relative


def sensitivities(
    model: CompiledModel,
    parameters: np.ndarray,
    initial: np.ndarray | Callable[[np.ndarray], np.ndarray],
    *,
    of: Sequence[str],
    to: Sequence[str],
    times: np.ndarray,
    events: Events | None = None,
    inputs: np.ndarray | None = None,
    start: float = 0.0,
    step: float = STEP,
    tolerances: Tolerances = TIGHT,
    threads: int | None = None,
) -> Sensitivities:
    """Slopes of states or observables at chosen times with respect to parameters, for each patient, in one ensemble.

    Each patient gets two copies per parameter, one with it raised and one with it lowered; all are integrated side by side.
    Parameters are moved one by one as the model takes them: one that a table computes from another does not follow it.

    Args:
        model: what moves the patients.
        parameters: (patients, parameters).
        initial: (patients, states); or what gives them from parameters (rows, parameters), where a start depends on them.
        of: names of states or observables.
        to: names of parameters.
        times: (times,) rising [h], after `start`.
        events: of the patients; every copy gets its patient's.
        inputs: (patients, inputs) in force from the start; zeros unless given.
        start: of all patients [h].
        step: by which share of its value a parameter is moved; by `step` itself where its value is 0.
        tolerances: error control.
        threads: workers; as many as processors unless given.

    Raises:
        ValueError: an unknown name, with the nearest; or what `Ensemble` refuses.

    >>> from cytotrial.engine import compile_model
    >>> from cytotrial.model.system import OdeSystem, symbol
    >>> drug, k = symbol("drug"), symbol("k")
    >>> system = OdeSystem(("drug",), ("k",), (), (), (-k * drug,), (), np.ones(1))
    >>> found = sensitivities(
    ...     compile_model(system), np.array([[0.5]]), np.array([[1.0]]), of=["drug"], to=["k"], times=np.array([2.0])
    ... )
    >>> found.slopes.round(3).tolist(), found.relative().round(3).tolist()
    ([[[[-0.736]]]], [[[[-1.0]]]])
    """
    if model.system.shared.intersection(to):
        # Copies differ in what they would share.
        model = compile_model(replace(model.system, shared=model.system.shared.difference(to)))
    system = model.system
    of, to, times = tuple(of), tuple(to), np.asarray(times, np.float64)
    _check(of, (*system.states, *system.observables), "state or observable")
    _check(to, system.parameters, "parameter")
    base = np.array(parameters, np.float64, ndmin=2)
    patients, copies = len(base), 1 + 2 * len(to)
    columns = [system.parameters.index(name) for name in to]
    moved = step * np.where(base[:, columns] == 0, 1.0, np.abs(base[:, columns]))
    rows = np.repeat(base[None], copies, axis=0)
    for number, column in enumerate(columns):
        rows[1 + 2 * number, :, column] += moved[:, number]
        rows[2 + 2 * number, :, column] -= moved[:, number]
    rows = rows.reshape(copies * patients, -1)
    ensemble = Ensemble(
        model,
        rows,
        initial(rows) if callable(initial) else np.tile(np.asarray(initial, np.float64), (copies, 1)),
        start=start,
        inputs=None if inputs is None else np.tile(np.asarray(inputs, np.float64), (copies, 1)),
        tolerances=tolerances,
        threads=threads,
    )
    ensemble.schedule(_for_copies(events or no_events(), copies, patients=patients))
    found = _outcomes(ensemble, of, times).reshape(copies, patients, times.size, len(of))
    change = found[1::2] - found[2::2]
    slopes = np.moveaxis(change, 0, -1) / (2 * moved[:, None, None, :])
    return Sensitivities(of, to, times, base[:, columns], found[0], slopes)


def _outcomes(ensemble: Ensemble, names: Sequence[str], times: np.ndarray) -> np.ndarray:
    """(rows, times, names); NaN from where a row's integration failed."""
    system = ensemble.model.system
    outputs = ensemble.advance(float(times[-1]), times)
    known = {name: outputs.states[:, index] for index, name in enumerate(system.states)}
    if not known.keys() >= set(names):
        observed = ensemble.model.observe(outputs.states, ensemble.parameters[outputs.patient], outputs.inputs)
        known |= dict(zip(system.observables, observed.T, strict=True))
    result = np.full((len(ensemble.time), times.size, len(names)), np.nan)
    result[outputs.patient, np.searchsorted(times, outputs.time)] = np.stack([known[name] for name in names], axis=1)
    return result


def _for_copies(events: Events, copies: int, *, patients: int) -> Events:
    shift = np.repeat(np.arange(copies) * patients, len(events))
    columns = (np.tile(column, copies) for column in (events.time, events.target, events.kind, events.value))
    return Events(np.tile(events.patient, copies) + shift, *columns)


def _check(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"sensitivities: unknown {what} '{name}'. {did_you_mean(name, known)}")
