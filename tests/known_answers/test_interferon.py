"""Interferon alfa against closed forms: all of an injection arrives, the signal settles where it must, gaps give fever back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from cytotrial.catalogue import Library
from cytotrial.evidence.time_courses import Bench, TimeCourses, bench_of, give_regimen
from cytotrial.model.motion import quantities
from cytotrial.protocol.regimen import parse_regimen

DRUG = "interferon_alfa_2b"
pytestmark = pytest.mark.needs(f"drugs/{DRUG}", "immune/interferon_signalling", "diseases/renal_cell_carcinoma")

# What follows filtration is set to nothing, so that the typical patient's own kidney does not enter the closed form.
FIXED = {f"{DRUG}.renal_share": "0 1"}


@pytest.fixture(scope="module")
def bench(library: Library) -> Bench:
    return bench_of(library, drugs=[DRUG], disease="renal_cell_carcinoma", settings=FIXED)


def course(bench: Bench, sentence: str, *, days: float) -> TimeCourses:
    """The typical patient under a regimen, without supportive care."""
    drug = bench.library.drugs[DRUG]
    regimen = parse_regimen(sentence)
    return give_regimen(bench, bench.typical(), regimen=regimen, drug=drug, support="none", until=days * 24.0)


def value(bench: Bench, name: str) -> float:
    """A parameter of the table."""
    found = bench.biology.parameters[bench.biology.resolve(name)].value
    assert found is not None
    return found


def clearance(bench: Bench) -> float:
    """Of the typical patient [L/h]."""
    weight = float(bench.typical().covariates["weight"][0])
    return value(bench, f"{DRUG}.clearance") * (weight / value(bench, f"{DRUG}.reference_weight")) ** 0.75


@pytest.mark.parametrize("route", ["sc", "im", "iv over 30 min"])
def test_all_of_a_dose_arrives_by_any_route(bench: Bench, route: str) -> None:
    seen = course(bench, f"10 MIU flat {route} single dose", days=4)
    level = seen.observables[f"{DRUG}_concentration"][0]
    area = np.trapezoid(level, seen.time)
    # A grid of a quarter of an hour reads the area of these smooth curves to two per cent, by vein to four.
    assert area == pytest.approx(10 * 0.2 / clearance(bench), rel=0.04)


def test_the_signal_settles_where_its_own_desensitisation_holds_it(bench: Bench) -> None:
    rate = 0.004  # [nmol/h], about 4 pmol/L at 10 L/h of clearance or more
    miu_a_day = rate * 24 / 0.2
    seen = course(bench, f"{miu_a_day:g} MIU/day flat iv continuous for 80 days", days=80)
    stimulus = rate / clearance(bench) / value(bench, f"{DRUG}.ec50_signal")
    shift, power = value(bench, "interferon_signalling.largest_shift"), value(bench, "interferon_signalling.signal_power")

    def excess(signal: float) -> float:
        half = 1 + shift * signal
        return stimulus**power / (half**power + stimulus**power) - signal

    expected = brentq(excess, 0.0, 1.0)
    assert seen.states["interferon_signalling__signal"][0, -1] == pytest.approx(expected, rel=1e-2)
    rise = value(bench, "interferon_signalling.largest_neopterin_rise")
    resting = value(bench, "interferon_signalling.resting_neopterin")
    assert seen.observables["neopterin"][0, -1] == pytest.approx(resting * (1 + rise * expected), rel=1e-2)


def test_fever_fades_under_daily_doses_and_is_back_after_a_gap(bench: Bench) -> None:
    seen = course(bench, "5 MIU/m2 sc every 24 h, 21 doses, repeat after 35 d rest, 2 cycles", days=60)
    hotter = seen.observables["temperature"][0] - seen.observables["temperature"][0, 0]
    windows = ((0, 1), (20, 21), (54, 60))  # days: the first dose, the last of the first cycle, the first days of the second
    first, late, again = (hotter[(seen.time >= start * 24) & (seen.time < end * 24)].max() for start, end in windows)
    assert late < 0.3 * first
    assert again > 0.6 * first


def test_two_ligands_of_the_receptor_add_up_before_saturation(library: Library) -> None:
    both = bench_of(library, drugs=[DRUG, "interferon_alfa_2a"], disease="renal_cell_carcinoma")
    patient = both.typical()

    def stimulus(**amounts: float) -> float:
        states = patient.initial.copy()
        for drug, amount in amounts.items():
            states[0, both.biology.system.states.index(f"{drug}__central")] = amount
        return float(quantities(both.biology, patient.parameters, states)["ifnar_stimulus"][0])

    one, other = stimulus(interferon_alfa_2b=1.0), stimulus(interferon_alfa_2a=1.0)
    assert one > 0
    assert other > 0
    assert stimulus(interferon_alfa_2b=1.0, interferon_alfa_2a=1.0) == pytest.approx(one + other)
