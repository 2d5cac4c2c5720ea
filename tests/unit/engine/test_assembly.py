"""The text of the module: what it must and must not hold."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cytotrial.engine import Ensemble
from cytotrial.engine.assembly import assemble
from cytotrial.engine.machine import _denormal_mode
from cytotrial.engine.methods import RODAS5P


def body_of(text, name):
    return re.search(rf"define internal void @{name}\(.*?\n}}", text, re.DOTALL)[0]


def test_expressions_of_parameters_alone_are_not_computed_in_a_step(write_system):
    text, shape = assemble(write_system({"x": "-exp(k)*x/volume**1.3"}, parameters="k volume"), RODAS5P, lanes=4)
    assert "vector_exp" in body_of(text, "constants_of_block")
    assert "vector_exp" not in body_of(text, "later_stage")
    assert shape.constants <= 2  # the factor of x, and its negative for the Jacobian


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
