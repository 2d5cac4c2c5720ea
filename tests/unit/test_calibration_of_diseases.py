"""The plans by which constants of diseases are set: every aim is published, every constant is a fitted one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol import read_protocol

SCRIPTS = Path(__file__).parents[2] / "calibration"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("ifn_diseases", SCRIPTS / "ifn_diseases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ifn_diseases", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def test_every_aim_is_an_expectation_of_a_calibration_study_that_its_protocol_is_compared_with(
    script: ModuleType, library: Library
) -> None:
    for plan in script.PLANS.values():
        compared = [set(read_protocol(library.protocols[name], library).compare_with) for name in plan.protocols]
        assert all(sum(aim.study in studies for studies in compared) == 1 for aim in plan.aims)
        assert {library.evidence[aim.study].role for aim in plan.aims} == {"calibration"}
        assert len(script.targets_of(library, plan)) == len(plan.aims)


def test_every_constant_that_is_moved_is_a_fitted_one_of_the_disease(script: ModuleType, library: Library) -> None:
    for disease, plan in script.PLANS.items():
        rows = library.modules[disease].parameters
        status = {row.name: row.status for row in rows} | {f"{row.name}.between_sd": row.spread_status for row in rows}
        assert {name: status[name] for name in plan.free} == dict.fromkeys(plan.free, "fitted")


def test_an_expectation_that_the_study_lacks_is_told_with_those_it_has(script: ModuleType, library: Library) -> None:
    aim = script.Aim("row 1", "hcl212", "compleat", 0.01)
    with pytest.raises(
        SystemExit, match=r"hcl212 has no expectation 'compleat'; it has complete, normal_counts, any_response\."
    ):
        script.place_of(library, aim)
