"""The virtual clinic of one chunk of one arm: it sees, grades and decides, visit by visit. It moves no patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.course import Course, Given
from cytotrial.manage.decisions import Columns, Slots, decision_columns, finding_columns, joined
from cytotrial.manage.ledger import Ledger
from cytotrial.manage.policy import DELAY, REDUCE, STOP_COURSE, STOP_CYCLE, STOP_DRUG, WITHHOLD
from cytotrial.manage.rules import Decision, RuleProfile, across_arm
from cytotrial.observe.adverse_events import AdverseEvents
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray
from cytotrial.observe.criteria import begin_reading, event_free_endpoint
from cytotrial.observe.grading import Grades
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart, PatientStreams, observe
from cytotrial.observe.response import COMPLETE, NO_EVIDENCE, PARTIAL, PROGRESSIVE, STABLE, area_as_measured
from cytotrial.observe.scans import Look
from cytotrial.outlook import time_after_progression
from cytotrial.population.streams import normals, uniforms
from cytotrial.standards import Standards
from cytotrial.units import HOURS_PER_MONTH

DEATH_GRADE = 5
EVENT_WORDS = {"PFS": "progression", "RFS": "recurrence"}
PROGRESSION = "progression at the scan"
EARLIER = "earlier "
TITRATION = "titration from a lower dose"
NEVER_BEGAN = "never began: the simulation failed"
NO_DEATH, TREATMENT, DISEASE, OTHER_CAUSE = "", "treatment", "disease", "other"
DEATH_WORDS = {TREATMENT: "death of treatment", OTHER_CAUSE: "death of another cause"}
MOST_SEVERE_FIRST = (STOP_DRUG, STOP_COURSE, STOP_CYCLE, WITHHOLD, DELAY)


@dataclass(frozen=True)
class Decided:
    """What is decided about the doses due of one treatment, (patients,); why, in the words of its agenda; and what its rules
    may treat with.
    """

    given: Given
    decision: Decision
    reasons: IntArray
    interventions: tuple[str, ...]


@dataclass(frozen=True)
class Orders:
    """Everything decided in one round: doses, next courses, and whose treatment or follow-up ends; masks (patients,)."""

    doses: tuple[Decided, ...]
    next_course: Mapping[str, BoolArray]
    no_further_course: Mapping[str, BoolArray]
    progressed: BoolArray
    off_study: BoolArray


class Clinic:
    """What the clinic knows of its patients so far."""

    def __init__(self, standards: Standards, course: Course, *, seed: int, arm: str) -> None:
        """A clinic before the first visit.

        Args:
            standards: plan, grading, criteria and rules of the arm.
            course: the patients it looks after.
            seed: of the trial.
            arm: its name, for the tables.
        """
        patients = course.ids.size
        self._standards = standards
        self._course = course
        self._arm = arm
        self._seed = seed
        self._random = PatientStreams(seed, course.ids)
        self._history = History(standards.plan, patients)
        self._events = AdverseEvents(standards.grader, patients)
        starts = {drug: profile.start_fraction for drug, profile in standards.profiles.items()}
        self._ledgers = {given.drug.id: Ledger.start(patients, fraction=starts[given.drug.id]) for given in course.given}
        self._lowered_because = {
            given.drug.id: np.full(patients, given.agenda.words.number(TITRATION if starts[given.drug.id] < 1 else ""))
            for given in course.given
        }
        self._thresholds = {drug: self._threshold_factor(profile) for drug, profile in standards.profiles.items()}
        self._readings = tuple(begin_reading(assessor, patients) for assessor in standards.assessors)
        self._new_lesion_at = -np.log(uniforms(seed, "new lesion", course.ids, 0, draws=1)[:, 0])
        self._decisions: dict[str, list[Columns]] = {drug: [] for drug in self._ledgers}
        self._findings: dict[str, list[Columns]] = {drug: [] for drug in self._ledgers}

    def observe(self, course: Course) -> Chart:
        """Measures what is due at this round of visits."""
        visit = course.visit
        chart = observe(
            self._standards.plan,
            visit.truth,
            interval=visit.interval,
            occasion=visit.occasion,
            random=self._random,
            history=self._history,
        )
        self._history.add(chart)
        self._read_scans(course, chart)
        return chart

    def grade(self, chart: Chart) -> Grades:
        """Grades every term, and keeps the episodes."""
        (here,) = np.nonzero(chart.present)
        found = self._standards.grader.grade(self._history.of(here))
        grades = found.among(chart.time.size, here)
        self._history.add_grades({term: grades[term] for term in self._standards.followed_terms if term in grades}, chart)
        agenda = self._course.given[0].agenda if self._course.given else None
        nothing = np.zeros(here.size, dtype=np.int64)
        self._events.add(
            found,
            who=here,
            time=chart.time[here],
            first=chart.first[here],
            course=agenda.course[here] if agenda else nothing,
            cycle=agenda.cycle[here] if agenda else nothing,
        )
        return grades

    def manage(self, chart: Chart, grades: Grades) -> Orders:
        """Decides about every dose due, every next course, and who leaves treatment or study."""
        progressed = self._progressed() & chart.present
        starting, ending = {}, {}
        for given in self._course.given:
            gate = given.agenda.gate_due(chart.time, chart.present)
            allowed = gate & ~progressed & self._may_go_on(given.agenda.plan.only_if)
            starting[given.drug.id] = allowed
            ending[given.drug.id] = gate & ~allowed
            given.agenda.open_course(allowed, chart.time)
            given.agenda.close(gate & ~allowed)
        due = {given.drug.id: given.agenda.due(chart.time, chart.present) & ~progressed for given in self._course.given}
        decided = self._decided(due, chart.time, grades)
        doses = tuple(self._concluded(given, decided, final) for given, final in self._across(decided))
        closed = np.ones(chart.time.size, dtype=bool)
        for given in self._course.given:
            closed &= given.agenda.is_closed | progressed
        return Orders(doses, starting, ending, progressed, progressed & closed)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Labs, vitals, adverse events, responses, survival, decisions and findings, by name of the table."""
        return {**self._history.to_tables(arm=self._arm, ids=self._course.ids), **self._short_tables()}

    def parts(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """The same tables part by part: what was measured fills the memory if it is all there at once."""
        yield from self._history.parts(arm=self._arm, ids=self._course.ids)
        yield from self._short_tables().items()

    def _short_tables(self) -> dict[str, pd.DataFrame]:
        readings = [reading.to_table(arm=self._arm, ids=self._course.ids) for reading in self._readings]
        return {
            "adverse_events": self._adverse_events(),
            "responses": pd.concat(readings, ignore_index=True),
            "survival": self._survival(),
            "decisions": self._joined(self._decisions),
            "findings": self._joined(self._findings),
        }

    def _joined(self, rounds: Mapping[str, list[Columns]]) -> pd.DataFrame:
        """What was put on record about each drug, as one table."""
        tables = [joined(rounds[given.drug.id], given.agenda.words) for given in self._course.given]
        filled = [table for table in tables if len(table)]
        return pd.concat(filled, ignore_index=True) if len(filled) > 1 else next(iter(filled), pd.DataFrame())

    def _adverse_events(self) -> pd.DataFrame:
        """The episodes seen, and deaths of treatment as grade 5."""
        seen = self._events.to_table(arm=self._arm, ids=self._course.ids)
        deaths = self._course.happenings.deaths()
        if deaths.empty:
            return seen
        fatal = deaths.assign(
            ARM=self._arm,
            GRADE=DEATH_GRADE,
            ASTTM=deaths["TIME"],
            AENTM=deaths["TIME"],
            TIME_WORST=deaths["TIME"],
            VERSION=self._standards.grader.version,
        )
        return pd.concat([seen, fatal.drop(columns="TIME")], ignore_index=True)

    # ------------------------------------------------------------------ doses

    def _decided(
        self, due: Mapping[str, BoolArray], time: FloatArray, grades: Grades
    ) -> dict[str, tuple[RuleProfile, Decision]]:
        """What the rules of each drug say about its doses due."""
        # A rule that holds for the whole arm shows its criteria with the other drugs' doses too: so all are asked of the same.
        (rows,) = np.nonzero(np.any(list(due.values()), axis=0)) if due else (np.zeros(0, dtype=np.int64),)
        seen, asked = self._history.of(rows), grades.of(rows)
        decided = {}
        for given in self._course.given:
            drug, agenda = given.drug.id, given.agenda
            first = agenda.starts_cycle(due[drug]) & (self._ledgers[drug].waited_hours == 0)
            ledger = self._ledgers[drug].begin_course(first & (agenda.cycle == 1)).begin_cycle(first)
            draws = uniforms(self._seed, f"judgement:{drug}", self._course.ids[rows], _minutes(time[rows]), draws=4)
            profile = self._standards.profiles[drug]
            decision = profile.decide(
                seen,
                asked,
                ledger=ledger.of(rows),
                due=due[drug][rows],
                threshold_factor=self._thresholds[drug][rows],
                draws=draws,
                planned_share=agenda.planned_share()[rows],
            )
            self._ledgers[drug] = ledger
            decided[drug] = (profile, decision.spread(rows, ledger))
        return decided

    def _threshold_factor(self, profile: RuleProfile) -> FloatArray:
        normal = normals(self._seed, "judgement:threshold", self._course.ids, 0, draws=1)[:, 0]
        factor: FloatArray = np.exp(profile.judgement.threshold_log_sd * normal)
        return factor

    def _across(self, decided: Mapping[str, tuple[RuleProfile, Decision]]) -> list[tuple[Given, Decision]]:
        final = across_arm(decided)
        return [(given, final[given.drug.id]) for given in self._course.given]

    def _concluded(self, given: Given, decided: Mapping[str, tuple[RuleProfile, Decision]], final: Decision) -> Decided:
        profile = decided[given.drug.id][0]
        agenda, ids = given.agenda, self._course.ids
        level_before = self._ledgers[given.drug.id].fraction
        self._ledgers[given.drug.id] = self._ledgers[given.drug.id].after(final)
        words = agenda.words
        none = words.number("")
        reasons = np.full(ids.size, none)
        if not final.due.any():
            return Decided(given, final, reasons, profile.interventions)
        slots = Slots(self._arm, given.drug.id, ids, self._history.now, agenda.course, agenda.cycle, agenda.number)
        made = decision_columns(profile, final, slots=slots, words=words)
        self._decisions[given.drug.id].append(made)
        self._findings[given.drug.id].append(finding_columns(profile, final, slots=slots, words=words))
        reasons[final.due] = np.where(made["CRITERIA"] != none, made["CRITERIA"], made["POLICY"])
        lowered = self._lowered_because[given.drug.id]
        (now_lower,) = np.nonzero(final.due & (final.level_fraction < level_before))
        lowered[now_lower] = words.numbers(_of_earlier(words.text(number)) for number in reasons[now_lower])
        still_lower = final.due & (final.fraction < 1) & (reasons == none)
        reasons[still_lower] = lowered[still_lower]
        return Decided(given, final, reasons, profile.interventions)

    def _may_go_on(self, only_if: str) -> BoolArray:
        """(patients,) what the last scan says about a further course."""
        last = self._readings[0].shown.last
        shrunk = self._readings[0].shown.change < 0
        answers: dict[str, BoolArray] = {
            "always": np.ones(last.size, dtype=bool),
            "shrinkage": shrunk & (last != PROGRESSIVE),
            "response": np.isin(last, (COMPLETE, PARTIAL)),
            "response_or_stable": np.isin(last, (COMPLETE, PARTIAL, STABLE, NO_EVIDENCE)),
        }
        return answers[only_if]

    # ------------------------------------------------------------------ scans

    def _read_scans(self, course: Course, chart: Chart) -> None:
        size = chart.values.get(self._standards.disease.file.tumour_size, np.full(chart.time.size, np.nan))
        scanned = course.visit.occasion.scan_due & ~np.isnan(size)
        disease, truth = self._standards.disease.file, course.visit.truth
        hazard = truth.get(disease.new_lesion_hazard or "", np.zeros(chart.time.size))
        is_scan = scanned.any()  # levels may be looked at without one
        area = area_as_measured(size, truth.get(disease.tumour_size), truth.get(disease.tumour_area or "")) if is_scan else size
        new_lesion = hazard >= self._new_lesion_at
        look = Look(course.visit.occasion, self._history, scanned=scanned, size=size, area=area, new_lesion=new_lesion)
        for reading in self._readings:
            reading.read(look)

    def _progressed(self) -> BoolArray:
        """Whose progression stands; one that rests on the last scan alone keeps the patient on study until the next."""
        shown = self._readings[0].shown
        return np.asarray(~np.isnan(shown.progression_time) & ~shown.is_open, dtype=np.bool_)

    def _survival(self) -> pd.DataFrame:
        """Survival free of progression or recurrence by the first criteria, and overall where it is known what follows."""
        reading = self._readings[0]
        progression, code = reading.shown.progression_time, event_free_endpoint(self._standards.assessors[0])
        event = EVENT_WORDS[code]
        happenings, end = self._course.happenings, np.full(progression.shape, self._course.end)
        death = np.where(happenings.death_time <= end, happenings.death_time, np.nan)
        cause = np.where(happenings.is_of_an_event(), TREATMENT, OTHER_CAUSE)
        dies_first = np.nan_to_num(death, nan=np.inf) <= np.nan_to_num(progression, nan=np.inf)
        first, why = np.fmin(progression, death), np.where(dies_first, cause, NO_DEATH)
        rows = [self._times_to(code, first, reading.last_time, why, event=event, censored=f"last scan without {event}")]
        written = self._standards.after_progression
        if written is not None:
            after = progression + time_after_progression(written, self._course.patients, self._course.biology, seed=self._seed)
            of_disease = np.nan_to_num(after, nan=np.inf) < np.nan_to_num(death, nan=np.inf)
            dies, why = np.fmin(after, death), np.where(of_disease, DISEASE, cause)
            seen = np.where(dies <= end, dies, np.nan)
            rows.append(self._times_to("OS", seen, end, why, event=event, censored="alive at the end of follow-up"))
        return pd.concat(rows, ignore_index=True)

    def _times_to(
        self, code: str, at: FloatArray, last: FloatArray, cause: np.ndarray, *, event: str, censored: str
    ) -> pd.DataFrame:
        """Rows of the table `survival`: the time of the event [months], or of the last look where there was none."""
        happened, begun = ~np.isnan(at), self._course.patients.has_start
        words = {NO_DEATH: event, DISEASE: f"death after {event}", **DEATH_WORDS}
        what = np.array([words[one] for one in cause], dtype=object)
        return pd.DataFrame(
            {
                "ARM": self._arm,
                "ID": self._course.ids,
                "PARAMCD": code,
                "AVAL": np.where(happened, at, np.where(begun, last, 0.0)) / HOURS_PER_MONTH,
                "CNSR": np.where(happened, 0, 1),
                "EVNTDESC": np.where(happened, what, np.where(begun, censored, NEVER_BEGAN).astype(object)),
                "CAUSE": [str(died) or None for died in np.where(happened, cause, NO_DEATH)],
            }
        )


def apply(course: Course, orders: Orders) -> None:
    """Carries out what the clinic decided: gives, skips, delays, stops, and turns supportive care on and off."""
    time, ids = course.visit.occasion.time, course.ids
    for decided in orders.doses:
        given, decision, reasons = decided.given, decided.decision, decided.reasons
        agenda = given.agenda
        planned = agenda.due(time, course.visit.occasion.present)
        giving = planned & decision.due & (decision.action <= REDUCE)
        course.start_care(given, giving)
        for number in np.unique(decision.intervention[decision.due & (decision.intervention >= 0)]):
            course.treat(given, decided.interventions[number], decision.due & (decision.intervention == number))
        durations, routes = agenda.durations(), agenda.routes()
        course.stop_care(given, decision.due & (decision.action >= STOP_CYCLE))
        for code in MOST_SEVERE_FIRST:
            at = decision.due & (decision.action == code)
            if not at.any():
                continue
            if code == STOP_DRUG:
                agenda.stop_drug(at, time, ids, reasons=reasons)
            elif code == STOP_COURSE:
                agenda.stop_course(at, time, ids, reasons=reasons)
            elif code == STOP_CYCLE:
                agenda.stop_cycle(at, time, ids, reasons=reasons)
            elif code == WITHHOLD:
                agenda.skip(at, time, ids, reasons=reasons)
            else:
                agenda.delay(at, decision.delay_hours, reasons=reasons)
        amounts = agenda.give(giving, decision.fraction, time, ids, reasons=reasons)
        course.give(given, amounts, durations, routes, giving)
    for given in course.given:
        off = orders.progressed & ~given.agenda.is_closed
        if off.any():
            course.stop_care(given, off)
            given.agenda.stop_drug(off, time, ids, reasons=PROGRESSION)
    course.remove_extinct()
    course.finish(orders.off_study)


def _of_earlier(reason: str) -> str:
    """The reason of a dose at the level to which this one lowered it."""
    return ";".join(f"{EARLIER}{part}" for part in reason.split(";"))


def _minutes(time: FloatArray) -> np.ndarray:
    return np.round(time * 60).astype(np.int64)
