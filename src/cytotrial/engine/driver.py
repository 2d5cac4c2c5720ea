"""Writes the driver that takes each lane's patient through its own times, steps, events and outputs. It knows no equation.

One call of `integrate` is one worker: it takes patients from a shared counter, one per lane, until none is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cytotrial.engine.events import EventKind
from cytotrial.engine.ir import Module, Value, Writer
from cytotrial.engine.layout import CONTEXT, RESTARTS, SETTINGS, Shape
from cytotrial.engine.status import Status

_GROWTH, _SHRINKAGE, _REJECTED = 6.0, 0.2, 0.1  # a step is at most 6 times, at least 0.2 (rejected: 0.1) times the one before
_REJECTED_MOST = 0.9  # a rejected step is always shortened
_REACHED = 1.0000001  # a step that ends this close before its target ends on it
_IDLE_STEP = 1e-3  # what a lane without a patient is stepped by [h]
_NEVER = 1e300
_RESTARTS = ("restart", "later_restart")
_INTEGERS = {"patient", "event", "grid", "at_target", "retried", "restarted", "steps"}


def write_driver(module: Module, shape: Shape) -> None:
    """Add `integrate(context)` and its parts to the module, which already has `step` and `between`."""
    for name, write in _PARTS.items():
        result = "i64" if name == "fill" else "void"
        with module.function(name, ("ptr", "i64"), result=result) as (writer, (context, lane)):
            write(_Lane(writer, context, lane=lane, shape=shape))
    with module.function("integrate_patients", ("ptr",)) as (writer, (context,)):
        _integrate(writer, context, shape=shape)
    with module.function("integrate", ("ptr",), visible=True) as (writer, (context,)):
        # A dose long gone leaves amounts of 1e-300: their products are denormal numbers, which are slow and say nothing.
        mode = writer.call("flush_denormals", kind="i64")
        writer.call("integrate_patients", context)
        writer.call("restore_denormals", mode)


class _Lane:
    """One lane of the workspace and the context, as the compiled code sees them."""

    def __init__(self, writer: Writer, context: Value, *, lane: Value, shape: Shape) -> None:
        self.writer, self.context, self.lane, self.shape = writer, context, lane, shape
        self.places = shape.places()
        self.workspace = self.field("workspace")

    def field(self, name: str, kind: str = "ptr") -> Value:
        """A field of the context."""
        return self.writer.load(kind, self.context, CONTEXT.index(name))

    def setting(self, name: str) -> Value:
        """A number of the settings."""
        return self.writer.load("double", self.field("settings"), SETTINGS.index(name))

    def of_patient(self, name: str, kind: str = "i64") -> Value:
        """The entry of the lane's patient in an array of the context."""
        return self.writer.load(kind, self.field(name), self.get("patient"))

    def set_of_patient(self, name: str, value: Value) -> None:
        """Replace this lane's patient's entry."""
        self.writer.store(value, self.field(name), self.get("patient"))

    def get(self, name: str) -> Value:
        """A scalar of the lane."""
        kind = "i64" if name in _INTEGERS else "double"
        return self.writer.load(kind, self._scalar(name), self.lane)

    def set(self, name: str, value: Value | float) -> None:
        """Replace a scalar of the lane."""
        kind = "i64" if name in _INTEGERS else "double"
        value = value if isinstance(value, Value) else self.writer.constant(kind, value)
        self.writer.store(value, self._scalar(name), self.lane)

    def element(self, name: str, index: Value) -> Value:
        """The address of the lane's entry of one vector of a part of the workspace."""
        vector = self.writer.address(self.writer.vector, self._scalar(name), index)
        return self.writer.address("double", vector, self.lane)

    def restarts(self) -> list[Value]:
        """The addresses of the first steps that the lane's patient remembers."""
        row = self.writer.address("double", self.field("restarts"), self.get("patient") * RESTARTS)
        return [self.writer.address("double", row, number) for number in range(RESTARTS)]

    def copy_in(self, source: str, target: str, count: int) -> None:
        """A row of the context's array into the lane."""
        row = self.writer.address("double", self.field(source), self.get("patient") * count)
        with self.writer.loop(count) as index:
            self.writer.store(self.writer.load("double", row, index), self.element(target, index))

    def copy_out(self, source: str, target: Value, count: int) -> None:
        """The lane's part of the workspace into a row."""
        with self.writer.loop(count) as index:
            self.writer.store(self.writer.load("double", self.element(source, index)), target, index)

    def _scalar(self, name: str) -> Value:
        return self.writer.address(self.writer.vector, self.workspace, self.places[name])


def _integrate(writer: Writer, context: Value, *, shape: Shape) -> None:
    places = shape.places()
    live = writer.variable("i64", 0)
    workspace = _Lane(writer, context, lane=context, shape=shape).workspace

    def each_lane(name: str) -> None:
        with writer.loop(shape.lanes) as index:
            lane = _Lane(writer, context, lane=index, shape=shape)
            with writer.when(lane.get("patient") >= 0):
                writer.call(name, context, index)

    with writer.loop(shape.lanes) as index:
        live.set(live.get() + writer.call("fill", context, index, kind="i64"))
    cancel = _Lane(writer, context, lane=context, shape=shape).field("cancel")
    with writer.repeat() as leave:
        writer.leave_when(live.get() <= 0, leave)
        writer.leave_when(writer.emit("i64", f"load volatile i64, ptr {cancel.name}").differs(0), leave)
        with writer.loop(shape.lanes) as index:
            writer.call("choose", context, index)
        writer.call("step", workspace)
        wanted = writer.variable("i64", 0)
        with writer.loop(shape.lanes) as index:
            lane = _Lane(writer, context, lane=index, shape=shape)
            with writer.when(lane.get("patient") >= 0), writer.when(_next_output(lane) <= lane.get("arrival")):
                wanted.set(1)
        with writer.when(wanted.get() > 0):
            writer.call("between", workspace)
        each_lane("judge")
        _accept(writer, workspace, places=places, states=shape.states)
        with writer.loop(shape.lanes) as index:
            lane = _Lane(writer, context, lane=index, shape=shape)
            with writer.when(lane.get("patient") >= 0):
                writer.call("arrive", context, index)
                with writer.when(lane.get("patient") <= -1):
                    live.set(live.get() - 1 + writer.call("fill", context, index, kind="i64"))
    each_lane("release")


def _accept(writer: Writer, workspace: Value, *, places: Mapping[str, int], states: int) -> None:
    """The new states of the lanes whose error is within the tolerance become their states."""
    accepted = writer.load(writer.vector, workspace, places["error"]) <= 1.0
    y, y_new = (writer.address(writer.vector, workspace, places[name]) for name in ("y", "y_new"))
    with writer.loop(states) as index:
        new, old = writer.load(writer.vector, y_new, index), writer.load(writer.vector, y, index)
        writer.store(writer.select(accepted, new, old), y, index)


def _fill(lane: _Lane) -> None:
    """Give the lane the next patient; 1 when there was one. Without one the lane goes on alone, harmlessly."""
    writer = lane.writer
    number = writer.emit("i64", f"atomicrmw add ptr {lane.field('next_patient').name}, i64 1 monotonic")
    found = number < lane.field("patient_count", "i64")
    lane.set("patient", -1)
    with writer.when(found):
        lane.set("patient", writer.load("i64", lane.field("patient_order"), number))
        for scalar, source in (("time", "time"), ("proposed", "step")):
            lane.set(scalar, lane.of_patient(source, "double"))
        for scalar, source in (("event", "event_first"), ("grid", "grid_first")):
            lane.set(scalar, lane.of_patient(source))
        for scalar, place in zip(_RESTARTS, lane.restarts(), strict=True):
            lane.set(scalar, writer.load("double", place))
        for scalar in ("retried", "restarted", "steps"):
            lane.set(scalar, 0)
        lane.copy_in("states", "y", lane.shape.states)
        lane.copy_in("inputs", "inputs", lane.shape.inputs)
        lane.copy_in("constants", "constants", lane.shape.constants)
        writer.call("apply_events", lane.context, lane.lane)
    writer.result = writer.select(found, 1, 0, kind="i64")


def _apply_events(lane: _Lane) -> None:
    """Apply the events of the present time in their order, find the next target time.

    Where there were any, the first step after them is as long as was right after the event before the last: the start of an
    infusion and its end take turns, and so do those that come every day.
    """
    writer = lane.writer
    last, now = lane.of_patient("event_last"), lane.get("time")
    first = lane.get("event")
    position = writer.variable("i64", first)
    times = lane.field("event_time")
    lane.set("target", lane.of_patient("until", "double"))
    with writer.repeat() as leave:
        writer.leave_when(position.get() >= last, leave)
        event = position.get()
        time = writer.load("double", times, event)
        with writer.when(time > now):
            lane.set("target", time)
        writer.leave_when(time > now, leave)
        kind, target = (writer.load("i64", lane.field(name), event) for name in ("event_kind", "event_target"))
        value = writer.load("double", lane.field("event_value"), event)
        with writer.when(kind.equals(EventKind.SET_INPUT)):
            writer.store(value, lane.element("inputs", target))
        with writer.when(kind.equals(EventKind.ADD_TO_STATE)):
            place = lane.element("y", target)
            writer.store(writer.load("double", place) + value, place)
        position.set(event + 1)
    lane.set("event", position.get())
    with writer.when(position.get() > first):
        lane.set("proposed", lane.get("restart"))
        lane.set("retried", 0)
        lane.set("restarted", 1)


def _choose(lane: _Lane) -> None:
    """The length of the next step: to the target if near, not more than half the way if that would leave a short rest."""
    writer = lane.writer
    idle = lane.get("patient") < 0
    now, target = lane.get("time"), lane.get("target")
    proposed = lane.get("proposed")
    rest = target - now
    reaches = proposed * _REACHED >= rest
    half = rest * 0.5
    partial = writer.select(proposed > half, half, proposed)
    length = writer.select(idle, _IDLE_STEP, writer.select(reaches, rest, partial))
    lane.set("length", length)
    lane.set("inverse", writer.constant("double", 1.0) / length)
    lane.set("arrival", writer.select(reaches, target, now + length))
    lane.set("at_target", writer.select(reaches, 1, 0, kind="i64"))


def _next_output(lane: _Lane) -> Value:
    """The time of the lane's next output, or never."""
    writer = lane.writer
    grid = lane.get("grid")
    left = grid < lane.of_patient("grid_last")
    time = writer.load("double", lane.field("grid_time"), writer.select(left, grid, 0))
    return writer.select(left, time, _NEVER)


def _judge(lane: _Lane) -> None:
    """Accept or reject the step: outputs and the next length; a patient that cannot go on gets its status."""
    writer = lane.writer
    error, length = lane.get("error"), lane.get("length")
    accepted = error <= 1.0
    lane.set("steps", lane.get("steps") + 1)
    with writer.when(~accepted):
        lane.set_of_patient("rejected", lane.of_patient("rejected") + 1)
        finite = error < float("inf")
        factor = writer.select(finite, _bounded(lane, lane.get("factor"), _REJECTED, _REJECTED_MOST), _REJECTED)
        lane.set("proposed", length * factor)
        lane.set("retried", 1)
        lane.set("at_target", 0)
        with writer.when(length * factor < lane.setting("step_floor")):
            lane.set_of_patient("status", writer.select(finite, Status.STEP_FLOOR, Status.NOT_FINITE, kind="i64"))
    with writer.when(accepted):
        lane.set_of_patient("accepted", lane.of_patient("accepted") + 1)
        _write_outputs(lane)
        factor = _bounded(lane, lane.get("factor"), _SHRINKAGE, _GROWTH)
        after_rejection = writer.select(factor > 1.0, 1.0, factor)
        factor = writer.select(lane.get("retried") > 0, after_rejection, factor)
        with writer.when(lane.get("restarted") > 0):
            _remember_restart(lane, length * factor)
        # A step cut short by its target says little about the next: the longer of the two is tried.
        proposed, grown = lane.get("proposed"), length * factor
        cut = (lane.get("at_target") > 0) & (grown < proposed)
        lane.set("proposed", writer.select(cut, proposed, grown))
        lane.set("retried", 0)
        lane.set("time", lane.get("arrival"))


def _remember_restart(lane: _Lane, length: Value) -> None:
    """The step that would have been right after these events is tried after the next but one."""
    writer, tried = lane.writer, lane.get("restart")
    # A step cut short by its target says little.
    cut = (lane.get("at_target") > 0) & (length < tried)
    lane.set("restart", lane.get("later_restart"))
    lane.set("later_restart", writer.select(cut, tried, length))
    lane.set("restarted", 0)


def _bounded(lane: _Lane, value: Value, least: float, most: float) -> Value:
    raised = lane.writer.select(value < least, least, value)
    return lane.writer.select(raised > most, most, raised)


def _write_outputs(lane: _Lane) -> None:
    """The rows of the output times that the accepted step has reached, from the polynomial between its ends."""
    writer, inputs = lane.writer, lane.shape.inputs
    now, arrival, length = (lane.get(name) for name in ("time", "arrival", "length"))
    with writer.repeat() as leave:
        time = _next_output(lane)
        writer.leave_when(time > arrival, leave)
        part = writer.select(time >= arrival, 1.0, (time - now) / length)
        rest = writer.constant("double", 1.0) - part
        grid = lane.get("grid")
        number, width = grid - lane.of_patient("grid_first"), lane.of_patient("row_width")
        row = lane.of_patient("row_first") + number
        out = writer.address("double", lane.field("rows_states"), lane.of_patient("row_place") + number * width)
        columns = lane.field("row_columns")
        with writer.loop(width) as column:
            index = writer.load("i64", columns, column)
            old, new = (writer.load("double", lane.element(name, index)) for name in ("y", "y_new"))
            inner = writer.constant("double", 0.0)
            for power in range(lane.shape.dense - 1, -1, -1):
                term = writer.load("double", lane.element("between", index + power * lane.shape.states))
                inner = writer.fma(inner, part, term)
            writer.store(writer.fma(rest, old, part * writer.fma(rest, inner, new)), out, column)
        lane.copy_out("inputs", writer.address("double", lane.field("rows_inputs"), row * inputs), inputs)
        lane.set("grid", grid + 1)


def _arrive(lane: _Lane) -> None:
    """Apply the events of the target reached; release the patient that is at its end, has failed or takes too many steps."""
    writer = lane.writer
    with writer.when(lane.get("at_target") > 0):
        writer.call("apply_events", lane.context, lane.lane)
    finished = (lane.get("at_target") > 0) & (lane.get("time") >= lane.of_patient("until", "double"))
    going = lane.of_patient("status").equals(Status.OK)
    many = lane.get("steps") >= lane.field("max_steps", "i64")
    with writer.when(many & going & ~finished):
        lane.set_of_patient("status", writer.constant("i64", Status.TOO_MANY_STEPS))
    with writer.when(finished | many | ~going):
        writer.call("release", lane.context, lane.lane)


def _release(lane: _Lane) -> None:
    """Hand the patient's state back and leave the lane empty."""
    writer, shape = lane.writer, lane.shape
    patient = lane.get("patient")
    lane.set_of_patient("time", lane.get("time"))
    lane.set_of_patient("step", lane.get("proposed"))
    for scalar, place in zip(_RESTARTS, lane.restarts(), strict=True):
        writer.store(lane.get(scalar), place)
    lane.copy_out("y", writer.address("double", lane.field("states"), patient * shape.states), shape.states)
    lane.copy_out("inputs", writer.address("double", lane.field("inputs"), patient * shape.inputs), shape.inputs)
    lane.set_of_patient("rows_written", lane.get("grid") - lane.of_patient("grid_first"))
    lane.set("patient", -1)


_PARTS: dict[str, Callable[[_Lane], None]] = {
    "apply_events": _apply_events,
    "fill": _fill,
    "choose": _choose,
    "judge": _judge,
    "release": _release,
    "arrive": _arrive,
}
