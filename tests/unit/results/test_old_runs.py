"""A run folder of every released version can still be read, and answers as it did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cytotrial.report import render_report
from cytotrial.results import Result, load
from cytotrial.results.nonmem import dose_events
from cytotrial.results.tables import COLUMNS

DATA = Path(__file__).resolve().parents[2] / "data"
RUNS = sorted(DATA.glob("run_*"))


@pytest.fixture(params=RUNS, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest) -> Result:
    return load(request.param)


def test_there_is_an_old_run_to_read() -> None:
    assert RUNS


def test_every_table_of_an_old_run_has_the_rows_its_manifest_says(old: Result) -> None:
    assert {name: len(old.table(name)) for name in COLUMNS} == old.manifest.tables


def test_an_old_run_gives_the_answer_it_gave(old: Result) -> None:
    summary = json.loads((old.folder / "summary.json").read_text(encoding="utf-8"))
    found = old.efficacy().set_index(["arm", "endpoint"])["value"]
    for row in summary["efficacy"]:
        value = np.nan if row["value"] is None else row["value"]
        assert found.loc[(row["arm"], row["endpoint"])] == pytest.approx(value, nan_ok=True)


def test_an_old_run_has_figures_and_a_report(old: Result) -> None:
    assert "SIMULATED" in render_report(old)


def test_dose_events_are_what_entered_the_biology(old: Result) -> None:
    # A dose is an infusion that is set and set back, or an amount that is added: both are in `inputs` as 'dose'.
    inputs = old.table("inputs")
    inputs = inputs[inputs["WHAT"] == "dose"].sort_values(["ARM", "ID", "TARGET", "TIME"], kind="stable")
    infused = inputs[inputs["KIND"] == "set"]
    hours = infused.groupby(["ARM", "ID", "TARGET"])["TIME"].shift(-1) - infused["TIME"]
    amounts = (infused["VALUE"] * hours.fillna(0)).groupby(infused["ID"]).sum()
    amounts = amounts.add(inputs[inputs["KIND"] == "add"].groupby("ID")["VALUE"].sum(), fill_value=0)
    events = dose_events(old)
    assert events.groupby("ID")["AMT"].sum().to_dict() == pytest.approx(amounts.to_dict(), rel=1e-9)
    starts = infused[infused["VALUE"] > 0]
    assert len(starts) + (inputs["KIND"] == "add").sum() == len(events)
