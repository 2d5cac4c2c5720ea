"""Comparisons of arms and runs, and the shapes a run is exported in, on the small trial of conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytotrial.errors import RunFolderError
from cytotrial.results import Result
from cytotrial.results.adam import DATASETS
from cytotrial.results.export import export
from cytotrial.results.nonmem import compartments, dose_events
from cytotrial.results.runs import compare_runs


def row(frame: pd.DataFrame, **wanted: object) -> pd.Series:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1, f"{wanted}: {len(frame)} rows"
    return frame.iloc[0]


def test_benefit_and_risk_of_twins_stand_together(result: Result) -> None:
    found = result.between_arms()
    severe = row(found, endpoint="any adverse event of grade 3 or more")
    # Of the four twins, two had a severe event in High and none in Low.
    assert (severe["kind"], severe["arm_value"], severe["against_value"], severe["value"]) == ("risk", 0, 0.5, -0.5)
    given = row(found, kind="doses")
    assert (given["arm_value"], given["against_value"], given["value"]) == (3.75, 3.0, 0.75)
    assert row(found, endpoint="overall survival", measure="hazard ratio")["method"] == "Cox, bootstrap of pairs"


def test_a_run_against_itself_differs_in_nothing(result: Result) -> None:
    found = compare_runs(result, result)
    assert found.paired
    assert found.differences == ()
    assert (found.table.loc[found.table["measure"] == "difference", "value"] == 0).all()


def test_runs_of_another_design_are_not_paired_and_say_so(
    result: Result, make_run: Callable[..., Result], tmp_path: Path
) -> None:
    found = compare_runs(result, make_run(tmp_path / "other", design="randomised"))
    assert not found.paired
    assert "design: twins against randomised" in found.differences
    assert set(found.table["method"]) <= {"two samples, Newcombe", "Cox, log-rank", "two samples, Welch"}


def test_adverse_events_can_be_counted_per_cycle(result: Result) -> None:
    found = row(result.adverse_events(per="cycle"), arm="High", term="Fever")
    # Seven cycles were begun; fever came in cycle 1 of patients 1 and 2 and in cycle 2 of patient 1.
    assert (found["cycles"], found["any_grade"], found["grade_3"]) == (7, 3, 1)


def test_onset_and_duration_are_of_episodes(result: Result) -> None:
    found = row(result.adverse_event_times(), arm="High", term="Fever")
    assert (found["episodes"], found["patients"], found["onset_median"], found["duration_median"]) == (3, 2, 1, 8)


def test_terms_that_come_together_are_counted_once_a_patient(result: Result) -> None:
    found = row(result.co_occurrence("High", at_least=1), term="Fever", other="Hypotension")
    assert (found["both"], found["percent"], found["expected_percent"]) == (1, 25, 12.5)


@pytest.mark.parametrize("name", DATASETS)
def test_every_adam_row_says_that_it_is_simulated_and_whose_it_is(result: Result, name: str) -> None:
    frame = DATASETS[name](result)
    assert len(frame)
    assert frame["STUDYID"].str.startswith("SIM-").all()
    assert frame["USUBJID"].str.startswith("SIM-").all()
    assert not [column for column in frame.columns if len(column) > 8]


def test_adsl_has_one_row_a_patient_of_an_arm_and_twins_share_the_subject(result: Result) -> None:
    frame = DATASETS["ADSL"](result)
    assert frame["USUBJID"].is_unique
    assert frame.groupby("SUBJID").size().tolist() == [2] * 4
    assert set(frame["TRT01P"]) == {"High", "Low"}


def test_the_first_day_is_one_and_the_day_before_it_is_minus_one(result: Result) -> None:
    labs = DATASETS["ADLB"](result).drop_duplicates("ARELTM").set_index("ARELTM")["ADY"]
    assert labs.loc[[-24.0, 0.0, 16.0, 336.0]].tolist() == [-1, 1, 1, 15]


def test_baseline_is_the_last_value_at_or_before_the_first_dose(result: Result) -> None:
    frame = DATASETS["ADLB"](result)
    assert frame.loc[frame["ABLFL"] == "Y", "ARELTM"].tolist() == [0.0] * 8
    assert frame.loc[frame["ARELTM"] == 336.0, "CHG"].to_numpy() == pytest.approx(1.0)


def test_censoring_keeps_its_meaning_in_adtte(result: Result) -> None:
    frame, ours = DATASETS["ADTTE"](result), result.table("survival")
    assert frame["CNSR"].tolist() == ours["CNSR"].tolist()
    assert frame["AVAL"].tolist() == ours["AVAL"].tolist()


def test_dose_events_hold_what_was_given_and_nothing_else(result: Result) -> None:
    frame, given = dose_events(result), result.table("doses").query("GIVEN > 0")
    assert frame["AMT"].sum() == given["GIVEN"].sum()
    assert len(frame) == len(given)
    assert (frame["RATE"] == frame["AMT"] / 0.25).all()
    assert set(frame["ID"]) == {1, 2, 3, 4, 11, 12, 13, 14}
    assert frame["ID"].is_monotonic_increasing
    assert compartments(result).to_dict("records") == [{"CMT": 1, "DRUG": "drug_a", "ROUTE": "iv", "UNIT": "nmol"}]


def test_export_writes_files_once_with_a_note_that_they_are_simulated(result: Result, tmp_path: Path) -> None:
    for shape in ("csv", "adam", "nonmem"):
        paths = export(result, shape, folder=tmp_path / shape)
        assert "SIMULATED" in paths[-1].read_text(encoding="utf-8")
        with pytest.raises(RunFolderError, match="this file exists already"):
            export(result, shape, folder=tmp_path / shape)
    labs = pd.read_csv(tmp_path / "csv" / "labs.csv")
    assert np.allclose(labs["AVAL"], result.table("labs")["AVAL"])


def test_an_unknown_shape_names_the_nearest(result: Result, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no shape is called 'nonmen'"):
        export(result, "nonmen", folder=tmp_path)
