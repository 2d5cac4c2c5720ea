"""Decisions and findings as tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.formats import RulesFile
from cytotrial.manage.decisions import Slots, decision_columns, decision_reasons, finding_columns, joined
from cytotrial.manage.ledger import Ledger
from cytotrial.manage.rules import Decision, RuleProfile
from cytotrial.observe.columns import Words
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import parse_yaml

WORDS = Words()
Recorder = Callable[..., Chart]

RULES = """
schema: rules/1
title: {en: R, fr: R}
criteria:
  - {id: creatinine_high, level: relative, when: {lab: creatinine, above: 2}, source: {ref: key, where: Table 1}}
  - {id: albumin_low, level: relative, when: {lab: albumin, below: 2}, source: {ref: key, where: Table 2}}
  - {id: pressure_low, level: absolute, when: {vital: systolic_pressure, below: 80}, source: {ref: key, where: Table 3}}
policy:
  - {when: any absolute, then: stop cycle}
  - {when: any relative, then: withhold}
"""


@pytest.fixture
def decided(plan: MonitoringPlan, record: Recorder) -> tuple[RuleProfile, Decision, Slots]:
    profile = RuleProfile.from_file(parse_yaml(RULES, RulesFile, file="r.yaml").content, name="r", plan=plan)
    history = History(plan, 4)
    record(history, 8, {"creatinine": [1, 3, 3, 3], "albumin": [3, 1, None, 3], "systolic_pressure": [120, 120, 70, 120]})
    due = np.array([True, True, True, False])
    decision = profile.decide(history, {}, ledger=Ledger.start(4), due=due)
    count = np.ones(4, dtype=np.int64)
    return profile, decision, Slots("A", "drug", np.arange(1, 5), np.full(4, 8.0), count, count, 2 * count)


def test_every_decision_is_a_row_with_the_criteria_behind_it(decided: tuple[RuleProfile, Decision, Slots]) -> None:
    profile, decision, slots = decided
    table = joined([decision_columns(profile, decision, slots=slots, words=WORDS)], WORDS)
    assert list(table.columns) == [
        *("ARM", "ID", "TIME", "DRUG", "COURSE", "CYCLE", "DOSE"),
        *("ACTION", "POLICY", "CRITERIA", "SOURCE"),
    ]
    assert table["ID"].tolist() == [1, 2, 3]
    assert table["ACTION"].tolist() == ["give", "withhold", "stop cycle"]
    assert table["POLICY"].tolist() == ["", "any relative -> withhold", "any absolute -> stop cycle"]
    assert table["CRITERIA"].tolist() == ["", "creatinine_high;albumin_low", "pressure_low"]
    assert table["SOURCE"].tolist() == ["", "key, Table 1; key, Table 2", "key, Table 3"]


def test_findings_hold_what_is_met_or_unknown_and_leave_out_the_rest(decided: tuple[RuleProfile, Decision, Slots]) -> None:
    profile, decision, slots = decided
    table = joined([finding_columns(profile, decision, slots=slots, words=WORDS)], WORDS)
    rows = [tuple(row) for row in table[["ID", "CRITERION", "LEVEL"]].to_numpy()]
    assert rows == [
        (2, "creatinine_high", "relative"),
        (2, "albumin_low", "relative"),
        (3, "creatinine_high", "relative"),
        (3, "albumin_low", "relative"),
        (3, "pressure_low", "absolute"),
    ]
    assert table["MET"].isna().tolist() == [False, False, False, True, False]
    assert table["MET"].dropna().tolist() == [1, 1, 1, 1]


def test_reasons_are_written_for_people(decided: tuple[RuleProfile, Decision, Slots]) -> None:
    profile, decision, _ = decided
    reasons = decision_reasons(profile, decision)
    assert reasons[:3] == [
        "",
        "any relative -> withhold (creatinine_high;albumin_low)",
        "any absolute -> stop cycle (pressure_low)",
    ]


def test_a_profile_without_criteria_has_rows_too(plan: MonitoringPlan) -> None:
    empty = parse_yaml("schema: rules/1\ntitle: {en: R, fr: R}\n", RulesFile, file="r.yaml").content
    profile = RuleProfile.from_file(empty, name="none", plan=plan)
    decision = profile.decide(History(plan, 1), {}, ledger=Ledger.start(1), due=np.ones(1, dtype=bool))
    one = np.ones(1, dtype=np.int64)
    slots = Slots("A", "drug", one, np.zeros(1), one, one, one)
    assert joined([decision_columns(profile, decision, slots=slots, words=WORDS)], WORDS)["ACTION"].tolist() == ["give"]
    assert len(joined([finding_columns(profile, decision, slots=slots, words=WORDS)], WORDS)) == 0
