"""Where some states of each patient come to rest while all others are held. Not the patients' way through time.

Pseudo-transient continuation: the states are taken through a time that nobody lives, until they have stayed in place for
half of it. The method damps what is fast, so near a rest its steps grow as long as they may and each is a step of Newton's
method; far from it they follow the equations, so a guess leads to the rest of its own branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.kernel import CompiledModel, compile_model
from cytotrial.engine.outputs import Outputs
from cytotrial.engine.status import Status
from cytotrial.engine.tolerances import Tolerances
from cytotrial.errors import did_you_mean
from cytotrial.model.system import OdeSystem

STILL = 1e-5  # of its size: how far a state at rest is seen to move; a tenth of the error that a step of a trial may make
ENDS = tuple(10.0**power for power in range(4, 8))  # [h]; a year tells slow from still, 1,000 years end the search
LOOKS = np.append(np.sort(0.5 + 0.5 * (np.arange(1, 8) * (5**0.5 - 1) / 2 % 1)), 1.0)  # of an end; uneven: no cycle fits them
# Finer than what is still, as where equations switch at the rest a state trembles by such an error and its rate is never small.
# A rest takes some hundred steps; an oscillation takes all it gets up to each end.
TOLERANCES = Tolerances(rtol=1e-6, max_steps=2_000)


@dataclass(frozen=True)
class SteadyPart:
    """The states of a system that are sought, compiled; the states held are parameters of it, after the system's own.

    Attributes:
        model: the compiled part.
        sought: (sought,) places of its states among the system's.
        held: (held,) places of the others.
    """

    model: CompiledModel
    sought: np.ndarray
    held: np.ndarray


@dataclass(frozen=True)
class SteadyStates:
    """What was found.

    Attributes:
        states: (patients, states) at rest; of a patient without rest as they were given.
        status: (patients,) int8, `Status.OK` or `Status.NO_STEADY_STATE`.
        worst: (patients,) which state moves fastest in the end, by its place among the system's.
    """

    states: np.ndarray
    status: np.ndarray
    worst: np.ndarray


def compile_steady_part(system: OdeSystem, names: Sequence[str], *, cache_folder: Path | None = None) -> SteadyPart:
    """The states of these names as a compiled system of their own. The cache is that of `compile_model`.

    Raises:
        ValueError: no state has such a name, or none is named.
    """
    for name in names:
        if name not in system.states:
            raise ValueError(f"compile_steady_part: unknown state '{name}'. {did_you_mean(name, system.states)}")
    if not names:
        raise ValueError("compile_steady_part: no state is named; expected at least one.")
    is_sought = np.isin(system.states, list(names))
    sought, held = np.flatnonzero(is_sought), np.flatnonzero(~is_sought)
    part = replace(
        system,
        states=tuple(system.states[place] for place in sought),
        parameters=(*system.parameters, *(system.states[place] for place in held)),
        observables=(),
        derivatives=tuple(system.derivatives[place] for place in sought),
        observations=(),
        nominal=np.asarray(system.nominal, np.float64)[sought],
    )
    return SteadyPart(compile_model(part, cache_folder=cache_folder), sought, held)


def find_steady_states(
    part: SteadyPart,
    parameters: np.ndarray,
    guess: np.ndarray,
    *,
    inputs: np.ndarray | None = None,
    threads: int | None = None,
) -> SteadyStates:
    """The rest of each patient that the equations lead to from a guess, all but the states sought held at theirs.

    A patient has no steady state where the equations fail on the way, or states still move when the longest time is over.

    Args:
        part: the states sought.
        parameters: (patients, parameters) of the whole system.
        guess: (patients, states) of the whole system; what is held stays as it is here.
        inputs: (patients, inputs); zeros unless given.
        threads: workers; as many as processors unless given.

    Raises:
        ValueError: as `Ensemble`.

    >>> from cytotrial.model.system import OdeSystem, symbol
    >>> cells, births, loss = (symbol(name) for name in ("cells", "births", "loss"))
    >>> system = OdeSystem(("cells",), ("births", "loss"), (), (), (births - loss * cells,), (), np.ones(1))
    >>> part = compile_steady_part(system, ["cells"])
    >>> find_steady_states(part, np.array([[2.0, 0.1], [3.0, 0.1]]), np.ones((2, 1))).states.round(6).tolist()
    [[20.0], [30.0]]
    """
    guess = np.asarray(guess, np.float64)
    own = np.concatenate([np.asarray(parameters, np.float64), guess[:, part.held]], axis=1)
    ensemble = Ensemble(part.model, own, guess[:, part.sought], inputs=inputs, tolerances=TOLERANCES, threads=threads)
    rests = np.zeros(len(guess), dtype=bool)
    for end in ENDS:
        looks = ensemble.advance(np.where(rests, ensemble.time, end), end * LOOKS)
        going = ensemble.status == Status.OK
        rests |= going & _stayed(looks, ensemble)
        if (rests | ~going).all():
            break
    states = guess.copy()
    states[np.ix_(rests, part.sought)] = ensemble.states[rests]
    worst = part.sought[_speed(ensemble).argmax(axis=1)]
    return SteadyStates(states, np.where(rests, Status.OK, Status.NO_STEADY_STATE).astype(np.int8), worst)


def _stayed(looks: Outputs, ensemble: Ensemble) -> np.ndarray:
    """(patients,) whose states are all in one place at every look, as far as `STILL` tells; not those without a look."""
    stayed = np.zeros(len(ensemble.time), dtype=bool)
    # Rows are ordered by patient: one reduction per run of equal patients.
    starts = np.flatnonzero(np.diff(looks.patient, prepend=-1))
    if starts.size:
        highest, lowest = (extreme.reduceat(looks.states, starts, axis=0) for extreme in (np.maximum, np.minimum))
        who = looks.patient[starts]
        size = ensemble.model.system.nominal + np.abs(ensemble.states_of(who))
        with np.errstate(over="ignore"):
            stayed[who] = (highest - lowest < STILL * size).all(axis=1)
    return stayed


def _speed(ensemble: Ensemble) -> np.ndarray:
    """How fast each state moves, of its size (patients, sought) [1/h]; infinite if it cannot be told."""
    states = ensemble.states
    rates = ensemble.model.derivatives(states, ensemble.parameters, ensemble.inputs)
    speed = np.abs(rates) / (ensemble.model.system.nominal + np.abs(states))
    return np.where(np.isfinite(speed), speed, np.inf)
