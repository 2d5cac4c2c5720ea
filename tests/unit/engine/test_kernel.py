"""A compiled system over rows: whose parameters a row is read with."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import compile_observations, kernel

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


def test_some_observables_are_the_same_bits_as_among_all(write_system, compiled, tmp_path):
    """A product that two observables share is not fused in one of them alone either."""
    equations, names = {"x": "-k*x", "y": "k*x"}, {"parameters": "k", "inputs": "u"}
    observables = {"sum": "k*x + u", "product": "k*x", "size": "log(y)*u + exp(x)"}
    system = write_system(equations, observables=observables, **names)
    model = compiled(equations, observables=observables, **names)
    random = np.random.default_rng(3)
    states, parameters, inputs = random.random((21, 2)), random.random((4, 1)), random.random((21, 1))
    owner = random.integers(0, 4, 21)
    everything = model.observe(states, parameters, inputs, owner=owner)
    for chosen in (["sum"], ["size", "sum"], []):
        some = compile_observations(system, chosen, cache_folder=tmp_path)(states, parameters, inputs, owner=owner)
        np.testing.assert_array_equal(some, everything[:, [list(observables).index(name) for name in chosen]])


def test_some_observables_are_compiled_once(write_system, tmp_path, monkeypatch):
    system = write_system(EQUATIONS, parameters="k", observables={"sum": "x + y"})
    compile_observations(system, ["sum"], cache_folder=tmp_path)
    monkeypatch.delattr(kernel, "assemble_some")
    again = compile_observations(system, ["sum"], cache_folder=tmp_path)
    assert again(np.array([[1.0, 2.0]]), np.ones((1, 1)), np.zeros((1, 0))).tolist() == [[3.0]]
