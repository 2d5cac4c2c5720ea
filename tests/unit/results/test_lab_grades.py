"""Grades of single laboratory values, by the shipped criteria and worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from cytotrial.catalogue import Library
from cytotrial.results.lab_grades import (
    LaboratoryGrading,
    grade_values,
    laboratory_grading,
    laboratory_grading_from_json,
    laboratory_grading_to_json,
    overall_grade,
)

pytestmark = pytest.mark.needs("grading/ctcae_v5.yaml")


@pytest.fixture(scope="module")
def grading(library: Library) -> LaboratoryGrading:
    labs = {name: port for name, port in library.interface.observables.items() if port.group == "lab"}
    normals, units = ({name: getattr(port, key) for name, port in labs.items()} for key in ("normal", "unit"))
    return laboratory_grading(library.gradings["ctcae_v5"], normals, units)


def grades(grading: LaboratoryGrading, rows: list[tuple[str, float, float]]) -> list[int | None]:
    values = pd.DataFrame(rows, columns=["NAME", "AVAL", "BASE"])
    return [None if pd.isna(grade) else int(grade) for grade in overall_grade(grade_values(values, grading))]


def test_a_low_value_has_a_negative_grade_and_a_high_one_a_positive(grading: LaboratoryGrading) -> None:
    found = grades(grading, [("platelets", 60.0, 250.0), ("platelets", 20.0, 250.0), ("creatinine", 5.0, 1.0)])
    assert found == [-2, -4, 3]


def test_a_value_without_grade_is_zero_and_one_that_nothing_grades_is_missing(grading: LaboratoryGrading) -> None:
    assert grades(grading, [("platelets", 250.0, 250.0), ("free_thyroxine", 1.0, 1.0)]) == [0, None]


def test_a_multiple_of_the_baseline_counts_as_the_criteria_say(grading: LaboratoryGrading) -> None:
    # 1.2 mg/dL is normal, but more than three times a baseline of 0.35: grade 3.
    assert grades(grading, [("creatinine", 1.2, 0.35), ("creatinine", 1.2, 1.1)]) == [3, 0]


def test_a_value_that_was_not_measured_has_no_grade(grading: LaboratoryGrading) -> None:
    assert grades(grading, [("platelets", float("nan"), 250.0)]) == [None]


def test_a_term_that_asks_for_more_than_one_value_is_left_out(grading: LaboratoryGrading) -> None:
    assert "capillary_leak_syndrome" not in grading.grading.terms
    assert grading.term("albumin", "low") == ("hypoalbuminaemia", "Hypoalbuminemia")
    assert grading.term("albumin", "high") is None


def test_the_grading_comes_back_from_the_run_as_it_was(grading: LaboratoryGrading) -> None:
    found = laboratory_grading_from_json(laboratory_grading_to_json(grading))
    assert found.normals == grading.normals
    assert found.grading.terms.keys() == grading.grading.terms.keys()
    assert grades(found, [("platelets", 20.0, 250.0)]) == [-4]
