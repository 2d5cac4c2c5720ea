"""`cytotrial validate` and `run --replicates`: what they show, and what stays when they are stopped. Trials are made up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from cytotrial import replicates, validation
from cytotrial.catalogue import Library
from cytotrial.evidence.comparison import COLUMNS
from cytotrial.replicates import run_replicates
from cytotrial.trial import Prepared

pytestmark = pytest.mark.needs("protocols/hd_il2_rcc.yaml", "protocols/hd_il2_rcc_720k.yaml")

FIRST, SECOND = "hd_il2_rcc", "hd_il2_rcc_720k"


def comparison(study: str) -> pd.DataFrame:
    """Three made-up numbers of a study: one inside, one outside, one without an interval."""
    row = dict.fromkeys(COLUMNS, "")
    numbers = {"published": 0.2, "published_low": 0.1, "published_high": 0.3, "simulated_low": 0.1, "simulated_high": 0.3}
    row |= {"study": study, "role": "validation", "arm": "A", "endpoint": "objective_response", "estimand": "proportion"}
    row |= {"unit": "1", "denominator": "patient", "published_n": 100, "verified": True, "graded": float("nan"), **numbers}
    frame = pd.DataFrame([{**row, "inside": inside, "simulated": 0.2} for inside in ("yes", "no", "-")])
    return frame.assign(differs="rules: trial a, here b")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """Trials that take no time; the list fills with the folders they were asked to use."""
    folders: list[Path | None] = []

    def trial(plan, library, *, folder=None, **_: object) -> SimpleNamespace:
        folders.append(folder)
        return SimpleNamespace(beside_published=lambda: comparison(f"study_of_{plan.name}"))

    monkeypatch.setattr(validation, "run_trial", trial)
    return folders


def test_every_study_is_counted_by_what_lies_inside(call, made_up: list[Path | None]) -> None:
    shown = call("validate", FIRST, SECOND)
    assert shown.exit_code == 0
    assert "Validation: 2 of 4 simulated values lie inside the published interval; 2 have no published interval" in shown.stdout
    assert "study_of_hd_il2_rcc_720k" in shown.stdout
    assert "Not as in this trial: rules: trial a, here b." in shown.stdout
    assert made_up == [None, None]


def test_a_stopped_validation_shows_what_was_done_and_how_to_go_on(call, made_up, monkeypatch: pytest.MonkeyPatch) -> None:
    done = validation.run_trial

    def stopped(plan, library, **options: object) -> object:
        if plan.name == SECOND:
            raise KeyboardInterrupt
        return done(plan, library, **options)

    monkeypatch.setattr(validation, "run_trial", stopped)
    shown = call("validate", FIRST, SECOND)
    assert shown.exit_code == 130
    assert "study_of_hd_il2_rcc" in shown.stdout
    assert "stopped after 1 of 2 protocols; these are shown. With --runs FOLDER the same command goes on" in shown.stderr


def test_kept_runs_have_a_folder_of_their_own_each(call, made_up: list[Path | None], tmp_path: Path) -> None:
    shown = call("validate", FIRST, SECOND, "--patients", 10, "--runs", tmp_path / "kept", "-o", tmp_path / "table.csv")
    assert shown.exit_code == 0
    assert [folder.parent.name for folder in made_up if folder] == ["kept", "kept"]
    assert len({folder.name for folder in made_up if folder}) == 2
    assert len(pd.read_csv(tmp_path / "table.csv")) == 6


@pytest.fixture
def two_trials_and_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicates of which the third is stopped by Ctrl-C."""
    seeds: list[int] = []

    def one_trial(protocol, *_: object, **__: object) -> pd.DataFrame:
        seeds.append(protocol.seed)
        if len(seeds) == 3:
            raise KeyboardInterrupt
        value = {"arm": "A", "endpoint": "objective response", "unit": "1", "value": 0.1 * len(seeds)}
        return pd.DataFrame([value])

    monkeypatch.setattr(replicates, "_one_trial", one_trial)
    monkeypatch.setattr(replicates, "prepare", lambda *_, **__: Prepared(None, None))


def test_stopped_replicates_keep_the_whole_trials_and_no_half_one(two_trials_and_a_half: None, library: Library) -> None:
    from cytotrial.protocol import find_protocol, read_protocol

    plan = read_protocol(find_protocol(FIRST, library), library)
    found = run_replicates(plan, library, count=5, success="objective response >= 15 %")
    assert (found.made, found.asked) == (2, 5)
    assert found.reached == (False, True)
    assert found.table["seed"].tolist() == [plan.seed, plan.seed + 1]


def test_stopped_replicates_say_how_many_were_made_and_where_they_are(call, two_trials_and_a_half, tmp_path: Path) -> None:
    shown = call("run", FIRST, "--replicates", 5, "-o", tmp_path / "kept")
    assert shown.exit_code == 130
    assert "stopped after 2 of 5 trials" in shown.stderr
    assert "The unfinished one is lost." in shown.stderr
    assert pd.read_csv(tmp_path / "kept" / "replicates.csv")["seed"].nunique() == 2
