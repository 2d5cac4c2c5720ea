"""The targets by which side effects are set: every finding exists, every constant that is moved is a fitted one."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cytotrial.catalogue import Library, load_library
from cytotrial.evidence.time_courses import Bench, bench_of
from cytotrial.model.composition import biology_of, modules_of
from cytotrial.protocol.regimen import parse_regimen

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "calibration"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("ifn_side_effects", SCRIPTS / "ifn_side_effects.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ifn_side_effects", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def test_every_aim_reads_what_its_biology_has_under_a_drug_of_the_library(script: ModuleType, library: Library) -> None:
    aims = sys.modules["ifn_aims"]
    for aim in (aim for plan in script.PLANS.values() for aim in plan.aims.values()):
        drug = parse_regimen(aim.regimen).drug
        assert drug in library.drugs
        biology = biology_of(library, modules_of(library, drugs=[str(drug)], disease=aim.disease))
        hazards = {event.hazard for event in biology.events.values()}
        assert aim.finding in (hazards if aim.read is aims.chance else biology.system.observables)


def test_every_constant_that_is_moved_is_a_fitted_one(script: ModuleType, library: Library) -> None:
    for full in (full for plan in script.PLANS.values() for full in plan.free):
        module, name, *spread = full.split(".")
        with (library.modules[module].folder / "parameters.csv").open(encoding="utf-8", newline="") as table:
            (row,) = [row for row in csv.DictReader(table) if row["name"] == name]
        assert row["spread_status" if spread else "status"] == "fitted", full


def test_a_constant_is_moved_by_one_plan_alone(script: ModuleType) -> None:
    free = [full for plan in script.PLANS.values() for full in plan.free]
    assert len(free) == len(set(free))


def test_readings_say_one_number_per_patient(script: ModuleType) -> None:
    aims = sys.modules["ifn_aims"]
    time = np.array([0.0, 100.0, 168.0, 336.0, 504.0])
    course = np.array([[1.0, 3.0, 2.0, 2.0, 0.5], [1.0, 1.0, 1.0, 1.5, 1.0]])
    read = {
        aims.above(3.0): [100.0, 0.0],
        aims.above_at_looks(2.5): [0.0, 0.0],  # the peak lies between two looks
        aims.below_at_looks(1.0): [100.0, 0.0],
        aims.exceeded_by(50.0): [1.75, 1.75],
        aims.largest: [3.0, 1.5],
        aims.time_of_largest: [100.0, 336.0],
        aims.at_the_end: [0.5, 1.0],
        aims.mean_fall: [-25.0, -25.0],
        aims.left_in_the_last_week: [75.0, 75.0],  # rises of 1 and 0.5 against 2 and 0, on average
    }
    for reading, expected in read.items():
        np.testing.assert_allclose(reading(time, course), expected)


def test_another_spread_moves_patients_and_not_the_typical_one(script: ModuleType, library: Library) -> None:
    bench = bench_of(library, drugs=[], disease="melanoma_adjuvant")
    wide = Bench(library, bench.disease, script.with_spreads(bench.biology, {"fatigue.frailty": 1.2}))
    name = "fatigue.frailty"
    near, far = (np.log(one.drawn(20).varied[name]) for one in (bench, wide))
    np.testing.assert_array_equal(np.argsort(near), np.argsort(far))
    assert 1.3 < far.std() / near.std() < 2.0  # twice the spread, less what the limits of the table cut off
    np.testing.assert_array_equal(wide.typical().parameters, bench.typical().parameters)
