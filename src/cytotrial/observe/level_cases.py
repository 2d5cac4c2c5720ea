"""The cases of a ladder of levels, run: charts a clinician can read, through the same code that assesses in a trial.

A case tests the criteria, not the biology: findings that nothing measures are taken in the unit of their bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.base import Text
from cytotrial.formats.interface import Observable
from cytotrial.formats.response import NO_LEVEL, NOT_KNOWN, PROGRESSION, RELAPSE, LevelCase, ResponseFile
from cytotrial.observe.conditions import leaves
from cytotrial.observe.history import History
from cytotrial.observe.levels import Found, LevelAssessor, with_findings
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import Moment, MonitoringPlan
from cytotrial.observe.response import PROGRESSIVE
from cytotrial.units import UnitError, hours, parse_quantity


@dataclass(frozen=True)
class LevelCaseResult:
    """What a case showed: found and expected at each chart, the best level likewise, and what was wrong with it."""

    case: str
    found: tuple[str, ...]
    expected: tuple[str, ...]
    best: str
    expected_best: str | None
    problems: tuple[Problem, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every chart was read as expected, and the best level is the one written."""
        return not self.problems and self.found == self.expected and self.expected_best in (None, self.best)


def run_level_cases(file: ResponseFile, observables: Mapping[str, Observable]) -> list[LevelCaseResult]:
    """The results of all cases of a ladder, in order; `observables` are all that a library can show."""
    known = dict(observables)
    for leaf in (leaf for condition in file.conditions() for leaf in leaves(condition)):
        name = leaf.finding or ""
        if name not in known:
            known[name] = Observable(unit=leaf.unit or "1", title=Text(en=name, fr=name), group="sign", code="CASE")
    plan = MonitoringPlan(file.title)
    plan = with_findings(plan, file.conditions(), moment=Moment("any"), observables=known)
    assessor = LevelAssessor.from_file(file)
    return [_run_case(case, assessor, plan) for case in file.cases]


def check_level_cases(file: ResponseFile, observables: Mapping[str, Observable]) -> list[Problem]:
    """Cases that fail, and levels that no case shows."""
    results = run_level_cases(file, observables)
    problems: list[Problem] = []
    for index, result in enumerate(results):
        problems += result.problems
        place = Place(path=f"cases[{index}]")
        if not result.problems and result.found != result.expected:
            what = f"case '{result.case}' gave {', '.join(result.found)}."
            problems.append(Problem(place, what, f"Expected {', '.join(result.expected)}."))
        elif not result.problems and not result.is_passed:
            what = f"case '{result.case}' gave {result.best} as the best level."
            problems.append(Problem(place, what, f"Expected {result.expected_best}."))
    shown = {name for result in results for name in result.found}
    wanted = [(f"levels[{index}]", level.id) for index, level in enumerate(file.levels)]
    wanted += [(name, name) for name in (PROGRESSION, RELAPSE) if getattr(file, name) is not None]
    for path, name in wanted:
        if name not in shown:
            problems.append(Problem(Place(path=path), f"no case shows '{name}'.", "Add a case that does."))
    return problems


def _run_case(case: LevelCase, assessor: LevelAssessor, plan: MonitoringPlan) -> LevelCaseResult:
    history = History(plan, 1)
    problems: list[Problem] = []
    step = hours(case.every)
    found: list[Found] = []
    for number, written in enumerate([case.baseline, *case.charts]):
        time, here = np.array([number * step]), np.ones(1, dtype=bool)
        values = _values(written, plan, problems)
        history.add(Chart(time, here, here if number == 0 else ~here, time, values))
        found.append(assessor.find(history))
    times = np.arange(len(found), dtype=float)[None, :] * step
    together = Found(*(np.stack([getattr(one, name) for one in found], axis=1) for name in Found.__dataclass_fields__))
    ascent = assessor.assess(times, together)
    names = (*assessor.ids, NO_LEVEL, NOT_KNOWN)  # -1, not known, is the last
    read = []
    for visit in range(1, len(found)):
        if ascent.overall[0, visit] == PROGRESSIVE:
            read.append(PROGRESSION if together.progression[0, visit] else RELAPSE)
        else:
            read.append(names[together.level[0, visit]])
    allowed = [*names, PROGRESSION, RELAPSE]
    for text in [*case.expect, *([case.best] if case.best is not None else [])]:
        if text not in allowed:
            what = f"case '{case.case}' expects '{text}', which is no level."
            problems.append(Problem(Place(path="cases"), what, did_you_mean(text, allowed)))
    best = names[ascent.reached[0, -1]]
    return LevelCaseResult(case.case, tuple(read), tuple(case.expect), best, case.best, tuple(problems))


def _values(written: Mapping[str, str | float], plan: MonitoringPlan, problems: list[Problem]) -> dict[str, np.ndarray]:
    values = {}
    for name, text in written.items():
        if name not in plan.findings:
            what = f"unknown finding '{name}' in a case."
            problems.append(Problem(Place(path="cases"), what, did_you_mean(name, plan.findings)))
            continue
        try:
            values[name] = np.array([parse_quantity(text, plan.findings[name].unit)])
        except UnitError as error:
            problems.append(Problem(Place(path="cases"), str(error), f"'{name}' is in {plan.findings[name].unit}."))
    return values
