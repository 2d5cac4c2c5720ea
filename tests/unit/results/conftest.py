"""A trial of two arms and four twins, small enough to be checked by hand. No number in it means anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cytotrial.formats.evidence import EvidenceFile
from cytotrial.formats.run import Manifest
from cytotrial.results import Context, Result, RunWriter
from cytotrial.units import HOURS_PER_MONTH

ARMS = ["High", "Low"]
IDS = [1, 2, 3, 4]


def manifest_of(design: str = "twins", arms: list[str] | None = None) -> Manifest:
    return Manifest(
        schema="run/1",
        complete=False,
        notice="SIMULATED: no row of any table is a patient",
        protocol={"title": {"en": "A small trial", "fr": "Un petit essai"}, "design": design, "arms": []},
        protocol_text="schema: protocol/1\n",
        seed=1,
        patients=4,
        arms=ARMS if arms is None else arms,
        versions={"cytotrial": "0"},
        hashes={"run": "0"},
        tables={},
        failures=0,
        created="2026-01-01T00:00:00+00:00",
        seconds=0.0,
    )


def small_tables() -> dict[str, pd.DataFrame]:
    slots, decisions = [], []
    # Per arm and patient, the actions at three slots of course 1 cycle 1 and one of cycle 2.
    plan = {
        "High": {1: "gggg", 2: "gws-", 3: "grgg", 4: "ggwg"},
        "Low": {1: "gggg", 2: "gggg", 3: "gggg", 4: "ggwg"},
    }
    words = {"g": "give", "r": "reduce", "w": "withhold", "s": "stop cycle", "-": "not reached"}
    reasons = {
        "g": None,
        "r": "platelets_low",
        "w": "pressure_low;creatinine_high",
        "s": "creatinine_high",
        "-": "creatinine_high",
    }
    for arm, patients in plan.items():
        for patient, letters in patients.items():
            for number, letter in enumerate(letters):
                cycle, dose = (1, number + 1) if number < 3 else (2, 1)
                time = 8.0 * number if number < 3 else 336.0
                common = {"ARM": arm, "ID": patient, "TIME": time, "DRUG": "drug_a", "COURSE": 1, "CYCLE": cycle, "DOSE": dose}
                given = {"g": 10.0, "r": 5.0}.get(letter, 0.0)
                amounts = {"PLANNED": 10.0, "GIVEN": given, "UNIT": "nmol", "ROUTE": "iv", "DURATION": 0.25}
                slots.append({**common, **amounts, "ACTION": words[letter], "REASON": reasons[letter]})
                if letter != "-":
                    decisions.append(
                        {**common, "ACTION": words[letter], "POLICY": "p", "CRITERIA": reasons[letter], "SOURCE": "s"}
                    )
    events = [
        ("High", 1, "Fever", "General disorders", 2, 1),
        ("High", 1, "Fever", "General disorders", 3, 2),
        ("High", 2, "Fever", "General disorders", 1, 1),
        ("High", 2, "Hypotension", "Vascular disorders", 4, 1),
        ("Low", 1, "Fever", "General disorders", 1, 1),
    ]
    scans = [  # arm, patient, change and overall response at months 2 and 4
        ("High", 1, (-0.5, -1.0), ("PR", "CR")),
        ("High", 2, (-0.4, -0.35), ("PR", "PR")),
        ("High", 3, (0.0, 0.3), ("SD", "PD")),
        ("Low", 1, (-0.4, -0.4), ("PR", "PR")),
        ("Low", 2, (0.1, 0.1), ("SD", "SD")),
        ("Low", 3, (0.0, 0.3), ("SD", "PD")),
    ]
    # months to progression or death, and to death; 12 is the end of the follow-up
    ends = {"High": {1: (12, 12), 2: (10, 12), 3: (4, 8), 4: (1, 1)}, "Low": {1: (8, 12), 2: (12, 12), 3: (4, 5), 4: (1, 1)}}
    labs = [
        (arm, patient, time, 1.0 + patient / 10 + (time > 300))
        for arm in ARMS
        for patient in IDS
        for time in (-24.0, 0.0, 16.0, 336.0)
    ]
    return {
        "patients": pd.DataFrame(
            [
                {"ARM": arm, "ID": patient, "weight": 60.0 + patient, "sex": "female" if patient % 2 else "male"}
                for arm in ARMS
                for patient in IDS
            ]
        ),
        "doses": pd.DataFrame(slots),
        "decisions": pd.DataFrame(decisions),
        "adverse_events": pd.DataFrame(
            [
                {
                    "ARM": a,
                    "ID": i,
                    "TERM": t,
                    "SOC": s,
                    "GRADE": g,
                    "ASTTM": 1.0,
                    "AENTM": 9.0,
                    "TIME_WORST": 2.0,
                    "COURSE": 1,
                    "CYCLE": c,
                    "VERSION": "CTCAE v5.0",
                }
                for a, i, t, s, g, c in events
            ]
        ),
        "responses": pd.DataFrame(
            [
                {
                    "ARM": a,
                    "ID": i,
                    "TIME": month * HOURS_PER_MONTH,
                    "SIZE": 80 * (1 + x),
                    "CHANGE": x,
                    "NADIR": 40.0,
                    "OVERALL": code,
                    "CRITERIA": "recist",
                }
                for a, i, changes, codes in scans
                for month, x, code in zip((2, 4), changes, codes, strict=True)
            ]
        ),
        "survival": pd.DataFrame(
            [
                {
                    "ARM": arm,
                    "ID": patient,
                    "PARAMCD": code,
                    "AVAL": float(months),
                    "CNSR": int(months == 12),
                    "EVNTDESC": "end" if months == 12 else "event",
                    "CAUSE": pd.NA if months == 12 or code == "PFS" else "disease",
                }
                for arm, patients in ends.items()
                for patient, pair in patients.items()
                for code, months in zip(("PFS", "OS"), pair, strict=True)
            ]
        ),
        "labs": pd.DataFrame(
            [
                {"ARM": a, "ID": i, "TIME": t, "PARAMCD": "CREAT", "NAME": "creatinine", "AVAL": x, "AVALU": "mg/dL"}
                for a, i, t, x in labs
            ]
        ),
        "trajectories": pd.DataFrame(
            [
                {"ARM": arm, "ID": i, "TIME": t, "temperature": 36.0 + i + t / 10}
                for arm in ARMS
                for i in IDS
                for t in (0.0, 10.0)
            ]
        ),
        "failures": pd.DataFrame([{"ARM": "High", "ID": 4, "TIME": 30.5, "STATUS": "step too small", "REASON": "stiff"}]),
    }


def small_study() -> EvidenceFile:
    shares = {"estimand": "proportion", "where": "table 1"}
    return EvidenceFile.model_validate(
        {
            "schema": "evidence/1",
            "study": "smith1990",
            "title": {"en": "A study", "fr": "Une étude"},
            "source": "smith1990",
            "protocol": "small",
            "arm": "High",
            "role": "validation",
            "expectations": [
                {"id": "a", "endpoint": "objective_response", "value": 40, "unit": "%", "n": 100, **shares},
                {"id": "b", "endpoint": "complete_response", "value": 0.01, "n": 100, **shares},
                {"id": "c", "endpoint": "overall_survival", "window": "month 6", "value": 0.7, "n": 50, **shares},
                {
                    "id": "d",
                    "endpoint": "overall_survival",
                    "estimand": "median",
                    "value": 9,
                    "unit": "months",
                    "where": "p. 2",
                },
                {"id": "e", "endpoint": "doses_given", "estimand": "median", "window": "course 1", "value": 3, "where": "p. 3"},
                {
                    "id": "f",
                    "endpoint": "adverse_event",
                    "term": "fever",
                    "window": "grade 3",
                    "denominator": "cycle",
                    "value": 0.2,
                    **shares,
                },
                {
                    "id": "g",
                    "endpoint": "peak_of",
                    "term": "creatinine",
                    "estimand": "mean",
                    "denominator": "cycle",
                    "window": "cycle 1",
                    "value": 12.5,
                    "unit": "mg/L",
                    "interval": {"low": 12.0, "high": 13.0, "kind": "se"},
                    "n": 4,
                    "where": "p. 4",
                    "verified": False,
                },
                {"id": "h", "endpoint": "cycle_stopped", "value": 0.1, **shares},
                {"id": "i", "endpoint": "quality_of_life", "estimand": "mean", "value": 5, "where": "p. 5"},
                {"id": "j", "endpoint": "overall_survival", "estimand": "mean", "value": 5, "unit": "months", "where": "p. 5"},
            ],
        }
    )


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    return small_tables()


@pytest.fixture(scope="session")
def make_run(tables: dict[str, pd.DataFrame]) -> Callable[..., Result]:
    def make(folder: Path, *, design: str = "twins", context: Context | None = None, replace: bool = False) -> Result:
        with RunWriter(folder, replace=replace) as writer:
            for name, frame in tables.items():
                writer.write(name, frame)
            return writer.finish(manifest_of(design), context=context)

    return make


@pytest.fixture(scope="session")
def result(make_run: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> Result:
    context = Context(published=(small_study(),), units={"temperature": "degC"}, calendars={"High": ("day 1 08:00",)})
    return make_run(tmp_path_factory.mktemp("runs") / "small", context=context)


@pytest.fixture
def manifest() -> Manifest:
    return manifest_of()


@pytest.fixture(scope="session")
def manifest_of_two() -> Manifest:
    return manifest_of()
