"""What everybody integrates: the composed biology, drawn patients, a fixed schedule, output times, and the exact answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cytotrial.catalogue import load_library
from cytotrial.engine import CompiledModel, Ensemble, EventKind, Events, Tolerances, compile_model
from cytotrial.manage.care import switches
from cytotrial.model.biology import Biology
from cytotrial.model.system import OdeSystem
from cytotrial.population.draw import Patients
from cytotrial.protocol.dosing import dose_amount
from cytotrial.protocol.protocol import Protocol
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.trial import draw_chunk, prepare, recipe_of

DAYS = 180.0
OUTPUTS = 196
REFERENCE_RTOL = 1e-10  # far below every error compared, and above what rounding of a stiff system allows


@dataclass(frozen=True)
class Task:
    """One problem, the same for all.

    Attributes:
        biology: the composed model, for peers that read its SBML.
        parameters: (patients, parameters).
        initial: (patients, states).
        breaks: (segments,) when an input changes [h], the first at 0.
        inputs: (segments, inputs) in force from each break; the infusion's column is 1 while it runs.
        infusion: index of the infusion's input.
        rates: (patients,) of the infusion [nmol/h].
        times: (times,) of output [h]; the last is the end.
    """

    biology: Biology
    parameters: np.ndarray
    initial: np.ndarray
    breaks: np.ndarray
    inputs: np.ndarray
    infusion: int
    rates: np.ndarray
    times: np.ndarray

    @property
    def system(self) -> OdeSystem:
        """The equations."""
        return self.biology.system

    @cached_property
    def shared(self) -> dict[int, float]:
        """Index -> value of the parameters that all patients have in common."""
        varied = set(self.varied)
        return {index: float(value) for index, value in enumerate(self.parameters[0]) if index not in varied}

    @property
    def end(self) -> float:
        """When everybody is done [h]."""
        return float(self.times[-1])

    @cached_property
    def model(self) -> CompiledModel:
        """The equations compiled by the project."""
        return compile_model(self.system)

    @cached_property
    def varied(self) -> tuple[int, ...]:
        """Indices of the parameters that differ between patients."""
        return tuple(int(index) for index in np.flatnonzero(np.ptp(self.parameters, axis=0) > 0))

    def with_doses(self, count: int) -> Task:
        """The same without the doses after the first `count`."""
        running = self.inputs[:, self.infusion] > 0
        inputs = self.inputs.copy()
        inputs[np.cumsum(running) > count, self.infusion] = 0.0
        return replace(self, inputs=inputs)

    def inputs_of(self, patient: int) -> np.ndarray:
        """(segments, inputs) of one patient."""
        values = self.inputs.copy()
        values[:, self.infusion] *= self.rates[patient]
        return values

    def events(self, patients: int) -> Events:
        """All changes of inputs of the first patients, as the project takes them."""
        changes = np.diff(self.inputs, axis=0, prepend=np.full((1, self.inputs.shape[1]), np.nan)) != 0
        segment, target = np.nonzero(changes)
        values = np.tile(self.inputs[segment, target], (patients, 1))
        values[:, target == self.infusion] *= self.rates[:patients, None]
        count = len(segment)
        return Events(
            np.repeat(np.arange(patients), count),
            np.tile(self.breaks[segment], patients),
            np.tile(target, patients),
            np.full(patients * count, EventKind.SET_INPUT),
            values.ravel(),
        )

    def ensemble(self, patients: int, *, rtol: float, threads: int = 1, model: CompiledModel | None = None) -> Ensemble:
        """The first patients before the start, their events scheduled; `model` where it is compiled in another way."""
        ensemble = Ensemble(
            model or self.model,
            self.parameters[:patients],
            self.initial[:patients],
            tolerances=Tolerances(rtol=rtol),
            threads=threads,
        )
        ensemble.schedule(self.events(patients))
        return ensemble

    def reference(self, patients: int) -> np.ndarray:
        """(patients, times, states) by the project at a tolerance far below every error compared; tests hold it to LSODA."""
        ensemble = self.ensemble(patients, rtol=REFERENCE_RTOL)
        outputs = ensemble.advance(self.end, self.times)
        if ensemble.status.any():
            raise RuntimeError("the reference failed for a patient; the model has changed: look at its status.")
        return outputs.states.reshape(patients, self.times.size, -1)

    def scaled_errors(self, found: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Differences relative to the size of each value plus the size that matters of its state."""
        errors: np.ndarray = np.abs(found - reference) / (np.abs(reference) + np.asarray(self.system.nominal))
        return errors


def make_task(protocol_name: str, *, patients: int, days: float = DAYS) -> Task:
    """The first arm of a protocol as planned: every dose of the first course is given to everybody.

    Args:
        protocol_name: a shipped protocol or a file; its first treatment must be infusions.
        patients: how many are drawn.
        days: until the last output.
    """
    biology, _, drawn, protocol = drawn_patients(protocol_name, patients=patients)
    library = load_library()
    treatment = protocol.arms[0].treatments[0]
    drug, doses = library.drugs[treatment.drug], treatment.regimen.doses
    body = {name: drawn.covariates[name] for name in ("weight", "height")}
    starts = np.array([dose.hours for dose in doses])
    duration = doses[0].duration_hours
    infusion = biology.system.inputs.index(f"{treatment.drug}__{drug.file.routes[doses[0].route].infusion}")
    care = switches(library.support[treatment.support], biology.system.inputs)
    last = starts[-1] + duration
    breaks = np.unique([0.0, *starts, *(starts + duration), *(last + switch.after_hours for switch in care)])
    inputs = np.tile(biology.input_defaults(), (breaks.size, 1))
    since = breaks[:, None] - starts
    inputs[:, infusion] = ((since >= 0) & (since < duration * (1 - 1e-9))).any(axis=1)
    for switch in care:
        inputs[:, switch.index] = np.where(breaks < last + switch.after_hours, switch.value, inputs[:, switch.index])
    return Task(
        biology,
        drawn.parameters,
        drawn.initial,
        breaks,
        inputs,
        infusion,
        dose_amount(doses[0], drug.file, **body) / duration,
        output_times(starts, end=days * 24.0),
    )


def drawn_patients(protocol_name: str, *, patients: int) -> tuple[Biology, CompiledModel, Patients, Protocol]:
    """The composed biology of a protocol, compiled, patients drawn as a trial draws them, and the protocol."""
    library = load_library()
    protocol = read_protocol(find_protocol(protocol_name, library), library)
    prepared = prepare(protocol, library)
    recipe = recipe_of(protocol, library, prepared.biology)
    drawn = draw_chunk(protocol, prepared, recipe, np.arange(1, patients + 1))
    return prepared.biology, prepared.model, drawn, protocol


def output_times(starts: Sequence[float] | np.ndarray, *, end: float, count: int = OUTPUTS) -> np.ndarray:
    """`count` times (times,) [h], dense while doses are given, thinner later, the last at the end.

    >>> output_times([0.0, 8.0], end=100.0, count=5)
    array([  2.,   8.,  16.,  58., 100.])
    """
    last = float(np.max(starts)) + 8.0
    dosing = np.unique(np.concatenate([start + np.arange(2.0, 9.0, 2.0) for start in np.asarray(starts, float)]))
    most = count * 2 // 3
    early = dosing[np.unique(np.linspace(0, dosing.size - 1, min(most, dosing.size)).astype(int))]
    later = np.linspace(last, end, count - early.size + 1)[1:]
    return np.concatenate([early, later])
