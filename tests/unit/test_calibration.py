"""The search behind the calibration scripts, on trials that are a formula."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from cytotrial.catalogue import load_library
from cytotrial.model.composition import compose

SCRIPTS = Path(__file__).parents[2] / "calibration"


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("search", SCRIPTS / "search.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "search", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORDS", tmp_path)
    return module


@functools.cache
def _biology():  # type: ignore[no-untyped-def]
    library = load_library()
    return library, compose(library, drugs=(), disease=next(iter(library.diseases)))


def _a_search(search: ModuleType):  # type: ignore[no-untyped-def]
    library, biology = _biology()
    positive = [p for p in biology.parameters.values() if p.value and p.value > 0 and p.scale == "log" and p.low is None]
    free = {parameter.id: parameter for parameter in positive[:2]}
    first, second = free.values()

    def trial(values: Mapping[str, float]) -> dict[str, float]:
        return {
            "one": values[first.id] / float(first.value or 1.0) * 10.0,
            "both": values[first.id] * values[second.id] / float((first.value or 1.0) * (second.value or 1.0)),
        }

    targets = {"one": search.Target("row 1", 12.0, 0.1), "both": search.Target("row 2", 1.0, 0.01)}
    made = search.Search("toy", library=library, free=free, targets=targets, asked={"seed": 1})
    return made, trial, (first, second)


def test_the_best_point_meets_targets_that_can_be_met(search: ModuleType) -> None:
    made, trial, (_, second) = _a_search(search)
    best = made.run(trial, rounds=4)
    assert best["simulated"]["one"] == pytest.approx(12.0, rel=0.01)
    assert best["simulated"]["both"] == pytest.approx(1.0, rel=0.01)
    assert best["values"][second.id] == pytest.approx(float(second.value) / 1.2, rel=0.02)


def test_the_same_call_simulates_nothing_again(search: ModuleType) -> None:
    made, trial, _ = _a_search(search)
    made.run(trial, rounds=1)
    again, _, _ = _a_search(search)

    def never(values: Mapping[str, float]) -> dict[str, float]:
        raise AssertionError(f"simulated again: {values}")

    assert again.run(never, rounds=1) == made.best
    assert len(json.loads((search.RECORDS / "toy.json").read_text())["points"]) == len(made.points)


def test_near_misses_count_squared_far_ones_in_proportion_and_an_unread_target_as_far_off(search: ModuleType) -> None:
    target = search.Target("row 3", 5.0, 1.0, 4.0)
    assert target.residual(5.1) == pytest.approx(0.2, rel=0.01)
    assert target.residual(4.9) == -target.residual(5.1)
    assert target.residual(1005.0) ** 2 / target.residual(105.0) ** 2 == pytest.approx(10.0, rel=0.05)
    assert target.residual(math.nan) == target.residual(5.0 + search.UNREAD)


def test_tables_get_new_values_and_keep_the_rest(search: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "parameters.csv"
    table.write_text('name,value,unit,note\nrate,0.5,1/h,"slow, but sure"\nrate_of_loss,2,1/h,\n', encoding="utf-8")

    class Module:
        folder = tmp_path
        module = "block"

    search.write_into_tables(SimpleNamespace(modules={"block": Module}), {"block.rate": Module}, {"block.rate": 0.625})
    assert table.read_text(encoding="utf-8") == 'name,value,unit,note\nrate,0.625,1/h,"slow, but sure"\nrate_of_loss,2,1/h,\n'
