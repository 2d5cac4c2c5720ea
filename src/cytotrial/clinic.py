"""The virtual clinic of one chunk of one arm: it sees, grades and decides, visit by visit. It moves no patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.catalogue import Disease, Library
from cytotrial.course import Course, Given
from cytotrial.formats.drug import DrugFile
from cytotrial.formats.population import AfterProgression
from cytotrial.manage.decisions import Columns, Slots, decision_columns, finding_columns, joined
from cytotrial.manage.ledger import Ledger
from cytotrial.manage.policy import DELAY, REDUCE, STOP_COURSE, STOP_CYCLE, STOP_DRUG, WITHHOLD
from cytotrial.manage.rules import Decision, RuleProfile, across_arm
from cytotrial.model.biology import Biology
from cytotrial.observe.adverse_events import AdverseEvents
from cytotrial.observe.arrays import BoolArray, CodeArray, FloatArray
from cytotrial.observe.conditions import UNKNOWN, leaves
from cytotrial.observe.grading import Grader
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart, PatientStreams, observe
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.observe.response import COMPLETE, PARTIAL, PROGRESSIVE, STABLE, ResponseAssessor, area_as_measured
from cytotrial.observe.scans import Scans
from cytotrial.outlook import time_after_progression
from cytotrial.population.streams import normals, uniforms
from cytotrial.protocol.protocol import Arm, Protocol
from cytotrial.units import HOURS_PER_MONTH, hours

DEATH_GRADE = 5
PROGRESSION = "progression at the scan"
MOST_SEVERE_FIRST = (STOP_DRUG, STOP_COURSE, STOP_CYCLE, WITHHOLD, DELAY)


@dataclass(frozen=True)
class Standards:
    """What every chunk of an arm is seen and graded by; made once per arm."""

    plan: MonitoringPlan
    after_last_dose: FloatArray
    grader: Grader
    assessor: ResponseAssessor
    profiles: Mapping[str, RuleProfile]
    followed_terms: frozenset[str]
    disease: Disease
    after_progression: AfterProgression | None

    @classmethod
    def of(cls, library: Library, protocol: Protocol, arm: Arm, biology: Biology) -> Standards:
        """The plan, grading, response criteria and rules that a protocol names for an arm."""
        named = sorted({library.drugs[treatment.drug].file.monitoring for treatment in arm.treatments}) or [
            DrugFile.model_fields["monitoring"].default
        ]
        file = library.monitoring[named[0]]
        plan = MonitoringPlan.from_file(
            file, {**library.interface.observables, **biology.observables}, available=biology.observables.keys()
        )
        grader = Grader.from_file(library.gradings[protocol.grading], plan)
        profiles = {
            treatment.drug: RuleProfile.from_file(
                library.drugs[treatment.drug].rules[treatment.rules],
                name=treatment.rules,
                plan=plan,
                profiles=library.drugs[treatment.drug].rules,
                terms=grader.terms.keys(),
            )
            for treatment in arm.treatments
        }
        assessor = ResponseAssessor.from_file(library.responses[protocol.response], name=protocol.response)
        after = np.array(sorted(hours(text) for text in file.after_last_dose))
        disease = library.diseases[protocol.disease]
        population = disease.populations.populations[protocol.population]
        followed = frozenset(_followed_terms(grader, profiles.values()))
        return cls(plan, after, grader, assessor, profiles, followed, disease, population.after_progression)


def _followed_terms(grader: Grader, profiles: Iterable[RuleProfile]) -> Iterator[str]:
    """The terms that a condition asks about earlier grades of: the grades of all others count at their own visit alone."""
    graded = [condition for term in grader.terms.values() for _, condition in term.grades]
    asked = [condition for profile in profiles for rule in profile.criteria for condition in (rule.when, rule.until)]
    for condition in (*graded, *asked):
        for leaf in leaves(condition) if condition else ():
            if leaf.grade is not None and (leaf.consecutive is not None or leaf.for_at_least is not None):
                yield leaf.grade


@dataclass(frozen=True)
class Decided:
    """What is decided about the doses due of one treatment, why in words, (patients,), and what its rules may treat with."""

    given: Given
    decision: Decision
    reasons: list[str]
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
        self._ledgers = {given.drug.id: Ledger.start(patients) for given in course.given}
        self._thresholds = {drug: self._threshold_factor(profile) for drug, profile in standards.profiles.items()}
        self._scans = Scans(standards.assessor, patients)
        self._new_lesion_at = -np.log(uniforms(seed, "new lesion", course.ids, 0, draws=1)[:, 0])
        self._decisions: list[Columns] = []
        self._findings: list[Columns] = []

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

    def grade(self, chart: Chart) -> dict[str, CodeArray]:
        """Grades every term, and keeps the episodes."""
        (here,) = np.nonzero(chart.present)
        grades = {
            term: _among(grade, here, chart.time.size)
            for term, grade in self._standards.grader.grade(self._history.of(here)).items()
        }
        self._history.add_grades({term: grades[term] for term in self._standards.followed_terms if term in grades}, chart)
        agenda = self._course.given[0].agenda if self._course.given else None
        nothing = np.zeros(chart.time.size, dtype=np.int64)
        self._events.add(
            grades,
            time=chart.time,
            present=chart.present,
            first=chart.first,
            course=agenda.course if agenda else nothing,
            cycle=agenda.cycle if agenda else nothing,
        )
        return grades

    def manage(self, chart: Chart, grades: Mapping[str, CodeArray]) -> Orders:
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
        scans = self._scans
        return {
            **self._history.to_tables(arm=self._arm, ids=self._course.ids),
            "adverse_events": self._adverse_events(),
            "responses": self._standards.assessor.to_table(
                scans.times, scans.sizes, areas=scans.areas, arm=self._arm, ids=self._course.ids, new_lesions=scans.new_lesions
            ),
            "survival": self._survival(),
            "decisions": joined(self._decisions),
            "findings": joined(self._findings),
        }

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
        self, due: Mapping[str, BoolArray], time: FloatArray, grades: Mapping[str, CodeArray]
    ) -> dict[str, tuple[RuleProfile, Decision]]:
        """What the rules of each drug say about its doses due."""
        # A rule that holds for the whole arm shows its criteria with the other drugs' doses too: so all are asked of the same.
        (rows,) = np.nonzero(np.any(list(due.values()), axis=0)) if due else (np.zeros(0, dtype=np.int64),)
        seen, asked = self._history.of(rows), {term: grade[rows] for term, grade in grades.items()}
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
        self._ledgers[given.drug.id] = self._ledgers[given.drug.id].after(final)
        reasons = np.full(ids.size, "", dtype=object)
        if not final.due.any():
            return Decided(given, final, list(reasons), profile.interventions)
        slots = Slots(self._arm, given.drug.id, ids, self._history.now, agenda.course, agenda.cycle, agenda.number)
        made = decision_columns(profile, final, slots=slots)
        self._decisions.append(made)
        self._findings.append(finding_columns(profile, final, slots=slots))
        reasons[np.flatnonzero(final.due)] = np.where(made["CRITERIA"] != "", made["CRITERIA"], made["POLICY"])
        return Decided(given, final, list(reasons), profile.interventions)

    def _may_go_on(self, only_if: str) -> BoolArray:
        """(patients,) what the last scan says about a further course."""
        last = self._scans.shown.last
        shrunk = self._scans.shown.change < 0
        answers: dict[str, BoolArray] = {
            "always": np.ones(last.size, dtype=bool),
            "shrinkage": shrunk & (last != PROGRESSIVE),
            "response": np.isin(last, (COMPLETE, PARTIAL)),
            "response_or_stable": np.isin(last, (COMPLETE, PARTIAL, STABLE)),
        }
        return answers[only_if]

    # ------------------------------------------------------------------ scans

    def _read_scans(self, course: Course, chart: Chart) -> None:
        size = chart.values.get(self._standards.disease.file.tumour_size, np.full(chart.time.size, np.nan))
        scanned = course.visit.occasion.scan_due & ~np.isnan(size)
        if not scanned.any():
            return
        disease, truth = self._standards.disease.file, course.visit.truth
        hazard = truth.get(disease.new_lesion_hazard or "", np.zeros(chart.time.size))
        area = area_as_measured(size, truth.get(disease.tumour_size), truth.get(disease.tumour_area or ""))
        self._scans.add(scanned, time=chart.time, size=size, area=area, new_lesion=hazard >= self._new_lesion_at)

    def _progressed(self) -> BoolArray:
        """Whose progression stands; one that rests on the last scan alone keeps the patient on study until the next."""
        shown = self._scans.shown
        return np.asarray(~np.isnan(shown.progression_time) & ~shown.is_open, dtype=np.bool_)

    def _survival(self) -> pd.DataFrame:
        """Progression-free survival from the scans, and overall survival where the population says what follows progression."""
        progression = self._scans.shown.progression_time
        death = self._course.happenings.death_time
        first = np.fmin(progression, np.where(np.isfinite(death), death, np.nan))
        of_treatment = death <= np.nan_to_num(progression, nan=np.inf)
        what = np.where(of_treatment, "death of treatment", "progression")
        rows = [self._times_to("PFS", first, np.nanmax(self._scans.times, axis=1), what, "last scan without progression")]
        written = self._standards.after_progression
        if written is not None:
            after = time_after_progression(written, self._course.patients, self._course.biology, seed=self._seed)
            dies = np.fmin(np.where(np.isfinite(death), death, np.nan), progression + after)
            end = np.full(dies.shape, self._course.end)
            what = np.where(of_treatment, "death of treatment", "death after progression")
            rows.append(self._times_to("OS", np.where(dies <= end, dies, np.nan), end, what, "alive at the end of follow-up"))
        return pd.concat(rows, ignore_index=True)

    def _times_to(self, code: str, event: FloatArray, last: FloatArray, what: np.ndarray, censored: str) -> pd.DataFrame:
        """Rows of the table `survival`: the time of the event [months], or of the last look where there was none."""
        happened = ~np.isnan(event)
        return pd.DataFrame(
            {
                "ARM": self._arm,
                "ID": self._course.ids,
                "PARAMCD": code,
                "AVAL": np.where(happened, event, last) / HOURS_PER_MONTH,
                "CNSR": np.where(happened, 0, 1),
                "EVNTDESC": np.where(happened, what, censored),
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
            given.agenda.stop_drug(off, time, ids, reasons=[PROGRESSION] * ids.size)
    course.remove_extinct()
    course.finish(orders.off_study)


def _among(grade: CodeArray, rows: np.ndarray, patients: int) -> CodeArray:
    """The grades (patients,) where those at the positions `rows` are known, unknown elsewhere."""
    grades = np.full(patients, UNKNOWN)
    grades[rows] = grade
    return grades


def _minutes(time: FloatArray) -> np.ndarray:
    return np.round(time * 60).astype(np.int64)
