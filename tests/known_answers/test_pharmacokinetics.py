"""Disposition of the first drug: against the closed form of two compartments, and against published half-lives and levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest

from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.events import EventKind, Events
from cytotrial.model.biology import Biology

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

NMOL_PER_MIU = 4.0
WEIGHT = 70.0
WITHOUT_UPTAKE = {"signalling.internalisation": 0.0, "signalling.soluble_baseline": 0.0, "aldesleukin.renal_share": 0.0}
"""What makes elimination linear: no uptake by cells, no soluble receptor, no share that follows filtration."""


class Dose(NamedTuple):
    """One dose at time 0: amount [MIU], hours of infusion, or 0 for an injection under the skin."""

    miu: float
    infusion_hours: float


class Levels(NamedTuple):
    """Serum levels of one patient: time [h], activity [IU/mL]."""

    time: np.ndarray
    activity: np.ndarray

    def at(self, hours: float) -> float:
        """The level at a time."""
        return float(np.interp(hours, self.time, self.activity))

    def half_life(self, start: float, end: float) -> float:
        """The half-life [h] between two times."""
        return float(np.log(2) * (end - start) / np.log(self.at(start) / self.at(end)))


def levels(bench, dose: Dose, *, hours: float, overrides: Mapping[str, float] | None = None) -> Levels:
    """The levels of a patient of 70 kg after one dose."""
    biology: Biology = bench.biology
    body = {name: np.zeros(1) for name in biology.covariates} | {
        "weight": np.full(1, WEIGHT), "height": np.full(1, 175.0), "age": np.full(1, 50.0),
    }  # fmt: skip
    parameters = biology.parameter_values(body, overrides=overrides)
    ensemble = Ensemble(bench.model, parameters, biology.initial_states(parameters), threads=1)
    amount = dose.miu * NMOL_PER_MIU
    if dose.infusion_hours:
        target, kind = biology.system.inputs.index("aldesleukin__infusion"), EventKind.SET_INPUT
        events = [(0.0, amount / dose.infusion_hours), (dose.infusion_hours, 0.0)]
    else:
        target, kind = biology.system.states.index("aldesleukin__depot"), EventKind.ADD_TO_STATE
        events = [(0.0, amount)]
    number = len(events)
    times, values = zip(*events, strict=True)
    ensemble.schedule(
        Events(patient=[0] * number, time=list(times), target=[target] * number, kind=[kind] * number, value=list(values))
    )
    output = ensemble.advance(np.full(1, hours), np.arange(0.0, hours + 0.01, 0.05))
    observed = bench.model.observe(output.states, parameters[output.patient], output.inputs)
    return Levels(output.time, observed[:, biology.system.observables.index("aldesleukin_activity")])


def rates(biology: Biology) -> tuple[float, float, float]:
    """Elimination, to tissue and back [1/h]."""
    value = {name: biology.parameters[f"aldesleukin.{name}"].value for name in ("clearance", "central_volume")}
    there, back = (biology.parameters[f"aldesleukin.{name}"].value for name in ("to_tissue", "from_tissue"))
    return value["clearance"] / value["central_volume"], there, back


def exponents(biology: Biology) -> tuple[float, float]:
    """The two exponents of the closed form [1/h], the faster first."""
    out, there, back = rates(biology)
    total = out + there + back
    root = np.sqrt(total**2 - 4 * out * back)
    return (total + root) / 2, (total - root) / 2


@pytest.fixture(scope="module")
def high_dose(bench) -> Levels:
    return levels(bench, Dose(0.6 * WEIGHT, 0.25), hours=9)


def test_half_lives_of_the_two_compartments_are_the_published_ones(bench) -> None:
    fast, slow = exponents(bench.biology)
    assert 60 * np.log(2) / fast == pytest.approx(12.9, rel=0.05)  # minutes, Konrad 1990
    assert 60 * np.log(2) / slow == pytest.approx(85, rel=0.05)


def test_levels_follow_the_closed_form_where_elimination_is_linear(bench) -> None:
    found = levels(bench, Dose(42, 0.25), hours=9, overrides=WITHOUT_UPTAKE)
    fast, slow = exponents(bench.biology)
    back = rates(bench.biology)[2]
    volume = bench.biology.parameters["aldesleukin.central_volume"].value
    time = found.time[found.time >= 0.25]
    rate = 42e6 / 0.25 / (1000 * volume)  # IU/mL/h
    first, second = (fast - back) / (fast - slow) / fast, (back - slow) / (fast - slow) / slow
    expected = rate * (
        first * (np.exp(fast * 0.25) - 1) * np.exp(-fast * time) + second * (np.exp(slow * 0.25) - 1) * np.exp(-slow * time)
    )
    # the engine allows 1e-4 a step; twenty times that is room for a hundred steps whose errors partly cancel
    np.testing.assert_allclose(found.activity[found.time >= 0.25], expected, rtol=2e-3)


def test_high_dose_gives_the_published_peak_and_nearly_nothing_at_the_next_dose(high_dose: Levels) -> None:
    assert high_dose.activity.max() == pytest.approx(4900, rel=0.05)
    assert 3 < high_dose.at(8) < 8


def test_half_life_between_doses_is_near_85_minutes(high_dose: Levels) -> None:
    assert 60 * high_dose.half_life(4, 8) == pytest.approx(85, rel=0.1)


def test_infusion_of_six_hours_reaches_the_published_level(bench) -> None:
    # 1e6 U/m2 at 1.73 m2; the published clearance of 120 mL/min is that of the whole patient, uptake included
    settings = WITHOUT_UPTAKE | {"aldesleukin.clearance": 7.2}
    assert levels(bench, Dose(1.73, 6), hours=7, overrides=settings).activity.max() == pytest.approx(41, rel=0.1)


def test_injection_under_the_skin_is_slow_and_low_as_published(bench) -> None:
    found = levels(bench, Dose(15, 0), hours=20)
    assert 2.6 < found.time[found.activity.argmax()] < 6.2
    assert 22 < found.activity.max() < 113
    assert 2.4 < found.half_life(10, 18) < 4.2


def test_cells_take_up_a_small_dose_and_not_a_large_one(bench) -> None:
    def kept(miu: float) -> float:
        with_cells, without = (
            levels(bench, Dose(miu, 0.25), hours=6, overrides=settings).activity.sum()
            for settings in (None, {"internalisation": 0})
        )
        return with_cells / without

    assert kept(0.01) < 0.95
    assert kept(42) > 0.97
