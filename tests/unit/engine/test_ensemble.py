"""What an ensemble does between stops: events, queues, outputs, failures, interrupts."""

from __future__ import annotations

import _thread
import signal
import threading
import time

import numpy as np
import pytest

from cytotrial.engine import Ensemble, EventKind, Events, Status, Tolerances

SET, ADD = EventKind.SET_INPUT, EventKind.ADD_TO_STATE
EXACT = Tolerances(rtol=1e-9)


@pytest.fixture
def tank(compiled):
    """A tank filled at a rate and drained in proportion."""
    return compiled({"level": "rate - drain*level"}, parameters="drain", inputs="rate", observables={"double": "2*level"})


def ensemble_of(model, drains, *, level=0.0, **options):
    drains = np.asarray(drains, float)[:, None]
    return Ensemble(model, drains, np.full((len(drains), 1), level), tolerances=EXACT, threads=1, **options)


def test_events_at_one_time_are_applied_in_the_order_given(tank):
    ensemble = ensemble_of(tank, [0.0])
    ensemble.schedule(Events([0, 0], [1.0, 1.0], 0, SET, [5.0, 2.0]))
    ensemble.schedule(Events([0], [1.0], 0, SET, [3.0]))
    ensemble.advance(2.0)
    assert ensemble.states[0, 0] == pytest.approx(3.0, rel=1e-12)


def test_an_event_exactly_at_until_stays_pending_and_is_applied_next_time(tank):
    ensemble = ensemble_of(tank, [0.0], level=1.0)
    ensemble.schedule(Events([0], [4.0], 0, ADD, [10.0]))
    ensemble.advance(4.0)
    assert ensemble.states[0, 0] == 1.0
    assert len(ensemble.pending) == 1
    ensemble.advance(5.0)
    assert ensemble.states[0, 0] == pytest.approx(11.0, rel=1e-12)
    assert len(ensemble.pending) == 0


def test_an_output_at_an_events_time_is_the_value_before_it(tank):
    ensemble = ensemble_of(tank, [0.0], level=1.0)
    ensemble.schedule(Events([0, 0], [2.0, 2.0], 0, [ADD, SET], [10.0, 7.0]))
    outputs = ensemble.advance(3.0, np.array([0.0, 2.0, 3.0]))
    assert outputs.time.tolist() == [2.0, 3.0]
    assert outputs.states[:, 0] == pytest.approx([1.0, 18.0], rel=1e-12)
    assert outputs.inputs[:, 0].tolist() == [0.0, 7.0]


def test_a_very_short_infusion_is_never_stepped_over(tank):
    ensemble = ensemble_of(tank, [0.0])
    ensemble.schedule(Events([0, 0], [1000.0, 1000.0 + 1e-6], 0, SET, [1e6, 0.0]))
    ensemble.advance(5000.0)
    assert ensemble.states[0, 0] == pytest.approx(1.0, rel=1e-6)


def test_cancel_drops_the_pending_events_of_the_masked_patients_only(tank):
    ensemble = ensemble_of(tank, [0.0, 0.0])
    ensemble.schedule(Events([0, 1, 0, 1], [1.0, 1.0, 2.0, 2.0], 0, [SET, SET, ADD, ADD], [1.0, 1.0, 5.0, 5.0]))
    ensemble.cancel(np.array([True, False]), target=0)
    ensemble.advance(3.0)
    assert ensemble.states[:, 0] == pytest.approx([5.0, 7.0], rel=1e-12)


def test_cancel_without_a_target_drops_everything(tank):
    ensemble = ensemble_of(tank, [0.0])
    ensemble.schedule(Events([0, 0], [1.0, 2.0], 0, [SET, ADD], 1.0))
    ensemble.cancel(np.array([True]))
    assert len(ensemble.pending) == 0


def test_cancelled_inputs_are_those_of_the_patients_named_and_additions_stay(tank):
    ensemble = ensemble_of(tank, [0.0, 0.0])
    ensemble.schedule(Events([0, 1, 0, 1], [1.0, 1.0, 2.0, 2.0], 0, [SET, SET, ADD, ADD], [1.0, 1.0, 5.0, 5.0]))
    ensemble.cancel_inputs(np.array([[True], [False]]))
    ensemble.advance(3.0)
    assert ensemble.states[:, 0] == pytest.approx([5.0, 7.0], rel=1e-12)


def test_the_states_of_some_patients_are_a_copy(tank):
    ensemble = ensemble_of(tank, [0.0, 0.0, 0.0], level=1.0)
    some = ensemble.states_of(np.array([2, 0]))
    assert ensemble.states_of(np.array([1]), np.array([0])).tolist() == [[1.0]]
    some[:] = 9.0
    assert ensemble.states[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_patients_go_to_their_own_until_from_their_own_start(tank):
    ensemble = ensemble_of(tank, [0.1, 0.1, 0.1], level=1.0, start=np.array([0.0, 5.0, 2.0]))
    outputs = ensemble.advance(np.array([3.0, 5.0, 4.0]), np.arange(0.0, 10.0))
    assert ensemble.time.tolist() == [3.0, 5.0, 4.0]
    assert outputs.patient.tolist() == [0, 0, 0, 2, 2]
    assert outputs.time.tolist() == [1.0, 2.0, 3.0, 3.0, 4.0]
    assert ensemble.states[:, 0] == pytest.approx(np.exp([-0.3, 0.0, -0.2]), rel=1e-8)


def test_an_until_in_the_past_names_the_patient(tank):
    ensemble = ensemble_of(tank, [0.1, 0.1], start=4.0)
    with pytest.raises(ValueError, match="patient 1 is 3 h, before its present time 4 h"):
        ensemble.advance(np.array([5.0, 3.0]))


def test_an_event_in_the_past_names_the_patient(tank):
    ensemble = ensemble_of(tank, [0.1, 0.1], start=4.0)
    with pytest.raises(ValueError, match=r"patient 1, time 3 h.*earlier than the patient's present time"):
        ensemble.schedule(Events([0, 1], [5.0, 3.0], 0, SET, 1.0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"patient": [2]}, "there are 2 patients"),
        ({"target": [1]}, "its target is none of 1 inputs or 1 states"),
        ({"kind": [5]}, "its kind is no EventKind"),
        ({"value": [np.nan]}, "its time and value must be finite"),
    ],
)
def test_a_wrong_event_says_what_is_wrong(tank, changed, message):
    event = {"patient": [0], "time": [1.0], "target": [0], "kind": SET, "value": [1.0], **changed}
    with pytest.raises(ValueError, match=message):
        ensemble_of(tank, [0.1, 0.1]).schedule(Events(**event))


def test_a_grid_that_does_not_rise_is_refused(tank):
    with pytest.raises(ValueError, match="output_times must be one rising row"):
        ensemble_of(tank, [0.1]).advance(3.0, np.array([1.0, 1.0]))


def test_a_parameter_that_is_not_finite_is_named(tank):
    with pytest.raises(ValueError, match="parameters: 'drain' of patient 1 is nan"):
        ensemble_of(tank, [0.1, np.nan])


def test_a_state_edit_changes_the_masked_patients_only(tank):
    ensemble = ensemble_of(tank, [0.0, 0.0], level=1.0)
    ensemble.set_state("level", 9.0, np.array([False, True]))
    ensemble.advance(1.0)
    assert ensemble.states[:, 0].tolist() == [1.0, 9.0]
    assert ensemble.observe()[:, 0].tolist() == [2.0, 18.0]


def test_editing_an_unknown_state_suggests_the_nearest(tank):
    with pytest.raises(ValueError, match=r"unknown state 'levle'. Did you mean 'level'\?"):
        ensemble_of(tank, [0.0]).set_state("levle", 1.0, np.array([True]))


def test_arrays_shown_are_copies(tank):
    ensemble = ensemble_of(tank, [0.0], level=1.0)
    ensemble.states[:] = 5.0
    assert ensemble.states[0, 0] == 1.0


def fails(compiled, equation, *, max_steps=200_000, rtol=1e-4, partner="0"):
    """Ten patients of whom the third has the rate 1 that makes the equation fail; the others have 0."""
    model = compiled({"x": equation, "partner": partner}, parameters="bad")
    bad = np.zeros((10, 1))
    bad[2] = 1.0
    ensemble = Ensemble(model, bad, np.ones((10, 2)), tolerances=Tolerances(rtol=rtol, max_steps=max_steps))
    outputs = ensemble.advance(5.0, np.arange(0.5, 5.1, 0.5))
    others = np.arange(10) != 2
    assert (ensemble.status[others] == Status.OK).all()
    assert (ensemble.time[others] == 5.0).all()
    assert (np.bincount(outputs.patient, minlength=10)[others] == 10).all()
    assert np.isfinite(outputs.states).all()
    assert np.isfinite(ensemble.states).all()
    return ensemble, outputs


def test_a_solution_that_explodes_ends_at_the_step_floor(compiled):
    ensemble, outputs = fails(compiled, "bad*x**2 - (1 - bad)*x")
    assert ensemble.status[2] in (Status.STEP_FLOOR, Status.NOT_FINITE)
    assert ensemble.time[2] == pytest.approx(1.0, rel=1e-3)
    assert outputs.time[outputs.patient == 2].max() <= ensemble.time[2]


def test_a_jump_without_end_within_the_equations_ends_at_the_step_floor(compiled):
    ensemble, _ = fails(compiled, "Piecewise((-1, x > 0.5), (1e13, True))*bad*1e6 - (1 - bad)*x")
    assert ensemble.status[2] == Status.STEP_FLOOR
    assert "smaller rtol" in Status(ensemble.status[2]).reason


def test_a_logarithm_of_a_negative_number_ends_as_not_finite(compiled):
    ensemble, _ = fails(compiled, "-bad*(2 + 0*x) + 1e-9*log(x + 1 - bad) - (1 - bad)*x")
    assert ensemble.status[2] == Status.NOT_FINITE
    assert ensemble.time[2] == pytest.approx(0.5, abs=1e-3)
    assert "max(0, ...)" in Status(ensemble.status[2]).reason


def test_a_rate_that_is_no_number_from_the_start_ends_at_the_start(compiled):
    ensemble, outputs = fails(compiled, "-x + log(1 - 2*bad*x)")
    assert ensemble.status[2] == Status.NOT_FINITE
    assert ensemble.time[2] == 0.0
    assert 2 not in outputs.patient


def test_a_patient_who_fails_after_an_event_has_failed_alone_and_keeps_what_came_before(compiled):
    model = compiled({"x": "-x + log(1 - bad*x)"}, parameters="bad")
    bad = np.zeros((10, 1))
    bad[2] = 1.0
    ensemble = Ensemble(model, bad, np.full((10, 1), 0.5))
    ensemble.schedule(Events(np.arange(10), 2.0, 0, ADD, 3.0))
    outputs = ensemble.advance(5.0, np.array([1.0, 2.0, 3.0]))
    assert ensemble.status[2] == Status.NOT_FINITE
    assert ensemble.time[2] == 2.0
    assert outputs.time[outputs.patient == 2].tolist() == [1.0, 2.0]
    others = np.arange(10) != 2
    assert (ensemble.status[others] == Status.OK).all()
    assert (ensemble.time[others] == 5.0).all()


def test_too_many_steps_are_refused(compiled):
    ensemble, _ = fails(compiled, "1e3*bad*partner - (1 - bad)*x", partner="-1e3*bad*x", max_steps=500)
    assert ensemble.status[2] == Status.TOO_MANY_STEPS
    assert ensemble.steps.accepted[2] + ensemble.steps.rejected[2] == 500
    assert "raise max_steps" in Status(ensemble.status[2]).reason


def test_a_failed_patient_stays_where_it_failed(compiled):
    ensemble, _ = fails(compiled, "bad*x**2 - (1 - bad)*x")
    before = ensemble.time[2], ensemble.states[2, 0]
    ensemble.advance(6.0)
    assert (ensemble.time[2], ensemble.states[2, 0]) == before
    assert (ensemble.time[np.arange(10) != 2] == 6.0).all()


@pytest.fixture
def interruptible():
    """SIGINT as at a terminal: a process started in the background of a script ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_is_answered_within_a_second_and_leaves_a_state_to_go_on_from(compiled):
    model = compiled({"x": "v", "v": "-1e4*x"})
    ensemble = Ensemble(
        model, np.zeros((40, 0)), np.tile([1.0, 0.0], (40, 1)), tolerances=Tolerances(rtol=1e-10, max_steps=10**12)
    )
    ensemble.schedule(Events(np.arange(40), 0.0, 0, ADD, 1.0))
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ensemble.advance(1e7)
    assert time.monotonic() - begun < 1.3
    assert (ensemble.status == Status.OK).all()
    assert (ensemble.time < 1e7).all()
    started = ensemble.time > 0
    assert started.any()
    assert set(ensemble.pending.patient) == set(np.flatnonzero(~started))


def test_every_status_has_a_reason_of_one_sentence():
    assert all(status.reason.endswith(".") for status in Status)


def test_a_tolerance_that_is_not_above_zero_is_refused():
    with pytest.raises(ValueError, match=r"Tolerances.rtol is 0.0; expected a number above 0."):
        Tolerances(rtol=0.0)


def test_the_first_step_after_an_event_is_remembered_so_that_its_guess_hardly_matters(dosing, dosing_patients):
    """Forty infusions of a quarter of an hour: only the first few of their eighty ends pay for a wrong guess."""
    parameters, initial = dosing_patients(1)
    starts = 8.0 * np.arange(40)
    infusions = Events(
        patient=np.zeros(80, int),
        time=np.sort(np.concatenate([starts, starts + 0.25])),
        target=0,
        kind=EventKind.SET_INPUT,
        value=np.tile([30.0, 0.0], 40),
    )
    taken, ends = [], []
    for guess in (1e-4, 0.5):
        ensemble = Ensemble(dosing(), parameters, initial, tolerances=Tolerances(restart_step=guess), threads=1)
        ensemble.schedule(infusions)
        ensemble.advance(320.0)
        taken.append(sum(int(steps[0]) for steps in ensemble.steps))
        ends.append(ensemble.states)
    assert abs(taken[0] - taken[1]) < 80 / 2
    np.testing.assert_allclose(*ends, rtol=1e-3)
