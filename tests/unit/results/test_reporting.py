"""What a publication would report of the small trial, and the care its patients had, worked out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from cytotrial.evidence.comparison import compare_with_published
from cytotrial.evidence.setting import differences
from cytotrial.formats.clinic import CareInUse, GradingFile
from cytotrial.formats.evidence import EvidenceFile
from cytotrial.formats.reporting import ReportingFile
from cytotrial.results import Context, Result
from cytotrial.results.care_in_use import care_in_use
from cytotrial.results.context import context_from_json, context_to_json
from cytotrial.results.folder import RunFolder
from cytotrial.results.reporting import as_reported, reported_rate, scheme_of

GRADING = GradingFile.model_validate(
    {
        "schema": "grading/1",
        "title": {"en": "G", "fr": "G"},
        "version": "CTCAE v5.0",
        "terms": {
            name: {
                "term": name.capitalize(),
                "system_organ_class": "x",
                "grades": {1: {"finding": name, "above": 1}},
                "source": {"ref": "s"},
            }
            for name in ("fever", "hypotension")
        },
    }
)


def scheme_file(**terms: dict[str, object]) -> ReportingFile:
    return ReportingFile.model_validate(
        {
            "schema": "reporting/1",
            "title": {"en": "A table", "fr": "Un tableau"},
            "status": "assumed",
            "source": {"ref": "s"},
            "terms": terms,
        }
    )


def row(frame: pd.DataFrame, **wanted: object) -> pd.Series:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1, f"{wanted}: {len(frame)} rows"
    return frame.iloc[0]


def test_a_grade_below_the_cut_off_is_graded_but_not_reported(tables: dict[str, pd.DataFrame]) -> None:
    # In High, patient 1 has fever of grade 3 and patient 2 of grade 1.
    scheme = scheme_of("table", scheme_file(heat={"of": ["fever"], "from_grade": 2}), GRADING)
    found = row(as_reported(tables["patients"], tables["adverse_events"], scheme, arms=["High"]), term="heat")
    assert (found["graded_percent"], found["reported_percent"], found["reported_3_or_more_percent"]) == (50, 25, 25)
    assert found["reported_from_grade"] == 2


def test_a_term_that_stands_in_no_line_is_not_reported(tables: dict[str, pd.DataFrame]) -> None:
    # Patient 2 has hypotension of grade 4, which this table does not list.
    scheme = scheme_of("table", scheme_file(heat={"of": ["fever"]}), GRADING)
    found = row(as_reported(tables["patients"], tables["adverse_events"], scheme, arms=["High"]), term="Any of these")
    assert (found["graded_3_or_more_percent"], found["reported_3_or_more_percent"]) == (50, 25)


def test_a_patient_counts_once_at_the_worst_term_of_a_line(tables: dict[str, pd.DataFrame]) -> None:
    scheme = scheme_of("table", scheme_file(both={"of": ["fever", "hypotension"]}), GRADING)
    found = row(as_reported(tables["patients"], tables["adverse_events"], scheme, arms=["High"]), term="both")
    assert (found["reported_percent"], found["reported_3_or_more_percent"]) == (50, 50)


def test_a_share_gives_the_expected_incidence(tables: dict[str, pd.DataFrame]) -> None:
    # Grade 3 of patient 1 is always reported, grade 1 of patient 2 in one of two such patients: 1.5 of 4.
    scheme = scheme_of("table", scheme_file(heat={"of": ["fever"], "share": {1: 0.5}}), GRADING)
    events = tables["adverse_events"].query("ARM == 'High'")
    patients = tables["patients"].query("ARM == 'High'")
    found = reported_rate(events, patients, scheme, line=scheme.line("heat"), at_least=1, per="patient")
    assert found.value == pytest.approx(0.375)


def test_a_scheme_without_cut_offs_reports_what_was_graded(tables: dict[str, pd.DataFrame]) -> None:
    scheme = scheme_of("table", scheme_file(heat={"of": ["fever"]}, faint={"of": ["hypotension"]}), GRADING)
    found = as_reported(tables["patients"], tables["adverse_events"], scheme, arms=["High", "Low"])
    assert (found["graded_percent"] == found["reported_percent"]).all()


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"1\.5 of grade 1 is no share"):
        scheme_file(heat={"of": ["fever"], "share": {1: 1.5}})


STUDY = {
    "schema": "evidence/1",
    "study": "table1990",
    "title": {"en": "A study", "fr": "Une étude"},
    "source": "table1990",
    "protocol": "small",
    "arm": "High",
    "role": "validation",
    "reporting": "table",
    "setting": {"rules": ["strict"], "years": "1990", "differs": ["one centre"]},
    "expectations": [
        {"id": "a", "endpoint": "adverse_event", "term": "heat", "estimand": "proportion", "value": 0.3, "n": 10, "where": "t"},
        {"id": "b", "endpoint": "adverse_event", "term": "cold", "estimand": "proportion", "value": 0.3, "where": "t"},
    ],
}


def test_a_study_is_compared_with_what_it_would_report_and_all_graded_stands_beside(result: Result) -> None:
    scheme = scheme_of("table", scheme_file(heat={"of": ["fever"], "from_grade": 2}), GRADING)
    context = dataclasses.replace(result.context, published=(EvidenceFile.model_validate(STUDY),), schemes={"table": scheme})
    found = compare_with_published(RunFolder(result.folder), context, arms=result.arms)
    heat, cold = row(found, term="heat"), row(found, term="cold")
    assert (heat["simulated"], heat["graded"], heat["scheme"]) == (0.25, 0.5, "table")
    assert cold["remark"] == "the reporting scheme 'table' has no line 'cold'"


def test_a_study_names_a_term_by_its_key_and_one_that_the_grading_lacks_is_not_simulated(
    make_run: Callable[..., Result], tmp_path: Path
) -> None:
    grading = GRADING.model_copy(update={"terms": {"raised_temperature": GRADING.terms["fever"]}})
    published = EvidenceFile.model_validate(
        {
            "schema": "evidence/1",
            "study": "smith1990",
            "title": {"en": "A study", "fr": "Une étude"},
            "source": "smith1990",
            "protocol": "small",
            "arm": "High",
            "role": "validation",
            "expectations": [
                {
                    "id": name,
                    "endpoint": "adverse_event",
                    "term": name,
                    "estimand": "proportion",
                    "value": 0.2,
                    "where": "table 1",
                }
                for name in ("raised_temperature", "fever", "headache")
            ],
        }
    )
    found = make_run(tmp_path / "run", context=Context(published=(published,), grading=grading)).beside_published()
    by_key, by_text, absent = found["simulated"]
    assert by_key == by_text == 0.5  # two of four patients
    assert pd.isna(absent)
    assert found["remark"].iloc[2] == "not simulated yet: the grading has no 'headache'"


def test_only_what_a_study_says_can_differ_from_the_protocol() -> None:
    study = EvidenceFile.model_validate(STUDY)
    arms = [{"name": "High", "support": "standard", "treatments": [{"drug": "d", "regimen": "r", "rules": "loose"}]}]
    assert differences(study, {"arms": arms, "grading": "g"}, "High") == ["rules: trial strict, here loose", "one centre"]
    arms[0]["treatments"][0]["rules"] = "strict"  # type: ignore[index]
    assert differences(study, {"arms": arms}, "High") == ["one centre"]


CARE = CareInUse.model_validate(
    {"title": {"en": "Pump", "fr": "Pompe"}, "seen_in": [{"finding": "flow", "above": 1000, "unit": "mL/h"}]}
)


def visits(values: list[tuple[int, float, float]]) -> pd.DataFrame:
    rows = [
        {"ARM": "High", "ID": i, "TIME": t, "NAME": "flow", "PARAMCD": "FLOW", "AVAL": v, "AVALU": "L/h"} for i, t, v in values
    ]
    return pd.DataFrame(rows)


def test_care_in_use_counts_patients_courses_and_hours(tables: dict[str, pd.DataFrame]) -> None:
    # Every patient of High began the one course; the pump of patient 1 runs at two visits, 8 and 16 h after those before.
    measured = visits([(1, 0, 0.0), (1, 8, 2.0), (1, 24, 2.0), (1, 32, 1.0), (2, 0, 0.0), (2, 8, 0.5)])
    found = care_in_use(measured, tables["doses"], tables["patients"], {"pump": CARE}, arms=["High"]).iloc[0]
    assert (found["patients"], found["percent"], found["courses"], found["courses_percent"]) == (1, 25, 1, 25)
    assert found["hours_median"] == 24


def test_care_that_was_not_measured_is_not_listed(tables: dict[str, pd.DataFrame]) -> None:
    measured = visits([(1, 0, 2.0)]).assign(NAME="other")
    assert care_in_use(measured, tables["doses"], tables["patients"], {"pump": CARE}, arms=["High"]).empty


def test_what_a_run_keeps_of_schemes_and_care_comes_back_as_it_was() -> None:
    scheme = scheme_of("table", scheme_file(heat={"of": ["fever"], "from_grade": 2, "share": {3: 0.5}}), GRADING)
    context = Context(schemes={"table": scheme}, care_in_use={"pump": CARE})
    found = context_from_json(context_to_json(context))
    assert (found.schemes, found.care_in_use) == ({"table": scheme}, {"pump": CARE})


def test_a_run_that_keeps_no_scheme_answers_with_nothing(make_run: Callable[..., Result], tmp_path: Path) -> None:
    found = make_run(tmp_path / "run", context=Context())
    assert found.as_reported().empty
    assert found.care_in_use().empty


def test_the_report_shows_what_would_be_reported_beside_what_was_graded(result: Result) -> None:
    from cytotrial.report import answer_sections as sections

    scheme = scheme_of("short_table", scheme_file(heat={"of": ["fever"], "from_grade": 2}), GRADING)
    shown = Result(result.folder)
    shown.__dict__["context"] = dataclasses.replace(result.context, schemes={"short_table": scheme})
    rows = {row[0]: row[1:] for row in sections.headline(shown).rows}
    assert rows["Any adverse event of grade 3 or more"][0].startswith("50 %")
    assert [cell for cell in rows["Grade 3 or more, as short table would report it"] if cell] == ["25 %", "0 %"]
    table = sections.as_reported(shown)["A table (short_table)"]
    assert table.rows[0] == ("High", "", "", "", "", "")
    assert table.rows.index(("heat", "50 %", "25 %", "25 %", "25 %", "grade 2")) > 0
