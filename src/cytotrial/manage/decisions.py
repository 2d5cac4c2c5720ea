"""Decisions as rows of the tables `decisions` and `findings` of a run. It adds nothing to what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.manage.policy import ACTIONS
from cytotrial.manage.rules import Decision, RuleProfile
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray
from cytotrial.observe.columns import Words
from cytotrial.observe.conditions import FALSE, TRUE

TEXTS = ("ARM", "DRUG", "ACTION", "POLICY", "CRITERIA", "SOURCE", "CRITERION", "LEVEL")

Columns = dict[str, np.ndarray]
"""The columns of a table in one round; of texts, the numbers that `Words` gives them."""


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

    def rows(self, chosen: IntArray, words: Words) -> Columns:
        """The columns ARM to DOSE for the patients at the positions `chosen`."""
        return {
            "ARM": np.full(chosen.size, words.number(self.arm)),
            "ID": self.ids[chosen],
            "TIME": self.time[chosen],
            "DRUG": np.full(chosen.size, words.number(self.drug)),
            "COURSE": self.course[chosen],
            "CYCLE": self.cycle[chosen],
            "DOSE": self.dose[chosen],
        }


def decision_columns(profile: RuleProfile, decision: Decision, *, slots: Slots, words: Words) -> Columns:
    """One row per dose decided on, "give" included: action, step of the policy, the criteria behind it and their sources."""
    (chosen,) = np.nonzero(decision.due)
    criteria, sources, place = _texts(profile, _behind(profile, decision, chosen))
    return {
        **slots.rows(chosen, words),
        "ACTION": words.numbers(ACTIONS)[decision.action[chosen]],
        "POLICY": words.numbers([*profile.phrases, ""])[decision.policy_step[chosen]],
        "CRITERIA": words.numbers(criteria)[place],
        "SOURCE": words.numbers(sources)[place],
    }


def joined(rounds: Sequence[Columns], words: Words) -> pd.DataFrame:
    """The rows of all rounds as one table; a table per round would cost more than the round."""
    filled = [columns for columns in rounds if columns["ID"].size]
    if not filled:
        return pd.DataFrame()
    columns = {name: np.concatenate([columns[name] for columns in filled]) for name in filled[0]}
    table = pd.DataFrame(
        {name: words.column(column) if name in TEXTS else column for name, column in columns.items()}, copy=False
    )
    return table.assign(MET=table["MET"].astype("Int64")) if "MET" in table else table


def decision_reasons(profile: RuleProfile, decision: Decision) -> list[str]:
    """Why, in one line per patient: the step of the policy and the criteria behind it; empty where the dose is simply given."""
    criteria, _, places = _texts(profile, _behind(profile, decision, np.arange(decision.due.size)))
    phrases = [*profile.phrases, ""]
    told = [(phrases[step], criteria[place]) for step, place in zip(decision.policy_step, places, strict=True)]
    return [f"{step} ({names})" if names else step for step, names in told]


def finding_columns(profile: RuleProfile, decision: Decision, *, slots: Slots, words: Words) -> Columns:
    """One row per criterion met (MET 1) or unknown (MET NaN) at a decision; criteria not met are left out."""
    (due,) = np.nonzero(decision.due)
    met = decision.met[:, due].T
    place, index = np.nonzero(met != FALSE)
    rows = slots.rows(due[place], words)
    return {
        **{name: rows[name] for name in ("ARM", "ID", "TIME")},
        "CRITERION": words.numbers(criterion.id for criterion in profile.criteria)[index],
        "LEVEL": words.numbers(criterion.level for criterion in profile.criteria)[index],
        "MET": np.where(met[place, index] == TRUE, 1.0, np.nan),
    }


def _behind(profile: RuleProfile, decision: Decision, chosen: IntArray) -> BoolArray:
    """The criteria (criteria, chosen) that are met and that the step which decided speaks of."""
    nothing = np.zeros(len(profile.criteria), dtype=np.bool_)
    # No criterion stands behind a judgement, another drug's rule, or no step at all.
    concerned = [profile.concerned(step.trigger) for step in profile.steps]
    by_step = np.array([*concerned, *[nothing] * (len(profile.phrases) + 1 - len(concerned))])
    behind: BoolArray = by_step[decision.policy_step[chosen]].T & (decision.met[:, chosen] == TRUE)
    return behind


def _texts(profile: RuleProfile, behind: BoolArray) -> tuple[list[str], list[str], IntArray]:
    """Ids and sources of the patterns of criteria that occur, which are few, and the place of each column's among them."""
    packed = np.packbits(behind, axis=0).T.tobytes()
    width = -(-behind.shape[0] // 8)
    patterns = [packed[column * width : (column + 1) * width] for column in range(behind.shape[1])]
    place = {pattern: number for number, pattern in enumerate(dict.fromkeys(patterns))}
    places = np.fromiter((place[pattern] for pattern in patterns), dtype=np.int64, count=len(patterns))
    _, columns = np.unique(places, return_index=True)
    told = [_text(profile, behind[:, column]) for column in columns]
    return [ids for ids, _ in told], [sources for _, sources in told], places


def _text(profile: RuleProfile, behind: BoolArray) -> tuple[str, str]:
    chosen = [criterion for criterion, is_behind in zip(profile.criteria, behind, strict=True) if is_behind]
    written = [", ".join(part for part in (item.source.ref, item.source.where) if part) for item in chosen]
    return ";".join(criterion.id for criterion in chosen), "; ".join(dict.fromkeys(written))
