"""Readings of time courses against closed forms, and plausibility cases against what they name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pydantic import ValidationError

from cytotrial.catalogue import Library
from cytotrial.errors import LibraryError
from cytotrial.evidence.plausibility import Case, Verdict, check_plausibility, plausibility_cases, read_case
from cytotrial.evidence.time_courses import time_grid
from cytotrial.formats.plausibility import PlausibilityCase

TIME = np.arange(0.0, 48.25, 0.25)
DECAY = np.array([[8.0], [2.0]]) * 0.5 ** (TIME / 6.0)  # two patients, half-life 6 h
PEAK = 2.0 - (TIME[None, :] - 12.0) ** 2 / 144.0  # 1 at the start, 2 at 12 h


def case(**changes: Any) -> PlausibilityCase:
    """A case; only what a test is about is given."""
    content: dict[str, Any] = {
        "title": {"en": "A case", "fr": "Un cas"},
        "regimen": "none",
        "observable": "something",
        "reading": "maximum",
        "window": ("0 h", "48 h"),
        "low": 0.0,
        "high": 1.0,
        "unit": "mg/L",
        "source": {"ref": "somebody"},
    }
    return PlausibilityCase(**{**content, **changes})


@pytest.mark.parametrize(
    ("changes", "values", "expected"),
    [
        ({}, PEAK, 2.0),
        ({"unit": "g/L"}, PEAK, 0.002),
        ({"window": ("0 h", "6 h")}, PEAK, 1.75),
        ({"reading": "minimum", "window": ("6 h", "12 h")}, PEAK, 1.75),
        ({"reading": "value", "window": ("0 h", "1 d")}, PEAK, 1.0),
        ({"relative_to": "baseline"}, PEAK, 1.0),
        ({"relative_to": "share_of_baseline", "unit": "percent"}, PEAK, 200.0),
        ({"reading": "time_of_maximum", "unit": "d"}, PEAK, 0.5),
        ({"reading": "time_of_minimum", "unit": "h", "window": ("0 h", "20 h")}, PEAK, 0.0),
        ({"reading": "half_life", "unit": "h", "window": ("1 h", "9 h")}, DECAY[:1], 6.0),
        ({"reading": "ratio", "unit": "1", "window": ("12 h", "24 h"), "compared_to": ("0 h", "6 h")}, DECAY[:1], 0.25),
        ({"who": "population_mean"}, DECAY, 5.0),
        ({"reading": "share_above", "unit": "percent", "threshold": "4 mg/L"}, DECAY, 50.0),
        ({"reading": "share_below", "unit": "1", "threshold": "0.04 g/L", "window": ("0 h", "1 h")}, DECAY, 1.0),
        ({"reading": "share_below", "unit": "1", "threshold": "0.6", "relative_to": "share_of_baseline"}, DECAY, 1.0),
        (
            {
                "reading": "share_above",
                "unit": "1",
                "threshold": "0.6",
                "relative_to": "share_of_baseline",
                "window": ("12 h", "1 d"),
            },
            DECAY,
            0.0,
        ),
    ],
)
def test_a_reading_is_that_of_the_closed_form(changes: dict[str, Any], values: np.ndarray, expected: float) -> None:
    assert read_case(case(**changes), TIME, values, "mg/L") == pytest.approx(expected, rel=1e-12)


def test_the_time_above_a_threshold_is_right_within_one_step_of_the_grid() -> None:
    read = read_case(case(reading="time_above", unit="h", threshold="4 mg/L"), TIME, DECAY[:1], "mg/L")
    assert read == pytest.approx(6.0, abs=0.25)


def test_a_patient_who_is_lost_before_the_window_ends_is_left_out() -> None:
    values = DECAY.copy()
    values[0, 40:] = np.nan
    assert read_case(case(who="population_mean"), TIME, values, "mg/L") == pytest.approx(2.0)
    assert read_case(case(who="population_mean", window=("0 h", "5 h")), TIME, values, "mg/L") == pytest.approx(5.0)
    assert np.isnan(read_case(case(), TIME, values[:1], "mg/L"))


def test_a_verdict_without_a_value_is_outside_and_says_where_the_range_comes_from() -> None:
    verdict = Verdict(Case("folder", "name", case()), float("nan"))
    assert not verdict.is_inside
    assert str(verdict) == "folder.name: nan mg/L, OUTSIDE 0 to 1 (measured: somebody)."
    lost = Verdict(Case("folder", "name", case()), 0.5, patients=100, left_out=3)
    assert str(lost) == "folder.name: 0.5 mg/L, inside 0 to 1 (measured: somebody); 3 of 100 patients left out."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reading": "time_above"}, "'threshold' and the readings"),
        ({"threshold": "1 mg/L"}, "'threshold' and the readings"),
        ({"reading": "ratio"}, "'compared_to' and the reading 'ratio'"),
        ({"reading": "half_life", "relative_to": "baseline"}, "'relative_to' does not go with 'half_life'"),
        ({"rules": "strict", "regimen": "x.y"}, "'rules' needs a population"),
        ({"rules": "strict", "who": "population_mean"}, "'rules' needs a regimen"),
    ],
)
def test_a_case_that_lacks_what_its_reading_needs_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        case(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"physiology/plausibility\.yaml: cases\.it: 'something' is no observable"),
        ({"disease": "melanomas"}, "unknown disease 'melanomas'"),
        ({"regimen": "1 mg/kg iv over 1 h every 8 h, 3 doses"}, "names no drug of the library"),
        ({"regimen": "1 mg/kg iv over 1 h evry 8 h, 3 doses"}, "evry"),
        ({"observable": "temperature"}, "'degC' cannot be converted to 'mg/L'"),
        ({"set": {"no_such_parameter_at_all": 1.0}}, "unknown parameter 'no_such_parameter_at_all'"),
        ({"support": "standards"}, "unknown support 'standards'"),
    ],
)
def test_a_case_that_names_nothing_says_so(library: Library, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LibraryError, match=message):
        check_plausibility(library, [Case("physiology", "it", case(**changes))])


@pytest.mark.needs("drugs/aldesleukin")
def test_nothing_happens_without_a_drug_and_a_drug_changes_what_is_read(library: Library) -> None:
    drug, named = next((name, next(iter(drug.regimens))) for name, drug in library.drugs.items() if drug.regimens)
    rise = {"reading": "maximum", "relative_to": "baseline", "observable": "temperature", "unit": "degC"}
    cases = [
        Case("physiology", "untreated", case(**rise, window=("0 h", "5 d"), low=-0.01, high=0.01)),
        Case("physiology", "treated", case(**rise, window=("0 h", "5 d"), regimen=f"{drug}.{named}", low=0.5, high=5.0)),
    ]
    assert [str(verdict) for verdict in check_plausibility(library, cases) if not verdict.is_inside] == []


@pytest.mark.needs("drugs/aldesleukin")
def test_a_case_takes_the_supportive_care_of_its_drug_unless_it_names_one(library: Library) -> None:
    drug, named = next((name, next(iter(drug.regimens))) for name, drug in library.drugs.items() if drug.regimens)
    hottest = {"observable": "temperature", "unit": "degC", "regimen": f"{drug}.{named}", "window": ("0 h", "12 h")}
    cares = (None, library.drugs[drug].file.support, "none")
    cases = [Case("physiology", str(care), case(**hottest, support=care)) for care in cares]
    silent, drugs_own, nothing = (verdict.value for verdict in check_plausibility(library, cases))
    assert silent == drugs_own < nothing  # antipyretics are part of it


def test_the_grid_is_fine_at_first_and_ends_where_it_is_asked_to() -> None:
    grid = time_grid(2000.5)
    assert grid[0] == 0.0
    assert grid[-1] == 2000.5
    assert np.diff(grid)[:900].max() == 0.25
    assert (np.diff(grid) > 0).all()


def test_a_case_of_a_drug_that_the_library_lacks_is_left_out(library: Library) -> None:
    cases = plausibility_cases(library)
    smaller = SimpleNamespace(plausibility=library.plausibility, drugs={})
    kept = plausibility_cases(cast(Library, smaller))
    assert {case.title for case in kept} == {case.title for case in cases if case.content.named_drug is None}
    assert len(kept) < len(cases) or not library.drugs
