"""A run of three made-up patients, small enough to be read, and a way to call the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cytotrial.cli.app import app
from cytotrial.formats.run import Manifest
from cytotrial.results.store import RunWriter
from cytotrial.results.tables import COLUMNS, empty

ARM = "Bolus"

Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    """Calls the command line in this process."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="cytotrial")


@pytest.fixture
def shell() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls the command line in a process of its own, as a user does."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cytotrial", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", check=False, env={**os.environ, "PYTHONUTF8": "1"}
        )

    return run


def tables() -> dict[str, pd.DataFrame]:
    """Three patients, two planned doses; patient 2's second dose is withheld for creatinine, patient 3 failed."""
    dose = {
        "ARM": ARM,
        "DRUG": "aldesleukin",
        "COURSE": 1,
        "CYCLE": 1,
        "PLANNED": 180.0,
        "UNIT": "nmol",
        "ROUTE": "iv",
        "DURATION": 0.25,
    }
    given = {**dose, "GIVEN": 180.0, "ACTION": "give", "REASON": ""}
    withheld = {**dose, "GIVEN": 0.0, "ACTION": "withhold", "REASON": "creatinine_relative"}
    made = {"ARM": ARM, "DRUG": "aldesleukin", "COURSE": 1, "CYCLE": 1}
    lab = {"ARM": ARM, "PARAMCD": "CREAT", "NAME": "creatinine", "AVALU": "mg/dL"}
    event = {
        "ARM": ARM,
        "TERM": "Creatinine increased",
        "SOC": "Investigations",
        "COURSE": 1,
        "CYCLE": 1,
        "VERSION": "CTCAE v5.0",
    }
    found = {name: empty(name) for name in COLUMNS}
    found["patients"] = pd.DataFrame({"ARM": ARM, "ID": [1, 2, 3], "weight": [80.0, 70.0, 90.0]})
    found["inputs"] = pd.DataFrame(
        [
            {
                "ARM": ARM,
                "ID": 2,
                "TIME": 0.0,
                "TARGET": "infusion",
                "KIND": "set",
                "VALUE": 720.0,
                "UNIT": "nmol/h",
                "WHAT": "aldesleukin",
            }
        ]
    )
    found["doses"] = pd.DataFrame(
        [
            {**given, "ID": 1, "TIME": 0.0, "DOSE": 1},
            {**given, "ID": 1, "TIME": 8.0, "DOSE": 2},
            {**given, "ID": 2, "TIME": 0.0, "DOSE": 1},
            {**withheld, "ID": 2, "TIME": 8.0, "DOSE": 2},
        ]
    )
    found["decisions"] = pd.DataFrame(
        [
            {**made, "ID": 2, "TIME": 0.0, "DOSE": 1, "ACTION": "give", "POLICY": "", "CRITERIA": "", "SOURCE": ""},
            {
                **{**made, "ID": 2, "TIME": 8.0, "DOSE": 2, "ACTION": "withhold", "POLICY": "any relative"},
                **{"CRITERIA": "creatinine_relative", "SOURCE": "dutcher2014, Table 3, Renal"},
            },
        ]
    )
    found["findings"] = pd.DataFrame(
        [
            {"ARM": ARM, "ID": 2, "TIME": 8.0, "CRITERION": "creatinine_relative", "LEVEL": "relative", "MET": 1},
            {"ARM": ARM, "ID": 2, "TIME": 8.0, "CRITERION": "confusion", "LEVEL": "absolute", "MET": None},
        ]
    ).astype({"MET": "Int64"})
    found["labs"] = pd.DataFrame([{**lab, "ID": 2, "TIME": 0.0, "AVAL": 1.1}, {**lab, "ID": 2, "TIME": 8.0, "AVAL": 2.7}])
    found["adverse_events"] = pd.DataFrame(
        [{**event, "ID": 2, "GRADE": 2, "ASTTM": 8.0, "AENTM": None, "TIME_WORST": 8.0}]
    ).astype({"AENTM": "float64"})
    found["failures"] = pd.DataFrame(
        [{"ARM": ARM, "ID": 3, "TIME": 4.0, "STATUS": "NOT_FINITE", "REASON": "a state was not finite"}]
    )
    return found


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """The run, written to disk."""
    folder = tmp_path / "my_run"
    frames = tables()
    manifest = Manifest.model_validate(
        {
            **{
                "schema": "run/1",
                "complete": True,
                "notice": "SIMULATED: no row of any table is a patient",
                "seed": 1,
                "patients": 3,
            },
            **{
                "protocol": {"design": "twins"},
                "protocol_text": "schema: protocol/1\n",
                "arms": [ARM],
                "versions": {},
                "hashes": {},
            },
            **{"tables": {}, "failures": 1, "created": "2030-01-01T08:00:00+00:00", "seconds": 1.0},
        }
    )
    with RunWriter(folder) as writer:
        for name, frame in frames.items():
            writer.write(name, frame)
        writer.finish(manifest)
    return folder
