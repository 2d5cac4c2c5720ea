"""Rule profiles: criteria, latches, policies and what they decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.errors import LibraryError
from cytotrial.formats import RulesFile
from cytotrial.manage.ledger import Ledger
from cytotrial.manage.policy import ACTIONS
from cytotrial.manage.rules import Decision, RuleProfile, across_arm
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.reading import parse_yaml

Recorder = Callable[..., Chart]

CREATININE = "{id: creatinine_high, level: relative, when: {lab: creatinine, above: 2}, source: {ref: a}}"
ALBUMIN = "{id: albumin_low, level: relative, when: {lab: albumin, below: 2}, source: {ref: a}}"
PRESSURE = "{id: pressure_low, level: absolute, when: {vital: systolic_pressure, below: 80}, source: {ref: a}}"
SEVERITY = ["any absolute -> stop cycle", "at least 2 relative -> stop cycle", "any relative -> withhold"]


def rules(criteria: list[str], policy: list[str], *more: str) -> RulesFile:
    lines = ["schema: rules/1", "title: {en: R, fr: R}", *more, "criteria:", *(f"  - {item}" for item in criteria), "policy:"]
    for step in policy:
        when, then = step.split(" -> ")
        lines.append(f"  - {{when: {when}, then: {then}}}")
    if not criteria:
        lines.remove("criteria:")
    if not policy:
        lines.remove("policy:")
    return parse_yaml("\n".join(lines), RulesFile, file="r.yaml").content


def ready(file: RulesFile, plan: MonitoringPlan, **profiles: RulesFile) -> RuleProfile:
    return RuleProfile.from_file(file, name="r", plan=plan, profiles=profiles)


def decide(profile: RuleProfile, history: History, ledger: Ledger | None = None, **more: object) -> Decision:
    due = np.ones(history.patients, dtype=bool)
    return profile.decide(history, {}, **({"ledger": ledger or Ledger.start(history.patients), "due": due} | more))


def actions(decision: Decision) -> list[str]:
    return [ACTIONS[code] for code in decision.action]


def test_the_first_step_that_holds_decides(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 4)
    record(history, 0, {"creatinine": [1, 3, 3, 3], "albumin": [3, 3, 1, 3], "systolic_pressure": [120, 120, 120, 70]})
    decision = decide(ready(rules([CREATININE, ALBUMIN, PRESSURE], SEVERITY), plan), history)
    assert actions(decision) == ["give", "withhold", "stop cycle", "stop cycle"]
    assert decision.policy_step.tolist() == [-1, 2, 1, 0]
    assert decision.fraction.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_finding_not_measured_never_triggers_and_is_logged_as_unknown(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 1)
    record(history, 0, {"albumin": [3]})
    decision = decide(ready(rules([CREATININE, ALBUMIN], SEVERITY), plan), history)
    assert actions(decision) == ["give"]
    assert decision.met[:, 0].tolist() == [-1, 0]


def test_a_profile_without_rules_gives(plan: MonitoringPlan) -> None:
    assert actions(decide(ready(rules([], []), plan), History(plan, 2))) == ["give", "give"]


@given(
    order=st.permutations([CREATININE, ALBUMIN, PRESSURE]),
    creatinine=st.sampled_from([1.0, 3.0, None]),
    albumin=st.sampled_from([3.0, 1.0, None]),
    pressure=st.sampled_from([120.0, 70.0, None]),
)
def test_the_order_of_criteria_does_not_matter(
    plan: MonitoringPlan, order: list[str], creatinine: float | None, albumin: float | None, pressure: float | None
) -> None:
    history = History(plan, 1)
    here = np.ones(1, dtype=bool)
    values = {"creatinine": creatinine, "albumin": albumin, "systolic_pressure": pressure}
    readings = {name: np.array([np.nan if value is None else value]) for name, value in values.items()}
    history.add(Chart(np.zeros(1), here, here, np.zeros(1), readings))
    first = decide(ready(rules([CREATININE, ALBUMIN, PRESSURE], SEVERITY), plan), history)
    second = decide(ready(rules(order, SEVERITY), plan), history)
    assert first.action.tolist() == second.action.tolist()
    assert first.policy_step.tolist() == second.policy_step.tolist()


@given(
    creatinine=st.sampled_from([1.0, 3.0]),
    albumin=st.sampled_from([3.0, 1.0]),
    pressure=st.sampled_from([120.0, 70.0]),
    hidden=st.sets(st.sampled_from(["creatinine", "albumin", "systolic_pressure"])),
)
def test_what_is_not_measured_never_makes_a_decision_more_severe(
    plan: MonitoringPlan, creatinine: float, albumin: float, pressure: float, hidden: set[str]
) -> None:
    values = {"creatinine": creatinine, "albumin": albumin, "systolic_pressure": pressure}
    history, here = History(plan, 2), np.ones(2, dtype=bool)
    readings = {name: np.array([value, np.nan if name in hidden else value]) for name, value in values.items()}
    history.add(Chart(np.zeros(2), here, here, np.zeros(2), readings))
    decision = decide(ready(rules([CREATININE, ALBUMIN, PRESSURE], SEVERITY), plan), history)
    assert decision.action[1] <= decision.action[0]


def test_of_two_equally_severe_decisions_a_drug_keeps_its_own_reason(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 1)
    record(history, 0, {"creatinine": [3]})
    arm = ready(rules([CREATININE], ["any relative -> withhold"], "applies_to: arm"), plan)
    own = ready(rules([CREATININE], ["any relative -> withhold"]), plan)
    final = across_arm({"first": (arm, decide(arm, history)), "second": (own, decide(own, history))})
    assert own.phrases[final["second"].policy_step[0]] == "any relative -> withhold"


def test_a_criterion_stays_met_until_it_is_resolved_and_unknown_does_not_resolve_it(
    plan: MonitoringPlan, record: Recorder
) -> None:
    sticky = CREATININE.replace("source", "until: {lab: creatinine, below: 1.5}, source")
    profile = ready(rules([sticky], ["any relative -> withhold"]), plan)
    history, ledger, seen = History(plan, 1), Ledger.start(1), []
    for day, value in enumerate([3.0, 1.8, None, 1.4, 1.8]):
        record(history, 24 * day, {"creatinine": [value]})
        decision = decide(profile, history, ledger)
        ledger = ledger.after(decision)
        seen += actions(decision)
    assert seen == ["withhold", "withhold", "withhold", "give", "give"]


def test_doses_withheld_in_a_row_are_counted_and_a_dose_given_starts_again(plan: MonitoringPlan, record: Recorder) -> None:
    profile = ready(rules([CREATININE], ["withheld 2 times in a row -> stop cycle", "any relative -> withhold"]), plan)
    history, ledger, seen = History(plan, 1), Ledger.start(1), []
    for day, value in enumerate([3.0, 1.0, 3.0, 3.0, 1.0]):
        record(history, 24 * day, {"creatinine": [value]})
        decision = decide(profile, history, ledger)
        ledger = ledger.after(decision)
        seen += actions(decision)
    assert seen == ["withhold", "give", "withhold", "withhold", "stop cycle"]


def test_only_patients_with_a_dose_due_are_decided_on(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [3, 3]})
    sticky = CREATININE.replace("source", "until: {lab: creatinine, below: 1.5}, source")
    profile = ready(rules([sticky], ["any relative -> withhold"]), plan)
    decision = decide(profile, history, due=np.array([True, False]))
    ledger = Ledger.start(2).after(decision)
    assert ledger.withheld_in_a_row.tolist() == [1, 0]
    assert ledger.latched.tolist() == [[True, False]]


def test_a_patient_who_tolerates_more_is_judged_by_higher_limits(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [2.1, 2.1], "albumin": [1, 1]})
    exact = CREATININE.replace("source", "judged: false, source").replace("creatinine_high", "exact")
    profile = ready(rules([CREATININE, exact, ALBUMIN], SEVERITY), plan)
    decision = decide(profile, history, threshold_factor=np.array([1.0, 1.5]))
    assert decision.met.tolist() == [[1, 0], [1, 1], [1, 1]]


def test_a_dose_level_never_rises_again(plan: MonitoringPlan, record: Recorder) -> None:
    levels = "levels: [{id: most, fraction: 0.75}, {id: half, fraction: 0.5}]"
    policy = ["criterion creatinine_high -> reduce to half", "criterion albumin_low -> reduce to most"]
    profile = ready(rules([CREATININE, ALBUMIN], policy, levels), plan)
    history, ledger, given_fractions = History(plan, 1), Ledger.start(1), []
    for day, (creatinine, albumin) in enumerate([(1, 3), (1, 1), (3, 3), (1, 1), (1, 3)]):
        record(history, 24 * day, {"creatinine": [creatinine], "albumin": [albumin]})
        decision = decide(profile, history, ledger)
        ledger = ledger.after(decision)
        given_fractions.append(float(decision.fraction[0]))
    assert given_fractions == [1.0, 0.75, 0.5, 0.5, 0.5]


def test_a_dose_that_may_wait_is_rechecked_and_lost_in_the_end(plan: MonitoringPlan, record: Recorder) -> None:
    waiting = "withheld_dose: {recheck: 1 d, at_most: 2 d}"
    profile = ready(rules([CREATININE], ["any relative -> withhold"], waiting), plan)
    history, ledger, seen = History(plan, 1), Ledger.start(1), []
    for day in range(4):
        record(history, 24 * day, {"creatinine": [3.0]})
        decision = decide(profile, history, ledger)
        ledger = ledger.after(decision)
        seen += actions(decision)
    assert seen == ["delay", "delay", "withhold", "delay"]


def test_an_intervention_is_named_and_the_dose_given(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [3, 1]})
    profile = ready(rules([CREATININE], ["any relative -> treat with fluids"]), plan)
    decision = decide(profile, history)
    assert actions(decision) == ["treat", "give"]
    assert decision.fraction.tolist() == [1.0, 1.0]
    assert [profile.interventions[index] for index in decision.intervention if index >= 0] == ["fluids"]


def test_a_child_overrides_criteria_by_id_and_keeps_the_rest(plan: MonitoringPlan, record: Recorder) -> None:
    parent = rules([CREATININE, PRESSURE], SEVERITY)
    child = rules([CREATININE.replace("above: 2", "above: 4")], [], "extends: parent")
    history = History(plan, 2)
    record(history, 0, {"creatinine": [3, 3], "systolic_pressure": [120, 70]})
    profile = ready(child, plan, parent=parent)
    assert [criterion.id for criterion in profile.criteria] == ["creatinine_high", "pressure_low"]
    assert actions(decide(profile, history)) == ["give", "stop cycle"]


def test_profiles_that_extend_each_other_are_refused(plan: MonitoringPlan) -> None:
    with pytest.raises(LibraryError, match="in a circle: r -> other -> r"):
        ready(rules([], [], "extends: other"), plan, other=rules([], [], "extends: r"))


def test_an_unknown_parent_names_the_nearest(plan: MonitoringPlan) -> None:
    with pytest.raises(LibraryError, match=r"unknown profile 'othre'\.\n  Did you mean 'other'"):
        ready(rules([], [], "extends: othre"), plan, other=rules([], []))


def test_all_problems_of_a_profile_are_reported_with_their_places(plan: MonitoringPlan) -> None:
    bad_unit = CREATININE.replace("above: 2", "above: 2, unit: mmHg")
    with pytest.raises(LibraryError, match="4 problems") as caught:
        ready(rules([bad_unit, CREATININE], ["any absolut -> withhold", "any relative -> withold"]), plan)
    assert [problem.place.path for problem in caught.value.problems] == [
        "criteria.0.when",
        "criteria.1.id",
        "policy.0.when",
        "policy.1.then",
    ]


def test_criteria_the_composition_can_never_know_are_set_aside(plan: MonitoringPlan) -> None:
    lost = "{id: lost, level: absolute, when: {finding: never_heard_of, above: 1}, source: {ref: a}}"
    profile = ready(rules([CREATININE, lost], SEVERITY), plan)
    assert profile.unavailable == ("lost",)
    assert [criterion.id for criterion in profile.criteria] == ["creatinine_high"]


def judging(plan: MonitoringPlan) -> RuleProfile:
    written = "judgement: {concurrent_terms: [fever, rash, cough], stop_cycle_hazard: 0.1, withhold_hazard: 0.4}"
    return ready(rules([], [], written), plan)


def test_judgement_weighs_concurrent_toxicity_and_leaves_a_single_one_alone(plan: MonitoringPlan) -> None:
    grades = {
        name: np.array(row, dtype=np.int8) for name, row in {"fever": [2, 2, 3], "rash": [0, 2, 3], "cough": [1, 1, 4]}.items()
    }
    ledger = replace(Ledger.start(3), doses_in_course=np.ones(3, dtype=np.int64))
    # Chances: nothing for one term; 1 - exp(-0.4) and 1 - exp(-0.1) for two; 1 - exp(-0.8) and 1 - exp(-0.28) for three.
    for draws, expected in (
        ((0.32, 0.99, 0.0, 0.0), ["give", "withhold", "withhold"]),
        ((0.34, 0.99, 0.0, 0.0), ["give", "give", "withhold"]),
        ((0.99, 0.09, 0.0, 0.0), ["give", "stop cycle", "stop cycle"]),
        ((0.99, 0.2, 0.0, 0.0), ["give", "give", "stop cycle"]),
    ):
        due, drawn = np.ones(3, dtype=bool), np.tile(draws, (3, 1))
        decision = judging(plan).decide(History(plan, 3), grades, ledger=ledger, due=due, draws=drawn)
        assert actions(decision) == expected


def test_nobody_judges_before_the_first_dose(plan: MonitoringPlan) -> None:
    grades = {name: np.array([4], dtype=np.int8) for name in ("fever", "rash", "cough")}
    decision = judging(plan).decide(
        History(plan, 1), grades, ledger=Ledger.start(1), due=np.ones(1, dtype=bool), draws=np.zeros((1, 4))
    )
    assert actions(decision) == ["give"]


def test_judgement_is_named_as_the_reason(plan: MonitoringPlan) -> None:
    grades = {name: np.array([4], dtype=np.int8) for name in ("fever", "rash", "cough")}
    ledger = replace(Ledger.start(1), doses_in_course=np.ones(1, dtype=np.int64))
    profile = judging(plan)
    due = np.ones(1, dtype=bool)
    decision = profile.decide(History(plan, 1), grades, ledger=ledger, due=due, draws=np.zeros((1, 4)))
    assert profile.phrases[decision.policy_step[0]] == "judgement: stop cycle"


def test_a_further_cycle_is_declined_once_where_it_would_begin_and_never_the_first(plan: MonitoringPlan) -> None:
    profile = ready(rules([], [], "judgement: {next_cycle_refused: 0.1}"), plan)
    # In order: first dose of cycle 1; of cycle 2; of cycle 2 after one held; of cycle 2 later on; of cycle 2 with another draw.
    ledger = replace(
        Ledger.start(5),
        cycles=np.array([1, 2, 2, 2, 2]),
        doses_in_course=np.array([0, 9, 9, 9, 9]),
        doses_in_cycle=np.array([0, 0, 0, 3, 0]),
        withheld_in_a_row=np.array([0, 0, 1, 0, 0]),
    )
    draws = np.full((5, 4), 0.09)
    draws[4, 2] = 0.11
    decision = profile.decide(History(plan, 5), {}, ledger=ledger, due=np.ones(5, dtype=bool), draws=draws)
    assert actions(decision) == ["give", "stop cycle", "give", "give", "give"]
    assert profile.phrases[decision.policy_step[1]] == "judgement: no further cycle"


def test_symptoms_wear_a_patient_down_who_then_declines_the_rest_of_the_cycle(plan: MonitoringPlan) -> None:
    written = "judgement: {symptom_terms: [nausea, fatigue, pruritus], symptom_grade: 2, weary_hazard: 0.1}"
    profile = ready(rules([], [], written), plan)
    names = {"nausea": [2, 2, 3], "fatigue": [1, 2, 3], "pruritus": [0, 0, 2]}
    grades = {name: np.array(row, dtype=np.int8) for name, row in names.items()}
    ledger = replace(Ledger.start(3), doses_in_course=np.ones(3, dtype=np.int64))
    # Chances: nothing for one symptom, 1 - exp(-0.1) for two, 1 - exp(-0.2) for three.
    for draw, expected in ((0.09, ["give", "stop cycle", "stop cycle"]), (0.15, ["give", "give", "stop cycle"])):
        draws = np.tile([0.0, 0.0, 0.0, draw], (3, 1))
        decision = profile.decide(History(plan, 3), grades, ledger=ledger, due=np.ones(3, dtype=bool), draws=draws)
        assert actions(decision) == expected
    assert profile.phrases[decision.policy_step[2]] == "judgement: worn down by symptoms"


def test_each_symptom_that_lasts_makes_it_likelier_that_a_further_cycle_is_declined(plan: MonitoringPlan) -> None:
    written = "judgement: {symptom_terms: [nausea, fatigue], next_cycle_refused: 0.05, refused_per_symptom: 0.1}"
    profile = ready(rules([], [], written), plan)
    grades = {"nausea": np.array([0, 0, 1], dtype=np.int8), "fatigue": np.array([0, 1, 1], dtype=np.int8)}
    ledger = replace(Ledger.start(3), cycles=np.full(3, 2), doses_in_course=np.full(3, 9))
    for draw, expected in (
        (0.04, ["stop cycle", "stop cycle", "stop cycle"]),
        (0.14, ["give", "stop cycle", "stop cycle"]),
        (0.24, ["give", "give", "stop cycle"]),
        (0.26, ["give", "give", "give"]),
    ):
        draws = np.tile([0.0, 0.0, draw, 0.0], (3, 1))
        decision = profile.decide(History(plan, 3), grades, ledger=ledger, due=np.ones(3, dtype=bool), draws=draws)
        assert actions(decision) == expected


LADDER = "levels: [{id: two_thirds, fraction: 0.667}, {id: third, fraction: 0.333}]"


def course(profile: RuleProfile, plan: MonitoringPlan, record: Recorder, values: list[float]) -> list[tuple[str, float]]:
    """Action and dose level at successive doses of one patient, by the creatinine seen at each."""
    history, ledger, taken = History(plan, 1), Ledger.start(1, fraction=profile.start_fraction), []
    for index, value in enumerate(values):
        record(history, 24.0 * index, {"creatinine": [value]})
        decision = decide(profile, history, ledger)
        ledger = ledger.after(decision)
        taken.append((actions(decision)[0], float(ledger.fraction[0])))
    return taken


def test_a_dose_goes_down_the_ladder_once_per_episode(plan: MonitoringPlan, record: Recorder) -> None:
    profile = ready(rules([CREATININE], ["any relative -> withhold and reduce one level"], LADDER), plan)
    taken = course(profile, plan, record, [1, 3, 3, 1, 3, 1, 3, 1])
    assert taken == [
        ("give", 1.0),
        ("withhold", 0.667),
        ("withhold", 0.667),
        ("give", 0.667),
        ("withhold", 0.333),
        ("give", 0.333),
        ("withhold", 0.333),
        ("give", 0.333),
    ]


def test_below_the_lowest_level_the_drug_is_stopped_where_the_policy_says_so(plan: MonitoringPlan, record: Recorder) -> None:
    profile = ready(rules([CREATININE], ["any relative -> withhold and reduce one level or stop drug"], LADDER), plan)
    taken = course(profile, plan, record, [3, 1, 3, 3, 1, 3])
    assert [action for action, _ in taken] == ["withhold", "give", "withhold", "withhold", "give", "stop drug"]


def test_a_reduced_dose_is_given_while_the_finding_lasts_and_rises_again_when_it_is_gone(
    plan: MonitoringPlan, record: Recorder
) -> None:
    normal = "{id: normal, level: note, when: {lab: creatinine, at_most: 1.5}, source: {ref: a}}"
    policy = ["any relative -> reduce one level", "criterion normal -> raise one level"]
    taken = course(ready(rules([CREATININE, normal], policy, LADDER), plan), plan, record, [1, 3, 3, 1.8, 1, 1])
    assert taken == [("give", 1.0), ("reduce", 0.667), ("give", 0.667), ("give", 0.667), ("give", 1.0), ("give", 1.0)]


def test_levels_of_the_largest_dose_are_doses_and_not_shares_of_a_smaller_one(plan: MonitoringPlan, record: Recorder) -> None:
    ladder = "levels: [{id: three, fraction: 0.5}, {id: two, fraction: 0.333}]\nlevels_of: largest_dose"
    profile = ready(rules([CREATININE], ["any relative -> reduce one level or stop drug"], ladder), plan)
    history = History(plan, 3)
    record(history, 0, {"creatinine": [3, 1, 3]})
    # In maintenance half of the largest dose is planned: reduced to it before, that is the full dose now.
    ledger = replace(Ledger.start(3), fraction=np.array([1.0, 0.5, 0.333]))
    decision = decide(profile, history, ledger, planned_share=np.full(3, 0.5))
    assert actions(decision) == ["reduce", "give", "stop drug"]
    assert decision.fraction == pytest.approx([0.666, 1.0, 0.0])


TITRATION = "levels: [{id: fifth, fraction: 0.2}, {id: two_fifths, fraction: 0.4}, {id: most, fraction: 0.6}]"


def titrated(plan: MonitoringPlan, policy: list[str]) -> RuleProfile:
    low = "{id: low, level: note, when: {lab: creatinine, below: 1.0}, source: {ref: a}}"
    return ready(rules([CREATININE, low], policy, f"{TITRATION}\nstarts_at: fifth"), plan)


def test_a_titration_starts_low_and_rises_at_each_dose_until_its_aim_is_reached(plan: MonitoringPlan, record: Recorder) -> None:
    profile = titrated(plan, ["criterion low -> raise one level at each dose"])
    taken = course(profile, plan, record, [0.5, 0.5, 1.2, 1.2, 0.5, 0.5, 0.5])
    assert [level for _, level in taken] == [0.4, 0.6, 0.6, 0.6, 1.0, 1.0, 1.0]


def test_a_dose_goes_down_at_each_dose_while_the_step_says_so(plan: MonitoringPlan, record: Recorder) -> None:
    policy = ["any relative -> reduce one level at each dose or stop drug", "criterion low -> raise one level at each dose"]
    taken = course(titrated(plan, policy), plan, record, [0.5, 0.5, 3, 3, 1.2, 3])
    assert taken[2:] == [("reduce", 0.4), ("reduce", 0.2), ("give", 0.2), ("stop drug", 0.2)]


def test_an_unknown_level_to_start_at_names_the_nearest(plan: MonitoringPlan) -> None:
    with pytest.raises(LibraryError, match=r"(?s)unknown dose level 'fith'.*Did you mean 'fifth'"):
        ready(rules([CREATININE], ["any relative -> give"], f"{TITRATION}\nstarts_at: fith"), plan)


def test_a_patient_without_a_dose_due_keeps_the_episode(plan: MonitoringPlan, record: Recorder) -> None:
    profile = ready(rules([CREATININE], ["any relative -> reduce one level"], LADDER), plan)
    history = History(plan, 1)
    record(history, 0, {"creatinine": [3]})
    ledger = Ledger.start(1).after(decide(profile, history))
    idle = decide(profile, history, ledger, due=np.zeros(1, dtype=bool))
    again = decide(profile, history, ledger.after(idle))
    assert again.level_fraction.tolist() == [0.667]


def test_rules_of_the_arm_reach_the_other_drugs_and_the_most_severe_wins(plan: MonitoringPlan, record: Recorder) -> None:
    history = History(plan, 4)
    record(history, 0, {"creatinine": [3, 1, 3, 1], "systolic_pressure": [120, 70, 70, 120]})
    arm = ready(rules([PRESSURE], ["any absolute -> stop cycle"], "applies_to: arm"), plan)
    own = ready(rules([CREATININE], ["any relative -> withhold"]), plan)
    decided = {"first": (arm, decide(arm, history)), "second": (own, decide(own, history))}
    final = across_arm(decided)
    assert actions(final["second"]) == ["withhold", "stop cycle", "stop cycle", "give"]
    assert actions(final["first"]) == ["give", "stop cycle", "stop cycle", "give"]
    assert own.phrases[final["second"].policy_step[1]] == "rules of another drug of the arm"
    assert final["second"].fraction.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_a_stop_of_the_arm_reaches_a_drug_without_a_dose_due_and_withholding_does_not(
    plan: MonitoringPlan, record: Recorder
) -> None:
    history = History(plan, 2)
    record(history, 0, {"creatinine": [3, 1], "systolic_pressure": [120, 70]})
    policy = ["any absolute -> stop course", "any relative -> withhold"]
    arm = ready(rules([PRESSURE, CREATININE], policy, "applies_to: arm"), plan)
    own = ready(rules([], []), plan)
    idle = decide(own, history, due=np.zeros(2, dtype=bool))
    final = across_arm({"first": (arm, decide(arm, history)), "second": (own, idle)})["second"]
    assert final.due.tolist() == [False, True]
    assert actions(final)[1] == "stop course"


def test_a_decision_on_some_patients_spread_over_all_is_that_on_all(plan: MonitoringPlan, record: Recorder) -> None:
    latching = CREATININE.replace("above: 2}", "above: 2}, until: {lab: creatinine, below: 1}")
    profile = ready(rules([latching, PRESSURE], SEVERITY), plan)
    history = History(plan, 4)
    record(history, 0, {"creatinine": [3, 1, 3, 1], "systolic_pressure": [120, 120, 120, 120]})
    ledger = Ledger.start(4).after(decide(profile, history))
    record(history, 8, {"creatinine": [1.5, 1, 0.5, 3], "systolic_pressure": [70, 120, 120, 120]})
    due = np.array([True, False, True, False])
    (rows,) = np.nonzero(due)
    whole = decide(profile, history, ledger, due=due)
    spread = decide(profile, history.of(rows), ledger.of(rows), due=due[rows]).spread(rows, ledger)
    for name in ("due", "fraction", "level_fraction", "latched", "moved_by", "intervention"):
        assert np.array_equal(getattr(spread, name), getattr(whole, name)), name
    for name in ("action", "policy_step", "met", "delay_hours"):
        assert np.array_equal(getattr(spread, name)[..., rows], getattr(whole, name)[..., rows]), name
    assert actions(spread) == ["stop cycle", "give", "give", "give"]


def test_who_has_no_dose_due_is_left_as_the_ledger_has_them(plan: MonitoringPlan, record: Recorder) -> None:
    profile = ready(rules([CREATININE], SEVERITY), plan)
    history = History(plan, 3)
    record(history, 0, {"creatinine": [3, 3, 3]})
    ledger = replace(Ledger.start(3), fraction=np.array([1.0, 0.5, 0.25]), withheld_in_a_row=np.array([0, 1, 2]))
    rows = np.array([1])
    spread = decide(profile, history.of(rows), ledger.of(rows), due=np.array([True])).spread(rows, ledger)
    assert spread.due.tolist() == [False, True, False]
    assert spread.level_fraction.tolist() == [1.0, 0.5, 0.25]
    assert ledger.after(spread).withheld_in_a_row.tolist() == [0, 2, 2]
    assert spread.latched.shape == (1, 3)
