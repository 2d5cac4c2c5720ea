"""Where the patients of a biology start that has states at their steady state. Starts by formula are the biology's own."""

from __future__ import annotations

import numpy as np

from cytotrial.engine.status import Status
from cytotrial.engine.steady import SteadyPart, SteadyStates, compile_steady_part, find_steady_states
from cytotrial.model.biology import Biology
from cytotrial.population.draw import Settle


def steady_part_of(biology: Biology) -> SteadyPart | None:
    """What finds a biology's steady states, compiled; None where none of its states starts at one."""
    return compile_steady_part(biology.system, biology.steady_states) if biology.steady_states else None


def steady_starts(
    biology: Biology, part: SteadyPart, parameters: np.ndarray, initial: np.ndarray, *, threads: int | None = None
) -> SteadyStates:
    """The starts of patients before anything is given, from `Biology.initial_states`; all other states are held there."""
    inputs = np.tile(biology.input_defaults(), (len(initial), 1))
    return find_steady_states(part, parameters, initial, inputs=inputs, threads=threads)


def settling(biology: Biology, part: SteadyPart | None, *, threads: int | None = None) -> Settle | None:
    """What settles drawn patients, for `draw_patients`; None where nothing is to be settled."""
    if part is None:
        return None

    def settle(parameters: np.ndarray, initial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = steady_starts(biology, part, parameters, initial, threads=threads)
        return found.states, found.status == Status.OK

    return settle
