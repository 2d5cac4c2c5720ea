"""The answers for the small trial of conftest.py, worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cytotrial.errors import RunFolderError
from cytotrial.results import Result
from cytotrial.results.adverse_events import adverse_events
from cytotrial.results.efficacy import best_responses, efficacy
from cytotrial.results.tables import empty


def row(frame: pd.DataFrame, **wanted: object) -> pd.Series:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1, f"{wanted}: {len(frame)} rows"
    return frame.iloc[0]


def test_objective_response_counts_everybody_also_the_failed(result: Result) -> None:
    found = row(result.efficacy(), arm="High", endpoint="objective response")
    assert (found["events"], found["patients"], found["value"]) == (2, 4, 0.5)
    assert row(result.efficacy(), arm="High", endpoint="not evaluable")["events"] == 1


def test_the_best_response_stated_by_the_criteria_goes_before_the_best_seen(tables: dict[str, pd.DataFrame]) -> None:
    scans = tables["responses"].assign(BEST="SD")
    best = best_responses(tables["patients"], scans)
    assert best.loc[("High", 1)] == "SD"
    assert best.loc[("High", 4)] == "NE"


def test_survival_rows_follow_kaplan_meier(result: Result) -> None:
    found = result.efficacy()
    assert row(found, arm="High", endpoint="progression-free survival, median")["value"] == 7
    assert row(found, arm="High", endpoint="overall survival, 6 months")["value"] == 0.75
    assert math.isnan(row(found, arm="Low", endpoint="overall survival, median")["high"])
    assert "overall survival, 24 months" not in set(found["endpoint"])


def test_duration_of_response_runs_from_the_first_response_to_progression(result: Result) -> None:
    # High: patient 1 responds at month 2 and is free of progression at 12; patient 2 from 2 to 10.
    found = row(result.efficacy(), arm="High", endpoint="duration of response, median")
    assert (found["patients"], found["events"]) == (2, 1)
    assert found["value"] == pytest.approx(8)


def test_twins_are_compared_in_pairs(result: Result) -> None:
    found = row(result.between_arms(), endpoint="objective response")
    # One of four responds in High only, none in Low only.
    assert (found["arm"], found["against"], found["value"], found["method"]) == ("Low", "High", -0.25, "paired, Newcombe")
    assert row(result.between_arms(), endpoint="progression-free survival, 12 months")["value"] == 0


def test_randomised_arms_are_compared_as_two_samples(make_run: Callable[..., Result], tmp_path: Path) -> None:
    found = make_run(tmp_path / "run", design="randomised").between_arms()
    assert row(found, endpoint="objective response")["method"] == "two samples, Newcombe"
    assert 0 < row(found, endpoint="overall survival")["p_value"] <= 1


def test_a_patient_counts_once_at_the_worst_grade(result: Result) -> None:
    fever = row(result.adverse_events(), arm="High", term="Fever")
    assert (fever["any_grade"], fever["grade_1"], fever["grade_2"], fever["grade_3"], fever["grade_4"]) == (2, 1, 0, 1, 0)
    whole = row(result.adverse_events(), arm="High", term="Any adverse event")
    assert (whole["any_grade"], whole["grade_3_or_more"], whole["any_grade_percent"]) == (2, 2, 50)
    assert fever["version"] == "CTCAE v5.0"


def test_an_arm_without_adverse_events_is_listed_with_zero(
    tables: dict[str, pd.DataFrame], make_run: Callable[..., Result]
) -> None:
    found = adverse_events(tables["patients"], empty("adverse_events"), arms=["High"], per="patient")
    assert found.to_dict("records")[0]["any_grade"] == 0


def test_doses_are_counted_over_the_patients_who_began_the_cycle(result: Result) -> None:
    first = row(result.doses(), arm="High", course=1, cycle=1)
    assert (first["patients"], first["planned_per_patient"], first["given_median"]) == (4, 3, 2.5)
    assert first["given_percent"] == pytest.approx(100 * 9 / 12)
    assert first["reduced_percent"] == pytest.approx(100 / 12)
    assert first["withheld_percent"] == pytest.approx(200 / 12)
    assert first["amount_percent"] == pytest.approx(100 * 85 / 120)
    assert row(result.doses(), arm="High", course=1, cycle=2)["patients"] == 3  # patient 2 never began it


def test_each_slot_tells_who_got_it(result: Result) -> None:
    second = row(result.doses_by_slot(), arm="High", cycle=1, dose=2)
    assert (second["given"], second["reduced"], second["withheld"], second["other"]) == (2, 1, 1, 0)


def test_a_dose_withheld_for_two_criteria_counts_under_each(result: Result) -> None:
    found = result.reasons()
    for reason in ("pressure_low", "creatinine_high"):
        withheld = row(found, arm="High", action="withhold", reason=reason)
        assert (withheld["doses"], withheld["patients"], withheld["percent"]) == (2, 2, 12.5)


def test_published_numbers_stand_beside_simulated_ones(result: Result) -> None:
    found = result.beside_published().set_index(["endpoint", "estimand"])
    response = found.loc[("objective_response", "proportion")]
    assert (response["simulated"], response["published"], response["simulated_n"]) == (50, 40, 4)
    assert response["interval"] == "exact, from n"
    assert response["published_low"] == pytest.approx(30.33, abs=0.01)  # 40 of 100, Clopper-Pearson
    assert response["inside"] == "yes"
    assert found.loc[("complete_response", "proportion")]["inside"] == "no"
    assert found.loc[("overall_survival", "proportion")]["simulated"] == 0.75
    assert found.loc[("overall_survival", "median")]["inside"] == "-"
    assert found.loc[("doses_given", "median")]["simulated"] == 3.5  # 4, 1, 4 and 3 doses
    assert found.loc[("cycle_stopped", "proportion")]["simulated"] == 0.25


def test_an_event_rate_per_cycle_counts_cycles_begun(result: Result) -> None:
    found = row(result.beside_published(), endpoint="adverse_event")
    # One fever of grade 3, in 4 + 3 begun cycles.
    assert (found["simulated"], found["simulated_n"]) == (pytest.approx(1 / 7), 7)


def test_a_laboratory_peak_is_taken_within_the_cycle_and_in_the_published_unit(result: Result) -> None:
    found = row(result.beside_published(), endpoint="peak_of")
    # Cycle 1: 1.1 to 1.4 mg/dL, mean 1.25; 10 mg/L are 1 mg/dL.
    # Patient 2 is also measured at 336 h, in a cycle that never began. Standard error 0.5: 12.5 +- 0.98.
    assert found["simulated"] == pytest.approx(12.5)
    assert (found["published_low"], found["published_high"]) == pytest.approx((11.52, 13.48), abs=0.01)
    assert (found["inside"], found["verified"]) == ("yes", False)


def test_what_cannot_be_simulated_is_reported_not_dropped(result: Result) -> None:
    found = result.beside_published().set_index("endpoint")
    assert found.loc["quality_of_life", "remark"] == "not simulated yet"
    assert math.isnan(found.loc["quality_of_life", "simulated"])
    mean = found.loc["overall_survival"].set_index("estimand").loc["mean"]
    assert mean["remark"] == "not simulated yet: the mean of overall_survival"


def test_efficacy_shows_the_published_value_in_the_unit_of_its_row(result: Result) -> None:
    found = row(result.efficacy(), arm="High", endpoint="objective response")
    assert (found["published"], found["study"]) == (0.4, "smith1990")
    assert math.isnan(row(result.efficacy(), arm="Low", endpoint="objective response")["published"])


def test_every_figure_is_plain_json_with_units_and_words(result: Result) -> None:
    assert result.plots()[-1] == "temperature"
    for name in result.plots():
        figure = result.plot(name)
        json.dumps(figure, allow_nan=False)
        assert "SIMULATED" in figure["layout"]["title"]["text"]
        assert figure["layout"]["meta"]["text"], name
        axes = [figure["layout"][key]["title"]["text"] for key in ("xaxis", "yaxis")]
        assert any("[" in axis for axis in axes), axes


def test_the_band_of_a_time_course_holds_the_quantiles_over_patients(result: Result) -> None:
    middle = next(trace for trace in result.plot("temperature")["data"] if trace.get("name") == "High")
    assert middle["x"] == [0.0, 10.0]
    assert middle["y"] == pytest.approx([38.5, 39.5])
    assert result.plot("temperature")["layout"]["yaxis"]["title"]["text"] == "temperature [°C]"


def test_numbers_at_risk_stand_under_the_survival_curve(result: Result) -> None:
    rows = [trace for trace in result.plot("survival")["data"] if trace.get("mode") == "text"]
    assert rows[0]["x"][:3] == [0.0, 2.0, 4.0]
    assert rows[0]["text"][:3] == ["4", "3", "3"]


def test_an_unknown_figure_is_answered_with_the_nearest(result: Result) -> None:
    with pytest.raises(RunFolderError, match="Did you mean 'survival'"):
        result.plot("survivl")


def test_a_trial_without_scans_or_deaths_still_has_an_answer(tables: dict[str, pd.DataFrame]) -> None:
    found = efficacy(tables["patients"], empty("responses"), empty("survival"), arms=["High"])
    assert row(found, endpoint="not evaluable")["value"] == 1
    assert not found["endpoint"].str.contains("survival").any()  # an endpoint the run does not have is not shown as 0


def test_exposure_is_of_the_drug_levels_that_are_asked_for(result: Result) -> None:
    names = result.observables()[:1]
    assert set(result.exposure(names)["observable"]) == set(names)
    assert result.exposure([]).empty
    assert set(result.drug_levels()) <= set(result.observables())


def test_the_rows_of_one_patient_are_those_of_the_table(result: Result) -> None:
    for name in ("doses", "labs", "adverse_events"):
        everybody = result.table(name)
        mine = everybody[(everybody["ARM"] == "High") & (everybody["ID"] == 2)].reset_index(drop=True)
        pd.testing.assert_frame_equal(result.of_patient(name, arm="High", patient=2), mine)
    assert result.of_patient("doses", arm="nobody's", patient=2).empty
