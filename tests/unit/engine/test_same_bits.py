"""A patient's result does not depend on who is calculated beside it, on lanes or threads, or on stops being replayed."""

from __future__ import annotations

import dataclasses
import platform
import re

import numpy as np
import pytest

from cytotrial.engine import Ensemble, EventKind, Events
from cytotrial.engine.assembly import assemble
from cytotrial.engine.kernel import compile_model
from cytotrial.engine.machine import assembly_of, host_machine
from cytotrial.engine.methods import RODAS5P

OF_A_STEP = ("first_stage", "later_stage", "step", "between")
PATIENTS = 23
GRID = np.arange(1.0, 73.0, 1.5)


def schedule_of(patient):
    """Each patient has another interval and another dose; some also have a bolus into the depot."""
    starts = np.arange(0.0, 60.0, 6.0 + patient % 5)
    times = np.concatenate([starts, starts + 0.25, [3.0 + patient]])
    kind = np.concatenate([np.zeros(2 * len(starts)), [EventKind.ADD_TO_STATE]])
    value = np.concatenate([np.full(len(starts), 40.0 + patient), np.zeros(len(starts)), [10.0]])
    return times, kind, value


def run(model, patients, *, who=None, threads=1, stops=(72.0,)):
    parameters, initial = patients
    who = np.arange(PATIENTS) if who is None else np.asarray(who)
    ensemble = Ensemble(model, parameters[who], initial[who], threads=threads)
    for row, patient in enumerate(who):
        times, kind, value = schedule_of(patient)
        ensemble.schedule(Events(np.full(len(times), row), times, 0, kind, value))
    rows = [ensemble.advance(stop, GRID).states for stop in stops]
    assert not ensemble.status.any()
    return ensemble.states, np.concatenate(rows)


@pytest.fixture
def patients(dosing_patients):
    return dosing_patients(PATIENTS)


@pytest.mark.parametrize("threads", [2, 5])
def test_any_number_of_threads_gives_the_same_bits(dosing, patients, threads):
    for one, other in zip(run(dosing(), patients), run(dosing(), patients, threads=threads), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("lanes", [2, 8])
def test_any_number_of_lanes_gives_the_same_bits(dosing, patients, lanes):
    for one, other in zip(run(dosing(4), patients), run(dosing(lanes), patients), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_processor_without_fused_multiply_add_gives_the_same_bits(dosing, patients, cache_folder):
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("only x86 has processors without it")
    plain = dataclasses.replace(host_machine(), processor="x86-64", features="", lanes=2)
    model = dosing()
    slow = compile_model(model.system, machine=plain, cache_folder=cache_folder)
    who = np.arange(4)
    np.testing.assert_array_equal(run(model, patients, who=who)[0], run(slow, patients, who=who)[0])


def test_any_order_of_patients_gives_the_same_bits(dosing, patients):
    order = np.random.default_rng(5).permutation(PATIENTS)
    np.testing.assert_array_equal(run(dosing(), patients)[0][order], run(dosing(), patients, who=order)[0])


def test_each_patient_alone_gives_the_same_bits_as_all_together_with_their_own_schedules(dosing, patients):
    together = run(dosing(), patients)[0]
    alone = [run(dosing(), patients, who=[patient])[0][0] for patient in range(0, PATIENTS, 5)]
    np.testing.assert_array_equal(together[::5], alone)


def test_the_same_stops_replayed_give_the_same_bits(dosing, patients):
    stops = (5.0, 5.1, 30.0, 72.0)
    np.testing.assert_array_equal(run(dosing(), patients, stops=stops)[0], run(dosing(), patients, stops=stops)[0])


def test_other_stops_change_the_result_only_within_the_tolerance(dosing, patients):
    whole, split = run(dosing(), patients)[0], run(dosing(), patients, stops=(7.0, 33.3, 72.0))[0]
    np.testing.assert_allclose(whole, split, rtol=2e-3, atol=1e-4)


def test_rates_and_constants_do_not_depend_on_the_number_of_rows(dosing, patients):
    parameters, initial = patients
    inputs = np.ones((PATIENTS, 1))
    all_rows = dosing().derivatives(initial, parameters, inputs)
    np.testing.assert_array_equal(all_rows[3:4], dosing().derivatives(initial[3:4], parameters[3:4], inputs[3:4]))


def test_eight_lanes_fill_the_registers_of_avx512_and_are_not_halved(dosing):
    """A processor may be said to like narrower vectors; the code must use the whole ones all the same."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("only x86 has them")
    text, _ = assemble(dosing().system, RODAS5P, lanes=8)
    for processor in ("skylake-avx512", "sapphirerapids", "znver4"):
        written = assembly_of(text, dataclasses.replace(host_machine(), processor=processor, features="", lanes=8))
        # What reads rows into lanes and back has narrower moves; a step has none.
        parts = [part for part in re.split(r"\n(?=\w+:)", written) if part.split(":")[0] in OF_A_STEP]
        assert len(parts) == len(OF_A_STEP), processor
        whole, half = (sum(len(re.findall(name, part)) for part in parts) for name in ("%zmm", "%ymm"))
        assert whole > 1000, processor
        assert half < whole / 20, processor
