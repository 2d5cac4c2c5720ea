"""The patients of one chunk of one arm in motion: ensemble, agendas, and next visits. It sees and decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.catalogue import Drug
from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.kernel import CompiledModel, compile_extremes
from cytotrial.engine.outputs import Outputs
from cytotrial.engine.status import Status
from cytotrial.engine.tolerances import Tolerances
from cytotrial.entries import Entries
from cytotrial.happenings import Happenings
from cytotrial.manage.agenda import Agenda, Plan
from cytotrial.manage.care import CarePlan, Switch, Turn
from cytotrial.model.biology import Biology
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, FloatArray, IntArray
from cytotrial.observe.observe import Interval, Occasion
from cytotrial.population.draw import Patients
from cytotrial.protocol.dosing import dose_amount
from cytotrial.protocol.protocol import Treatment
from cytotrial.units import HOURS_PER_DAY, HOURS_PER_WEEK

# How finely the time between two visits is looked at: hourly while doses are hours apart, coarser in longer gaps.
FINENESS = ((HOURS_PER_DAY, 1.0), (2 * HOURS_PER_WEEK, 6.0), (np.inf, HOURS_PER_WEEK))

END_OF_FOLLOW_UP = "end of follow-up"
DEATH = "death"
SIMULATION_FAILED = "the simulation failed"


@dataclass(frozen=True)
class Given:
    """A treatment made ready: its agenda, its care, and where its doses enter the biology."""

    treatment: Treatment
    drug: Drug
    agenda: Agenda
    care: tuple[Switch, ...]


@dataclass(frozen=True)
class Visit:
    """A round of visits: why each patient is there, and what is true of them and was since the last visit."""

    occasion: Occasion
    truth: dict[str, FloatArray]
    interval: Interval


class Course:
    """Patients from before the first dose to the end of their follow-up, from visit to visit."""

    def __init__(
        self,
        model: CompiledModel,
        biology: Biology,
        patients: Patients,
        *,
        given: Sequence[Given],
        scans: FloatArray,
        after_last_dose: FloatArray,
        end: float,
        seed: int,
        threads: int | None,
        recorded: int,
        watched: Collection[str] | None = None,
        tolerances: Tolerances | None = None,
        other_death: FloatArray | None = None,
    ) -> None:
        """Patients at rest, before their first visit at time 0; whoever has no start comes to none.

        Args:
            model: the compiled biology.
            biology: its names and units.
            patients: who.
            given: the treatments of the arm.
            scans: times of the scans after the first [h], rising.
            after_last_dose: further visits after the last dose given [h], rising.
            end: of follow-up [h].
            seed: of the trial, for what happens by chance.
            threads: workers; as many as processors where None.
            recorded: of how many patients, by number, the trajectory is kept.
            watched: observables whose extremes between visits are asked for; all where None.
            tolerances: error control of the integration.
            other_death: when each patient dies of another cause than disease or treatment [h]; nobody does where None.
        """
        self.biology = biology
        self.patients = patients
        self.given = tuple(given)
        count = patients.numbers.size
        defaults = np.tile(biology.input_defaults(), (count, 1))
        self._ensemble = Ensemble(
            *(model, patients.parameters, patients.initial),
            inputs=defaults,
            tolerances=tolerances or Tolerances(),
            threads=threads,
            status=np.where(patients.has_start, Status.OK, Status.NO_STEADY_STATE),
        )
        self._model = model
        self._care = CarePlan(defaults.shape[1], patients.numbers, seed=seed)
        self._inputs = list(biology.system.inputs)
        self._states = list(biology.system.states)
        self._scans = scans
        self._after = after_last_dose
        self._end = end
        self._is_over: BoolArray = ~patients.has_start
        self._time: FloatArray = np.full(count, -np.inf)
        self._time_before = self._time
        self._seen_inputs = defaults
        self._extinctions = biology.extinctions(patients.parameters)
        self._recorded = patients.numbers <= recorded
        names = biology.system.observables
        self._watched = [index for index, name in enumerate(names) if watched is None or name in watched]
        self._watch = compile_extremes(biology.system, [names[index] for index in self._watched])
        self._trajectories: list[tuple[IntArray, FloatArray, np.ndarray]] = []
        self._entries = Entries(self._ensemble, biology, patients.numbers)
        self._truth: FloatArray = np.zeros((len(self._watched), count))
        self._observed: FloatArray = np.zeros((len(names), count))
        if other_death is not None:
            other_death = np.where(patients.has_start, other_death, np.inf)
        self.happenings = Happenings(tuple(biology.events.values()), seed=seed, ids=patients.numbers, other_death=other_death)
        self._hazards = np.array([self._states.index(event.hazard) for event in self.happenings.events], dtype=np.int64)
        self._causes = [(event, self._inputs.index(event.sets)) for event in self.happenings.events if event.sets is not None]
        self.visit = self._first_visit()

    @property
    def ids(self) -> IntArray:
        """(patients,) their numbers."""
        return self.patients.numbers

    @property
    def states(self) -> FloatArray:
        """(patients, states) now."""
        return self._ensemble.states

    @property
    def end(self) -> float:
        """The end of follow-up [h]."""
        return self._end

    def is_open(self) -> bool:
        """Whether anybody has a visit ahead."""
        return bool(np.isfinite(self._next_visit()).any())

    def fraction(self) -> float:
        """How much of the follow-up of all is behind them, 0 to 1."""
        reached = np.where(self._is_over, self._end, np.clip(self._time, 0.0, self._end))
        return float(reached.mean() / self._end) if self._end > 0 else 1.0

    def advance(self) -> None:
        """Takes each patient to the next visit, with what was actually given."""
        self._entries.hand_over()
        before = self._time_before = self._time.copy()
        until = self._next_visit()
        moving = np.isfinite(until)
        # Whoever dies of another cause before the visit gets as far as that.
        until = np.where(moving, np.minimum(until, self.happenings.death_time), until)
        goal = np.where(moving, until, self._ensemble.time)
        gap = np.where(moving, goal - self._ensemble.time, 0.0)
        rows = []
        shortest = 0.0
        for longest, step in FINENESS:
            group = moving & (gap > shortest) & (gap <= longest)
            shortest = longest
            if group.any():
                first, last = self._ensemble.time[group].min(), goal[group].max()
                grid = np.arange(np.floor(first / step), np.ceil(last / step) + 1) * step
                stops = np.where(group, goal, self._ensemble.time)
                rows.append(self._ensemble.advance(stops, grid, states=self._watch.states, whole=self._recorded))
        self._is_over |= self._ensemble.status != Status.OK
        self._let_happen(before, goal, moving & ~self._is_over)
        present = moving & ~self._is_over
        self._time = np.where(present, goal, self._time)
        observed = self._observe(present)
        interval = self._interval(rows, observed[self._watched], self._time - before, present)
        self.visit = self._visit(present, self._truths(observed), interval)

    def _let_happen(self, before: FloatArray, now: FloatArray, moved: BoolArray) -> None:
        """Notes the chance events since the last visit, starts what they cause, and ends the follow-up of those who died."""
        inputs = self._seen_inputs = self._ensemble.inputs
        (who,) = np.nonzero(moved)
        hazards = self._ensemble.states_of(who, self._hazards).T
        self.happenings.advance(hazards, before, now, who)
        for event, index in self._causes:
            (on,) = np.nonzero(moved & self.happenings.lasting(event, now) & (inputs[:, index] == 0))
            self._entries.set(index, on, time=now[on], value=1.0, what="event")
            self._seen_inputs[on, index] = 1.0
            self._entries.set(index, on, time=self.happenings.end_of(event)[on], value=0.0, what="event")
        self._is_over |= moved & (self.happenings.death_time <= now)

    def finish(self, at: BoolArray) -> None:
        """Ends the follow-up of these patients."""
        self._is_over |= at

    def give(self, given: Given, amounts: FloatArray, durations: FloatArray, routes: np.ndarray, at: BoolArray) -> None:
        """Schedules doses now: infusions as a rate, injections and boluses as an amount at once."""
        (all_given,) = np.nonzero(at & (amounts > 0))
        for route in sorted(set(routes[all_given])):
            entry = given.drug.file.routes[route]
            who = all_given[routes[all_given] == route]
            flowing, at_once = who[durations[who] > 0], who[durations[who] == 0]
            if flowing.size and entry.infusion:
                index = self._inputs.index(f"{given.drug.id}__{entry.infusion}")
                start, hours = self._time[flowing], durations[flowing]
                # Sums of decimal hours may put the end of the dose before a hair after this one's start.
                self._entries.call_off(index, flowing, time=start)
                self._entries.set(index, flowing, time=start, value=amounts[flowing] / hours, what="dose")
                self._entries.set(index, flowing, time=start + hours, value=0.0, what="dose")
            if at_once.size and entry.bolus:
                index = self._states.index(f"{given.drug.id}__{entry.bolus}")
                self._entries.add(index, at_once, time=self._time[at_once], value=amounts[at_once], what="dose")

    def start_care(self, given: Given, at: BoolArray) -> None:
        """Turns on the supportive care of the cycle of a dose that is given now, where it is not on already."""
        end = given.agenda.cycle_end()
        self._turn(self._care.dose_given(given.drug.id, given.care, at=at, time=self._time, cycle_end=end))

    def treat(self, given: Given, entry: str, at: BoolArray) -> None:
        """Turns on the care that a rule of a treatment orders by its name; nothing where the arm's set does not have it."""
        ordered = [switch for switch in given.care if switch.entry == entry]
        self._turn(self._care.ordered(given.drug.id, ordered, at=at, time=self._time))

    def stop_care(self, given: Given, at: BoolArray) -> None:
        """Brings the end of supportive care forward where a cycle was stopped."""
        self._turn(self._care.cycle_stops(given.drug.id, given.care, at=at, time=self._time))

    def remove_extinct(self) -> None:
        """Sets states that fell below what can live to their extinct value: the cure, at a visit."""
        (here,) = np.nonzero(self.visit.occasion.present)
        now = self._ensemble.states_of(here, np.array([self._states.index(name) for name in self._extinctions], dtype=np.int64))
        for (name, (limit, extinct)), values in zip(self._extinctions.items(), now.T, strict=True):
            gone = here[(values < limit[here]) & (values > extinct)]
            if gone.size:
                at = np.zeros(self.ids.size, dtype=bool)
                at[gone] = True
                self._ensemble.set_state(name, extinct, at)
                self._entries.note_cure(name, gone, time=self._time[gone], value=extinct)

    def leave(self) -> None:
        """Closes the agendas of all at the end: what was planned and not reached is recorded as such."""
        died = self._is_over & (self.happenings.death_time <= self._end)
        why = np.where(self._ensemble.status != Status.OK, 2, died.astype(np.int64))
        for given in self.given:
            reasons = given.agenda.words.numbers((END_OF_FOLLOW_UP, DEATH, SIMULATION_FAILED))[why]
            given.agenda.leave(self._time, self.ids, reasons=reasons)

    def failures(self) -> pd.DataFrame:
        """Patients whose simulation failed, with the reason."""
        failed = np.flatnonzero(self._ensemble.status != Status.OK)
        statuses = [Status(code) for code in self._ensemble.status[failed]]
        return pd.DataFrame(
            {
                "ID": self.ids[failed],
                "TIME": self._ensemble.time[failed],
                "STATUS": [status.name.lower().replace("_", " ") for status in statuses],
                "REASON": [status.reason for status in statuses],
            }
        )

    def trajectories(self) -> pd.DataFrame:
        """True observables over time of the recorded patients, wide."""
        if not self._trajectories:
            return pd.DataFrame()
        patient, time = (np.concatenate([part[place] for part in self._trajectories]) for place in (0, 1))
        # A column of the table in one piece each, as it is stored.
        values = np.concatenate([part[2].T for part in self._trajectories], axis=1)
        order = np.lexsort((time, patient))
        observed = zip(self.biology.system.observables, values, strict=True)
        columns = {"ID": patient[order], "TIME": time[order], **{name: column[order] for name, column in observed}}
        return pd.DataFrame(columns, copy=False)

    def inputs(self) -> pd.DataFrame:
        """Everything that entered the biology from outside, as `Entries.table`."""
        return self._entries.table()

    # ------------------------------------------------------------------ visits

    def _first_visit(self) -> Visit:
        present = ~self._is_over
        (who,) = np.nonzero(present)
        self._time = np.zeros(self.ids.size)
        observed = self._observe(present)
        self._truth = observed[self._watched]
        kept = who[self._recorded[who]]
        self._keep(Outputs(kept, self._time[kept], self._ensemble.states_of(kept), self._seen_inputs[kept]))
        return self._visit(present, self._truths(observed), Interval(np.zeros(self.ids.size)), is_first=True)

    def _visit(self, present: BoolArray, truth: dict[str, FloatArray], interval: Interval, *, is_first: bool = False) -> Visit:
        nobody = np.zeros(self.ids.size, dtype=bool)
        due = nobody.copy()
        for given in self.given:
            due |= given.agenda.due(self._time, present)
        scanned = present & np.isin(np.round(self._time, 3), np.round(self._scans, 3)) | (present if is_first else nobody)
        occasion = Occasion(self._time.copy(), present, due, scanned, present if is_first else nobody)
        return Visit(occasion, truth, interval)

    def _next_visit(self) -> FloatArray:
        """(patients,) time of the next visit; infinite where there is none."""
        times = [self._next_of(self._scans), np.where(self._time < self._end, self._end, np.inf)]
        for given in self.given:
            later = given.agenda.next_time
            times.append(np.where(later > self._time + TIME_TOLERANCE_HOURS, later, np.inf))
            times.append(self._next_after_dose(given.agenda.last_given))
        earliest = np.min(times, axis=0)
        return np.where(self._is_over | (earliest > self._end), np.inf, earliest)

    def _next_of(self, times: FloatArray) -> FloatArray:
        padded = np.append(times, np.inf)
        following: FloatArray = padded[np.searchsorted(times, self._time + TIME_TOLERANCE_HOURS, side="right")]
        return following

    def _next_after_dose(self, last: FloatArray) -> FloatArray:
        if self._after.size == 0:
            return np.full(self.ids.size, np.inf)
        times = np.where(np.isnan(last), np.inf, last)[:, None] + self._after
        following: FloatArray = np.where(times > self._time[:, None] + TIME_TOLERANCE_HOURS, times, np.inf).min(axis=1)
        return following

    # ------------------------------------------------------------------ what is true

    def _observe(self, present: BoolArray) -> FloatArray:
        """(observables, patients) of those present now, of the others at their last visit."""
        (who,) = np.nonzero(present)
        # What an event of this visit switches on is seen at this visit, though it enters the biology only from now on.
        states, inputs = self._ensemble.states_of(who), self._seen_inputs[who]
        self._observed[:, who] = self._model.observe(states, self.patients.parameters, inputs, owner=who).T
        return self._observed

    def _truths(self, observed: FloatArray) -> dict[str, FloatArray]:
        """What is true at this visit by name, observables and chance events, (patients,) each."""
        columns = dict(zip(self.biology.system.observables, observed, strict=True))
        return {**columns, **self.happenings.findings(self._time_before, self._ensemble.time)}

    def _interval(self, rows: Sequence[Outputs], truth: FloatArray, gap: FloatArray, present: BoolArray) -> Interval:
        """Extremes of the watched observables since the last visit, this visit included, and their increases.

        `truth` (watched, patients) is what is true now.
        """
        highest, lowest = np.maximum(truth, self._truth), np.minimum(truth, self._truth)
        for outputs in rows:
            if outputs.patient.size and self._watched:
                who, most, least = self._watch(outputs.states, self.patients.parameters, outputs.inputs, owner=outputs.patient)
                highest[:, who] = np.maximum(highest[:, who], most.T)
                lowest[:, who] = np.minimum(lowest[:, who], least.T)
            if outputs.whole is not None:
                self._keep(outputs.whole)
        increase = truth - self._truth
        self._truth = np.where(present, truth, self._truth)
        return Interval(np.where(present, gap, np.nan), *(self._by_name(values) for values in (highest, lowest, increase)))

    def _by_name(self, values: FloatArray) -> dict[str, FloatArray]:
        names = [self.biology.system.observables[index] for index in self._watched]
        return dict(zip(names, values, strict=True))

    def _keep(self, outputs: Outputs) -> None:
        """Puts what is true at times of patients whose trajectory is kept on record."""
        if outputs.patient.size:
            values = self._model.observe(outputs.states, self.patients.parameters, outputs.inputs, owner=outputs.patient)
            # A patient on the way to failing may run beyond single precision: infinite, and the table `failures` says why.
            with np.errstate(over="ignore"):
                single = values.astype(np.float32)
            self._trajectories.append((self.ids[outputs.patient], outputs.time, single))

    # ------------------------------------------------------------------ what is given

    def _turn(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            (who,) = np.nonzero(turn.at)
            if turn.forget:
                self._entries.call_off(turn.switch.index, who, time=self._time[who])
            self._entries.set(turn.switch.index, who, time=turn.time[who], value=turn.value, what="care")


def ready_treatment(treatment: Treatment, drug: Drug, patients: Patients, care: tuple[Switch, ...]) -> Given:
    """A treatment with the doses of a course in nmol for each patient, by their size at the start."""
    regimen = treatment.regimen
    weight, height = (patients.covariates[name] for name in ("weight", "height"))
    known: dict[tuple[float, str, str], FloatArray] = {}
    for dose in regimen.doses:
        key = (dose.amount, dose.unit, dose.per)
        if key not in known:
            known[key] = dose_amount(dose, drug.file, weight=weight, height=height)
    amounts = np.stack([known[dose.amount, dose.unit, dose.per] for dose in regimen.doses], axis=1)
    courses = treatment.courses
    plan = Plan(treatment.drug, regimen.doses, courses.max, courses.rest_hours, courses.only_if)
    return Given(treatment, drug, Agenda(plan, amounts), care)
