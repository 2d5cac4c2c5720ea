"""Survival after progression: its median, and covariates that multiply the hazard. Deaths of other causes, by a life table."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.errors import LibraryError
from cytotrial.formats.life_table import LifeTableFile
from cytotrial.formats.population import AfterProgression
from cytotrial.model.composition import compose
from cytotrial.outlook import time_after_progression, time_to_other_death
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


# ---------------------------------------------------------------- other causes


def life_table(*rows, until=100.0):
    written = [{"age": age, "male": male, "female": female} for age, male, female in rows]
    return LifeTableFile.model_validate(
        {
            "schema": "life_table/1",
            "title": {"en": "Here", "fr": "Ici"},
            "country": "Here",
            "year": 1990,
            "until": until,
            "rows": written,
            "status": "assumed",
            "source": {"ref": "nowhere"},
        }
    )


def people(age, female, *, numbers=PEOPLE):
    nothing = np.zeros((numbers.size, 0))
    covariates = {"age": np.full(numbers.size, float(age)), "female": np.full(numbers.size, float(female))}
    return Patients(numbers, covariates, {}, nothing, nothing)


def test_as_many_die_before_the_next_row_as_the_table_says():
    table = life_table((50, 0.3, 0.1), (60, 0.5, 0.2))
    for female, chances in ((0, (0.3, 0.5)), (1, (0.1, 0.2))):
        years = time_to_other_death(table, people(50, female), seed=1) / hours("1 year")
        for chance, first, last in zip(chances, (0, 10), (10, 50), strict=True):
            at_risk = years >= first
            # 20,000 patients: four standard errors, a false alarm in 16,000 for each of four looks.
            error = 4 * np.sqrt(chance * (1 - chance) / at_risk.sum())
            assert (years[at_risk] < last).mean() == pytest.approx(chance, abs=error)


def test_who_enrols_within_a_row_has_the_rest_of_it_ahead():
    table = life_table((50, 0.36, 0.36), (60, 0.5, 0.5))
    years = time_to_other_death(table, people(55, 0), seed=1) / hours("1 year")
    # Half of the row: the square root of 0.64 survives it. Four standard errors of 20,000.
    assert (years < 5).mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / PEOPLE.size))


def test_beyond_the_table_people_die_at_the_rate_of_its_last_row():
    table = life_table((50, 0.2, 0.2), (90, 0.75, 0.75), until=92)
    for age in (92, 105):
        years = time_to_other_death(table, people(age, 1), seed=1) / hours("1 year")
        # A quarter survives two years, so half survives one. Four standard errors of 20,000.
        assert (years < 1).mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / PEOPLE.size))


def test_the_time_is_the_patients_own_whoever_else_is_drawn():
    table = life_table((50, 0.3, 0.1))
    everybody = time_to_other_death(table, people(60, 0), seed=1)
    some = time_to_other_death(table, people(60, 0, numbers=PEOPLE[100:110]), seed=1)
    assert some.tolist() == everybody[100:110].tolist()
    assert (time_to_other_death(table, people(60, 0), seed=2) != everybody).all()


def test_a_patient_younger_than_the_table_is_an_error():
    with pytest.raises(LibraryError, match=r"a patient is 49 years old; the life table 'Here' begins at 50"):
        time_to_other_death(life_table((50, 0.3, 0.1)), people(49, 0), seed=1)


def test_a_life_table_needs_age_and_sex():
    nothing = np.zeros((1, 0))
    patients = Patients(np.array([1]), {"age": np.array([60.0])}, {}, nothing, nothing)
    with pytest.raises(LibraryError, match="needs female, which this population does not draw"):
        time_to_other_death(life_table((50, 0.3, 0.1)), patients, seed=1)


def test_ages_of_a_life_table_rise_to_its_end():
    with pytest.raises(ValueError, match="age 50 follows age 60"):
        life_table((60, 0.3, 0.1), (50, 0.2, 0.1))
    with pytest.raises(ValueError, match="age 40 follows age 50"):
        life_table((50, 0.3, 0.1), until=40)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_nobody_lives_for_certain_and_nobody_dies_for_certain(chance):
    with pytest.raises(ValueError, match=r"male\n.*than"):
        life_table((50, chance, 0.1))


@pytest.mark.needs("life_tables/us_1990.yaml")
def test_the_shipped_tables_are_of_every_age_and_more_men_than_women_die_at_each(library):
    for table in library.life_tables.values():
        assert [row.age for row in table.rows] == list(range(120))
        adult = [row for row in table.rows if 18 <= row.age < 100]
        assert all(row.male > row.female for row in adult)
    # What the men of 55 and the women of 60 risked in 1990, as the source prints it.
    rows = library.life_tables["us_1990"].rows
    assert (rows[55].male, rows[60].female) == (0.009895, 0.008853)
