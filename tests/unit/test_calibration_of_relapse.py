"""Cured and late relapse of an era: every era has its trial, and what is written stands in the population file."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

from cytotrial.catalogue import Library, load_library
from cytotrial.formats.population import NamedPopulation
from cytotrial.protocol import read_protocol

SCRIPT = Path(__file__).parents[2] / "calibration" / "relapse.py"


@pytest.fixture
def relapse(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("relapse", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "relapse", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copied(tmp_path: Path) -> Library:
    return load_library(Path(shutil.copytree(load_library().root, tmp_path / "library")))


def test_every_era_has_a_trial_with_its_population_and_an_untreated_arm(relapse: ModuleType, copied: Library) -> None:
    for disease, eras in relapse.ERAS.items():
        for population, era in eras.items():
            protocol = read_protocol(copied.protocols[era.protocol], copied)
            assert (protocol.disease, protocol.population) == (disease, population)
            assert [arm.treatments for arm in protocol.arms if arm.name == era.arm] == [()]


def test_what_an_era_leaves_free_is_told_as_fitted(relapse: ModuleType, copied: Library) -> None:
    for disease, eras in relapse.ERAS.items():
        for population, era in eras.items():
            told = copied.diseases[disease].populations.populations[population].set_from
            assert {told[name].status for name in era.free} == {"fitted"}


def test_a_number_that_is_written_is_read_by_the_library_and_the_rest_stays(relapse: ModuleType, copied: Library) -> None:
    disease, population, name = "melanoma_adjuvant", "trial_1998_2010", relapse.RELAPSE
    path = copied.root / "diseases" / disease / "population.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    relapse.set_number_in(copied.root, disease, population, name, 12345.0)
    after = path.read_text(encoding="utf-8").splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [f"      {name}: 12345 h"]
    assert load_library(copied.root).diseases[disease].populations.populations[population].set_[name] == "12345 h"


def test_an_origin_of_what_is_not_set_is_refused() -> None:
    written = {
        "title": {"en": "All", "fr": "Tous"},
        "covariates": {},
        "set": {"clearance": "3 L/h"},
        "set_from": {"clearence": {"status": "assumed"}},
    }
    with pytest.raises(ValidationError, match=r"'set_from' names what 'set' does not set: clearence\."):
        NamedPopulation.model_validate(written)
