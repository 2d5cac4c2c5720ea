"""Tumour response by published criteria, at its edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.formats import ResponseFile
from cytotrial.observe.response import LABELS, Assessment, ResponseAssessor, area_as_measured
from cytotrial.reading import read_yaml

WEEK = 168.0


def assessor(library: Path, name: str) -> ResponseAssessor:
    return ResponseAssessor.from_file(read_yaml(library / "grading" / f"{name}.yaml", ResponseFile).content)


@pytest.fixture(scope="session")
def recist(library: Path) -> ResponseAssessor:
    return assessor(library, "recist_1_1")


@pytest.fixture(scope="session")
def who(library: Path) -> ResponseAssessor:
    return assessor(library, "who_1979")


@pytest.fixture(scope="session")
def who_single_scan(library: Path) -> ResponseAssessor:
    return assessor(library, "who_1979_single_scan")


def assess(criteria: ResponseAssessor, sizes: list[float | None], *, every: float = 8) -> Assessment:
    row = np.array([[np.nan if size is None else size for size in sizes]], dtype=float)
    return criteria.assess(np.arange(len(sizes))[None, :] * every * WEEK, row)


def overall(assessment: Assessment) -> list[str]:
    return [LABELS[code] for code in assessment.overall[0]]


def best(assessment: Assessment) -> str:
    return LABELS[assessment.best[0]]


def test_a_fall_of_exactly_thirty_per_cent_is_a_partial_response(recist: ResponseAssessor) -> None:
    assert overall(assess(recist, [100, 70, 70.1])) == ["SD", "PR", "SD"]


def test_progression_needs_a_fifth_and_five_millimetres_from_the_smallest_size(recist: ResponseAssessor) -> None:
    assert overall(assess(recist, [100, 120]))[1] == "PD"
    assert overall(assess(recist, [100, 119]))[1] == "SD"
    # From 20 mm a fifth is 4 mm, which is not yet 5 mm.
    assert overall(assess(recist, [100, 20, 24, 25])) == ["SD", "PR", "PR", "PD"]


def test_progression_is_counted_from_the_smallest_size_even_while_smaller_than_baseline(recist: ResponseAssessor) -> None:
    result = assess(recist, [100, 50, 60])
    assert overall(result) == ["SD", "PR", "PD"]
    assert result.progression_time.tolist() == [16 * WEEK]


def test_growing_back_from_nothing_is_progression(recist: ResponseAssessor) -> None:
    assert overall(assess(recist, [50, 3, 4.9, 6])) == ["SD", "CR", "CR", "PD"]


def test_a_response_counts_once_confirmed_four_weeks_later(recist: ResponseAssessor) -> None:
    result = assess(recist, [100, 60, 60], every=4)
    assert best(result) == "PR"
    assert result.confirmed_time.tolist() == [4 * WEEK]
    assert best(assess(recist, [100, 60, 60], every=3.9)) == "SD"


def test_a_response_seen_once_is_stable_disease_if_it_lasted_long_enough(recist: ResponseAssessor) -> None:
    assert best(assess(recist, [100, 60])) == "SD"
    assert best(assess(recist, [100, 60], every=4)) == "NE"


def test_progression_before_confirmation_leaves_no_response(recist: ResponseAssessor) -> None:
    result = assess(recist, [100, 60, 90, 60, 60])
    assert overall(result) == ["SD", "PR", "PD", "PR", "PR"]
    assert best(result) == "SD"
    assert np.isnan(result.confirmed_time).all()


def test_progression_at_the_first_scan_is_the_best_response_whatever_follows(recist: ResponseAssessor) -> None:
    assert best(assess(recist, [100, 130, 40, 40])) == "PD"


def test_a_scan_not_made_neither_confirms_nor_breaks(recist: ResponseAssessor) -> None:
    assert best(assess(recist, [100, 60, None, 60])) == "PR"
    assert overall(assess(recist, [100, None])) == ["SD", "NE"]


def test_stable_disease_between_two_partial_responses_confirms_nothing(recist: ResponseAssessor) -> None:
    assert best(assess(recist, [100, 68, 72, 68])) == "SD"


def test_a_complete_response_seen_once_confirms_a_partial_one(recist: ResponseAssessor) -> None:
    # 4 mm counts as gone; the scan before it was a partial response.
    assert best(assess(recist, [100, 30, 4])) == "PR"
    assert best(assess(recist, [100, 30, 4, 4])) == "CR"


def test_without_a_baseline_scan_nothing_can_be_said(recist: ResponseAssessor) -> None:
    result = assess(recist, [None, 50, 20])
    assert overall(result) == ["NE", "NE", "NE"]
    assert best(result) == "NE"


def test_the_older_criteria_look_at_the_product(who: ResponseAssessor) -> None:
    # Half of the product is 71 % of the diameter; a quarter more is 112 %.
    assert overall(assess(who, [100, 70.8, 70.7])) == ["SD", "SD", "PR"]
    assert overall(assess(who, [100, 111.7, 111.9])) == ["SD", "SD", "PD"]


def test_what_is_gone_and_stays_gone_does_not_progress(who: ResponseAssessor) -> None:
    assert overall(assess(who, [50, 3, 4])) == ["SD", "CR", "CR"]


def test_twelve_per_cent_of_diameter_progresses_by_the_older_criteria_only(
    recist: ResponseAssessor, who: ResponseAssessor
) -> None:
    assert overall(assess(who, [100, 112]))[1] == "PD"
    assert overall(assess(recist, [100, 112]))[1] == "SD"


def test_the_table_names_the_criteria_and_the_change(recist: ResponseAssessor) -> None:
    table = recist.to_table(np.array([[0.0, 8 * WEEK]]), np.array([[100.0, 60.0]]), arm="A", ids=np.array([7]))
    assert table.columns.tolist() == ["ARM", "ID", "TIME", "SIZE", "CHANGE", "NADIR", "OVERALL", "BEST", "CRITERIA"]
    assert table.iloc[1].tolist() == ["A", 7, 1344.0, 60.0, pytest.approx(-0.4), 100.0, "PR", "SD", "RECIST 1.1"]


def test_a_new_lesion_is_progression_whatever_the_size(recist: ResponseAssessor) -> None:
    times, sizes = np.array([[0.0, 8 * WEEK, 16 * WEEK]]), np.array([[100.0, 50.0, 50.0]])
    result = recist.assess(times, sizes, new_lesions=np.array([[False, False, True]]))
    assert overall(result) == ["SD", "PR", "PD"]
    assert best(result) == "SD"


def test_a_doubtful_rise_that_the_next_scan_does_not_show_is_no_progression(who: ResponseAssessor) -> None:
    # 60 to 68 mm is 28 % of the product: over the limit of 25 %, short of 44 %.
    result = assess(who, [100, 60, 60, 68, 61, 60])
    assert overall(result) == ["SD", "PR", "PR", "PR", "PR", "PR"]
    assert np.isnan(result.progression_time[0])
    assert not result.is_open[0]


def test_a_doubtful_rise_that_stands_counts_from_the_first_scan(who: ResponseAssessor) -> None:
    result = assess(who, [100, 60, 60, 68, 69])
    assert overall(result) == ["SD", "PR", "PR", "PD", "PD"]
    assert result.progression_time.tolist() == [24 * WEEK]
    assert not result.is_open[0]


def test_a_doubtful_rise_on_the_last_scan_is_progression_that_waits_for_another(who: ResponseAssessor) -> None:
    result = assess(who, [100, 60, 60, 68])
    assert overall(result)[-1] == "PD"
    assert result.progression_time.tolist() == [24 * WEEK]
    assert result.is_open[0]


def test_a_rise_by_a_fifth_of_the_diameter_needs_no_second_scan(who: ResponseAssessor) -> None:
    result = assess(who, [100, 60, 60, 72, 60])
    assert overall(result)[3] == "PD"
    assert not result.is_open[0]


def test_a_doubtful_rise_stands_when_the_next_scan_shows_a_new_lesion(who: ResponseAssessor) -> None:
    times = np.arange(4)[None, :] * 8 * WEEK
    new = np.array([[False, False, False, True]])
    result = who.assess(times, np.array([[100.0, 60.0, 68.0, 60.0]]), new_lesions=new)
    assert result.progression_time.tolist() == [16 * WEEK]


def test_a_scan_that_was_not_made_leaves_the_question_to_the_one_after(who: ResponseAssessor) -> None:
    assert overall(assess(who, [100, 60, 68, None, 60]))[2] == "PR"
    assert overall(assess(who, [100, 60, 68, None, 70]))[2] == "PD"


def test_by_the_letter_of_the_handbook_one_scan_shows_progression(who_single_scan: ResponseAssessor) -> None:
    result = assess(who_single_scan, [100, 60, 60, 68, 61])
    assert overall(result)[3] == "PD"
    assert not result.is_open[0]


def test_what_is_too_small_to_measure_does_not_progress(who: ResponseAssessor, who_single_scan: ResponseAssessor) -> None:
    assert overall(assess(who, [50, 4, 9, 9, 12])) == ["SD", "CR", "PR", "PR", "PD"]
    assert overall(assess(who_single_scan, [50, 4, 9]))[2] == "PD"


def test_products_are_measured_lesion_by_lesion(who: ResponseAssessor) -> None:
    # One of two lesions of 50 mm is gone: half of the products, and half of the diameters squared would be a quarter.
    times, sizes = np.array([[0.0, 8 * WEEK, 16 * WEEK]]), np.array([[100.0, 50.0, 50.0]])
    at_half = who.assess(times, sizes, areas=np.array([[5000.0, 2500.0, 2500.0]]))
    above_half = who.assess(times, sizes, areas=np.array([[5000.0, 2600.0, 2600.0]]))
    assert (best(at_half), best(above_half)) == ("PR", "SD")
    assert at_half.change[0, 1] == pytest.approx(-0.5)


def test_a_scan_misreads_area_as_it_misreads_diameter() -> None:
    size, true_size, true_area = np.array([66.0, np.nan, 0.0]), np.array([60.0, 60.0, 0.0]), np.array([1800.0, 1800.0, 0.0])
    measured = area_as_measured(size, true_size, true_area)
    assert measured[0] == pytest.approx(1800.0 * 1.1**2)
    assert np.isnan(measured[1])
    assert measured[2] == 0.0
    assert area_as_measured(size, true_size, None)[0] == 66.0**2


def test_criteria_on_diameters_do_not_look_at_products(recist: ResponseAssessor) -> None:
    times, sizes = np.array([[0.0, 8 * WEEK]]), np.array([[100.0, 70.0]])
    with_areas = recist.assess(times, sizes, areas=np.array([[5000.0, 4999.0]]))
    assert overall(with_areas) == overall(recist.assess(times, sizes))


@given(sizes=st.lists(st.one_of(st.none(), st.floats(0, 300)), min_size=2, max_size=8), factor=st.floats(1.0, 3.0))
def test_a_larger_first_scan_never_makes_a_response_worse(library: Path, sizes: list[float | None], factor: float) -> None:
    criteria = assessor(library, "recist_1_1")
    later = sizes[1:]
    small, large = assess(criteria, [100.0, *later]), assess(criteria, [100.0 * factor, *later])
    assert large.overall[0, 1] <= small.overall[0, 1]


def test_patients_are_assessed_each_for_themselves(recist: ResponseAssessor) -> None:
    sizes = np.array([[100.0, 60.0, 60.0], [100.0, 130.0, 130.0]])
    times = np.array([[0.0, 8 * WEEK, 16 * WEEK]] * 2)
    together = recist.assess(times, sizes)
    assert [LABELS[code] for code in together.best] == ["PR", "PD"]
    assert np.isnan(together.progression_time).tolist() == [True, False]
