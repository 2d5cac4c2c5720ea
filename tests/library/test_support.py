"""Supportive care of the shipped library: every item of every set is answered by the biology, and rests where nobody is ill.

No test names a drug or a disease; how much each treatment takes away is read from its own table.
"""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.catalogue import Library
from cytotrial.engine.ensemble import Ensemble
from cytotrial.evidence.time_courses import Bench, TimeCourses, bench_of, give_regimen
from cytotrial.protocol.regimen import parse_regimen

SYMPTOMATIC = ("antiemetics", "antidiarrhoeals", "antipruritics", "rigor_opioids")
CYCLE_HOURS = 120.0


@pytest.fixture(scope="module")
def bench(library: Library) -> Bench:
    return bench_of(library, drugs=list(library.drugs), disease=library.disease_of_checks)


@pytest.fixture(scope="module")
def treated_and_not(library: Library, bench: Bench) -> dict[str, TimeCourses]:
    drug = next(iter(library.drugs.values()))
    regimen = parse_regimen(next(iter(drug.regimens.values())).sentence)
    return {
        support: give_regimen(bench, bench.typical(), regimen=regimen, drug=drug, support=support, until=CYCLE_HOURS)
        for support in ("standard", "none")
    }


def test_every_care_of_every_set_turns_an_input_that_the_biology_reads(library: Library, bench: Bench) -> None:
    system = bench.biology.system
    expressions = (*system.derivatives, *system.observations)
    read = {str(symbol) for expression in expressions for symbol in expression.free_symbols}
    assert {care.input for support in library.support.values() for care in support.care.values()} <= read


@pytest.mark.parametrize("name", SYMPTOMATIC)
def test_each_ward_set_has_the_treatment_of_symptoms(library: Library, name: str) -> None:
    sets = [support for support in library.support.values() if "hospital" in support.care]
    assert len(sets) >= 4
    assert all(name in {care.input for care in support.care.values()} for support in sets)


def test_treatment_of_symptoms_changes_nothing_in_somebody_without_any(bench: Bench) -> None:
    patient = bench.typical()
    inputs = bench.biology.input_defaults()
    names = list(bench.biology.system.inputs)
    care = [names.index(name) for name in (*SYMPTOMATIC, "thyroid_replacement", "platelet_transfusions")]
    rows = []
    for value in (0.0, 1.0):
        given = inputs.copy()
        given[care] = value
        ensemble = Ensemble(bench.model, patient.parameters, patient.initial, inputs=given[None, :])
        ensemble.advance(np.array([60 * 24.0]), np.array([60 * 24.0]))
        rows.append(ensemble.states[0])
    # A smooth switch is never wholly off: a ten-thousandth of full hormone is far below what can be measured.
    np.testing.assert_allclose(rows[1], rows[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("module", "observable"),
    [("antiemetics", "nausea_score"), ("antidiarrhoeals", "diarrhoea_volume"), ("antipruritics", "pruritus_score")],
)
def test_a_treatment_leaves_the_share_of_the_symptom_that_its_table_says(
    bench: Bench, treated_and_not: dict[str, TimeCourses], module: str, observable: str
) -> None:
    removed = bench.biology.parameters[f"{module}.share_removed"].value
    with_care, without = (treated_and_not[support].observables[observable][0].max() for support in ("standard", "none"))
    assert without > 0
    # The rest of the care makes a typical patient less ill too, or keeps more drug going; a tenth either way.
    assert with_care / without == pytest.approx(1 - removed, rel=0.1)


def test_an_opioid_leaves_the_set_point_alone_and_shortens_what_is_felt(treated_and_not: dict[str, TimeCourses]) -> None:
    treated, untreated = treated_and_not["standard"].observables, treated_and_not["none"].observables
    np.testing.assert_allclose(untreated["rigors"], untreated["chills_gap"], atol=1e-9)
    assert (treated["rigors"] <= treated["chills_gap"] + 1e-9).all()
