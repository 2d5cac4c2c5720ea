"""A run with levels of response beside scans, and one that counts recurrence: rows, figures and published numbers by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from cytotrial.evidence.arm_tables import ArmTables, Simulated
from cytotrial.evidence.by_time import between, by_then
from cytotrial.formats.conditions import Condition
from cytotrial.formats.evidence import EvidenceFile
from cytotrial.formats.run import Manifest
from cytotrial.report import render_report
from cytotrial.results import Context, Result, RunWriter
from cytotrial.results.adam import adrs
from cytotrial.results.context import context_from_json, context_to_json
from cytotrial.results.cox import cox
from cytotrial.results.criteria import CriteriaUsed, Level, level_held, level_times
from cytotrial.results.doses import STOPPED
from cytotrial.results.efficacy import event_free
from cytotrial.results.folder import RunFolder
from cytotrial.units import HOURS_PER_MONTH

SIZES = CriteriaUsed("recist", "RECIST 1.1", "sum_of_diameters")
LADDER = CriteriaUsed(
    "counts",
    "Counts",
    "levels",
    (
        Level("complete", "complete haematologic response", "complete haematologic response", "CR"),
        Level("partial", "partial haematologic response", "any haematologic response", "PR"),
    ),
)
# Of the four patients of each arm: what held and what was reached at months 0, 2, 4, 6, and the overall response.
ASCENTS = {
    ("High", 1): ("none partial complete complete", "none partial complete complete", "SD PR CR CR"),
    ("High", 2): ("none partial partial none", "none partial partial partial", "SD PR PR PD"),
    ("High", 3): ("none none partial none", "none none none none", "SD SD PR SD"),
    ("Low", 1): ("none none none partial", "none none none partial", "SD SD SD PR"),
    ("Low", 2): ("none unknown none none", "none none none none", "SD NE SD SD"),
}
BEST = {("High", 1): "CR", ("High", 2): "PR", ("High", 3): "SD", ("Low", 1): "PR", ("Low", 2): "SD"}


def ascents() -> pd.DataFrame:
    rows = []
    for (arm, patient), columns in ASCENTS.items():
        for month, level, reached, overall in zip((0, 2, 4, 6), *(column.split() for column in columns), strict=True):
            rows.append({"ARM": arm, "ID": patient, "TIME": month * HOURS_PER_MONTH, "OVERALL": overall})
            rows[-1] |= {"BEST": BEST[arm, patient], "LEVEL": level, "REACHED": reached, "CRITERIA": "counts"}
    return pd.DataFrame(rows).assign(SIZE=float("nan"), CHANGE=float("nan"), NADIR=float("nan"))


def study(*expectations: dict[str, Any]) -> EvidenceFile:
    numbered = [{"id": f"e{number}", "where": "p. 1", "value": 0.5, **one} for number, one in enumerate(expectations)]
    heads = {"schema": "evidence/1", "study": "smith1990", "title": {"en": "A study", "fr": "Une étude"}, "source": "smith1990"}
    return EvidenceFile.model_validate(
        {**heads, "protocol": "small", "arm": "High", "role": "information", "expectations": numbered}
    )


def run_of(folder: Path, tables: dict[str, pd.DataFrame], manifest: Manifest, context: Context) -> Result:
    with RunWriter(folder) as writer:
        for name, frame in tables.items():
            writer.write(name, frame)
        return writer.finish(manifest, context=context)


SHARE = {"estimand": "proportion"}
MEASURED = {"term": "creatinine", "window": "week 2"}
EXPECTED: list[tuple[dict[str, Any], float]] = [
    ({"endpoint": "level_rate", "level": "partial", **SHARE}, 0.5),  # patients 1 and 2 of four
    ({"endpoint": "level_rate", "criteria": "counts", "level": "complete", "window": "month 6", **SHARE}, 0.25),
    ({"endpoint": "level_rate", "level": "complete", "window": "month 3", **SHARE}, 0.0),
    ({"endpoint": "level_at", "level": "partial", "window": "month 4", **SHARE}, 0.75),  # patient 3 too, though not confirmed
    ({"endpoint": "level_at", "level": "partial", "window": "month 6", **SHARE}, 0.25),  # patient 2 has progressed
    ({"endpoint": "time_to_level", "level": "complete", "estimand": "median", "unit": "months"}, 4.0),
    ({"endpoint": "level_rate", "level": "partial", "among": {"finding": "weight", "at_least": 62}, **SHARE}, 1 / 3),  # not 1
    ({"endpoint": "dose_share", "estimand": "mean", "among": {"finding": "weight", "at_most": 61}}, 1.0),  # patient 1
    ({"endpoint": "dose_share", "estimand": "mean"}, (1.0 + 0.25 + 0.875 + 0.75) / 4),
    ({"endpoint": "dose_share", "estimand": "mean", "window": "week 1"}, (1 + 1 / 3 + 2.5 / 3 + 2 / 3) / 4),
    ({"endpoint": "dose_share", "estimand": "mean", "window": "weeks 2 to 4", "term": "drug_a"}, 0.75),  # all but patient 2
    (
        {"endpoint": "dose_given", "estimand": "median", "unit": "ug"},
        (30 + 35) / 2 / 2,
    ),  # 10, 30, 35 and 40 nmol; 2 nmol are a microgram
    ({"endpoint": "dose_reduced", **SHARE}, 0.25),
    ({"endpoint": "dose_modified", "window": "week 1", **SHARE}, 0.75),  # all but patient 1
    ({"endpoint": "value_at", "estimand": "mean", "unit": "mg/dL", **MEASURED}, 2.25),
    (
        {"endpoint": "multiple_of_baseline_at", "estimand": "median", "unit": "percent", **MEASURED},
        100 * (2.2 / 1.2 + 2.3 / 1.3) / 2,
    ),
]


@pytest.fixture(scope="module")
def both(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory, manifest_of_two: Manifest) -> Result:
    responses = pd.concat([tables["responses"], ascents()], ignore_index=True)
    context = Context(
        published=(study(*(one for one, _ in EXPECTED)),), criteria=(SIZES, LADDER), dose_units={"drug_a": ("ug", 2.0)}
    )
    folder = tmp_path_factory.mktemp("levels") / "run"
    return run_of(folder, {**tables, "responses": responses}, manifest_of_two, context)


@pytest.fixture(scope="module")
def ladder_alone(
    tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory, manifest_of_two: Manifest
) -> Result:
    folder = tmp_path_factory.mktemp("ladder") / "run"
    return run_of(folder, {**tables, "responses": ascents()}, manifest_of_two, Context(criteria=(LADDER,)))


@pytest.fixture(scope="module")
def recurrence(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory, manifest_of_two: Manifest) -> Result:
    scans = tables["responses"].assign(CHANGE=float("nan"), OVERALL="NED", BEST="NED", CRITERIA="recurrence")
    survival = tables["survival"].assign(PARAMCD=tables["survival"]["PARAMCD"].replace("PFS", "RFS"))
    changed = {**tables, "responses": scans, "survival": survival}
    context = Context(criteria=(CriteriaUsed("recurrence", "Recurrence", "recurrence"),))
    return run_of(tmp_path_factory.mktemp("recurrence") / "run", changed, manifest_of_two, context)


def value(result: Result, arm: str, endpoint: str) -> float:
    rows = result.efficacy().set_index(["arm", "endpoint"])["value"]
    return float(rows.loc[(arm, endpoint)])


def test_levels_beside_scans_have_rows_of_their_own_and_change_no_other(both: Result) -> None:
    assert value(both, "High", "objective response") == 0.5  # by the scans, as without the ladder
    assert value(both, "High", "complete haematologic response") == 0.25
    assert value(both, "High", "any haematologic response") == 0.5
    assert value(both, "Low", "any haematologic response") == 0.25
    assert value(both, "High", "time to any haematologic response, median") == 2.0


def test_a_ladder_that_decides_counts_its_levels_as_responses(ladder_alone: Result) -> None:
    assert value(ladder_alone, "High", "objective response") == 0.5
    assert value(ladder_alone, "High", "complete response") == 0.25
    assert value(ladder_alone, "Low", "stable disease") == 0.25
    assert value(ladder_alone, "High", "time to response, median") == 2.0


def test_a_criteria_on_sizes_beside_another_is_told_apart_by_its_title(
    tables: dict[str, pd.DataFrame], tmp_path: Path, manifest: Manifest
) -> None:
    responses = pd.concat([ascents(), tables["responses"]], ignore_index=True)
    found = run_of(tmp_path / "run", {**tables, "responses": responses}, manifest, Context(criteria=(LADDER, SIZES)))
    assert value(found, "High", "complete response") == 0.25
    assert value(found, "High", "objective response, RECIST 1.1") == 0.5


def test_recurrence_has_relapse_free_survival_and_no_response(recurrence: Result, both: Result) -> None:
    endpoints = set(recurrence.efficacy()["endpoint"])
    assert not any("response" in name or "progress" in name for name in endpoints)
    assert value(recurrence, "High", "relapse-free survival, median") == value(
        both, "High", "progression-free survival, median"
    )
    assert event_free(recurrence.table("survival")) == "RFS"


def test_figures_show_what_the_criteria_have(both: Result, ladder_alone: Result, recurrence: Result) -> None:
    assert {"waterfall", "spider", "levels"} <= set(both.figures())
    assert {"waterfall", "spider"}.isdisjoint(ladder_alone.figures())
    assert {"waterfall", "spider", "levels"}.isdisjoint(recurrence.figures())
    assert recurrence.plot("progression")["layout"]["title"]["text"].startswith("Relapse-free survival")
    names = {trace["name"] for trace in recurrence.plot("swimmer")["data"]}
    assert "recurrence or death" in names
    assert recurrence.plot("benefit_risk")["layout"]["yaxis"]["title"]["text"] == "relapse-free survival, 12 months [%]"


def test_the_figure_of_levels_climbs_to_the_share_who_reached_them(ladder_alone: Result) -> None:
    lines = {trace["name"]: trace for trace in ladder_alone.plot("levels")["data"]}
    assert lines["High: any haematologic response"]["x"] == [0.0, 2.0, 2.0, 6.0]
    assert lines["High: any haematologic response"]["y"] == [0.0, 25.0, 50.0, 50.0]
    assert lines["Low: complete haematologic response"]["y"] == [0.0, 0.0]


def test_the_swimmer_marks_each_level(ladder_alone: Result) -> None:
    marks = {trace["name"]: trace["x"] for trace in ladder_alone.plot("swimmer")["data"] if trace.get("mode") == "markers"}
    assert "first response" not in marks
    assert {"complete haematologic response", "any haematologic response"} <= marks.keys()


def test_arms_are_compared_on_levels(both: Result, recurrence: Result) -> None:
    rows = both.between_arms().set_index("endpoint")
    assert rows.loc["any haematologic response", "value"] == 0.25 - 0.5
    assert "relapse-free survival" in set(recurrence.between_arms()["endpoint"])
    assert "objective response" not in set(recurrence.between_arms()["endpoint"])


def test_the_report_and_the_export_tell_sets_of_criteria_apart(both: Result, recurrence: Result) -> None:
    assert "Any haematologic response" in render_report(both)
    assert "Relapse-free survival, median [months]" in render_report(recurrence)
    exported = adrs(both)
    best = exported[exported["PARAMCD"] == "BOR"].groupby("PARCAT1")["AVALC"].apply(list)
    assert best["counts"] == ["CR", "PR", "SD", "NE", "PR", "SD", "NE", "NE"]
    assert best["recist"][:3] == ["CR", "PR", "SD"]


@pytest.mark.parametrize(
    "number", range(len(EXPECTED)), ids=[f"{number}-{one['endpoint']}" for number, (one, _) in enumerate(EXPECTED)]
)
def test_a_published_number_finds_its_counterpart(both: Result, number: int) -> None:
    found = both.beside_published().iloc[number]
    assert found["simulated"] == pytest.approx(EXPECTED[number][1], abs=1e-9)


def test_a_level_the_run_does_not_have_is_named_not_dropped(
    tables: dict[str, pd.DataFrame], tmp_path: Path, manifest: Manifest
) -> None:
    wanted = (
        {"endpoint": "level_rate", "level": "partil", **SHARE},
        {"endpoint": "level_rate", "level": "partial", "criteria": "marrow", **SHARE},
        {"endpoint": "level_at", "level": "partial", "window": "course 1", **SHARE},
        {"endpoint": "value_at", "term": "creatinine", "window": "month 9", "estimand": "mean", "unit": "mg/dL"},
        {"endpoint": "dose_share", "window": "course 1", "estimand": "mean"},
        {"endpoint": "dose_given", "estimand": "mean", "unit": "mm"},
    )
    context = Context(published=(study(*wanted),), criteria=(LADDER,))
    found = run_of(tmp_path / "run", {**tables, "responses": ascents()}, manifest, context).beside_published()
    assert found["simulated"].isna().all()
    assert found["remark"].tolist()[:5] == [
        "its criteria have no level 'partil'. Did you mean 'partial'?",
        "this run assesses nobody by 'marrow'",
        "window 'course 1' is not a time such as 'month 12'",
        "nobody had 'creatinine' measured then",
        "window 'course 1' is not a time such as 'weeks 1 to 4'",
    ]


def test_a_level_of_those_on_treatment_leaves_out_who_had_stopped_by_then(
    tables: dict[str, pd.DataFrame], tmp_path: Path, manifest: Manifest
) -> None:
    ends = {2: 5, 3: 1, 4: 1}  # the month in which patients stop
    stops = [
        tables["doses"].iloc[[0]].assign(ID=who, TIME=month * HOURS_PER_MONTH, ACTION=STOPPED) for who, month in ends.items()
    ]
    asked = {"endpoint": "level_at_on_treatment", "level": "partial", **SHARE}
    context = Context(published=(study(*({**asked, "window": f"month {month}"} for month in (0, 4, 6))),), criteria=(LADDER,))
    changed = {**tables, "doses": pd.concat([tables["doses"], *stops]), "responses": ascents()}
    found = run_of(tmp_path / "run", changed, manifest, context).beside_published()
    assert found["simulated"].tolist() == [0.0, 1.0, 1.0]  # none of four, both of patients 1 and 2, patient 1 alone
    assert found["simulated_n"].tolist() == [4, 2, 1]


def test_a_level_held_at_a_time_is_of_the_last_assessment_by_then() -> None:
    held = level_held(ascents(), LADDER, "complete", months=5)
    assert held[held].index.tolist() == [("High", 1)]
    assert level_times(ascents(), LADDER, "partial").to_dict() == {("High", 1): 2.0, ("High", 2): 2.0, ("Low", 1): 6.0}


def test_a_hazard_ratio_in_a_window_counts_those_at_risk_when_it_begins(
    tables: dict[str, pd.DataFrame], tmp_path: Path, manifest: Manifest
) -> None:
    # From month 3 to 9: in High patient 3 progresses at 4, in Low patients 3 and 1 at 4 and 8; patients 4 left before.
    wanted = [
        {"endpoint": "progression_free_survival", "window": window, "estimand": "hazard_ratio"}
        for window in ("months 3 to 9", "months 10 to 12", "course 1")
    ]
    context = Context(published=(study(*wanted),))
    found = run_of(tmp_path / "run", tables, manifest, context).beside_published()
    high, low = [1.0, 6.0, 6.0], [1.0, 5.0, 6.0]
    expected = cox(high + low, [False, True, True, False, False, True], [1.0] * 3 + [0.0] * 3).hazard_ratio.value
    assert found["simulated"].iloc[0] == pytest.approx(expected)
    assert found["simulated"].iloc[1:].isna().all()
    assert found["remark"].iloc[2] == "window 'course 1' is not a time such as 'months 0 to 6'"


def test_windows_of_time_are_read_in_weeks_from_one_and_months_from_nothing() -> None:
    assert between("week 3") == (336.0, 504.0)
    assert between("weeks 1 to 4") == (0.0, 672.0)
    assert between("months 6 to 12") == (6 * HOURS_PER_MONTH, 12 * HOURS_PER_MONTH)
    assert between("week 0") is None
    assert between("course 1") is None
    assert by_then("month 3") == 3 * HOURS_PER_MONTH
    assert by_then("weeks 1 to 4") is None


def test_criteria_are_kept_with_the_run_as_they_were() -> None:
    kept = context_from_json(context_to_json(Context(criteria=(SIZES, LADDER))))
    assert kept.criteria == (SIZES, LADDER)
    assert context_from_json({}).criteria == ()


def test_a_number_of_some_patients_asks_what_they_were_like_before_treatment() -> None:
    graded = {"endpoint": "objective_response", "estimand": "proportion", "among": {"any": [{"grade": "fever", "at_least": 3}]}}
    with pytest.raises(ValidationError, match="'grade' cannot be asked of a patient before treatment"):
        study(graded)


def test_a_number_of_patients_whom_no_covariate_tells_apart_says_so(both: Result) -> None:
    nobody = ArmTables(RunFolder(both.folder), "High").among(Condition(finding="age", at_least=60))
    assert isinstance(nobody, Simulated)
    assert nobody.remark == "the population does not draw 'age'"
