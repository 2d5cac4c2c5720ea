"""Rows of output times with few states or all of them: the same values, whoever asks for how many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.engine import CompiledModel, Ensemble, Outputs

TIMES = np.arange(0.5, 6.0, 0.5)
UNTIL = np.array([1.0, 6.0, 0.0, 3.2, 6.0, 2.0, 0.7, 5.0, 4.4, 6.0, 1.1])
PATIENTS = UNTIL.size


@pytest.fixture
def chain(compiled: Callable[..., CompiledModel]) -> CompiledModel:
    """Four pools that empty into each other."""
    return compiled({"a": "-k*a", "b": "k*a - b", "c": "b - k*c", "d": "c + u"}, parameters="k", inputs="u")


def rows_of(model: CompiledModel, until: np.ndarray = UNTIL, **asked: object) -> Outputs:
    rates = np.linspace(0.2, 2.0, PATIENTS)[:, None]
    ensemble = Ensemble(model, rates, np.tile([1.0, 0.5, 0.2, 0.1], (PATIENTS, 1)), inputs=rates / 10)
    return ensemble.advance(until, TIMES, **asked)  # type: ignore[arg-type]


def test_the_states_asked_for_stand_in_the_order_asked(chain: CompiledModel) -> None:
    everything, some = rows_of(chain), rows_of(chain, states=[3, 1])
    np.testing.assert_array_equal(some.states, everything.states[:, [3, 1]])
    for name in ("patient", "time", "inputs"):
        np.testing.assert_array_equal(getattr(some, name), getattr(everything, name))
    assert some.whole is None


def test_patients_asked_wholly_have_rows_of_both_kinds(chain: CompiledModel) -> None:
    whole = np.isin(np.arange(PATIENTS), [1, 2, 6, 10])
    everything, some = rows_of(chain), rows_of(chain, states=[2], whole=whole)
    np.testing.assert_array_equal(some.states, everything.states[:, [2]])
    assert some.whole is not None
    mine = whole[everything.patient]
    for name in ("patient", "time", "inputs", "states"):
        np.testing.assert_array_equal(getattr(some.whole, name), getattr(everything, name)[mine])


def test_nothing_may_be_asked_of_the_states(chain: CompiledModel) -> None:
    none = rows_of(chain, states=[])
    assert none.states.shape == (none.patient.size, 0)
    assert none.patient.size == rows_of(chain).patient.size


def test_without_output_times_in_reach_there_are_no_rows(chain: CompiledModel) -> None:
    found = rows_of(chain, np.full(PATIENTS, 0.4), states=[0], whole=np.ones(PATIENTS, dtype=bool))
    assert (found.patient.size, found.states.shape, found.whole) == (0, (0, 1), None)


def test_rows_that_a_failing_patient_does_not_reach_are_left_out_of_both_kinds(
    compiled: Callable[..., CompiledModel],
) -> None:
    model = compiled({"x": "bad*x**2 - (1 - bad)*x", "y": "-y"}, parameters="bad")
    bad = np.zeros((4, 1))
    bad[1:3] = 1.0
    found = Ensemble(model, bad, np.ones((4, 2))).advance(
        3.0, np.array([0.5, 2.0, 3.0]), states=[1], whole=np.array([True, True, False, False])
    )
    assert found.patient.tolist() == [0, 0, 0, 1, 2, 3, 3, 3]
    assert found.whole is not None
    assert found.whole.patient.tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(found.whole.states[:, 1], found.states[:4, 0])
    assert np.isfinite(found.states).all()
