"""Every shipped protocol's biology and doses by our engine against SciPy's LSODA, at a tight tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cytotrial.catalogue import load_library
from cytotrial.engine import CompiledModel, Ensemble, EventKind, Events, Tolerances, compile_model
from cytotrial.model.biology import Biology
from cytotrial.model.composition import compose
from cytotrial.population.draw import draw_patients
from cytotrial.protocol.dosing import dose_amount
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.trial import recipe_of

LIBRARY = load_library()
END = 36.0
GRID = np.arange(1.0, END + 1)


@dataclass(frozen=True)
class Case:
    """One patient of a protocol with the doses of the first day and a half, (events,) each."""

    biology: Biology
    model: CompiledModel
    parameters: np.ndarray
    initial: np.ndarray
    time: np.ndarray
    target: np.ndarray
    kind: np.ndarray
    value: np.ndarray


def make_case(name: str) -> Case:
    protocol = read_protocol(find_protocol(name, LIBRARY), LIBRARY)
    biology = compose(LIBRARY, drugs=protocol.drugs, disease=protocol.disease)
    model = compile_model(biology.system)
    names = biology.system.observables

    def resting(parameters, states):
        inputs = np.tile(biology.input_defaults(), (len(states), 1))
        return dict(zip(names, model.observe(states, parameters, inputs).T, strict=True))

    recipe = recipe_of(protocol, LIBRARY, biology)
    patient = draw_patients(biology, recipe, seed=protocol.seed, numbers=np.array([1]), resting=resting)
    events = []
    for treatment in protocol.arms[0].treatments:
        drug = LIBRARY.drugs[treatment.drug]
        for dose in treatment.regimen.doses:
            if dose.hours < END:
                body = {key: patient.covariates[key] for key in ("weight", "height")}
                events += entries(biology, drug, dose, float(dose_amount(dose, drug.file, **body)[0]))
    columns = (np.array(column) for column in zip(*sorted(events), strict=True))
    return Case(biology, model, patient.parameters, patient.initial, *columns)


def entries(biology, drug, dose, amount):
    """A dose as events: time, target, kind, value."""
    route = drug.file.routes[dose.route]
    if dose.duration_hours == 0:
        return [(dose.hours, biology.system.states.index(f"{drug.id}__{route.bolus}"), EventKind.ADD_TO_STATE, amount)]
    target = biology.system.inputs.index(f"{drug.id}__{route.infusion}")
    ends = ((dose.hours, amount / dose.duration_hours), (dose.hours + dose.duration_hours, 0.0))
    return [(time, target, EventKind.SET_INPUT, rate) for time, rate in ends]


def by_lsoda(case: Case) -> np.ndarray:
    """States (times, states), restarted at every event, at a tolerance near its limit."""
    inputs, nominal = case.biology.input_defaults()[None, :].copy(), np.asarray(case.biology.system.nominal)
    state, result = case.initial[0].copy(), np.empty((GRID.size, nominal.size))
    breaks = np.unique([0.0, *case.time[case.time < END], END])
    for begin, end in pairwise(breaks):
        for target, kind, value in zip(
            *(column[case.time == begin] for column in (case.target, case.kind, case.value)), strict=True
        ):
            if kind == EventKind.SET_INPUT:
                inputs[0, target] = value
            else:
                state[target] += value
        inside = (begin < GRID) & (end >= GRID)
        solution = solve_ivp(
            lambda _time, y: case.model.derivatives(y[None, :], case.parameters, inputs)[0],
            *((begin, end), state),
            **{"method": "LSODA", "t_eval": np.unique([*GRID[inside], end]), "rtol": 1e-10},
            **{"atol": 1e-12 * nominal, "first_step": 1e-6},
        )
        assert solution.success
        result[inside] = solution.y.T[: inside.sum()]
        state = solution.y[:, -1].copy()
    return result


@pytest.mark.parametrize("name", sorted(LIBRARY.protocols))
def test_a_shipped_protocol_agrees_with_lsoda_to_one_in_a_million(name):
    case = make_case(name)
    defaults = case.biology.input_defaults()[None, :]
    ensemble = Ensemble(
        *(case.model, case.parameters, case.initial), inputs=defaults, tolerances=Tolerances(rtol=1e-8), threads=1
    )
    ensemble.schedule(Events(0, case.time, case.target, case.kind, case.value))
    found = ensemble.advance(END, GRID).states
    assert not ensemble.status.any()
    reference = by_lsoda(case)
    nominal = np.asarray(case.biology.system.nominal)
    assert (np.abs(found - reference) / (np.abs(reference) + nominal)).max() <= 1e-6
