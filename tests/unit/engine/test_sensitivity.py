"""Slopes of outcomes with respect to parameters, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import EventKind, Events, Tolerances, sensitivities

TIMES = np.array([1.0, 3.0, 10.0])
RATES = np.array([[0.2, 5.0], [0.5, 8.0]])


@pytest.fixture
def tank(compiled):
    return compiled(
        {"drug": "rate - k*drug"}, parameters="k volume", inputs="rate", observables={"concentration": "drug/volume"}
    )


def test_slopes_of_a_state_and_of_an_observable_are_those_of_the_closed_form(tank):
    found = sensitivities(tank, RATES, np.full((2, 1), 4.0), of=["drug", "concentration"], to=["k", "volume"], times=TIMES)
    k, volume = RATES[:, :1], RATES[:, 1:]
    drug = 4.0 * np.exp(-k * TIMES)
    expected = np.zeros((2, 3, 2, 2))
    expected[..., 0, 0], expected[..., 1, 0] = -TIMES * drug, -TIMES * drug / volume
    expected[..., 1, 1] = -drug / volume**2
    # A central difference over one per cent is off by some 1e-4 of the slope, and by (k t)^2 / 6 times that when it is steep.
    np.testing.assert_allclose(found.slopes, expected, rtol=6e-4, atol=1e-9)
    np.testing.assert_allclose(found.values[..., 0], drug, rtol=1e-5)


def test_relative_slopes_are_per_cent_for_a_per_cent(tank):
    found = sensitivities(tank, RATES, np.full((2, 1), 4.0), of=["drug"], to=["k"], times=TIMES)
    np.testing.assert_allclose(found.relative()[:, :, 0, 0], -RATES[:, :1] * TIMES, rtol=6e-4)


def test_every_copy_gets_the_events_and_inputs_of_its_patient(tank):
    events = Events([0, 1], [2.0, 0.5], 0, EventKind.ADD_TO_STATE, [10.0, 20.0])
    found = sensitivities(
        tank, RATES, np.zeros((2, 1)), of=["drug"], to=["k"], times=TIMES, events=events, inputs=np.array([[0.0], [1.0]])
    )
    k = RATES[:, 0]
    first = -(TIMES - 2.0) * 10.0 * np.exp(-k[0] * (TIMES - 2.0)) * (TIMES > 2.0)
    bolus = -(TIMES - 0.5) * 20.0 * np.exp(-k[1] * (TIMES - 0.5))
    infusion = TIMES * np.exp(-k[1] * TIMES) / k[1] - (1 - np.exp(-k[1] * TIMES)) / k[1] ** 2
    np.testing.assert_allclose(found.slopes[0, :, 0, 0], first, rtol=6e-4, atol=1e-6)
    np.testing.assert_allclose(found.slopes[1, :, 0, 0], bolus + infusion, rtol=6e-4, atol=1e-6)


def test_a_start_that_depends_on_the_parameters_moves_with_them(compiled):
    turnover = compiled({"response": "kin - kout*response"}, parameters="kin kout")
    rest = lambda parameters: parameters[:, :1] / parameters[:, 1:]  # noqa: E731
    found = sensitivities(turnover, np.array([[3.0, 0.5]]), rest, of=["response"], to=["kin", "kout"], times=TIMES)
    np.testing.assert_allclose(found.slopes[0, :, 0, :], np.tile([2.0, -12.0], (3, 1)), rtol=2e-4)


def test_a_parameter_that_is_zero_is_moved_all_the_same(tank):
    found = sensitivities(tank, np.array([[0.0, 5.0]]), np.ones((1, 1)), of=["drug"], to=["k"], times=np.array([2.0]))
    assert found.slopes[0, 0, 0, 0] == pytest.approx(-2.0, rel=1e-3)


def test_a_patient_that_fails_is_not_a_number_and_the_others_are_not_touched(compiled):
    explosive = compiled({"x": "k*x**2"}, parameters="k")
    found = sensitivities(
        explosive,
        np.array([[0.01], [10.0]]),
        np.ones((2, 1)),
        of=["x"],
        to=["k"],
        times=TIMES,
        tolerances=Tolerances(rtol=1e-7),
    )
    assert np.isnan(found.slopes[1]).all()
    np.testing.assert_allclose(found.slopes[0, :, 0, 0], TIMES / (1 - 0.01 * TIMES) ** 2, rtol=1e-3)


@pytest.mark.parametrize(
    ("of", "to", "message"),
    [
        (["concentratio"], ["k"], r"unknown state or observable 'concentratio'\. Did you mean 'concentration'\?"),
        (["drug"], ["volum"], r"unknown parameter 'volum'\. Did you mean 'volume'\?"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(tank, of, to, message):
    with pytest.raises(ValueError, match=message):
        sensitivities(tank, RATES, np.ones((2, 1)), of=of, to=to, times=TIMES)
