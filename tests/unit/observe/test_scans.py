"""Scans one round after the other: what they show is what all of a patient's scans show when read at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytotrial.formats import ResponseFile
from cytotrial.observe.response import NOT_EVALUABLE, PARTIAL, PROGRESSIVE, STABLE, ResponseAssessor
from cytotrial.observe.scans import Scans
from cytotrial.reading import read_yaml

NOBODY_NEW = (False, False)


@pytest.fixture(params=["who_1979", "recist_1_1"])
def assessor(request: pytest.FixtureRequest, library: Path) -> ResponseAssessor:
    path = library / "grading" / f"{request.param}.yaml"
    return ResponseAssessor.from_file(read_yaml(path, ResponseFile).content)


def scan(
    scans: Scans, time: float, sizes: tuple[float, ...], *, of: tuple[bool, ...], new: tuple[bool, ...] = NOBODY_NEW
) -> None:
    size = np.array(sizes)
    scans.add(np.array(of), time=np.full(size.size, time), size=size, area=size**2, new_lesion=np.array(new))


def test_before_the_first_scan_nothing_is_shown(assessor: ResponseAssessor) -> None:
    scans = Scans(assessor, 2)
    assert scans.shown.last.tolist() == [NOT_EVALUABLE] * 2
    assert np.isnan(scans.shown.change).all()
    assert np.isnan(scans.shown.progression_time).all()
    assert scans.times.shape == (2, 1)


def test_a_round_without_anybody_scanned_adds_nothing(assessor: ResponseAssessor) -> None:
    scans = Scans(assessor, 2)
    scan(scans, 0.0, (100.0, 100.0), of=(False, False))
    assert np.isnan(scans.times).all()


def test_each_patient_has_their_own_scans_in_order(assessor: ResponseAssessor) -> None:
    scans = Scans(assessor, 2)
    scan(scans, 0.0, (100.0, 80.0), of=(True, True))
    scan(scans, 700.0, (np.nan, 20.0), of=(False, True))
    scan(scans, 1400.0, (40.0, 10.0), of=(True, True))
    np.testing.assert_array_equal(scans.times, [[0.0, 1400.0, np.nan], [0.0, 700.0, 1400.0]])
    np.testing.assert_array_equal(scans.sizes, [[100.0, 40.0, np.nan], [80.0, 20.0, 10.0]])
    np.testing.assert_array_equal(scans.areas, scans.sizes**2)
    assert scans.shown.last.tolist() == [PARTIAL, PARTIAL]
    assert scans.shown.change.tolist() == pytest.approx([-0.6, -0.875])


def test_who_was_not_scanned_keeps_what_the_last_scan_showed(assessor: ResponseAssessor) -> None:
    scans = Scans(assessor, 2)
    scan(scans, 0.0, (100.0, 100.0), of=(True, True))
    scan(scans, 700.0, (100.0, 30.0), of=(True, True))
    scan(scans, 1400.0, (300.0, np.nan), of=(True, False))
    assert scans.shown.last.tolist() == [PROGRESSIVE, PARTIAL]
    np.testing.assert_array_equal(scans.shown.progression_time, [1400.0, np.nan])


def test_a_new_lesion_is_progression_whatever_the_size(assessor: ResponseAssessor) -> None:
    scans = Scans(assessor, 2)
    scan(scans, 0.0, (100.0, 100.0), of=(True, True))
    scan(scans, 700.0, (100.0, 100.0), of=(True, True), new=(True, False))
    assert scans.shown.last.tolist() == [PROGRESSIVE, STABLE]
    assert scans.new_lesions.tolist() == [[False, True], [False, False]]


def test_read_round_by_round_or_at_once_scans_show_the_same(assessor: ResponseAssessor) -> None:
    random = np.random.default_rng(5)
    patients, rounds = 200, 6
    scans = Scans(assessor, patients)
    for index in range(rounds):
        scanned = random.random(patients) < (1.0 if index == 0 else 0.7)
        size = 100 * np.exp(random.normal(0, 0.4, patients))
        new = random.random(patients) < 0.05
        scans.add(scanned, time=np.full(patients, 1000.0 * index), size=size, area=size**2 / 2, new_lesion=new)
    whole = assessor.assess(scans.times, scans.sizes, areas=scans.areas, new_lesions=scans.new_lesions)
    last = np.count_nonzero(~np.isnan(scans.times), axis=1) - 1
    assert len(set(last)) > 3
    assert np.array_equal(scans.shown.last, whole.overall[np.arange(patients), last])
    assert np.array_equal(scans.shown.change, whole.change[np.arange(patients), last])
    np.testing.assert_array_equal(scans.shown.progression_time, whole.progression_time)
    assert np.array_equal(scans.shown.is_open, whole.is_open)
