"""Criteria before treatment: comparisons, joined conditions, limits of normal, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.errors import LibraryError
from cytotrial.formats.conditions import Condition
from cytotrial.formats.interface import Covariate, Observable
from cytotrial.population.eligibility import findings, meets

TITLE = {"en": "a title", "fr": "un titre"}
PORTS = {
    "creatinine": Observable.model_validate(
        {"unit": "mg/dL", "title": TITLE, "group": "lab", "code": "CREAT", "normal": {"lower": 0.6, "upper": 1.3}}
    ),
    "albumin": Observable.model_validate({"unit": "g/dL", "title": TITLE, "group": "lab", "code": "ALB"}),
    "age": Covariate.model_validate({"unit": "y", "title": TITLE}),
}
MEASURED = {
    "creatinine": np.array([0.9, 1.5, 1.6, np.nan]),
    "albumin": np.array([4.0, 3.0, 2.0, 4.0]),
    "age": np.array([40.0, 75.0, 76.0, 50.0]),
}


def who(**condition):
    return meets(Condition.model_validate(condition), MEASURED, ports=PORTS).tolist()


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"at_most": 75}, [True, True, False, True]),
        ({"below": 75}, [True, False, False, True]),
        ({"at_least": 75}, [False, True, True, False]),
        ({"above": 75}, [False, False, True, False]),
        ({"from": 40, "below": 50}, [True, False, False, False]),
    ],
)
def test_bounds_include_or_leave_out_their_value(bounds, expected):
    assert who(finding="age", **bounds) == expected


def test_bounds_are_read_in_their_unit():
    assert who(lab="albumin", at_least=25, unit="g/L") == [True, True, False, True]


def test_what_was_not_measured_meets_nothing():
    assert who(lab="creatinine", at_most=99)[3] is False


def test_conditions_can_be_joined():
    young, good = {"finding": "age", "at_most": 60}, {"lab": "creatinine", "at_most": 1.5}
    assert who(any=[young, good]) == [True, True, False, True]
    assert who(all=[young, good]) == [True, False, False, False]
    assert who(at_least=2, of=[young, good, {"lab": "albumin", "above": 2.5}]) == [True, True, False, True]
    assert who(**{"not": young}) == [False, True, True, False]


def test_limits_of_normal_are_the_laboratory_s():
    assert who(lab="creatinine", at_most=1.2, times="upper_normal") == [True, True, False, False]
    assert who(lab="creatinine", at_least=2, times="lower_normal") == [False, True, True, False]


def test_a_missing_limit_of_normal_is_a_clear_error():
    with pytest.raises(LibraryError, match="'albumin' has no upper limit of normal"):
        who(lab="albumin", at_most=1, times="upper_normal")


@pytest.mark.parametrize(
    "condition",
    [
        {"grade": "fever", "at_least": 2},
        {"given": "cycles", "at_least": 1},
        {"lab": "creatinine", "at_most": 1.5, "consecutive": 2},
        {"lab": "creatinine", "at_most": 1.5, "for_at_least": "2 days"},
        {"lab": "creatinine", "above": 0.5, "rise_over": "2 days"},
    ],
)
def test_what_happens_under_treatment_cannot_be_asked(condition):
    with pytest.raises(LibraryError, match="cannot be asked of a patient before treatment"):
        who(**condition)


def test_the_findings_of_a_joined_condition_are_all_named():
    condition = Condition.model_validate(
        {"any": [{"finding": "age", "above": 1}, {"not": {"all": [{"lab": "albumin", "above": 1}]}}]}
    )
    assert set(findings(condition)) == {"age", "albumin"}
