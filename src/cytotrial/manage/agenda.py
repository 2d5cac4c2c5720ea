"""The dosing agenda of one treatment: which slot each patient is at, what was planned, given and lost. It decides nothing.

Slots of a course follow the regimen; a withheld slot is skipped, a delayed one moves the rest of the course. Each slot is
recorded once: when it is given, withheld, lost or left unreached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, FloatArray, IntArray
from cytotrial.observe.columns import Words, same, texts
from cytotrial.protocol.planned import PlannedDose

COLUMNS = ("ID", "TIME", "DRUG", "COURSE", "CYCLE", "DOSE", "PLANNED", "GIVEN", "UNIT", "ROUTE", "DURATION", "ACTION", "REASON")

Reasons = IntArray | str
"""Why: the number of each patient's line in the words of the agenda, (patients,), or one line for all."""


@dataclass(frozen=True)
class Plan:
    """What the protocol plans for one drug: the doses of a course, and how courses follow each other.

    `rest_hours` is from the last planned dose of a course to the first of the next [h].
    """

    drug: str
    doses: tuple[PlannedDose, ...]
    most_courses: int
    rest_hours: float
    only_if: str


class Agenda:
    """Where each patient stands in a treatment. All arrays (patients,); times in hours since the first planned dose.

    `words` holds the reasons that its records speak of.
    """

    def __init__(self, plan: Plan, amounts: FloatArray) -> None:
        """A first course starts at time 0.

        Args:
            plan: the treatment.
            amounts: (patients, doses of a course) planned [nmol].
        """
        patients = len(amounts)
        self.plan = plan
        self.amounts = amounts
        self.course: IntArray = np.ones(patients, dtype=np.int64)
        self.slot: IntArray = np.zeros(patients, dtype=np.int64)
        self.start: FloatArray = np.zeros(patients)
        self.shift: FloatArray = np.zeros(patients)
        self.at_gate: BoolArray = np.zeros(patients, dtype=bool)
        self.is_closed: BoolArray = np.zeros(patients, dtype=bool)
        self.last_given: FloatArray = np.full(patients, np.nan)
        self._hours = np.array([dose.hours for dose in plan.doses])
        self._cycle = np.array([dose.cycle for dose in plan.doses], dtype=np.int64)
        self._number = np.array([dose.number for dose in plan.doses], dtype=np.int64)
        self._durations = np.array([dose.duration_hours for dose in plan.doses])
        self._routes = np.array([dose.route for dose in plan.doses])
        last = {
            cycle: max(dose.hours + dose.duration_hours for dose in plan.doses if dose.cycle == cycle)
            for cycle in set(self._cycle)
        }
        self._cycle_ends = np.array([last[cycle] for cycle in self._cycle])
        self._next_cycle = np.array([int(np.sum(self._cycle <= cycle)) for cycle in self._cycle])
        self._largest: FloatArray = amounts.max(axis=1)
        self._is_late: BoolArray = np.zeros(patients, dtype=bool)
        self.words = Words()
        self._late_because: IntArray = np.full(patients, self.words.number(""))
        self._rows: list[dict[str, np.ndarray]] = []

    @property
    def next_time(self) -> FloatArray:
        """When the patient's next slot, or the gate of the next course, is; infinite where nothing more is planned."""
        begin = self.start + self.shift
        dose = begin + self._of_slot(self._hours)
        gate = begin + self._hours[-1] + self.plan.rest_hours
        time: FloatArray = np.where(self.is_closed, np.inf, np.where(self.at_gate, gate, dose))
        return time

    @property
    def cycle(self) -> IntArray:
        """Cycle of the next slot, or of the last where the course is over, from 1."""
        cycle: IntArray = self._of_slot(self._cycle)
        return cycle

    @property
    def number(self) -> IntArray:
        """Number of the next slot in its cycle, from 1."""
        number: IntArray = self._of_slot(self._number)
        return number

    def due(self, time: FloatArray, present: BoolArray) -> BoolArray:
        """Who has a dose due at this visit."""
        return np.asarray(present & ~self.at_gate & (self.next_time <= time + TIME_TOLERANCE_HOURS), dtype=np.bool_)

    def gate_due(self, time: FloatArray, present: BoolArray) -> BoolArray:
        """Whose next course is to be decided at this visit."""
        return np.asarray(present & self.at_gate & (self.next_time <= time + TIME_TOLERANCE_HOURS), dtype=np.bool_)

    def starts_cycle(self, due: BoolArray) -> BoolArray:
        """Of those due, who is at the first slot of a cycle."""
        return np.asarray(due & (self.number == 1), dtype=np.bool_)

    def cycle_end(self) -> FloatArray:
        """When the last planned dose of the present cycle ends."""
        end: FloatArray = self.start + self.shift + self._of_slot(self._cycle_ends)
        return end

    def give(self, mask: BoolArray, fraction: FloatArray, time: FloatArray, ids: IntArray, *, reasons: Reasons) -> FloatArray:
        """Records the doses given and moves on; returns the amounts [nmol] (patients,), 0 where none.

        A full dose given late is recorded as a delay, with the reason it was put off for.
        """
        planned = self.planned()
        given = np.where(mask, planned * fraction, 0.0)
        self.last_given = np.where(mask, time, self.last_given)
        reduced = mask & (fraction < 1)
        late = mask & ~reduced & self._is_late
        for some, action, why in (
            (mask & ~reduced & ~late, "give", reasons),
            (late, "delay", self._late_because),
            (reduced, "reduce", reasons),
        ):
            (who,) = np.nonzero(some)
            self._record(who, self.slot[who], time[who], ids, given[who], action, why)
        self._move(mask, self.slot + 1)
        return given

    def planned(self) -> FloatArray:
        """The amount planned at the next slot [nmol] (patients,)."""
        amounts: FloatArray = self.amounts[np.arange(self.slot.size), self._slot_or_last()]
        return amounts

    def planned_share(self) -> FloatArray:
        """The amount planned at the next slot, of the largest of the course (patients,)."""
        share: FloatArray = np.divide(self.planned(), self._largest, out=np.ones_like(self._largest), where=self._largest > 0)
        return share

    def durations(self) -> FloatArray:
        """Infusion time of the next slot [h] (patients,)."""
        durations: FloatArray = self._of_slot(self._durations)
        return durations

    def routes(self) -> np.ndarray:
        """Route of the next slot (patients,)."""
        return self._of_slot(self._routes)

    def skip(self, mask: BoolArray, time: FloatArray, ids: IntArray, *, reasons: Reasons) -> None:
        """Records withheld doses, which are never made up, and moves on."""
        (who,) = np.nonzero(mask)
        self._record(who, self.slot[who], time[who], ids, np.zeros(who.size), "withhold", reasons)
        self._move(mask, self.slot + 1)

    def delay(self, mask: BoolArray, by: FloatArray, *, reasons: Reasons) -> None:
        """Moves the present slot and all later ones of the course; the slot is recorded when its fate is known."""
        self.shift = np.where(mask, self.shift + by, self.shift)
        self._is_late |= mask
        self._late_because = np.where(mask, self._numbers(reasons), self._late_because)

    def stop_cycle(self, mask: BoolArray, time: FloatArray, ids: IntArray, *, reasons: Reasons) -> None:
        """Gives up the rest of the cycle; the next cycle stands. Between two cycles there is nothing to give up."""
        is_between = (self.number == 1) & (self.next_time > time + TIME_TOLERANCE_HOURS)
        self._lose(mask & ~is_between, self._of_slot(self._next_cycle), time, ids, "stop cycle", reasons)

    def stop_course(self, mask: BoolArray, time: FloatArray, ids: IntArray, *, reasons: Reasons) -> None:
        """Gives up the rest of the course; a further course stays possible."""
        self._lose(mask, np.full(len(mask), len(self._hours)), time, ids, "stop course", reasons)

    def stop_drug(self, mask: BoolArray, time: FloatArray, ids: IntArray, *, reasons: Reasons) -> None:
        """Gives up the drug for good."""
        on_course = mask & ~self.at_gate & ~self.is_closed
        self._lose(on_course, np.full(len(mask), len(self._hours)), time, ids, "stop drug", reasons)
        self.is_closed |= mask

    def open_course(self, mask: BoolArray, time: FloatArray) -> None:
        """Starts the next course now."""
        self.course = np.where(mask, self.course + 1, self.course)
        self.slot = np.where(mask, 0, self.slot)
        self.start = np.where(mask, time, self.start)
        self.shift = np.where(mask, 0.0, self.shift)
        self.at_gate &= ~mask

    def close(self, mask: BoolArray) -> None:
        """No further course."""
        self.is_closed |= mask

    def leave(self, time: FloatArray, ids: IntArray, *, reasons: Reasons) -> None:
        """Records what is left of courses that are still running when the follow-up of these patients ends."""
        running = ~self.at_gate & ~self.is_closed
        self._lose(running, np.full(len(ids), len(self._hours)), time, ids, "not reached", reasons)
        self.is_closed |= running

    def table(self) -> pd.DataFrame:
        """Doses planned and given: one row per slot reached, lost or left of the courses begun."""
        if not self._rows:
            return pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS})
        joined = {name: np.concatenate([rows[name] for rows in self._rows]) for name in self._rows[0]}
        slot = joined.pop("slot")
        known = {
            **joined,
            "DRUG": same(self.plan.drug, slot.size),
            "CYCLE": self._cycle[slot],
            "DOSE": self._number[slot],
            "UNIT": same("nmol", slot.size),
            "ROUTE": texts(slot, [dose.route for dose in self.plan.doses]),
            "DURATION": self._durations[slot],
            "ACTION": self.words.column(joined["ACTION"]),
            "REASON": self.words.column(joined["REASON"]),
        }
        return pd.DataFrame({name: known[name] for name in COLUMNS}, copy=False)

    def _numbers(self, reasons: Reasons) -> IntArray:
        return np.full(self.slot.size, self.words.number(reasons)) if isinstance(reasons, str) else reasons

    def _slot_or_last(self) -> IntArray:
        slot: IntArray = np.minimum(self.slot, len(self._hours) - 1)
        return slot

    def _of_slot(self, of_doses: np.ndarray) -> np.ndarray:
        """What is known of each dose of a course, of the patient's next slot, or of the last where the course is over."""
        return of_doses[self._slot_or_last()]

    def _move(self, mask: BoolArray, slot: IntArray) -> None:
        self.slot = np.where(mask, slot, self.slot)
        self._is_late &= ~mask
        over = mask & (self.slot >= len(self._hours))
        more = self.course < self.plan.most_courses
        self.at_gate |= over & more
        self.is_closed |= over & ~more

    def _lose(self, mask: BoolArray, slot: IntArray, time: FloatArray, ids: IntArray, action: str, reasons: Reasons) -> None:
        (losing,) = np.nonzero(mask & (slot > self.slot))
        lost = slot[losing] - self.slot[losing]
        who = np.repeat(losing, lost)
        ahead = np.arange(who.size) - np.repeat(np.cumsum(lost) - lost, lost)
        place = self.slot[who] + ahead
        planned_time = self.start[who] + self.shift[who] + self._hours[place]
        self._record(who, place, np.maximum(planned_time, time[who]), ids, np.zeros(who.size), action, reasons)
        self._move(mask, slot)

    def _record(
        self,
        who: IntArray,
        slot: IntArray,
        time: FloatArray,
        ids: IntArray,
        given: FloatArray,
        action: str,
        reasons: Reasons,
    ) -> None:
        """Puts slots of the patients at the positions `who` on record, (rows,) each; `reasons` are of all patients."""
        if who.size == 0:
            return
        # Numbers in arrays, joined and put in words once at the end: a table per round would cost more than the round.
        self._rows.append(
            {
                "slot": slot,
                "ID": ids[who],
                "TIME": time,
                "COURSE": self.course[who],
                "PLANNED": self.amounts[who, slot],
                "GIVEN": given,
                "ACTION": np.full(who.size, self.words.number(action)),
                "REASON": self._numbers(reasons)[who],
            }
        )
