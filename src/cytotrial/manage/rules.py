"""The decision that a rule profile takes on each dose due. It measures and gives nothing, and reads no file.

Criteria and policy are apart: criteria say what is wrong (1 met, 0 not met, -1 unknown), the first step of the policy whose
condition holds says what is done. An unknown criterion never triggers. A criterion with `until` stays met until that is true.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.formats.base import Text
from cytotrial.formats.rules import Judgement, Recheck, RulesFile
from cytotrial.manage.ledger import Ledger
from cytotrial.manage.policy import DELAY, GIVE, REDUCE, STOP_CYCLE, STOP_DRUG, TREAT, WITHHOLD, Action, Step, Trigger
from cytotrial.manage.profiles import ReadyCriterion, check_criteria, merge_profiles, read_steps, ready_criteria
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.conditions import TRUE, UNKNOWN, Known, Seen
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.units import hours

JUDGED_HOLD, JUDGED_STOP = "judgement: withhold", "judgement: stop cycle"
JUDGED_REFUSAL, WORN_DOWN = "judgement: no further cycle", "judgement: worn down by symptoms"
IMPOSED = "rules of another drug of the arm"
NO_STEP = np.int16(-1)
LEVEL_TOLERANCE = 1e-9  # a level read from a file and the same level kept in a ledger

# Readiness to stop grows faster than the number of findings; the form belongs to the format, its hazards to each profile.
JUDGEMENT_EXPONENT = 1.5


@dataclass(frozen=True)
class Decision:
    """What is done about the dose due, (patients,) each; meaningful where `due`.

    `action`: a code of `policy.ACTIONS`. `fraction`: of the planned dose that is given now, 0 where none is.
    `level_fraction`: the patient's dose level from now on. `policy_step`: index into `RuleProfile.phrases`, -1 where no step
    held and the dose is given. `met` (criteria, patients): 1 met, 0 not, -1 unknown. `delay_hours`: until the recheck, 0 where
    not delayed. `intervention`: index into `RuleProfile.interventions`, -1 for none. `latched` (criteria, patients) and
    `moved_by` (the step that moves the dose by a level, -1 none): for the ledger.
    """

    due: BoolArray
    action: CodeArray
    fraction: FloatArray
    level_fraction: FloatArray
    policy_step: npt.NDArray[np.int16]
    met: CodeArray
    delay_hours: FloatArray
    intervention: npt.NDArray[np.int16]
    latched: BoolArray
    moved_by: npt.NDArray[np.int16]

    def spread(self, rows: IntArray, ledger: Ledger) -> Decision:
        """The decisions on all patients of a ledger: this one's are on those at the positions `rows`, nobody else is due."""
        patients = ledger.fraction.size

        def among(values: np.ndarray, otherwise: npt.ArrayLike) -> np.ndarray:
            spread = np.empty((*values.shape[:-1], patients), dtype=values.dtype)
            spread[...] = otherwise
            spread[..., rows] = values
            return spread

        return Decision(
            due=among(self.due, 0),
            action=among(self.action, GIVE),
            fraction=among(self.fraction, 0.0),
            level_fraction=among(self.level_fraction, ledger.fraction),
            policy_step=among(self.policy_step, NO_STEP),
            met=among(self.met, UNKNOWN),
            delay_hours=among(self.delay_hours, 0.0),
            intervention=among(self.intervention, -1),
            latched=among(self.latched, ledger.latched if len(ledger.latched) else 0),
            moved_by=among(self.moved_by, ledger.moved_by),
        )


@dataclass(frozen=True)
class RuleProfile:
    """Rules of one treatment, ready to decide. `unavailable` are criteria that this composition can never know."""

    name: str
    title: Text
    is_for_arm: bool
    criteria: tuple[ReadyCriterion, ...]
    steps: tuple[Step, ...]
    levels: Mapping[str, float]
    levels_of: Literal["planned_dose", "largest_dose"]
    start_fraction: float
    recheck_hours: float | None
    wait_at_most_hours: float
    judgement: Judgement
    unavailable: tuple[str, ...]

    @classmethod
    def from_file(
        cls,
        file: RulesFile,
        *,
        name: str,
        plan: MonitoringPlan,
        profiles: Mapping[str, RulesFile] | None = None,
        terms: Collection[str] = (),
        place: Callable[..., Place] | None = None,
    ) -> RuleProfile:
        """The profile of a file, with what it extends, for the findings of a plan.

        Args:
            file: the rules.
            name: its name.
            plan: the monitoring plan of the composition; criteria about findings it lacks become `unavailable`.
            profiles: the drug's other profiles, for `extends`.
            terms: terms of the grading in use that the composition can grade.
            place: where the value under given keys stands in the file.

        Raises:
            LibraryError: unknown phrases, criteria, levels, parents, or units of another dimension, all at once.
        """
        merged = merge_profiles(file, name=name, profiles=profiles or {})
        located = place or (lambda *keys: Place(path=".".join(str(key) for key in keys)))
        problems = check_criteria(file, plan, located)
        levels = {level.id: level.fraction for level in merged.levels}
        steps = read_steps(merged, levels, problems, located)
        if merged.starts_at is not None and merged.starts_at not in levels:
            what = f"unknown dose level '{merged.starts_at}'."
            advice = did_you_mean(merged.starts_at, levels) or "The profile has no levels."
            problems.append(Problem(located("starts_at"), what, advice))
        if problems:
            raise LibraryError(problems)
        ready, unavailable = ready_criteria(merged, plan, terms)
        recheck = merged.withheld_dose if isinstance(merged.withheld_dose, Recheck) else None
        return cls(
            name=name,
            title=merged.title,
            is_for_arm=merged.applies_to == "arm",
            criteria=ready,
            steps=steps,
            levels=levels,
            levels_of=merged.levels_of,
            start_fraction=levels[merged.starts_at] if merged.starts_at else 1.0,
            recheck_hours=hours(recheck.recheck) if recheck else None,
            wait_at_most_hours=hours(recheck.at_most) if recheck else np.inf,
            judgement=merged.judgement,
            unavailable=unavailable,
        )

    @property
    def phrases(self) -> tuple[str, ...]:
        """What `Decision.policy_step` points to: the steps in words, then the judgements, then the rules of another drug."""
        return (*(step.text for step in self.steps), JUDGED_HOLD, JUDGED_STOP, JUDGED_REFUSAL, WORN_DOWN, IMPOSED)

    @property
    def interventions(self) -> tuple[str, ...]:
        """The interventions that the policy may ask for."""
        return tuple(dict.fromkeys(step.action.intervention for step in self.steps if step.action.intervention))

    def decide(
        self,
        history: Seen,
        grades: Mapping[str, CodeArray],
        *,
        ledger: Ledger,
        due: BoolArray,
        threshold_factor: FloatArray | float = 1.0,
        draws: FloatArray | None = None,
        planned_share: FloatArray | float = 1.0,
    ) -> Decision:
        """The decision on the dose due of each patient.

        Args:
            history: what has been seen, this visit included.
            grades: the grades of this visit by term, -1 unknown.
            ledger: what was given and withheld so far.
            due: (patients,) who has a dose due.
            threshold_factor: (patients,) multiplies the limits of judged criteria, as in `conditions.evaluate`.
            draws: (patients, 4) uniform numbers for the judgement of the profile; none: rules alone.
            planned_share: (patients,) the dose planned now, of the largest of the course.
        """
        patients = history.patients
        met = self._met(history, grades, ledger, threshold_factor)
        share = np.broadcast_to(np.asarray(planned_share if self.levels_of == "largest_dose" else 1.0), patients)
        action = np.full(patients, GIVE)
        policy_step = np.full(patients, NO_STEP)
        level_fraction = ledger.fraction.copy()
        delay = np.zeros(patients)
        intervention = np.full(patients, -1, dtype=np.int16)
        moved_by = np.where(due, NO_STEP, ledger.moved_by)
        undecided = due.copy()
        for index, step in enumerate(self.steps):
            chosen = undecided & self._holds(step.trigger, met, ledger)
            undecided &= ~chosen
            action[chosen] = step.action.code
            policy_step[chosen] = index
            if step.action.code == DELAY:
                delay[chosen] = step.action.hours
            elif step.action.levels_down:
                moved_by[chosen] = index
                moves = chosen & (step.action.at_each_dose | (ledger.moved_by != index))
                self._move_level(step.action, chosen, moves, action, level_fraction, share=share)
            elif step.action.code == REDUCE:
                level_fraction[chosen] = np.minimum(level_fraction[chosen], self.levels[step.action.level])
            elif step.action.code == TREAT:
                intervention[chosen] = self.interventions.index(step.action.intervention)
        if draws is not None:
            # Nobody judges a course by what was there before its first dose.
            asked = due & (ledger.doses_in_course > 0)
            for offset, (code, happens) in enumerate(self._judgements(grades, ledger, draws)):
                changed = asked & happens & (action < code)
                action[changed] = code
                policy_step[changed] = len(self.steps) + offset
        self._wait(action, delay, ledger)
        is_given = due & (action <= REDUCE)
        resolvable = np.array([criterion.until is not None for criterion in self.criteria], dtype=bool)[:, None]
        return Decision(
            due=due,
            action=action,
            fraction=np.where(is_given, np.minimum(level_fraction / share, 1.0), 0.0),
            level_fraction=level_fraction,
            policy_step=policy_step,
            met=met,
            delay_hours=delay,
            intervention=intervention,
            latched=np.where(due, resolvable & (met == TRUE), self._latched(ledger, patients)),
            moved_by=moved_by,
        )

    def _move_level(
        self,
        action: Action,
        chosen: BoolArray,
        moves: BoolArray,
        codes: CodeArray,
        level_fraction: FloatArray,
        *,
        share: FloatArray,
    ) -> None:
        """Takes the dose of those who move one level up or down the ladder; changes `codes` and `level_fraction`.

        A step that goes on holding from one dose to the next moves once, unless it says `at each dose`: what was low stays
        low until the lab is repeated.
        """
        ladder = np.array(sorted({1.0, *self.levels.values()}))
        here = np.searchsorted(ladder, np.minimum(level_fraction, share) - LEVEL_TOLERANCE)
        there = np.clip(here - action.levels_down, 0, ladder.size - 1)
        if action.or_stop:
            codes[moves & (there == here)] = STOP_DRUG
        if action.code == REDUCE:
            codes[chosen & ~moves] = GIVE
        level_fraction[moves] = ladder[there[moves]]

    def _met(
        self, history: Seen, grades: Mapping[str, CodeArray], ledger: Ledger, threshold_factor: FloatArray | float
    ) -> CodeArray:
        met = np.full((len(self.criteria), history.patients), UNKNOWN)
        latched = self._latched(ledger, history.patients)
        for index, criterion in enumerate(self.criteria):
            factor = threshold_factor if criterion.is_judged else 1.0
            now = criterion.holds(history, Known(grades, ledger, factor))
            if criterion.resolves is not None:
                resolved = criterion.resolves(history, Known(grades, ledger))
                now = np.where(latched[index] & (resolved != TRUE), TRUE, now)
            met[index] = now
        return met

    def _latched(self, ledger: Ledger, patients: int) -> BoolArray:
        shape = (len(self.criteria), patients)
        return ledger.latched if ledger.latched.shape == shape else np.zeros(shape, dtype=np.bool_)

    def _holds(self, trigger: Trigger, met: CodeArray, ledger: Ledger) -> BoolArray:
        if trigger.kind == "withheld":
            return np.asarray(ledger.withheld_in_a_row >= trigger.number, dtype=np.bool_)
        if trigger.kind == "always":
            return np.ones(met.shape[1], dtype=np.bool_)
        return np.asarray((met[self.concerned(trigger)] == TRUE).sum(axis=0) >= trigger.number, dtype=np.bool_)

    def concerned(self, trigger: Trigger) -> BoolArray:
        """The criteria that a condition of the policy speaks of, (criteria,)."""
        return self._concerned.get(trigger, np.zeros(len(self.criteria), dtype=np.bool_))

    @cached_property
    def _concerned(self) -> dict[Trigger, BoolArray]:
        """By condition of the policy: asked at every dose."""
        subjects: dict[str, list[str]] = {
            "level": [one.level for one in self.criteria],
            "criterion": [one.id for one in self.criteria],
        }
        triggers = [step.trigger for step in self.steps if step.trigger.kind in subjects]
        return {one: np.array([name == one.name for name in subjects[one.kind]], dtype=np.bool_) for one in triggers}

    def _judgements(
        self, grades: Mapping[str, CodeArray], ledger: Ledger, draws: FloatArray
    ) -> list[tuple[np.int8, BoolArray]]:
        """Actions taken without a rule, and for whom; mildest first: doses held and cycles stopped by the clinician, the more
        readily the more goes wrong at once; further cycles of a course, and the rest of a cycle, declined by the patient.
        """
        written = self.judgement
        excess = np.maximum(_present(written.concurrent_terms, grades, written.concurrent_grade, draws) - 1.0, 0.0)
        suffered = np.maximum(_present(written.symptom_terms, grades, written.symptom_grade, draws) - 1.0, 0.0)
        lasting = _present(written.symptom_terms, grades, 1, draws)
        holds = draws[:, 0] < -np.expm1(-written.withhold_hazard * excess)
        stops = draws[:, 1] < -np.expm1(-written.stop_cycle_hazard * excess**JUDGEMENT_EXPONENT)
        # Asked once, when the cycle would begin: a dose withheld there leaves the count of doses at 0.
        begins = (
            (ledger.cycles > 1) & (ledger.doses_in_cycle == 0) & (ledger.withheld_in_a_row == 0) & (ledger.waited_hours == 0)
        )
        declines = begins & (draws[:, 2] < written.next_cycle_refused + written.refused_per_symptom * lasting)
        wearies = draws[:, 3] < -np.expm1(-written.weary_hazard * suffered)
        return [(WITHHOLD, holds), (STOP_CYCLE, stops), (STOP_CYCLE, declines), (STOP_CYCLE, wearies)]

    def _wait(self, action: CodeArray, delay: FloatArray, ledger: Ledger) -> None:
        """Turns a withheld dose into one that waits, and one that has waited long enough into one lost; changes its arrays."""
        if self.recheck_hours is not None:
            waits = action == WITHHOLD
            action[waits] = DELAY
            delay[waits] = self.recheck_hours
        too_long = (action == DELAY) & (ledger.waited_hours + delay > self.wait_at_most_hours + TIME_TOLERANCE_HOURS)
        action[too_long] = WITHHOLD
        delay[too_long] = 0.0


def _present(terms: Collection[str], grades: Mapping[str, CodeArray], grade: int, draws: FloatArray) -> FloatArray:
    """How many of the terms are at the grade or worse, (patients,); what is not graded counts for nothing."""
    counted = [grades[term] >= grade for term in terms if term in grades]
    number: FloatArray = np.sum(counted, axis=0, dtype=np.float64) if counted else np.zeros(draws.shape[0])
    return number


def across_arm(decided: Mapping[str, tuple[RuleProfile, Decision]]) -> dict[str, Decision]:
    """Decisions by drug after the profiles that apply to the whole arm: the most severe action wins.

    Withholding reaches the other drugs' doses that are due at the same visit; a stop reaches them whether due or not.
    """
    result = {}
    for drug, (profile, own) in decided.items():
        decision = own
        for other_drug, (other_profile, other) in decided.items():
            if other_drug == drug or not other_profile.is_for_arm:
                continue
            reaches = other.due & (other.action >= WITHHOLD) & (own.due | (other.action >= STOP_CYCLE))
            stricter = reaches & (other.action > np.where(decision.due, decision.action, GIVE))
            decision = replace(
                decision,
                due=decision.due | stricter,
                action=np.where(stricter, other.action, decision.action).astype(np.int8),
                fraction=np.where(stricter, 0.0, decision.fraction),
                delay_hours=np.where(stricter, 0.0, decision.delay_hours),
                policy_step=np.where(stricter, len(profile.phrases) - 1, decision.policy_step).astype(np.int16),
            )
        result[drug] = decision
    return result


__all__ = ["Decision", "RuleProfile", "across_arm"]
