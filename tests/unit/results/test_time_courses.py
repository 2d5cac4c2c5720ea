"""What readers see first: bands over patients seen at different hours, words of the time shown, doses while on treatment."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cytotrial.formats.run import Manifest
from cytotrial.results import RunWriter
from cytotrial.results.course_figures import time_course
from cytotrial.results.doses import doses
from cytotrial.results.folder import RunFolder
from cytotrial.results.time_courses import bands


def test_patients_looked_at_at_other_hours_count_between_their_own_visits(manifest: Manifest, tmp_path: Path) -> None:
    seen = {1: ((0.0, 0.0), (1.0, 1.0), (2.0, 2.0)), 2: ((0.0, 10.0), (2.0, 30.0)), 3: ((0.0, 5.0), (1.0, 5.0))}
    rows = [("High", patient, time, value) for patient, points in seen.items() for time, value in points]
    with RunWriter(tmp_path / "run") as writer:
        writer.write("trajectories", pd.DataFrame(rows, columns=["ARM", "ID", "TIME", "pressure"]))
        writer.finish(manifest)
    found = bands(RunFolder(tmp_path / "run"), "pressure")
    assert found["time"].tolist() == [0.0, 1.0, 2.0]
    # At hour 1 patient 2 is half-way between 10 and 30; after it patient 3 is no longer followed.
    assert found["patients"].tolist() == [3, 3, 2]
    assert found["p50"].tolist() == pytest.approx([5.0, 5.0, 16.0])


def test_the_words_of_a_time_course_tell_of_the_time_shown_alone() -> None:
    quantiles = {key: [-2.5e-09, 40.0, 7.0] for key in ("p05", "p25", "p50", "p75", "p95")}
    table = pd.DataFrame({"arm": "High", "time": [0.0, 10.0, 500.0], "patients": [4, 4, 4], **quantiles})
    words = time_course(table, "level", arms=["High"], unit="10^9/L", until=20.0)["layout"]["meta"]["text"]
    assert words == ["High: median 0 at the start, 40 at the end of the time shown, between 0 and 40 on the way [×10⁹/L]"]


def test_the_number_of_patients_followed_stands_below_where_some_leave() -> None:
    quantiles = {key: [1.0, 1.0, 1.0] for key in ("p05", "p25", "p50", "p75", "p95")}
    table = pd.DataFrame({"arm": "High", "time": [0.0, 10.0, 20.0], "patients": [4, 3, 1], **quantiles})
    row = next(trace for trace in time_course(table, "level", arms=["High"])["data"] if trace.get("mode") == "text")
    assert (row["x"], row["text"]) == ([0.0, 5.0, 10.0, 15.0, 20.0], ["4", "3", "3", "1", "1"])


def test_doses_after_a_drug_was_stopped_for_good_are_not_planned_on_treatment() -> None:
    common = {"ARM": "High", "ID": 1, "DRUG": "a", "COURSE": 1, "CYCLE": 1, "PLANNED": 1.0}
    actions = ["give", "withhold", "give", "give", "stop drug", "stop drug"]
    slots = pd.DataFrame(
        [
            {
                **common,
                "TIME": 24.0 * number,
                "DOSE": number + 1,
                "GIVEN": float(action == "give"),
                "ACTION": action,
                "REASON": "x",
            }
            for number, action in enumerate(actions)
        ]
    )
    found = doses(slots, arms=["High"]).iloc[0]
    assert (found["given_percent"], found["on_treatment_percent"]) == (50.0, 75.0)
