"""Decisions as rows of the tables `decisions` and `findings` of a run. It adds nothing to what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.manage.policy import ACTIONS
from cytotrial.manage.rules import Decision, RuleProfile
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray
from cytotrial.observe.conditions import FALSE, TRUE

Columns = dict[str, np.ndarray]


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

    def rows(self, chosen: IntArray) -> Columns:
        """The columns ARM to DOSE for the patients at the positions `chosen`."""
        return {
            "ARM": np.full(chosen.size, self.arm, dtype=object),
            "ID": self.ids[chosen],
            "TIME": self.time[chosen],
            "DRUG": np.full(chosen.size, self.drug, dtype=object),
            "COURSE": self.course[chosen],
            "CYCLE": self.cycle[chosen],
            "DOSE": self.dose[chosen],
        }


def decision_columns(profile: RuleProfile, decision: Decision, *, slots: Slots) -> Columns:
    """One row per dose decided on, "give" included: action, step of the policy, the criteria behind it and their sources."""
    (chosen,) = np.nonzero(decision.due)
    criteria, sources = _texts(profile, _behind(profile, decision)[:, chosen])
    phrases = np.array([*profile.phrases, ""], dtype=object)
    return {
        **slots.rows(chosen),
        "ACTION": np.array(ACTIONS, dtype=object)[decision.action[chosen]],
        "POLICY": phrases[decision.policy_step[chosen]],
        "CRITERIA": criteria,
        "SOURCE": sources,
    }


def joined(rounds: Sequence[Columns]) -> pd.DataFrame:
    """The rows of all rounds as one table; a table per round would cost more than the round."""
    filled = [columns for columns in rounds if columns["ID"].size]
    if not filled:
        return pd.DataFrame()
    table = pd.DataFrame({name: np.concatenate([columns[name] for columns in filled]) for name in filled[0]})
    return table.assign(MET=table["MET"].astype("Int64")) if "MET" in table else table


def decision_reasons(profile: RuleProfile, decision: Decision) -> list[str]:
    """Why, in one line per patient: the step of the policy and the criteria behind it; empty where the dose is simply given."""
    criteria, _ = _texts(profile, _behind(profile, decision))
    phrases = [*profile.phrases, ""]
    steps = [phrases[step] for step in decision.policy_step]
    return [f"{step} ({names})" if names else step for step, names in zip(steps, criteria, strict=True)]


def finding_columns(profile: RuleProfile, decision: Decision, *, slots: Slots) -> Columns:
    """One row per criterion met (MET 1) or unknown (MET NaN) at a decision; criteria not met are left out."""
    index, who = np.nonzero(decision.due & (decision.met != FALSE))
    order = np.lexsort((index, who))
    index, who = index[order], who[order]
    names = np.array([criterion.id for criterion in profile.criteria], dtype=object)
    levels = np.array([criterion.level for criterion in profile.criteria], dtype=object)
    rows = slots.rows(who)
    return {
        **{name: rows[name] for name in ("ARM", "ID", "TIME")},
        "CRITERION": names[index],
        "LEVEL": levels[index],
        "MET": np.where(decision.met[index, who] == TRUE, 1.0, np.nan),
    }


def _behind(profile: RuleProfile, decision: Decision) -> BoolArray:
    """The criteria (criteria, patients) that are met and that the step which decided speaks of."""
    behind = np.zeros(decision.met.shape, dtype=np.bool_)
    for index, step in enumerate(profile.steps):
        concerned = profile.concerned(step.trigger)[:, None] & (decision.met == TRUE)
        behind |= concerned & (decision.policy_step == index)
    return behind


def _texts(profile: RuleProfile, behind: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """Ids and sources of criteria for each column; equal columns are written once, since few patterns occur."""
    ids = np.full(behind.shape[1], "", dtype=object)
    sources = ids.copy()
    (some,) = np.nonzero(behind.any(axis=0))
    packed = np.ascontiguousarray(np.packbits(behind[:, some], axis=0).T)
    known: dict[bytes, tuple[str, str]] = {}
    for column, pattern in zip(some, packed, strict=True):
        key = pattern.tobytes()
        if key not in known:
            known[key] = _text(profile, behind[:, column])
        ids[column], sources[column] = known[key]
    return ids, sources


def _text(profile: RuleProfile, behind: BoolArray) -> tuple[str, str]:
    chosen = [criterion for criterion, is_behind in zip(profile.criteria, behind, strict=True) if is_behind]
    written = [", ".join(part for part in (item.source.ref, item.source.where) if part) for item in chosen]
    return ";".join(criterion.id for criterion in chosen), "; ".join(dict.fromkeys(written))
