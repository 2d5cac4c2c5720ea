"""Two diseases of the skin against closed forms: what is untreated, how few CD4 T cells there are, and that dose matters."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.catalogue import Library
from cytotrial.evidence.time_courses import Bench, TimeCourses, bench_of, give_regimen
from cytotrial.protocol.regimen import parse_regimen

DRUG = "interferon_alfa_2a"
KAPOSI, LYMPHOMA = "kaposi_sarcoma", "cutaneous_t_cell_lymphoma"
pytestmark = pytest.mark.needs(f"drugs/{DRUG}", f"diseases/{KAPOSI}", f"diseases/{LYMPHOMA}", "immune/interferon_signalling")


@pytest.fixture(scope="module")
def benches(library: Library) -> dict[str, Bench]:
    return {disease: bench_of(library, drugs=[DRUG], disease=disease, settings={}) for disease in (KAPOSI, LYMPHOMA)}


def course(bench: Bench, sentence: str | None, *, days: float) -> TimeCourses:
    """The typical patient under a regimen or none, every dose given."""
    regimen = None if sentence is None else parse_regimen(sentence)
    drug = None if sentence is None else bench.library.drugs[DRUG]
    return give_regimen(bench, bench.typical(), regimen=regimen, drug=drug, support="none", until=days * 24.0)


def value(bench: Bench, name: str) -> float:
    """A parameter of the table."""
    found = bench.biology.parameters[bench.biology.resolve(name)].value
    assert found is not None
    return found


def test_lymphoma_of_the_skin_spreads_as_a_logistic_when_untreated(benches: dict[str, Bench]) -> None:
    bench = benches[LYMPHOMA]
    seen = course(bench, None, days=900)
    start, largest = value(bench, f"{LYMPHOMA}.start_score"), value(bench, f"{LYMPHOMA}.largest_score")
    grown = np.exp(value(bench, f"{LYMPHOMA}.skin_growth") * seen.time)
    expected = largest * start * grown / (largest + start * (grown - 1))
    # The tolerance of the integration.
    np.testing.assert_allclose(seen.observables["skin_involvement"][0], expected, rtol=1e-3)


def test_lesions_of_the_sarcoma_grow_and_new_ones_come_when_untreated(benches: dict[str, Bench]) -> None:
    bench = benches[KAPOSI]
    seen = course(bench, None, days=300)
    grown = np.exp(2 * value(bench, f"{KAPOSI}.lesion_growth") * seen.time)
    area = seen.observables["kaposi_lesion_area"][0]
    np.testing.assert_allclose(area / area[0], grown, rtol=1e-3)
    number, start = seen.observables["kaposi_lesion_number"][0], value(bench, f"{KAPOSI}.start_number")
    assert number[0] == pytest.approx(start)
    # A few of the smallest lesions of the start, too small to be counted, grow into sight: half a percent.
    came = start * value(bench, f"{KAPOSI}.seeding") * seen.time[-1]
    assert number[-1] == pytest.approx(start + came, rel=6e-3)


def test_the_laboratory_counts_the_cd4_cells_that_the_patient_was_drawn_with(benches: dict[str, Bench]) -> None:
    bench = benches[KAPOSI]
    drawn = float(bench.typical().covariates["cd4_count"][0])
    regulatory = value(bench, "lymphocytes.baseline_treg") / value(bench, "lymphocytes.baseline_cd4")
    expected = drawn * value(bench, f"{KAPOSI}.conventional_part") * (1 + regulatory)
    counted = course(bench, None, days=1).observables["cd4_lymphocytes"][0]
    assert counted[0] == pytest.approx(expected, rel=1e-9)
    assert counted[0] == pytest.approx(drawn, rel=0.01)
    assert counted[-1] == pytest.approx(counted[0], rel=1e-6)  # and they are at rest


@pytest.mark.parametrize(("disease", "name"), [(KAPOSI, "kaposi_lesion_area"), (LYMPHOMA, "skin_involvement")])
def test_twelve_times_the_dose_takes_off_much_more(benches: dict[str, Bench], disease: str, name: str) -> None:
    taken = {}
    for dose in (3, 36):
        level = course(benches[disease], f"{dose} MIU flat im daily for 10 weeks", days=70).observables[name][0]
        taken[dose] = -np.log(level[-1] / level[0])
    assert taken[36] > taken[3] + 0.3
