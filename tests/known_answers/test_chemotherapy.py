"""Chemotherapy in courses against closed forms: a full course is one course in anybody, and kills the logarithms it says."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.catalogue import Library
from cytotrial.evidence.time_courses import Bench, TimeCourses, bench_of, give_regimen
from cytotrial.protocol.regimen import parse_regimen

DRUG, DISEASE = "chvp", "follicular_lymphoma"
pytestmark = pytest.mark.needs(f"drugs/{DRUG}", f"diseases/{DISEASE}")

# Hardly anything that grows or resists, so that the mass shows the kill alone; nodes are seen at any size.
ALONE = {f"{DISEASE}.growth": "4e-6 1/h", f"{DISEASE}.unkilled": "1e-5 1", f"{DISEASE}.normal_node": "0.001 mm"}


@pytest.fixture(scope="module")
def bench(library: Library) -> Bench:
    return bench_of(library, drugs=[DRUG], disease=DISEASE, settings=ALONE)


def course(bench: Bench, sentence: str, *, days: float) -> TimeCourses:
    """The typical patient under a regimen, without supportive care."""
    regimen = parse_regimen(sentence)
    return give_regimen(
        bench, bench.typical(), regimen=regimen, drug=bench.library.drugs[DRUG], support="none", until=days * 24.0
    )


def value(bench: Bench, name: str) -> float:
    """A parameter of the table."""
    found = bench.biology.parameters[bench.biology.resolve(name)].value
    assert found is not None
    return found


@pytest.mark.parametrize(("dose", "share"), [(600, 1.0), (300, 0.5)])
def test_a_dose_by_body_surface_is_its_share_of_a_standard_course(bench: Bench, dose: float, share: float) -> None:
    seen = course(bench, f"{dose} mg/m2 iv over 30 min single dose", days=28)
    at_work = np.trapezoid(seen.observables["courses_at_work"][0], seen.time)
    # The grid reads the area to one per cent; the reference height is rounded to 0.1 cm.
    assert value(bench, f"{DRUG}.fading") * at_work == pytest.approx(share, rel=0.015)


def test_a_course_kills_as_many_logarithms_as_the_disease_says(bench: Bench) -> None:
    seen = course(bench, "600 mg/m2 iv over 30 min every 28 d, 2 doses", days=55)
    node = seen.observables["largest_node"][0]
    killed = -3 * np.log(node[-1] / node[0])
    # Growth of 55 days and the resistant share give back half a per cent.
    assert killed == pytest.approx(2 * value(bench, f"{DISEASE}.chemotherapy_kill"), rel=0.01)


def test_blood_formation_is_back_at_rest_after_the_end(bench: Bench) -> None:
    seen = course(bench, "600 mg/m2 iv over 30 min single dose", days=120)
    for name in ("neutrophils", "platelets", "haemoglobin"):
        counts = seen.observables[name][0]
        assert counts.min() < 0.99 * counts[0]
        assert counts[-1] == pytest.approx(counts[0], rel=0.01)
