"""The sets of response criteria of a trial: made ready, their findings measured, and begun for patients. It assesses nothing.

One set may read sizes on scans, another levels of findings; to the clinic all look alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import pandas as pd

from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean
from cytotrial.formats.interface import Observable
from cytotrial.formats.response import ResponseFile
from cytotrial.observe.arrays import FloatArray, IntArray
from cytotrial.observe.ascents import Ascents
from cytotrial.observe.conditions import missing_names
from cytotrial.observe.levels import LevelAssessor, with_findings
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.observe.recurrence import RecurrenceAssessor
from cytotrial.observe.response import ResponseAssessor
from cytotrial.observe.scans import Look, Scans, Shown

Assessor = ResponseAssessor | RecurrenceAssessor | LevelAssessor


class Reading(Protocol):
    """What one set of criteria has read so far of some patients."""

    shown: Shown

    @property
    def last_time(self) -> FloatArray: ...  # noqa: D102

    def read(self, look: Look) -> None: ...  # noqa: D102

    def to_table(self, *, arm: str, ids: IntArray) -> pd.DataFrame: ...  # noqa: D102


def ready_assessor(file: ResponseFile, *, name: str) -> Assessor:
    """The criteria of a file, ready to assess. Raises ValueError where its times of assessment cannot be read."""
    if file.measure == "levels":
        return LevelAssessor.from_file(file, name=name)
    if file.measure == "recurrence":
        return RecurrenceAssessor.from_file(file, name=name)
    return ResponseAssessor.from_file(file, name=name)


def begin_reading(assessor: Assessor, patients: int) -> Reading:
    """Nothing read yet."""
    return Ascents(assessor, patients) if isinstance(assessor, LevelAssessor) else Scans(assessor, patients)


def event_free_endpoint(assessor: Assessor) -> str:
    """What the time without event is called: relapse-free survival where nothing was there to progress."""
    return "RFS" if isinstance(assessor, RecurrenceAssessor) else "PFS"


def plan_for(
    plan: MonitoringPlan,
    files: Mapping[str, ResponseFile],
    assessors: Iterable[Assessor],
    *,
    observables: Mapping[str, Observable],
) -> MonitoringPlan:
    """The plan with what the levels of `assessors` ask about measured when they are assessed.

    Args:
        plan: what is measured anyway.
        files: the criteria by name.
        assessors: those of the trial.
        observables: what this composition of the biology can show.

    Raises:
        ProtocolError: levels ask about what neither plan nor composition has, all at once, with the nearest name.
    """
    problems = []
    for assessor in assessors:
        if not isinstance(assessor, LevelAssessor):
            continue
        conditions = list(files[assessor.name].conditions())
        plan = with_findings(plan, conditions, moment=assessor.moment, observables=observables)
        for name in dict.fromkeys(name for condition in conditions for name in missing_names(condition, plan)):
            what = f"'{assessor.name}' asks about '{name}', which nothing in this trial shows."
            problems.append(Problem(Place(path="response"), what, did_you_mean(name, [*plan.findings, *observables])))
    if problems:
        raise ProtocolError(problems)
    return plan
