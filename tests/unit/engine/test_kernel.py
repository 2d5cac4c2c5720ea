"""A compiled system over rows: whose parameters a row is read with."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import compile_extremes, kernel

EQUATIONS = {"x": "-k*x", "y": "k*x"}


@pytest.fixture
def model(compiled):
    return compiled(EQUATIONS, parameters="k", inputs="u", observables={"scaled": "k*x + u", "sum": "x + y"})


def test_rows_with_an_owner_are_observed_with_its_parameters(model):
    states = np.random.default_rng(2).random((11, 2))
    inputs = np.arange(11.0)[:, None]
    parameters = np.array([[1.0], [10.0], [100.0]])
    owner = np.array([0, 0, 2, 1, 1, 1, 2, 0, 2, 2, 1])
    found = model.observe(states, parameters, inputs, owner=owner)
    assert np.array_equal(found, model.observe(states, parameters[owner], inputs))
    assert found[:, 0] == pytest.approx(parameters[owner, 0] * states[:, 0] + inputs[:, 0])


def test_no_rows_are_observed_as_none(model):
    nothing = np.zeros((0, 2)), np.ones((3, 1)), np.zeros((0, 1))
    assert model.observe(*nothing, owner=np.array([], dtype=np.int64)).shape == (0, 2)


@pytest.mark.parametrize("owner", [[0, 3], [-1, 0]])
def test_an_owner_that_is_no_patient_is_refused(model, owner):
    with pytest.raises(ValueError, match=r"owner: expected rows of parameters, 0 to 2\."):
        model.observe(np.zeros((2, 2)), np.ones((3, 1)), np.zeros((2, 1)), owner=np.array(owner))


def test_rows_of_another_number_than_their_owners_are_refused(model):
    with pytest.raises(ValueError, match=r"states: the shape is \(3, 2\); expected \(rows, states\) = \(2, 2\)\."):
        model.observe(np.zeros((3, 2)), np.ones((3, 1)), np.zeros((2, 1)), owner=np.array([0, 1]))


def test_extremes_are_the_bits_that_observing_every_row_gives(write_system, compiled, tmp_path):
    """Runs of other lengths side by side; and a product that two observables share is not fused in one of them alone either."""
    equations, names = {"x": "-k*x", "y": "k*x"}, {"parameters": "k", "inputs": "u"}
    observables = {"sum": "k*x + u", "product": "k*x", "size": "log(y)*u + exp(x)"}
    system = write_system(equations, observables=observables, **names)
    model = compiled(equations, observables=observables, **names)
    random = np.random.default_rng(3)
    owner = np.repeat([1, 2, 3, 5, 6, 7, 8, 9, 11, 12], [3, 1, 7, 2, 2, 4, 1, 1, 5, 2])
    states, parameters, inputs = random.random((owner.size, 2)), random.random((13, 1)), random.random((owner.size, 1))
    everything = model.observe(states, parameters, inputs, owner=owner)
    for chosen in (["sum"], ["size", "sum"], []):
        extremes = compile_extremes(system, chosen, cache_folder=tmp_path)
        found = extremes(states[:, list(extremes.states)], parameters, inputs, owner=owner)
        places = [list(observables).index(name) for name in chosen]
        assert found.owner.tolist() == [1, 2, 3, 5, 6, 7, 8, 9, 11, 12]
        for patient, highest, lowest in zip(*found, strict=True):
            seen = everything[owner == patient][:, places]
            np.testing.assert_array_equal(highest, seen.max(axis=0))
            np.testing.assert_array_equal(lowest, seen.min(axis=0))


def test_what_is_not_a_number_is_no_extreme(write_system, tmp_path):
    system = write_system({"x": "-k*x"}, parameters="k", observables={"root": "log(x)"})
    states, inputs = np.array([[-1.0], [1.0], [-1.0]]), np.zeros((3, 0))
    found = compile_extremes(system, ["root"], cache_folder=tmp_path)(states, np.ones((1, 1)), inputs, owner=np.zeros(3, int))
    assert (found.highest.tolist(), found.lowest.tolist()) == ([[0.0]], [[0.0]])


def test_extremes_of_rows_that_do_not_fit_are_refused(write_system, tmp_path):
    system = write_system(EQUATIONS, parameters="k", observables={"sum": "x + y"})
    extremes = compile_extremes(system, ["sum"], cache_folder=tmp_path)
    with pytest.raises(ValueError, match=r"states: the shape is \(1, 2\); expected \(rows, states\) = \(2, 2\)\."):
        extremes(np.zeros((1, 2)), np.ones((1, 1)), np.zeros((2, 0)), owner=np.array([0, 0]))
    with pytest.raises(ValueError, match="owner: expected rows of parameters, 0 to 0"):
        extremes(np.zeros((1, 2)), np.ones((1, 1)), np.zeros((1, 0)), owner=np.array([1]))


def test_extremes_are_compiled_once(write_system, tmp_path, monkeypatch):
    system = write_system(EQUATIONS, parameters="k", observables={"sum": "x + y"})
    compile_extremes(system, ["sum"], cache_folder=tmp_path)
    monkeypatch.delattr(kernel, "assemble_extremes")
    again = compile_extremes(system, ["sum"], cache_folder=tmp_path)
    found = again(np.array([[1.0, 2.0]]), np.ones((1, 1)), np.zeros((1, 0)), owner=np.array([0]))
    assert found.highest.tolist() == [[3.0]]
