"""The text of the module: what it must and must not hold."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from cytotrial.engine import Ensemble, compile_model, sensitivities
from cytotrial.engine.assembly import assemble
from cytotrial.engine.machine import _denormal_mode
from cytotrial.engine.methods import RODAS5P

EXPONENTIAL = "shl <4 x i64>"  # moves the power of two to its place


def body_of(text, name):
    return re.search(rf"define internal void @{name}\(.*?\n}}", text, re.DOTALL)[0]


def test_expressions_of_parameters_alone_are_not_computed_in_a_step(write_system):
    text, shape = assemble(write_system({"x": "-exp(k)*x/volume**1.3"}, parameters="k volume"), RODAS5P, lanes=4)
    assert EXPONENTIAL in body_of(text, "constants_of_block")
    assert EXPONENTIAL not in body_of(text, "later_stage")
    assert shape.constants <= 2  # the factor of x, and its negative for the Jacobian


def test_what_all_patients_share_is_read_as_one_number(write_system):
    system = write_system({"x": "-k*exp(shift)*x"}, parameters="k shift")
    text, shape = assemble(replace(system, shared=frozenset({"shift"})), RODAS5P, lanes=4)
    assert (shape.constants, shape.shared) == (2, 0)  # the factor of x, a patient's own, and its negative
    text, shape = assemble(replace(system, shared=frozenset({"k", "shift"})), RODAS5P, lanes=4)
    assert shape.constants == 0
    assert "shufflevector" in body_of(text, "later_stage")


def test_patients_who_differ_in_what_they_share_are_refused(write_system, cache_folder):
    system = replace(write_system({"x": "-k*x"}, parameters="k"), shared=frozenset({"k"}))
    model = compile_model(system, cache_folder=cache_folder)
    with pytest.raises(ValueError, match="parameters: 'k' differs between patients"):
        Ensemble(model, np.array([[1.0], [2.0]]), np.ones((2, 1)))


def test_sharing_changes_no_bit_and_sensitivities_move_what_is_shared(dosing, dosing_patients, cache_folder):
    own = dosing()
    shared = compile_model(replace(own.system, shared=frozenset(own.system.parameters)), cache_folder=cache_folder)
    parameters, initial = (table[:1].repeat(3, axis=0) for table in dosing_patients(1))
    one, other = (Ensemble(model, parameters, initial).advance(5.0, np.array([1.0, 5.0])).states for model in (own, shared))
    np.testing.assert_array_equal(one, other)
    asked = {"of": ["drug"], "to": ["clearance"], "times": np.array([2.0])}
    slopes = [sensitivities(model, parameters[:1], initial[:1], **asked).slopes for model in (own, shared)]
    np.testing.assert_array_equal(*slopes)


def test_no_instruction_may_be_rearranged_or_fused_unasked(write_system):
    text, _ = assemble(write_system({"x": "-x**1.7 + Max(x, 1)*x/(2 + x)"}), RODAS5P, lanes=4)
    assert not re.search(r"\b(fast|contract|reassoc|arcp|nsz|nnan|ninf|afn|fmuladd)\b", text)


def test_a_sum_with_a_product_is_fused_once(write_system):
    text, _ = assemble(write_system({"x": "y*z + z", "y": "0", "z": "0"}), RODAS5P, lanes=4)
    assert body_of(text, "derivatives_of_block").count("llvm.fma") == 1
    assert "fmul" not in body_of(text, "derivatives_of_block")


@pytest.mark.parametrize("patients", [0, 1, 5])
def test_any_number_of_patients_can_be_advanced(compiled, patients):
    ensemble = Ensemble(compiled({"x": "-x"}), np.zeros((patients, 0)), np.ones((patients, 1)))
    assert len(ensemble.advance(2.0, np.array([1.0])).time) == patients
    assert ensemble.states.shape == (patients, 1)


def test_denormal_numbers_are_flushed_while_patients_are_integrated_and_not_elsewhere(compiled):
    """Multiplied from left to right the rate is 1, by way of 1e-310, which is a denormal number."""
    sizes = {"a": 1e-150, "b": 1e-150, "c": 1e-10, "d": 1e300, "e": 1e10}
    model = compiled({**dict.fromkeys(sizes, "0"), "total": "a*b*c*d*e"})
    initial, nothing = np.array([[*sizes.values(), 0.0]]), np.empty((1, 0))
    ensemble = Ensemble(model, nothing, initial, threads=1)
    ensemble.advance(1.0)
    assert ensemble.states[0, -1] == 0.0
    assert model.derivatives(initial, nothing, nothing)[0, -1] == pytest.approx(1.0)


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "arm64-apple-darwin", "aarch64-linux-gnu", "riscv64-linux-gnu"])
def test_every_processor_has_a_way_to_flush_or_none(triple):
    text = _denormal_mode(triple)
    assert (
        text.count("define internal i64 @flush_denormals()") == text.count("define internal void @restore_denormals(i64") == 1
    )
