"""Deaths of other causes in a whole trial: patients whose disease never moves live as long as the life table says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cytotrial.catalogue import load_library
from cytotrial.protocol.resolving import read_protocol
from cytotrial.results.survival import kaplan_meier
from cytotrial.trial import run_trial

pytestmark = pytest.mark.needs("life_tables/us_1990.yaml")

SOUND = Path(__file__).parent / "model" / "sound_library"
PATIENTS = 600
YEARS = 10
POPULATION = """schema: population/1
populations:
  all:
    title: {en: All, fr: Tous}
    life_table: us_1990
    after_progression: {median: 6 months, status: assumed}
    covariates:
      weight: {distribution: fixed, unit: kg, centre: 70, status: assumed}
      height: {distribution: fixed, unit: cm, centre: 170, status: assumed}
      age: {distribution: fixed, unit: y, centre: 68, status: assumed}
      female: {distribution: choice, unit: "1", values: {"0": 0.5, "1": 0.5}, status: assumed}
"""
COVARIATES = """covariates:
  height: {unit: cm, title: {en: Height, fr: Taille}}
  age: {unit: y, title: {en: Age, fr: Âge}}
  female: {unit: "1", title: {en: Female, fr: Femme}}
"""
TWO_ARMS = """  - name: Treated
    treatments:
      - {drug: remedy, regimen: weekly, rules: careful}
    support: standard
  - name: Observed
    treatments: []
    support: standard
"""


@pytest.fixture(scope="module")
def answer(library, tmp_path_factory: pytest.TempPathFactory):
    """Two arms of the same patients, all 68 years old, with an illness that does not grow, for ten years."""
    folder = tmp_path_factory.mktemp("other_causes")
    root = Path(shutil.copytree(SOUND, folder / "library"))
    shutil.copytree(library.root / "life_tables", root / "life_tables")
    (root / "diseases" / "illness" / "population.yaml").write_text(POPULATION, encoding="utf-8")
    interface = (root / "interface.yaml").read_text(encoding="utf-8")
    (root / "interface.yaml").write_text(interface.replace("covariates:\n", COVARIATES), encoding="utf-8")
    plan = (root / "monitoring" / "standard.yaml").read_text(encoding="utf-8")
    scans = "schedules:\n  scans: {measure: [thermometer], when: at each scan}"
    (root / "monitoring" / "standard.yaml").write_text(plan.replace("schedules:", scans), encoding="utf-8")
    written = (root / "protocols" / "trial.yaml").read_text(encoding="utf-8")
    head, _, rest = written.partition("  - name: Treated\n")
    rest = rest.partition("grading:")[2]
    path = folder / "protocol.yaml"
    settings = f"design: twins\nscans: every 1 year\nfollow_up: {YEARS} years\n"
    text = f"{head}{TWO_ARMS}{settings}grading:{rest}".replace("size: 10", f"size: {PATIENTS}")
    path.write_text(text.replace("compare_with: [study2020]\n", ""), encoding="utf-8")
    shelf = load_library(root)
    return run_trial(read_protocol(path, shelf), shelf, keep=False, threads=1, brief=True)


def test_those_whose_disease_stands_still_live_as_long_as_the_life_table_says(answer, library):
    rows = {row.age: row for row in library.life_tables["us_1990"].rows}
    patients = answer.table("patients").query("ARM == 'Observed'")
    women = float((patients["female"] == 1).mean())
    for code in ("PFS", "OS"):
        rows_of = answer.table("survival").query(f"ARM == 'Observed' and PARAMCD == '{code}'")
        curve = kaplan_meier(rows_of["AVAL"], rows_of["CNSR"] == 1)
        for years in (3, 6, 9):
            alive = {sex: np.prod([1 - getattr(rows[68 + year], sex) for year in range(years)]) for sex in ("female", "male")}
            expected = women * alive["female"] + (1 - women) * alive["male"]
            # Four binomial standard errors of 600: a false alarm in 16,000 for each of six looks.
            error = 4 * np.sqrt(expected * (1 - expected) / PATIENTS)
            assert curve.at(12.0 * years).value == pytest.approx(expected, abs=error)


def test_every_death_has_its_cause_and_twins_die_of_other_causes_at_the_same_time(answer):
    overall = answer.table("survival").query("PARAMCD == 'OS'")
    assert set(overall.loc[overall["CNSR"] == 0, "CAUSE"]) == {"other"}
    assert overall.loc[overall["CNSR"] == 1, "CAUSE"].isna().all()
    treated, observed = (overall[overall["ARM"] == arm].sort_values("ID") for arm in ("Treated", "Observed"))
    assert (overall["CNSR"] == 0).sum() > PATIENTS / 4
    assert treated["AVAL"].tolist() == observed["AVAL"].tolist()


def test_nothing_is_seen_of_a_patient_after_the_death(answer):
    overall = answer.table("survival").query("PARAMCD == 'OS' and ARM == 'Observed'").set_index("ID")["AVAL"] * 30.4375 * 24
    for table in ("responses", "vitals"):
        seen = answer.table(table).query("ARM == 'Observed'").groupby("ID")["TIME"].max()
        assert (seen <= overall.loc[seen.index] + 1e-6).all()
    assert "death" not in " ".join(answer.table("adverse_events")["TERM"].astype(str))
