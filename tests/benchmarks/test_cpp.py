"""The engine's program as C++: what it prints does what the engine does."""

from __future__ import annotations

import ctypes
import shutil

import numpy as np
import pytest

from cytotrial.engine import CompiledModel, Ensemble, EventKind, Events, compile_model
from cytotrial.engine.assembly import assemble
from cytotrial.engine.jacobian import differentiate
from cytotrial.engine.lowering import lower
from cytotrial.engine.machine import host_machine
from cytotrial.engine.methods import RODAS5P

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++; the comparison with C++ is left out")


@needs_compiler
def test_the_program_as_cpp_takes_the_same_steps_to_the_same_states(system, patients, tmp_path):
    from benchmarks.engine.cpp import cpp_of
    from benchmarks.engine.native import compile_cpp
    from benchmarks.engine.project import _Loaded

    lanes = host_machine().lanes
    text, shape = assemble(system, RODAS5P, lanes=lanes)
    library, _ = compile_cpp(cpp_of(text, lanes=lanes), tmp_path, name="program")
    results = []
    for model in (compile_model(system, cache_folder=tmp_path), CompiledModel(system, shape, _Loaded(library))):
        ensemble = Ensemble(model, *patients, threads=1)
        ensemble.schedule(Events(np.arange(10), 4.0, 0, EventKind.SET_INPUT, np.linspace(0, 50, 10)))
        outputs = ensemble.advance(48.0, np.arange(1.0, 49.0))
        results.append((outputs.states, ensemble.steps.accepted, ensemble.observe()))
    np.testing.assert_array_equal(results[0][1], results[1][1])
    # The C++ compiler may fuse what the engine does not: the last bits differ, and a step's error with them.
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-7, atol=1e-9)


def test_an_instruction_without_cpp_is_named():
    from benchmarks.engine.cpp import cpp_of

    text = "define internal void @f(ptr %a0) nounwind noinline {\n  %v1 = frem double %v2, %v3\n  ret void\n}"
    with pytest.raises(ValueError, match="no C\\+\\+ for the instruction 'frem double %v2, %v3'"):
        cpp_of(text, lanes=4)


@pytest.fixture
def scalar(system, patients, tmp_path):
    """The scalar code of peers with clearance and hill shared, as functions of numbers."""
    from benchmarks.engine.native import compile_cpp
    from benchmarks.engine.scalar import scalar_code

    shared = {system.parameters.index(name): patients[0][0, system.parameters.index(name)] for name in ("clearance", "hill")}
    exported = """
    #define OUT extern "C" void
    OUT take(const double* p, double* c) { constants(p, c); }
    OUT rates_of(const double* y, const double* c, const double* u, double* out) { rates(y, c, u, out); }
    OUT solved(const double* y, const double* c, const double* u, double gamma, double* b, double* dense) {
      double entries[ENTRIES], w[SLOTS];
      jacobian(y, c, u, entries);
      for (int k = 0; k < ENTRIES; k++) dense[JACOBIAN_ROW[k] * STATES + JACOBIAN_COLUMN[k]] = entries[k];
      form(entries, gamma, w);
      factorise(w);
      solve(w, b);
    }
    """
    source = "\n".join(["#include <cmath>", scalar_code(system, shared=shared), exported])
    library, _ = compile_cpp(source, tmp_path, name="scalar")
    return library, [index for index in range(len(system.parameters)) if index not in shared]


@needs_compiler
def test_scalar_rates_jacobian_and_factors_are_those_of_the_engine(system, patients, scalar, tmp_path):
    library, varied = scalar
    parameters, states = patients[0][:1], np.array([START_ELSEWHERE])
    own, constants, inputs = np.ascontiguousarray(parameters[0, varied]), np.zeros(100), np.array([7.0])
    place = lambda array: ctypes.c_void_p(array.ctypes.data)  # noqa: E731
    library.take(place(own), place(constants))
    size = len(START_ELSEWHERE)
    found = np.zeros(size)
    library.rates_of(place(states), place(constants), place(inputs), place(found))
    model = compile_model(system, cache_folder=tmp_path)
    np.testing.assert_allclose(found, model.derivatives(states, parameters, inputs[None])[0], rtol=1e-12, atol=1e-14)
    right, dense = np.arange(1.0, 1.0 + size), np.zeros((size, size))
    expected = right.copy()
    library.solved(place(states), place(constants), place(inputs), ctypes.c_double(0.3), place(right), place(dense))
    moved = 1e-6
    differences = [
        (
            model.derivatives(states + moved * unit, parameters, inputs[None])
            - model.derivatives(states - moved * unit, parameters, inputs[None])
        )[0]
        / (2 * moved)
        for unit in np.eye(size)
    ]
    np.testing.assert_allclose(dense, np.array(differences).T, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(right, np.linalg.solve(np.eye(size) - 0.3 * dense, expected), rtol=1e-10)


START_ELSEWHERE = (0.4, 0.8, 0.2, 1.5, 3.0, 9.0)


def test_specialising_writes_shared_parameters_as_numbers(system):
    from benchmarks.engine.scalar import specialise

    lowered = lower(system)
    outputs = [*lowered.derivatives, *differentiate(lowered.program, lowered.derivatives).values()]
    everything = dict.fromkeys(range(len(system.parameters)), 2.0)
    program, _ = specialise(lowered.program, outputs, shared=everything)
    assert not [one for one in program.instructions if one.operation == "parameter"]
    program, _ = specialise(lowered.program, outputs, shared={0: 2.0})
    assert {one.constant for one in program.instructions if one.operation == "parameter"} == set(range(6))
