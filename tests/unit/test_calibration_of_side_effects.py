"""The targets by which side effects are set: every finding exists, every constant that is moved is a fitted one."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cytotrial.catalogue import Library, load_library
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
    for aim in (aim for _, aims, _ in script.PLANS.values() for aim in aims.values()):
        drug = parse_regimen(aim.regimen).drug
        assert drug in library.drugs
        biology = biology_of(library, modules_of(library, drugs=[str(drug)], disease=aim.disease))
        hazards = {event.hazard for event in biology.events.values()}
        chance = aim.above is None and aim.below is None and not aim.falls
        assert aim.finding in (hazards if chance else biology.system.observables)


def test_every_constant_that_is_moved_is_a_fitted_one(script: ModuleType, library: Library) -> None:
    for full in (full for _, _, free in script.PLANS.values() for full in free):
        module, name = full.split(".")
        with (library.modules[module].folder / "parameters.csv").open(encoding="utf-8", newline="") as table:
            (row,) = [row for row in csv.DictReader(table) if row["name"] == name]
        assert row["status"] == "fitted", full
