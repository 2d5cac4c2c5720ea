"""No state and no observable leaves its physical limits, in many drawn patients under every planned dose and in a trial.

Every planned dose given is harder on a patient than any clinic, so what holds here holds for the patients of a trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from cytotrial.catalogue import Library
from cytotrial.evidence.time_courses import Bench, TimeCourses, bench_of, give_regimen
from cytotrial.model.limits import Excursion, excursions, observable_limits, state_limits
from cytotrial.population.draw import Patients
from cytotrial.protocol import find_protocol, read_protocol, with_overrides
from cytotrial.protocol.protocol import Protocol
from cytotrial.trial import run_trial

pytestmark = pytest.mark.needs(
    "drugs/aldesleukin",
    "protocols/hd_il2_rcc.yaml",
    "protocols/hd_il2_melanoma.yaml",
    "diseases/renal_cell_carcinoma",
    "diseases/melanoma",
)

SHIPPED = ("hd_il2_rcc", "hd_il2_melanoma")
FEW, MANY, TOGETHER = 100, 5_000, 100  # of each disease
LONGEST_HOURS = 28 * 24.0  # two cycles and the recovery from them
MOST_FAILURES = 0.001


@pytest.fixture(scope="module", params=SHIPPED)
def protocol(library: Library, request: pytest.FixtureRequest) -> Protocol:
    return read_protocol(find_protocol(request.param, library), library)


@pytest.fixture(scope="module")
def bench(library: Library, protocol: Protocol) -> Bench:
    return bench_of(library, drugs=protocol.drugs, disease=protocol.disease)


def courses(bench: Bench, protocol: Protocol, patients: int) -> Iterator[TimeCourses]:
    """Time courses of drawn patients under every planned dose of the protocol's first treatment, some patients at a time.

    States that cannot move in this trial are at their starts throughout.
    """
    treatment = protocol.arms[0].treatments[0]
    everybody = bench.drawn(patients)
    for first in range(0, patients, TOGETHER):
        rows = np.arange(first, min(first + TOGETHER, patients))
        some = Patients(
            everybody.numbers[rows],
            {name: values[rows] for name, values in everybody.covariates.items()},
            {},
            everybody.parameters[rows],
            everybody.initial[rows],
        )
        course = give_regimen(
            bench,
            some,
            regimen=treatment.regimen,
            drug=bench.library.drugs[treatment.drug],
            support=treatment.support,
            until=LONGEST_HOURS,
        )
        starts = {name: values[:, None] for name, values in bench.biology.starts(some.parameters).items()}
        yield replace(course, states={**starts, **course.states})


def left(bench: Bench, course: TimeCourses) -> list[Excursion]:
    """What left its limits in patients whose simulation did not fail."""
    states, seen = state_limits(bench.library, bench.biology), observable_limits(bench.biology)
    return [
        *excursions(states, {name: values[~course.failed] for name, values in course.states.items()}),
        *excursions(seen, {name: values[~course.failed] for name, values in course.observables.items()}),
    ]


def check(bench: Bench, protocol: Protocol, patients: int) -> None:
    failed, found = 0, {}
    for course in courses(bench, protocol, patients):
        failed += int(course.failed.sum())
        for excursion in left(bench, course):
            found.setdefault(excursion.name, str(excursion))
    assert list(found.values()) == []
    assert failed <= MOST_FAILURES * patients


def test_nobody_leaves_the_physical_range_under_every_planned_dose(bench: Bench, protocol: Protocol) -> None:
    check(bench, protocol, FEW)


@pytest.mark.slow
def test_nobody_of_five_thousand_of_each_disease_leaves_the_physical_range(bench: Bench, protocol: Protocol) -> None:
    check(bench, protocol, MANY)


@pytest.mark.slow
def test_nobody_leaves_the_physical_range_in_the_shipped_trial(bench: Bench, protocol: Protocol, library: Library) -> None:
    result = run_trial(with_overrides(protocol, patients=FEW), library, keep=False)
    seen = result.table("trajectories")
    limits = observable_limits(bench.biology)
    series = {name: seen[name].to_numpy(dtype=float)[:, None] for name in limits}
    assert [str(excursion) for excursion in excursions(limits, series)] == []
    assert result.table("failures").empty


def test_a_biology_without_floors_is_caught(bench: Bench, protocol: Protocol) -> None:
    course = next(courses(bench, protocol, 4))
    limits = state_limits(bench.library, bench.biology)
    name = next(name for name in bench.biology.system.states if limits[name].low == 0)
    course.states[name][0, 5] = -1e6
    assert [excursion.name for excursion in left(bench, course)] == [name]


def test_a_module_that_limits_one_state_limits_them_all(library: Library) -> None:
    without = {
        module: [name for name, state in item.file.states.items() if state.range_.low is None and state.range_.high is None]
        for module, item in library.modules.items()
        if any(state.range_.low is not None for state in item.file.states.values())
    }
    assert {module: names for module, names in without.items() if names} == {}
    assert len(without) > 10
