"""The formulas by which the shipped biology starts, against the rests that a search finds from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import Status, compile_steady_part, find_steady_states

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

MODULES = {"circulation", "kidney", "fluid_balance", "marrow", "thyroid", "fatigue"}
PATIENTS = 40
AGREES = 1e-5  # of a state's size: the search calls still what moves no further than that


@pytest.mark.parametrize("guess", [0.7, 1.3])
def test_a_search_finds_the_starts_that_the_formulas_of_the_library_give(bench, guess):
    """Their equations act on each other. A running total of what has happened, as a hazard is, has no rest to be found."""
    biology = bench.biology
    hazards = {event.hazard for event in biology.events.values()}
    moving = {name: biology.states[name] for name in biology.system.states}
    at_rest = {name for name, state in moving.items() if state.module in MODULES and state.at_rest} - hazards
    patients = bench.draw(np.arange(1, PATIENTS + 1))
    part = compile_steady_part(biology.system, sorted(at_rest))
    first = patients.initial.copy()
    first[:, part.sought] *= guess
    inputs = np.tile(biology.input_defaults(), (PATIENTS, 1))
    found = find_steady_states(part, patients.parameters, first, inputs=inputs, threads=1)
    size = np.asarray(biology.system.nominal) + np.abs(patients.initial)
    assert (found.status == Status.OK).all()
    assert (np.abs(found.states - patients.initial) / size).max() < AGREES
