"""Survival after progression: its median, its tie to growth, and covariates that multiply the hazard."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.formats.population import AfterProgression
from cytotrial.model.composition import compose
from cytotrial.outlook import time_after_progression
from cytotrial.population.draw import Patients
from cytotrial.units import hours

pytestmark = pytest.mark.needs("drugs/aldesleukin", "diseases/renal_cell_carcinoma")

PEOPLE = np.arange(1, 20_001)
NOTHING = np.zeros((PEOPLE.size, 0))
WRITTEN = {"median": "10 months", "status": "assumed"}


@pytest.fixture(scope="module")
def biology(library):
    return compose(library, drugs=["aldesleukin"], disease="renal_cell_carcinoma")


def times(biology, status, **written):
    patients = Patients(PEOPLE, {"performance_status": np.full(PEOPLE.size, float(status))}, {}, NOTHING, NOTHING)
    return time_after_progression(AfterProgression.model_validate({**WRITTEN, **written}), patients, biology, seed=1)


def test_the_median_is_the_one_written(biology):
    # The median of 20,000 exponentials has a relative standard error of 1 %.
    assert np.median(times(biology, 0)) == pytest.approx(hours("10 months"), rel=0.04)


def test_a_covariate_multiplies_the_hazard_by_its_ratio_per_unit(biology):
    ratio = {"performance_status": 1.7}
    for status in (0, 1, 2):
        moved = times(biology, status, hazard_ratios=ratio)
        assert moved == pytest.approx(times(biology, status) / 1.7**status)
