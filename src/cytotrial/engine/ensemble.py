"""Many patients of one model, each at its own time, taken from stop to stop. Not the compiled code, not the decisions."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

import numpy as np

from cytotrial.engine.events import EventKind, Events, check_events, joined, no_events
from cytotrial.engine.kernel import CompiledModel, aligned_zeros
from cytotrial.engine.layout import CONTEXT, RESTARTS, SETTINGS
from cytotrial.engine.outputs import Outputs, RowPlan
from cytotrial.engine.status import Status
from cytotrial.engine.tolerances import Tolerances
from cytotrial.errors import did_you_mean

_ANSWER_SECONDS = 0.1  # how often the main thread looks for an interrupt while workers run
_UNTOUCHED = -1  # rows written of a patient that no worker has taken up


class Steps(NamedTuple):
    """Steps taken so far: accepted and rejected, each (patients,)."""

    accepted: np.ndarray
    rejected: np.ndarray


class Ensemble:
    """Patients of one model, advanced together. All arrays it shows are copies; it changes only through its methods.

    >>> from cytotrial.engine import EventKind, compile_model
    >>> from cytotrial.model.system import OdeSystem, symbol
    >>> drug, k, rate = symbol("drug"), symbol("k"), symbol("rate")
    >>> system = OdeSystem(("drug",), ("k",), ("rate",), (), (rate - k * drug,), (), np.ones(1))
    >>> ensemble = Ensemble(compile_model(system), np.array([[0.1], [0.2]]), np.ones((2, 1)))
    >>> ensemble.schedule(Events(patient=[0, 1], time=2.0, target=0, kind=EventKind.ADD_TO_STATE, value=1.0))
    >>> outputs = ensemble.advance(until=np.array([4.0, 3.0]), output_times=np.array([1.0, 4.0]))
    >>> outputs.patient, outputs.time
    (array([0, 0, 1]), array([1., 4., 1.]))
    >>> ensemble.states.round(3).tolist()
    [[1.489], [1.368]]
    """

    def __init__(
        self,
        model: CompiledModel,
        parameters: np.ndarray,
        initial: np.ndarray,
        *,
        start: float | np.ndarray = 0.0,
        inputs: np.ndarray | None = None,
        tolerances: Tolerances | None = None,
        threads: int | None = None,
        status: np.ndarray | None = None,
    ) -> None:
        """Patients at their start.

        Args:
            model: what moves them.
            parameters: (patients, parameters).
            initial: (patients, states).
            start: time of each patient [h].
            inputs: (patients, inputs) in force from the start; zeros unless given.
            tolerances: error control.
            threads: workers; as many as processors unless given.
            status: (patients,) values of `Status`: who has failed before the start never moves; nobody has unless given.

        Raises:
            ValueError: an array has another shape or holds a number that is not finite, or patients differ in what they share.
        """
        system = model.system
        patients = len(np.asarray(parameters))
        self.model = model
        self.tolerances = tolerances or Tolerances()
        self.threads = threads or processors()
        self._parameters = _table(parameters, "parameters", names=system.parameters, patients=patients)
        self._states = _table(initial, "initial", names=system.states, patients=patients)
        given = np.zeros((patients, len(system.inputs))) if inputs is None else inputs
        self._inputs = _table(given, "inputs", names=system.inputs, patients=patients)
        self._time = np.array(np.broadcast_to(np.asarray(start, np.float64), (patients,)))
        self._nominal = _nominal(model)
        self._constants, self._shared = model.constants(self._parameters)
        self._step = np.full(patients, self.tolerances.restart_step)
        self._restarts = np.full((patients, RESTARTS), self.tolerances.restart_step)
        self._status = np.array(np.broadcast_to(Status.OK if status is None else status, (patients,)), np.int64)
        self._accepted = np.zeros(patients, np.int64)
        self._rejected = np.zeros(patients, np.int64)
        self._queue = [no_events()]
        self._is_in_order = True

    @property
    def states(self) -> np.ndarray:
        """(patients, states) now."""
        return self._states.copy()

    def states_of(self, patients: np.ndarray, states: np.ndarray | None = None) -> np.ndarray:
        """(patients, states) now of these patients, all states or those at some places."""
        some: np.ndarray = self._states[patients] if states is None else self._states[np.ix_(patients, states)]
        return some

    @property
    def time(self) -> np.ndarray:
        """(patients,) now [h]."""
        return self._time.copy()

    @property
    def inputs(self) -> np.ndarray:
        """(patients, inputs) in force now."""
        return self._inputs.copy()

    @property
    def parameters(self) -> np.ndarray:
        """(patients, parameters)."""
        return self._parameters.copy()

    @property
    def status(self) -> np.ndarray:
        """(patients,) int8, values of `Status`."""
        return self._status.astype(np.int8)

    @property
    def steps(self) -> Steps:
        """Steps accepted and rejected so far."""
        return Steps(self._accepted.copy(), self._rejected.copy())

    @property
    def pending(self) -> Events:
        """Events not yet applied, by patient and time."""
        return self._in_order()

    def observe(self) -> np.ndarray:
        """(patients, observables) now, each in its unit."""
        return self.model.observe(self._states, self._parameters, self._inputs)

    def schedule(self, events: Events) -> None:
        """Add events to the patients' queues, after those already there at the same time.

        Raises:
            ValueError: an event names no patient or target, or a time before the patient's present.
        """
        check_events(events, time=self._time, states=len(self.model.system.states), inputs=len(self.model.system.inputs))
        self._queue.append(events)
        self._is_in_order = False

    def cancel(self, patients_mask: np.ndarray, *, target: int | None = None, kind: EventKind = EventKind.SET_INPUT) -> None:
        """Drop pending events of these patients: all of them, or those of one target of this kind where a target is given."""
        mask = self._mask(patients_mask)
        for index, waiting in enumerate(self._queue):
            drop = mask[waiting.patient]
            if target is not None:
                drop &= (waiting.target == target) & (waiting.kind == kind)
            if drop.any():
                # What is left of a queue in order is in order.
                self._queue[index] = waiting.take(~drop)

    def cancel_inputs(self, cancelled: np.ndarray) -> None:
        """Drop pending changes of inputs, (patients, inputs) which of whom."""
        for index, waiting in enumerate(self._queue):
            (sets,) = np.nonzero(waiting.kind == EventKind.SET_INPUT)
            drop = np.zeros(len(waiting), dtype=bool)
            drop[sets] = cancelled[waiting.patient[sets], waiting.target[sets]]
            if drop.any():
                # What is left of a queue in order is in order.
                self._queue[index] = waiting.take(~drop)

    def set_state(self, name: str, values: float | np.ndarray, patients_mask: np.ndarray) -> None:
        """Replace one state of these patients; `values` is one number, or one per patient of the ensemble.

        Raises:
            ValueError: no state has this name, or a value is not finite.
        """
        names = self.model.system.states
        if name not in names:
            raise ValueError(f"set_state: unknown state '{name}'. {did_you_mean(name, names)}")
        mask = self._mask(patients_mask)
        new = np.broadcast_to(np.asarray(values, np.float64), mask.shape)[mask]
        if not np.isfinite(new).all():
            raise ValueError(
                f"set_state: a value for '{name}' is not finite; expected finite numbers for all patients of the mask."
            )
        self._states[mask, names.index(name)] = new
        self._step[mask] = np.minimum(self._step[mask], self.tolerances.restart_step)

    def advance(
        self,
        until: float | np.ndarray,
        output_times: np.ndarray | None = None,
        *,
        states: Sequence[int] | None = None,
        whole: np.ndarray | None = None,
    ) -> Outputs:
        """Take each patient from its own time to its own `until`; see the module `engine` for the conventions.

        Args:
            until: (patients,) [h]; a patient already there stays as it is. Events before it are applied, others stay pending.
            output_times: one rising grid for all [h]; a patient gets the times after its present and up to its `until`.
            states: places of the states that the outputs hold; all where None. Few are written sooner, and read sooner.
            whole: (patients,) of whom `Outputs.whole` holds all states nevertheless.

        Raises:
            ValueError: an `until` lies before a patient's present, or the grid does not rise.
            KeyboardInterrupt: asked for by the user; every patient is left at a valid state on its way.
        """
        until = np.array(np.broadcast_to(np.asarray(until, np.float64), self._time.shape))
        grid = np.empty(0) if output_times is None else np.ascontiguousarray(output_times, np.float64)
        going = self._status == Status.OK
        self._check_advance(until, grid, going=going)
        moving = going & (until > self._time)
        first = np.searchsorted(grid, self._time, side="right")
        last = np.where(moving, np.searchsorted(grid, until, side="right"), first)
        counts = np.maximum(last - first, 0)
        rows = RowPlan(counts, states=self._states.shape[1], asked=states, whole=whole)
        written = np.full(len(until), _UNTOUCHED)
        event_first, event_last = self._due(until, moving=moving)
        longest_first = np.argsort(-(until - self._time)[moving], kind="stable")
        order = np.flatnonzero(moving)[longest_first]
        try:
            self._run(
                patient_order=order,
                until=until,
                event_first=event_first,
                event_last=event_last,
                grid_time=grid if len(grid) else np.zeros(1),
                grid_first=first,
                grid_last=last,
                rows_written=written,
                **rows.arrays(self._inputs.shape[1]),
            )
        finally:
            self._forget_applied(until, moving=written > _UNTOUCHED)
        return rows.outputs(grid, first, written)

    def _check_advance(self, until: np.ndarray, grid: np.ndarray, *, going: np.ndarray) -> None:
        wrong = going & ~(until >= self._time)
        if wrong.any():
            patient = int(np.argmax(wrong))
            raise ValueError(
                f"advance: until of patient {patient} is {until[patient]:g} h, before its present time "
                f"{self._time[patient]:g} h; expected the present time or later."
            )
        if not np.isfinite(until[going]).all():
            raise ValueError("advance: until must be finite for every patient.")
        if grid.ndim != 1 or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
            raise ValueError("advance: output_times must be one rising row of finite times without repeats.")

    def _in_order(self) -> Events:
        """The queue by patient and time; what was scheduled since it was last in order is put in its place now."""
        if not self._is_in_order:
            self._queue, self._is_in_order = [joined(self._queue).in_order()], True
        return self._queue[0]

    def _due(self, until: np.ndarray, *, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each patient's events before `until` begin and end in the queue."""
        pending, patients = self._in_order(), len(until)
        first = np.searchsorted(pending.patient, np.arange(patients)).astype(np.int64)
        due = (pending.time < until[pending.patient]) & moving[pending.patient]
        return first, first + np.bincount(pending.patient[due], minlength=patients)

    def _forget_applied(self, until: np.ndarray, *, moving: np.ndarray) -> None:
        """Drop the events each patient has passed; one that stopped on the way keeps those still ahead of it."""
        pending = self._in_order()
        patient = pending.patient
        arrived = self._time >= until
        passed = np.where(arrived[patient], pending.time < until[patient], pending.time <= self._time[patient])
        self._queue = [pending.take(~(moving[patient] & passed))]

    def _run(self, *, patient_order: np.ndarray, **arrays: np.ndarray) -> None:
        """Run the workers over these patients and wait; an interrupt of the main thread ends them first."""
        shared = {
            **{name: np.ascontiguousarray(array) for name, array in arrays.items()},
            **{"time": self._time, "step": self._step, "restarts": self._restarts},
            **{"states": self._states, "inputs": self._inputs},
            **{"constants": self._constants, "status": self._status, "accepted": self._accepted, "rejected": self._rejected},
            **{f"event_{name}": getattr(self._in_order(), name) for name in ("time", "kind", "target", "value")},
            "patient_order": patient_order.astype(np.int64),
            "next_patient": np.zeros(1, np.int64),
            "cancel": np.zeros(1, np.int64),
            "settings": np.array([getattr(self.tolerances, name) for name in SETTINGS]),
        }
        if not len(patient_order):
            return
        numbers = {"patient_count": len(patient_order), "max_steps": int(self.tolerances.max_steps)}
        workers = max(1, min(self.threads, -(-len(patient_order) // self.model.lanes)))
        if workers == 1 and threading.current_thread() is not threading.main_thread():
            # No interrupt comes to this thread: it may as well do the work itself.
            self._work(shared, numbers)
            return
        with ThreadPoolExecutor(workers) as pool:
            # The workers look at the cancel flag before every step; leaving the pool waits for them.
            try:
                tasks = [pool.submit(self._work, shared, numbers) for _ in range(workers)]
                while wait(tasks, timeout=_ANSWER_SECONDS).not_done:
                    pass
            except KeyboardInterrupt:
                shared["cancel"][0] = 1
                raise
        for task in tasks:
            task.result()

    def _work(self, shared: dict[str, np.ndarray], numbers: dict[str, int]) -> None:
        """One worker's call, with a workspace of its own."""
        lanes, places = self.model.lanes, self.model.shape.places()
        workspace = aligned_zeros(places["end"] * lanes)
        for name, numbers_of in (("nominal", self._nominal), ("shared", self._shared)):
            workspace[places[name] * lanes :][: len(numbers_of)] = numbers_of
        workspace[places["rtol"] * lanes :][:lanes] = self.tolerances.rtol
        addresses = {name: array.ctypes.data for name, array in shared.items()}
        fields = {**addresses, **numbers, "workspace": workspace.ctypes.data}
        self.model.integrate(np.array([fields[name] for name in CONTEXT], np.int64))

    def _mask(self, patients_mask: np.ndarray) -> np.ndarray:
        mask = np.asarray(patients_mask)
        if mask.dtype != np.bool_ or mask.shape != self._time.shape:
            raise ValueError(f"patients_mask: expected booleans of shape {self._time.shape}; got {mask.dtype} of {mask.shape}.")
        return mask


def processors() -> int:
    """How many processors this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _nominal(model: CompiledModel) -> np.ndarray:
    nominal = np.asarray(model.system.nominal, np.float64)
    if nominal.shape != (len(model.system.states),) or not (nominal > 0).all() or not np.isfinite(nominal).all():
        raise ValueError("OdeSystem.nominal: expected one number above 0 per state.")
    return nominal


def _table(array: np.ndarray, what: str, *, names: tuple[str, ...], patients: int) -> np.ndarray:
    """A copy (patients, names) of finite numbers."""
    table = np.array(array, np.float64, order="C")
    if table.shape != (patients, len(names)):
        raise ValueError(f"{what}: the shape is {table.shape}; expected (patients, {len(names)}) with {patients} patients.")
    wrong = ~np.isfinite(table)
    if wrong.any():
        patient, column = (int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(
            f"{what}: '{names[column]}' of patient {patient} is {table[patient, column]}; expected a finite number."
        )
    return table
