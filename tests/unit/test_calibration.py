"""The search behind the calibration scripts, on trials that are a formula, and what the scripts read."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cytotrial.catalogue import load_library
from cytotrial.model.composition import compose

SCRIPTS = Path(__file__).parents[2] / "calibration"


def _script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = _script("search", monkeypatch)
    monkeypatch.setattr(module, "RECORDS", tmp_path)
    return module


@pytest.fixture
def rare(search: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return _script("rare_events", monkeypatch)


@pytest.fixture
def pstat5(search: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return _script("pstat5", monkeypatch)


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


# ------------------------------------------------------------------ rare events


def test_a_share_of_patients_is_read_from_hazards_without_an_event(rare: ModuleType) -> None:
    assert rare.share_with(np.array([0.0, math.log(2.0)])) == pytest.approx(25.0)


def test_a_rate_moves_to_where_its_hazards_meet_the_target(rare: ModuleType) -> None:
    hazards = np.array([0.0, 0.05, 0.3, 1.2])
    factor = rare.needed_factor(lambda factor: rare.share_with(hazards, factor), 15.0)
    assert factor < 1.0
    assert rare.share_with(factor * hazards) == pytest.approx(15.0)


def test_a_target_out_of_reach_moves_a_rate_by_the_largest_step(rare: ModuleType) -> None:
    hazards = np.array([0.0, 0.05, 0.3, 1.2])
    for value, factor in ((99.0, rare.LARGEST_STEP), (0.01, 1.0 / rare.LARGEST_STEP)):
        assert rare.needed_factor(lambda factor: rare.share_with(hazards, factor), value) == factor


def test_a_share_taken_away_moves_by_what_is_left_of_it(rare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    aims = {
        "left": rare.Aim("row", 4.0, 1.0, moves=("a",), asked=lambda trials, value: 0.5, of_what_is_left=True),
        "rates": rare.Aim("row", 4.0, 1.0, moves=("b", "c"), asked=lambda trials, value: 2.0),
    }
    monkeypatch.setattr(rare, "AIMS", aims)
    free = {"a": SimpleNamespace(low=None, high=None), "b": SimpleNamespace(low=None, high=None)}
    free["c"] = SimpleNamespace(low=0.0, high=1.5)
    moved = rare.next_values({"a": 0.8, "b": 0.01, "c": 1.0}, {}, free)
    assert moved == {"a": 0.9, "b": 0.02, "c": 1.5}


def test_deaths_of_sepsis_are_those_of_two_series_together(rare: ModuleType) -> None:
    people = pd.DataFrame({"ID": [1, 2]})
    events = pd.DataFrame({"ID": [2], "TERM": ["Sepsis"], "GRADE": [4]})
    septic = rare.Seen({"septic_death": np.array([9.0, 0.1])}, {"patients": people, "adverse_events": events})
    era = rare.Seen({"septic_death": np.array([0.0, 0.04])}, {"patients": people})
    expected = 20.0 * (1.0 - math.exp(-0.1)) + 270.0 * (1.0 - math.exp(-0.04)) / 2.0
    assert rare.deaths_of_sepsis({rare.WITHOUT: septic, rare.ERA: era}) == pytest.approx(expected)


def _thyroid(rare: ModuleType) -> dict[str, object]:
    """Five patients: raised for 56 d and over, raised to the end, normal, suppressed, never measured."""
    seen = {
        1: [1.5, 5.0, 6.0, 5.0, 4.5, 3.0],
        2: [2.0, 2.0, 7.0, 9.0, 9.0, 8.0],
        3: [1.0] * 6,
        4: [1.0, 0.2, 0.5, 1.0, 2.0, 3.0],
    }
    rows = [(who, 14 * 24.0 * step, "TSH", value) for who, values in seen.items() for step, value in enumerate(values)]
    labs = pd.DataFrame(rows, columns=["ID", "TIME", "PARAMCD", "AVAL"])
    return {rare.ERA: rare.Seen({}, {"labs": labs, "patients": pd.DataFrame({"ID": range(1, 6)})})}


def test_thyroid_disease_is_read_from_measured_thyrotropin_of_all_patients(rare: ModuleType) -> None:
    trials = _thyroid(rare)
    assert rare.hypothyroid(trials) == pytest.approx(40.0)
    assert rare.hyperthyroid(trials) == pytest.approx(20.0)
    assert rare.first_raised_day(trials) == pytest.approx(21.0)


def test_hypothyroidism_that_is_not_over_at_the_end_counts_as_censored(rare: ModuleType) -> None:
    trials = _thyroid(rare)
    assert rare.still_hypothyroid(41.0)(trials) == pytest.approx(100.0)
    assert rare.still_hypothyroid(56.0)(trials) == pytest.approx(0.0)


def test_every_rate_that_is_set_is_fitted_in_its_table(rare: ModuleType) -> None:
    _, biology = _biology()
    moves = [full for aim in rare.AIMS.values() for full in aim.moves]
    assert {biology.parameters[full].row.status for full in moves} == {"fitted"}


# ------------------------------------------------------------------ dose responses of STAT5


@pytest.mark.parametrize("exponent", [1, 2])
def test_the_concentration_of_half_effect_is_found_under_floor_and_height(pstat5: ModuleType, exponent: int) -> None:
    signal = 300.0 + 7000.0 * pstat5.DOSES**exponent / (pstat5.DOSES**exponent + 0.7**exponent)
    assert pstat5.half_effective(pstat5.DOSES, signal, exponent=exponent) == pytest.approx(0.7, rel=1e-3)


def test_the_height_of_a_signal_is_that_of_large_doses_above_small_ones(pstat5: ModuleType) -> None:
    assert pstat5.height(np.array([9.0, 10.0, 11.0, 6.0, 5.0, 3.0, 2.0, 1.0])) == pytest.approx(8.0)


def test_without_the_dose_responses_nothing_is_fitted(
    pstat5: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pstat5, "RESPONSES", tmp_path / "absent.csv")
    monkeypatch.setattr(sys, "argv", ["pstat5.py"])
    with pytest.raises(SystemExit, match=r"are not at .*absent\.csv; without them nothing can be fitted"):
        pstat5.main()
