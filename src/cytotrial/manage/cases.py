"""The cases of a rule profile, run: charts a clinician can read, through the same code that decides in a trial.

A case tests the profile, not the biology: findings that a composition lacks are taken as the case and the criteria write them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.base import Text
from cytotrial.formats.interface import Noise, Normal
from cytotrial.formats.rules import Case, RulesFile
from cytotrial.manage.ledger import Ledger
from cytotrial.manage.policy import DELAY, REDUCE, TREAT, Action, action_text, read_action
from cytotrial.manage.profiles import merge_profiles
from cytotrial.manage.rules import Decision, RuleProfile
from cytotrial.observe.arrays import CodeArray
from cytotrial.observe.conditions import TRUE, leaves
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import Finding, Moment, MonitoringPlan
from cytotrial.units import UnitError, hours, parse_quantity

GIVEN = ("doses_in_cycle", "doses_in_course", "cycles", "courses", "withheld_in_a_row")
BEFORE_HOURS = 24.0  # the baseline chart is a day old at the first case chart, so that no value of it still counts


@dataclass(frozen=True)
class CaseResult:
    """What a case did: the actions taken and expected, in words, the criteria met at any chart, and what was wrong with it."""

    case: str
    actions: tuple[str, ...]
    expected: tuple[str, ...]
    fired: frozenset[str]
    problems: tuple[Problem, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every chart led to the expected action."""
        return not self.problems and self.actions == self.expected


def run_cases(
    file: RulesFile,
    *,
    name: str,
    plan: MonitoringPlan,
    profiles: Mapping[str, RulesFile] | None = None,
    terms: Collection[str] = (),
) -> list[CaseResult]:
    """The results of all cases of a profile, in order.

    Raises:
        LibraryError: the profile itself is wrong.
    """
    merged = merge_profiles(file, name=name, profiles=profiles or {})
    whole = _whole_plan(merged, plan)
    graded = {leaf.grade for criterion in merged.criteria for leaf in leaves(criterion.when) if leaf.grade} | set(terms)
    profile = RuleProfile.from_file(file, name=name, plan=whole, profiles=profiles, terms=graded)
    return [_run_case(case, profile, whole, graded) for case in file.cases]


def check_cases(
    file: RulesFile,
    *,
    name: str,
    plan: MonitoringPlan,
    profiles: Mapping[str, RulesFile] | None = None,
    terms: Collection[str] = (),
) -> list[Problem]:
    """Cases that fail, and criteria that no case makes fire."""
    results = run_cases(file, name=name, plan=plan, profiles=profiles, terms=terms)
    problems: list[Problem] = []
    for index, result in enumerate(results):
        problems += result.problems
        if not result.problems and not result.is_passed:
            what = f"case '{result.case}' gave {', '.join(result.actions)}."
            problems.append(Problem(Place(path=f"cases[{index}]"), what, f"Expected {', '.join(result.expected)}."))
    fired = frozenset[str]().union(*(result.fired for result in results))
    for index, criterion in enumerate(file.criteria):
        if criterion.id not in fired:
            where = Place(path=f"criteria[{index}]")
            problems.append(Problem(where, f"no case makes criterion '{criterion.id}' fire.", "Add a case that does."))
    return problems


def _whole_plan(file: RulesFile, plan: MonitoringPlan) -> MonitoringPlan:
    """The plan with every finding that the criteria speak of; those it lacks have the unit of their bounds."""
    findings = dict(plan.findings)
    for criterion in file.criteria:
        conditions = [criterion.when] + ([criterion.until] if criterion.until else [])
        for leaf in (leaf for condition in conditions for leaf in leaves(condition)):
            if leaf.finding is None or leaf.finding in findings:
                continue
            findings[leaf.finding] = Finding(
                name=leaf.finding,
                observable=leaf.finding,
                statistic="value",
                unit=leaf.unit or "1",
                factor=1.0,
                per_hours=None,
                moments=(Moment("dose"),),
                noise=Noise(),
                normal=Normal(),
                valid_hours=0.0,
                missing=0.0,
                group="sign",
                code="CASE",
                title=Text(en=leaf.finding, fr=leaf.finding),
            )
    return MonitoringPlan(plan.title, findings)


def _run_case(case: Case, profile: RuleProfile, plan: MonitoringPlan, terms: Collection[str]) -> CaseResult:
    history = History(plan, 1)
    ledger = Ledger.start(1, fraction=profile.start_fraction)
    problems: list[Problem] = []
    step = hours(case.every)
    if case.baseline:
        history.add(_chart(case.baseline, plan, terms, problems, time=-BEFORE_HOURS, length=step)[0])
    actions, fired = [], set[str]()
    for index, written in enumerate(case.charts):
        chart, grades, given = _chart(written, plan, terms, problems, time=index * step, length=step)
        history.add(chart)
        history.add_grades(grades, chart)
        ledger = _told(ledger, given)
        decision = profile.decide(history, grades, ledger=ledger, due=np.ones(1, dtype=bool))
        fired |= {criterion.id for criterion, met in zip(profile.criteria, decision.met[:, 0], strict=True) if met == TRUE}
        actions.append(action_text(_taken(profile, decision, ledger)))
        ledger = ledger.after(decision)
    expected = []
    for text in case.expect:
        try:
            expected.append(action_text(read_action(text, profile.levels)))
        except ValueError as error:
            what, _, advice = str(error).partition("\n")
            problems.append(Problem(Place(path=f"case '{case.case}'"), what, advice))
    return CaseResult(case.case, tuple(actions), tuple(expected), frozenset(fired), tuple(problems))


def _chart(
    written: Mapping[str, str | float],
    plan: MonitoringPlan,
    terms: Collection[str],
    problems: list[Problem],
    *,
    time: float,
    length: float,
) -> tuple[Chart, dict[str, CodeArray], dict[str, int]]:
    values, given = {}, {}
    grades = {term: np.full(1, -1, dtype=np.int8) for term in terms}
    for key, text in written.items():
        if key in GIVEN:
            given[key] = int(text)
        elif key in plan.findings:
            try:
                values[key] = np.array([parse_quantity(text, plan.findings[key].unit)])
            except UnitError as error:
                problems.append(Problem(Place(path=key), str(error), f"'{key}' is in {plan.findings[key].unit}."))
        elif key in terms:
            grades[key] = np.array([int(text)], dtype=np.int8)
        else:
            what = f"unknown finding '{key}' in a case."
            problems.append(Problem(Place(path=key), what, did_you_mean(key, [*plan.findings, *terms, *GIVEN])))
    here = np.ones(1, dtype=bool)
    chart = Chart(np.array([time]), here, np.array([time < 0]), np.array([time - length]), values)
    return chart, grades, given


def _told(ledger: Ledger, given: Mapping[str, int]) -> Ledger:
    columns = {name: getattr(ledger, name) for name in ledger.__dataclass_fields__}
    return Ledger(**(columns | {name: np.array([number]) for name, number in given.items()}))


def _taken(profile: RuleProfile, decision: Decision, ledger: Ledger) -> Action:
    code, step = decision.action[0], decision.policy_step[0]
    written = profile.steps[step].action if 0 <= step < len(profile.steps) else Action(code)
    if written.levels_down and written.code == code:
        return written if decision.level_fraction[0] != ledger.fraction[0] else Action(code)
    if code == DELAY:
        return Action(code, hours=float(decision.delay_hours[0]))
    if code == TREAT:
        return Action(code, intervention=profile.interventions[decision.intervention[0]])
    if code == REDUCE:
        return Action(code, level=written.level)
    return Action(code)
