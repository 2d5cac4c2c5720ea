"""Fever of two causes: both act on one set-point, so that together they ask for less than their sum."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.catalogue import Library
from cytotrial.evidence.time_courses import Bench, bench_of

CAUSES = ("interferon_signalling__flu_effect", "cytokine_release__prostaglandins")


@pytest.fixture(scope="module")
def bench(library: Library) -> Bench:
    return bench_of(library, drugs=list(library.drugs), disease=library.disease_of_checks)


def _rise(bench: Bench, **causes: float) -> float:
    """How far the set-point of a typical patient is above his temperature at rest [degC]."""
    patient, names = bench.typical(), list(bench.biology.system.states)
    states = patient.initial.copy()
    for name, value in causes.items():
        states[0, names.index(name)] = value
    seen = bench.model.observe(states, patient.parameters, bench.biology.input_defaults()[None, :])
    return float(seen[0, list(bench.biology.system.observables).index("chills_gap")])


def test_two_causes_of_fever_together_give_more_than_either_and_less_than_their_sum(bench: Bench) -> None:
    for size in (0.1, 0.5, 0.9):
        first, second = (_rise(bench, **{cause: size}) for cause in CAUSES)
        both = _rise(bench, **dict.fromkeys(CAUSES, size))
        assert 0.0 < max(first, second) < both < first + second


def test_small_fevers_add_up_and_large_ones_do_not(bench: Bench) -> None:
    def shared(size: float) -> float:
        return _rise(bench, **dict.fromkeys(CAUSES, size)) / sum(_rise(bench, **{cause: size}) for cause in CAUSES)

    assert shared(0.01) > shared(0.1) > shared(0.5) > shared(1.0)
    np.testing.assert_allclose(shared(0.001), 1.0, atol=0.02)  # 2 in 100: the first term left out is of the size of the fever
