"""Response as a ladder of levels: which holds, when it counts, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cytotrial.errors import ProtocolError
from cytotrial.formats import ResponseFile
from cytotrial.formats.interface import InterfaceFile, Observable
from cytotrial.observe.ascents import Ascents
from cytotrial.observe.criteria import begin_reading, event_free_endpoint, plan_for, ready_assessor
from cytotrial.observe.history import History
from cytotrial.observe.level_cases import check_level_cases, run_level_cases
from cytotrial.observe.levels import Ascent, Found, LevelAssessor, with_findings
from cytotrial.observe.observe import Occasion
from cytotrial.observe.plan import Moment, MonitoringPlan
from cytotrial.observe.response import LABELS
from cytotrial.observe.scans import Look
from cytotrial.reading import parse_yaml

WEEK = 168.0
LADDER = """
schema: response/1
title: {en: Counts, fr: Hémogramme}
measure: levels
assessed: every 28 d
confirmed_after: 4 weeks
stable_at_least: 4 weeks
levels:
  - id: complete
    title: {en: complete haematologic response, fr: C}
    counts_as: CR
    when:
      all:
        - {lab: platelets, above: 100, unit: 10^9/L}
        - {lab: haemoglobin, above: 12, unit: g/dL}
  - id: partial
    title: {en: partial haematologic response, fr: P}
    counts_as: PR
    when: {lab: platelets, above: 100, unit: 10^9/L}
  - id: minor
    title: {en: minor haematologic response, fr: M}
    counts_as: SD
    when: {lab: platelets, at_least: 1.5, times: baseline}
progression: {lab: platelets, below: 10, unit: 10^9/L}
relapse: {not: {lab: platelets, above: 100, unit: 10^9/L}}
cases:
  - case: "up the ladder and down again"
    baseline: {platelets: "40 10^9/L", haemoglobin: 10 g/dL}
    charts:
      - {platelets: "59 10^9/L", haemoglobin: 10 g/dL}
      - {platelets: "60 10^9/L", haemoglobin: 10 g/dL}
      - {platelets: "101 10^9/L", haemoglobin: 12 g/dL}
      - {platelets: "101 10^9/L", haemoglobin: 12.1 g/dL}
      - {platelets: "101 10^9/L", haemoglobin: 12.1 g/dL}
      - {platelets: "100 10^9/L", haemoglobin: 12.1 g/dL}
      - {platelets: "9 10^9/L", haemoglobin: 12.1 g/dL}
    expect: [none, minor, partial, complete, complete, relapse, progression]
    best: complete
source: {ref: key}
"""


def ladder(*changes: tuple[str, str]) -> ResponseFile:
    text = LADDER
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_yaml(text, ResponseFile, file="ladder.yaml").content


@pytest.fixture(scope="module")
def assessor() -> LevelAssessor:
    return LevelAssessor.from_file(ladder(), name="counts")


@pytest.fixture(scope="module")
def counts(ports: InterfaceFile) -> MonitoringPlan:
    file = ladder()
    return with_findings(MonitoringPlan(file.title), file.conditions(), moment=Moment("any"), observables=ports.observables)


LEVELS = {"complete": 0, "partial": 1, "minor": 2, "none": 3, "unknown": -1}


def ascend(assessor: LevelAssessor, *levels: str, every: float = 4) -> Ascent:
    """One patient, a baseline without level and then `levels`, so many weeks apart; 'PD' and 'relapse' are none with that."""
    names = ["none", *levels]
    codes = np.array([[LEVELS.get(name, 3) for name in names]], dtype=np.int8)
    progression, relapse = (np.array([[name == word for name in names]]) for word in ("PD", "relapse"))
    return assessor.assess(np.arange(len(names))[None, :] * every * WEEK, Found(codes, progression, relapse))


def best(ascent: Ascent) -> str:
    return LABELS[ascent.best[0]]


def test_the_first_level_that_is_true_holds(
    assessor: LevelAssessor, counts: MonitoringPlan, record: Callable[..., Any]
) -> None:
    history = History(counts, 4)
    record(history, 0, {"platelets": [40, 40, 40, 40], "haemoglobin": [10, 10, 10, 10]}, first=True)
    record(history, WEEK, {"platelets": [101, 101, 60, 59], "haemoglobin": [12.1, 12, 13, 13]})
    assert assessor.find(history).level.tolist() == [0, 1, 2, 3]


def test_a_better_level_that_is_not_known_leaves_the_one_below_it(
    assessor: LevelAssessor, counts: MonitoringPlan, record: Callable[..., Any]
) -> None:
    history = History(counts, 2)
    record(history, 0, {"platelets": [40, 40], "haemoglobin": [10, 10]}, first=True)
    record(history, WEEK, {"platelets": [101, None], "haemoglobin": [None, 13]})
    assert assessor.find(history).level.tolist() == [1, -1]


def test_a_level_counts_once_it_held_until_it_could_be_confirmed(assessor: LevelAssessor) -> None:
    seen_twice = ascend(assessor, "partial", "partial")
    assert best(seen_twice) == "PR"
    assert seen_twice.reached.tolist() == [[3, 1, 1]]
    assert best(ascend(assessor, "partial", "none")) == "SD"
    assert best(ascend(assessor, "partial", "partial", every=1)) == "NE"  # neither confirmed nor stable after two weeks


def test_a_better_level_confirms_a_lower_one_and_counts_from_its_own_first(assessor: LevelAssessor) -> None:
    found = ascend(assessor, "minor", "partial", "complete", "complete")
    assert found.reached.tolist() == [[3, 2, 1, 0, 0]]
    assert best(found) == "CR"


def test_what_is_not_known_neither_confirms_nor_breaks(assessor: LevelAssessor) -> None:
    assert best(ascend(assessor, "partial", "unknown", "partial", every=2)) == "PR"
    assert best(ascend(assessor, "partial", "unknown")) == "SD"
    assert best(ascend(assessor, "unknown", "unknown")) == "NE"


def test_a_level_may_have_a_time_of_confirmation_of_its_own() -> None:
    slow = LevelAssessor.from_file(ladder(("    counts_as: PR", "    counts_as: PR\n    confirmed_after: 8 weeks")))
    assert best(ascend(slow, "partial", "partial", "none")) == "SD"
    assert best(ascend(slow, "partial", "partial", "partial")) == "PR"


def test_relapse_is_progression_only_after_a_confirmed_response(assessor: LevelAssessor) -> None:
    never = ascend(assessor, "relapse", "partial", "relapse")
    assert np.isnan(never.progression_time[0])
    after = ascend(assessor, "partial", "partial", "relapse")
    assert after.progression_time.tolist() == [12 * WEEK]
    assert [LABELS[code] for code in after.overall[0]] == ["SD", "PR", "PR", "PD"]


def test_a_confirmed_level_that_counts_as_stable_disease_is_no_response_to_lose(assessor: LevelAssessor) -> None:
    assert np.isnan(ascend(assessor, "minor", "minor", "relapse").progression_time[0])


def test_what_comes_after_progression_is_no_response_any_more(assessor: LevelAssessor) -> None:
    found = ascend(assessor, "PD", "complete", "complete")
    assert best(found) == "PD"
    assert found.reached.tolist() == [[3, 3, 3, 3]]
    assert found.progression_time.tolist() == [4 * WEEK]


def test_the_baseline_is_no_response_whatever_it_shows(assessor: LevelAssessor) -> None:
    nothing = np.zeros((1, 2), dtype=bool)
    found = assessor.assess(np.array([[0, 4 * WEEK]]), Found(np.zeros((1, 2), dtype=np.int8), nothing, nothing))
    assert LABELS[found.overall[0, 0]] == "SD"
    assert best(found) == "SD"


def test_the_table_names_levels_and_has_no_sizes(assessor: LevelAssessor) -> None:
    nobody = np.zeros((1, 3), dtype=bool)
    found = Found(np.array([[3, 1, -1]], dtype=np.int8), nobody, nobody)
    table = assessor.to_table(np.array([[0, 4, 8]]) * WEEK, found, arm="A", ids=np.array([7]))
    assert table["LEVEL"].tolist() == ["none", "partial", "unknown"]
    assert table["REACHED"].tolist() == ["none", "none", "none"]
    assert table["OVERALL"].tolist() == ["SD", "PR", "NE"]
    assert table["CRITERIA"].unique().tolist() == ["counts"]
    assert table[["SIZE", "CHANGE", "NADIR"]].isna().all(axis=None)


def look(history: History, hours: float, *, scan_due: list[bool], first: bool = False) -> Look:
    patients = history.patients
    nobody, unseen = np.zeros(patients, dtype=bool), np.full(patients, np.nan)
    everybody = ~nobody
    occasion = Occasion(np.full(patients, hours), everybody, nobody, np.array(scan_due), everybody if first else nobody)
    return Look(occasion, history, scanned=nobody, size=unseen, area=unseen, new_lesion=nobody)


def test_levels_are_looked_at_once_in_each_period_whether_or_not_there_is_a_scan(
    assessor: LevelAssessor, counts: MonitoringPlan, record: Callable[..., Any]
) -> None:
    history, reading = History(counts, 2), Ascents(assessor, 2)
    for week, platelets in ((0, 40), (1, 120), (4, 120), (5, 120), (9, 120)):
        record(history, week * WEEK, {"platelets": [platelets, 40], "haemoglobin": [13, 13]}, first=week == 0)
        reading.read(look(history, week * WEEK, scan_due=[False, False], first=week == 0))
    table = reading.to_table(arm="A", ids=np.array([1, 2]))
    assert (table.loc[table["ID"] == 1, "TIME"] / WEEK).tolist() == [0, 4, 9]
    assert table.groupby("ID")["BEST"].first().tolist() == ["CR", "SD"]
    assert [LABELS[code] for code in reading.shown.last] == ["CR", "SD"]
    assert (reading.last_time / WEEK).tolist() == [9, 9]


def test_round_by_round_and_at_once_levels_show_the_same(assessor: LevelAssessor) -> None:
    generator = np.random.default_rng(1)
    level = generator.integers(-1, 4, (30, 8)).astype(np.int8)
    progression, relapse = generator.random((2, 30, 8)) < 0.1
    reading = Ascents(assessor, 30)
    for visit in range(8):
        found = Found(level[:, visit], progression[:, visit], relapse[:, visit])
        reading.add(np.arange(30), time=np.full(30, visit * 4 * WEEK), found=found)
    times = np.broadcast_to(np.arange(8) * 4 * WEEK, (30, 8)).copy()
    whole = assessor.assess(times, Found(level, progression, relapse))
    np.testing.assert_array_equal(reading.shown.progression_time, whole.progression_time)
    np.testing.assert_array_equal(reading.shown.last, whole.overall[:, -1])
    assert 0 < np.isnan(whole.progression_time).sum() < 30


def test_a_case_passes_as_written_and_fails_where_it_expects_something_else(ports: InterfaceFile) -> None:
    assert check_level_cases(ladder(), ports.observables) == []
    wrong = ladder(("expect: [none, minor,", "expect: [none, partial,"))
    (problem,) = check_level_cases(wrong, ports.observables)
    assert problem.what.startswith("case 'up the ladder and down again' gave none, minor, partial")
    worse = ladder(("    best: complete\n", "    best: partial\n"))
    (problem,) = check_level_cases(worse, ports.observables)
    assert problem.what == "case 'up the ladder and down again' gave complete as the best level."


def test_a_level_that_no_case_shows_is_named(ports: InterfaceFile) -> None:
    short = ladder(("partial, complete, complete, relapse, progression]", "partial, partial, partial, relapse, progression]"))
    short = short.model_copy(update={"cases": []})
    found = {problem.what for problem in check_level_cases(short, ports.observables)}
    assert "no case shows 'complete'." in found
    assert "no case shows 'relapse'." in found


def test_a_case_about_what_no_level_asks_for_says_so(ports: InterfaceFile) -> None:
    case = ladder(('charts:\n      - {platelets: "59', 'charts:\n      - {plateletts: "59'))
    (result,) = run_level_cases(case, ports.observables)
    (problem,) = result.problems
    assert (problem.what, problem.advice) == ("unknown finding 'plateletts' in a case.", "Did you mean 'platelets'?")


def test_what_levels_ask_about_is_measured_when_they_are_assessed(plan: MonitoringPlan, ports: InterfaceFile) -> None:
    assessor = ready_assessor(ladder(), name="counts")
    assert isinstance(assessor, LevelAssessor)
    files = {"counts": ladder()}
    wider = plan_for(plan, files, [assessor], observables=ports.observables)
    assert wider.findings["platelets"].moments == (*plan.findings["platelets"].moments, assessor.moment)
    assert wider.findings.keys() == plan.findings.keys()
    bare = plan_for(MonitoringPlan(plan.title), files, [assessor], observables=ports.observables)
    assert list(bare.findings) == ["platelets", "haemoglobin"]


def test_levels_of_what_a_trial_does_not_show_are_an_error_with_the_nearest_name(ports: InterfaceFile) -> None:
    file = ladder(("lab: haemoglobin", "lab: haemoglobine"))
    observables: dict[str, Observable] = dict(ports.observables)
    with pytest.raises(ProtocolError, match=r"'counts' asks about 'haemoglobine', which nothing .*\n.*'haemoglobin'"):
        plan_for(MonitoringPlan(file.title), {"counts": file}, [ready_assessor(file, name="counts")], observables=observables)


def test_time_without_event_is_free_of_progression_where_levels_decide() -> None:
    assessor = ready_assessor(ladder(), name="counts")
    assert event_free_endpoint(assessor) == "PFS"
    assert isinstance(begin_reading(assessor, 3), Ascents)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("  - id: minor", "  - id: partial"), "two levels are called 'partial'"),
        (("  - id: minor", "  - id: unknown"), "no level can be called 'unknown'"),
        (("counts_as: PR", "counts_as: SD"), "levels are written from the best"),
        (("when: {lab: platelets, at_least: 1.5, times: baseline}", "when: {grade: fever, at_least: 2}"), "cannot ask for"),
        (("assessed: every 28 d", "partial_decrease: 0.3"), "'partial_decrease' does not go with measure 'levels'"),
        (("measure: levels", "measure: recurrence"), "measure 'recurrence' needs 'visible_from'"),
        (("measure: levels", "measure: sum_of_diameters"), "measure 'sum_of_diameters' needs 'complete_below'"),
        (("expect: [none, ", "expect: ["), "7 charts but 6 expected levels"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(change: tuple[str, str], message: str) -> None:
    text = LADDER.replace(*change) if change[1] != "counts_as: SD" else LADDER.replace("counts_as: CR", "counts_as: SD")
    assert text != LADDER
    with pytest.raises(ProtocolError, match=message):
        parse_yaml(text, ResponseFile, file="ladder.yaml")
