"""Recurrence after an operation: when it is seen, and what is no evidence of disease."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytotrial.errors import ProtocolError
from cytotrial.formats import ResponseFile
from cytotrial.observe.criteria import event_free_endpoint, ready_assessor
from cytotrial.observe.recurrence import RecurrenceAssessor
from cytotrial.observe.response import LABELS, Assessment
from cytotrial.observe.scans import Scans
from cytotrial.reading import parse_yaml, read_yaml

WEEK = 168.0


@pytest.fixture(scope="module")
def recurrence(library: Path) -> RecurrenceAssessor:
    found = ready_assessor(read_yaml(library / "grading" / "relapse_on_scans.yaml", ResponseFile).content, name="recurrence")
    assert isinstance(found, RecurrenceAssessor)
    return found


def assess(criteria: RecurrenceAssessor, *sizes: float, new: int | None = None) -> Assessment:
    scans = len(sizes)
    lesions = np.array([[scan == new for scan in range(scans)]])
    return criteria.assess(np.arange(scans)[None, :] * 12 * WEEK, np.array([sizes]), new_lesions=lesions)


def overall(found: Assessment) -> list[str]:
    return [LABELS[code] for code in found.overall[0]]


def test_a_tumour_is_recurrence_from_the_size_at_which_it_is_seen(recurrence: RecurrenceAssessor) -> None:
    found = assess(recurrence, 0, 4.9, 5.0, 9)
    assert overall(found) == ["NED", "NED", "PD", "PD"]
    assert found.progression_time.tolist() == [24 * WEEK]
    assert LABELS[found.best[0]] == "NED"


def test_a_new_lesion_is_recurrence_whatever_its_size(recurrence: RecurrenceAssessor) -> None:
    found = assess(recurrence, 0, 0, 1, new=1)
    assert overall(found) == ["NED", "PD", "NED"]
    assert found.progression_time.tolist() == [12 * WEEK]


def test_without_recurrence_there_is_no_time_of_it(recurrence: RecurrenceAssessor) -> None:
    found = assess(recurrence, 0, 1, 2)
    assert np.isnan(found.progression_time[0])
    assert not found.is_open[0]


def test_a_scan_not_made_shows_nothing(recurrence: RecurrenceAssessor) -> None:
    found = assess(recurrence, 0, np.nan, 8, new=1)
    assert overall(found) == ["NED", "NE", "PD"]


def test_a_tumour_at_baseline_is_not_evaluable_there_and_recurrence_at_the_next_scan(recurrence: RecurrenceAssessor) -> None:
    found = assess(recurrence, 12, 12)
    assert overall(found) == ["NE", "PD"]
    assert LABELS[found.best[0]] == "PD"


def test_nothing_changes_from_a_baseline_where_there_was_nothing(recurrence: RecurrenceAssessor) -> None:
    table = recurrence.to_table(np.array([[0, 12]]) * WEEK, np.array([[0.0, 6.0]]), arm="A", ids=np.array([3]))
    assert table["CHANGE"].isna().all()
    assert table["SIZE"].tolist() == [0.0, 6.0]
    assert table["OVERALL"].tolist() == ["NED", "PD"]
    assert table["CRITERIA"].tolist() == ["recurrence", "recurrence"]


def test_scans_are_read_round_by_round_as_at_once(recurrence: RecurrenceAssessor) -> None:
    generator = np.random.default_rng(3)
    sizes = generator.choice([0.0, 3.0, 6.0], (20, 5), p=[0.6, 0.2, 0.2])
    sizes[:, 0] = 0.0
    scans, everybody = Scans(recurrence, 20), np.ones(20, dtype=bool)
    for scan in range(5):
        time = np.full(20, scan * 12 * WEEK)
        scans.add(everybody, time=time, size=sizes[:, scan], area=sizes[:, scan] ** 2, new_lesion=~everybody)
    whole = recurrence.assess(scans.times, sizes)
    np.testing.assert_array_equal(scans.shown.progression_time, whole.progression_time)
    assert scans.last_time.tolist() == [48 * WEEK] * 20


def test_time_without_event_is_free_of_relapse(recurrence: RecurrenceAssessor) -> None:
    assert event_free_endpoint(recurrence) == "RFS"


def test_the_size_from_which_a_tumour_is_seen_is_a_length() -> None:
    text = "schema: response/1\ntitle: {en: R, fr: R}\nmeasure: recurrence\nvisible_from: 5 kg\nsource: {ref: key}\n"
    with pytest.raises(ProtocolError, match=r"r\.yaml:4:\d+: visible_from: .*\n  Expected a length such as '5 mm'"):
        parse_yaml(text, ResponseFile, file="r.yaml")
