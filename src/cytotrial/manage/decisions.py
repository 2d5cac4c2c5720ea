"""Decisions as rows of the tables `decisions` and `findings` of a run. It adds nothing to what was decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.manage.policy import ACTIONS
from cytotrial.manage.rules import Decision, RuleProfile
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray
from cytotrial.observe.conditions import FALSE, TRUE


@dataclass(frozen=True)
class Slots:
    """Which dose was decided on: arm, drug, and (patients,) numbers of patient, course, cycle and dose, and time [h]."""

    arm: str
    drug: str
    ids: IntArray
    time: FloatArray
    course: IntArray
    cycle: IntArray
    dose: IntArray

    def rows(self, chosen: IntArray) -> pd.DataFrame:
        """The columns ARM to DOSE for the patients at the positions `chosen`."""
        return pd.DataFrame(
            {
                "ARM": self.arm,
                "ID": self.ids[chosen],
                "TIME": self.time[chosen],
                "DRUG": self.drug,
                "COURSE": self.course[chosen],
                "CYCLE": self.cycle[chosen],
                "DOSE": self.dose[chosen],
            }
        )


def decision_table(profile: RuleProfile, decision: Decision, *, slots: Slots) -> pd.DataFrame:
    """One row per dose decided on, "give" included: action, step of the policy, the criteria behind it and their sources."""
    (chosen,) = np.nonzero(decision.due)
    behind = _behind(profile, decision)[:, chosen]
    criteria, sources = _texts(profile, behind)
    phrases = np.array([*profile.phrases, ""], dtype=object)
    return slots.rows(chosen).assign(
        ACTION=np.array(ACTIONS, dtype=object)[decision.action[chosen]],
        POLICY=phrases[decision.policy_step[chosen]],
        CRITERIA=criteria,
        SOURCE=sources,
    )


def decision_reasons(profile: RuleProfile, decision: Decision) -> list[str]:
    """Why, in one line per patient: the step of the policy and the criteria behind it; empty where the dose is simply given."""
    criteria, _ = _texts(profile, _behind(profile, decision))
    phrases = [*profile.phrases, ""]
    steps = [phrases[step] for step in decision.policy_step]
    return [f"{step} ({names})" if names else step for step, names in zip(steps, criteria, strict=True)]


def finding_table(profile: RuleProfile, decision: Decision, *, slots: Slots) -> pd.DataFrame:
    """One row per criterion met (MET 1) or unknown (MET missing) at a decision; criteria not met are left out."""
    index, who = np.nonzero(decision.due & (decision.met != FALSE))
    order = np.lexsort((index, who))
    index, who = index[order], who[order]
    met = pd.array(np.where(decision.met[index, who] == TRUE, 1, 0), dtype="Int64")
    met[decision.met[index, who] != TRUE] = pd.NA
    names = np.array([criterion.id for criterion in profile.criteria], dtype=object)
    levels = np.array([criterion.level for criterion in profile.criteria], dtype=object)
    rows = slots.rows(who)[["ARM", "ID", "TIME"]]
    return rows.assign(CRITERION=names[index], LEVEL=levels[index], MET=met)


def _behind(profile: RuleProfile, decision: Decision) -> BoolArray:
    """The criteria (criteria, patients) that are met and that the step which decided speaks of."""
    behind = np.zeros(decision.met.shape, dtype=np.bool_)
    for index, step in enumerate(profile.steps):
        concerned = profile.concerned(step.trigger)[:, None] & (decision.met == TRUE)
        behind |= concerned & (decision.policy_step == index)
    return behind


def _texts(profile: RuleProfile, behind: BoolArray) -> tuple[list[str], list[str]]:
    """Ids and sources of criteria for each column; equal columns are written once, since few patterns occur."""
    if behind.shape[0] == 0:
        return [""] * behind.shape[1], [""] * behind.shape[1]
    patterns, which = np.unique(behind, axis=1, return_inverse=True)
    which = which.reshape(-1)
    ids, sources = [], []
    for pattern in patterns.T:
        chosen = [criterion for criterion, is_behind in zip(profile.criteria, pattern, strict=True) if is_behind]
        ids.append(";".join(criterion.id for criterion in chosen))
        written = [", ".join(part for part in (item.source.ref, item.source.where) if part) for item in chosen]
        sources.append("; ".join(dict.fromkeys(written)))
    return [ids[index] for index in which], [sources[index] for index in which]
