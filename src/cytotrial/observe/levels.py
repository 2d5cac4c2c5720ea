"""Response as a ladder of levels, each a condition on what was found: level per assessment, best confirmed level, progression.

It knows no disease: levels and conditions are data. It looks at no scan; sizes are read elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cytotrial.formats.conditions import Condition
from cytotrial.formats.interface import Observable
from cytotrial.formats.response import BEST_FIRST, NO_LEVEL, NOT_KNOWN, ResponseFile
from cytotrial.observe.arrays import TIME_TOLERANCE_HOURS, BoolArray, CodeArray, FloatArray, IntArray
from cytotrial.observe.conditions import TRUE, UNKNOWN, Seen, evaluate, leaves
from cytotrial.observe.plan import Moment, MonitoringPlan, measured, read_moment
from cytotrial.observe.response import LABELS, NOT_EVALUABLE, PARTIAL, PROGRESSIVE, STABLE
from cytotrial.units import hours

UNKNOWN_LEVEL = np.int8(-1)


@dataclass(frozen=True)
class Found:
    """What an assessment finds, (patients,) each: the level that holds, and whether there is progression or, had there been
    a response, relapse. A level is its place on the ladder; one more than the last is no level, -1 is not known.
    """

    level: CodeArray
    progression: BoolArray
    relapse: BoolArray


@dataclass(frozen=True)
class Ascent:
    """What assessments show. `overall` (patients, assessments) and `best` (patients,) are indices into `LABELS`.

    `reached` (patients, assessments) is the best level confirmed sooner or later that held from that assessment or an
    earlier one on, as a place on the ladder. `progression_time` [h] is NaN where there was none.
    """

    overall: CodeArray
    best: CodeArray
    reached: CodeArray
    progression_time: FloatArray


@dataclass(frozen=True)
class LevelAssessor:
    """A ladder made ready: conditions, what each level counts as (indices into `LABELS`), times in h."""

    name: str
    ids: tuple[str, ...]
    conditions: tuple[Condition, ...]
    counts_as: CodeArray
    confirmed_after: FloatArray
    stable_at_least: float
    progression: Condition | None
    relapse: Condition | None
    moment: Moment

    @classmethod
    def from_file(cls, file: ResponseFile, *, name: str = "") -> LevelAssessor:
        """The ladder of a file whose measure is `levels`. Raises ValueError where its times of assessment cannot be read."""
        whole = file.confirmed_after or "0 h"
        return cls(
            name=name or file.title.en,
            ids=tuple(level.id for level in file.levels),
            conditions=tuple(level.when for level in file.levels),
            counts_as=np.array([BEST_FIRST.index(level.counts_as) for level in file.levels], dtype=np.int8),
            confirmed_after=np.array([hours(level.confirmed_after or whole) for level in file.levels]),
            stable_at_least=hours(file.stable_at_least or "0 h"),
            progression=file.progression,
            relapse=file.relapse,
            moment=read_moment(file.assessed),
        )

    def find(self, seen: Seen) -> Found:
        """What holds now. The first level known to be true holds; a better one that is not known does not count."""
        level = np.full(seen.patients, len(self.ids), dtype=np.int8)
        is_known = np.ones(seen.patients, dtype=bool)
        for place in reversed(range(len(self.ids))):
            value = evaluate(self.conditions[place], seen)
            is_known &= value != UNKNOWN
            level = np.where(value == TRUE, place, level).astype(np.int8)
        level = np.where((level == len(self.ids)) & ~is_known, UNKNOWN_LEVEL, level)
        nobody = np.zeros(seen.patients, dtype=bool)
        progression, relapse = (
            nobody if condition is None else np.asarray(evaluate(condition, seen) == TRUE)
            for condition in (self.progression, self.relapse)
        )
        return Found(level, progression, relapse)

    def assess(self, times: FloatArray, found: Found) -> Ascent:
        """The response of each patient at each assessment and over all.

        Args:
            times: (patients, assessments) [h], rising; the first is the baseline, which is no response whatever is found.
            found: what was found at each, (patients, assessments) arrays; NaN times were not made.

        A level counts once it, or a better one, held at every assessment made from its first until one late enough to confirm
        it; one that is not known neither confirms nor breaks. Relapse counts after a confirmed response, progression always;
        what is found after either no longer counts for the best response.
        """
        patients, visits = times.shape
        steps = len(self.ids)
        start, reached_at = np.full((patients, steps), np.nan), np.full((patients, steps), np.nan)
        overall = np.full((patients, visits), NOT_EVALUABLE)
        progression_time = np.full(patients, np.nan)
        stable = np.zeros(patients, dtype=bool)
        codes = np.append(self.counts_as, [STABLE, NOT_EVALUABLE])  # the last two: no level, not known
        overall[:, 0] = np.where(found.level[:, 0] == UNKNOWN_LEVEL, NOT_EVALUABLE, STABLE)
        for visit in range(1, visits):
            made, time, level = ~np.isnan(times[:, visit]), times[:, visit], found.level[:, visit]
            responded = (~np.isnan(reached_at) & (self.counts_as <= PARTIAL)).any(axis=1)
            worse = made & (found.progression[:, visit] | (found.relapse[:, visit] & responded))
            is_open = made & np.isnan(progression_time) & ~worse
            progression_time = np.where(worse & np.isnan(progression_time), time, progression_time)
            known = is_open & (level != UNKNOWN_LEVEL)
            stable |= known & (time - times[:, 0] >= self.stable_at_least - TIME_TOLERANCE_HOURS)
            for step in range(steps):
                holds = known & (level <= step)
                start[:, step] = np.where(holds & np.isnan(start[:, step]), time, start[:, step])
                start[:, step] = np.where(known & ~holds, np.nan, start[:, step])
                late = holds & (time - start[:, step] >= self.confirmed_after[step] - TIME_TOLERANCE_HOURS)
                reached_at[:, step] = np.where(late & np.isnan(reached_at[:, step]), start[:, step], reached_at[:, step])
            overall[:, visit] = np.where(~made, NOT_EVALUABLE, np.where(worse, PROGRESSIVE, codes[level]))
        best = np.where(stable, STABLE, np.where(~np.isnan(progression_time), PROGRESSIVE, NOT_EVALUABLE))
        reached = np.full((patients, visits), steps, dtype=np.int8)
        for step in reversed(range(steps)):
            # A level that never was confirmed is reached at no time.
            reached = np.where(times >= reached_at[:, [step]], step, reached).astype(np.int8)
            best = np.where(~np.isnan(reached_at[:, step]), self.counts_as[step], best)
        return Ascent(overall, best.astype(np.int8), reached, progression_time)

    def to_table(self, times: FloatArray, found: Found, *, arm: str, ids: IntArray) -> pd.DataFrame:
        """The rows of the table `responses`: one per patient and assessment; no sizes."""
        ascent = self.assess(times, found)
        rows, visits = np.nonzero(~np.isnan(times))
        labels = np.asarray(LABELS, dtype=object)
        names = np.asarray([*self.ids, NO_LEVEL, NOT_KNOWN], dtype=object)  # -1, not known, is the last
        return pd.DataFrame(
            {
                "ARM": arm,
                "ID": ids[rows],
                "TIME": times[rows, visits],
                "SIZE": np.nan,
                "CHANGE": np.nan,
                "NADIR": np.nan,
                "OVERALL": labels[ascent.overall[rows, visits]],
                "BEST": labels[ascent.best[rows]],
                "LEVEL": names[found.level[rows, visits]],
                "REACHED": names[ascent.reached[rows, visits]],
                "CRITERIA": self.name,
            }
        )


def with_findings(
    plan: MonitoringPlan, conditions: Iterable[Condition], *, moment: Moment, observables: Mapping[str, Observable]
) -> MonitoringPlan:
    """The plan with every observable that the conditions ask about measured at `moment` too, valid then where it was not in it.

    What neither plan nor `observables` have stays out; `missing_names` finds it.
    """
    findings = dict(plan.findings)
    for name in dict.fromkeys(leaf.finding for condition in conditions for leaf in leaves(condition) if leaf.finding):
        if name in findings:
            findings[name] = replace(findings[name], moments=(*findings[name].moments, moment))
        elif name in observables:
            findings[name] = measured(name, observables[name], moment)
    return replace(plan, findings=findings)
