"""Sets the constants of the acute course of high-dose interleukin-2 through the whole chain of a trial's first course.

`python calibration/hd_il2_acute.py --patients 200 --seed 1 --rounds 2` moves every `fitted` parameter of the physiology and of
the lymphocytes towards the calibration targets below, and writes every point to `calibration/records/hd_il2_acute.json` as it
goes; the same call goes on where it was stopped, unless the library has changed. `--write` then sets the tables to the best
point, and `--fresh-seeds 11 12` says what that point gives in trials it was not fitted to.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from search import Band, Search, Target, fitted, write_into_tables

from cytotrial.catalogue import Library, load_library
from cytotrial.evidence.plausibility import Case, check_plausibility, plausibility_cases
from cytotrial.model.composition import compose
from cytotrial.protocol import protocol_from_arguments, with_overrides
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

DISEASE = "renal_cell_carcinoma"
REGIMEN = "aldesleukin.hd_bolus"
RULES = "label1992"
SUPPORT = "trials_1985_1993"
ELIGIBILITY = "standard_hd_il2"
FOLLOW_UP = "6 weeks"
CYCLE_HOURS = 14 * 24.0
MODULES_BESIDE_PHYSIOLOGY = ("lymphocytes", "eosinophils")
WEIGHT_OF_A_CASE = 0.25  # a plausibility case is a range: its middle pulls little
# Too rare to be counted among some hundred patients; their tables say what they were set by.
COUNTED_ELSEWHERE = (
    "heart.ventricular_rate", "heart.myocarditis_rate", "heart.ischaemia_rate", "infection.sepsis_rate", "infection.local_rate",
    "infection.antibiotic_effect", "infection.death_rate", "skin.bullous_rate", "skin.vitiligo_rate", "gut.bleeding_rate",
    "thyroid.destruction", "thyroid.regeneration", "thyroid.spill",
)  # fmt: skip

Reading = Callable[[Result], float]


@dataclass(frozen=True)
class Read(Target):
    """A target with its reading of a trial's first course."""

    read: Reading = lambda result: math.nan


def main() -> None:
    """Searches, then writes the tables and tries fresh seeds where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("--patients", type=int, default=200)
    written.add_argument("--seed", type=int, default=1)
    written.add_argument("--rounds", type=int, default=2)
    written.add_argument("--name", default="hd_il2_acute", help="of the record")
    written.add_argument("--free", nargs="*", default=[], help="move these parameters only")
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the tables to the best point")
    asked = written.parse_args()
    library = load_library()
    protocol = protocol_from_arguments(
        REGIMEN, library, disease=DISEASE, rules=RULES, support=SUPPORT, eligibility=ELIGIBILITY, patients=asked.patients,
        seed=asked.seed, follow_up=FOLLOW_UP, scans=f"every {FOLLOW_UP}", name="hd_il2_acute",
    )  # fmt: skip
    biology = compose(library, drugs=protocol.drugs, disease=DISEASE)
    acute = [name for name, module in library.modules.items() if "physiology" in Path(module.folder).parts]
    free = fitted(biology, [*acute, *MODULES_BESIDE_PHYSIOLOGY])
    moved = set(asked.free) or free.keys() - set(COUNTED_ELSEWHERE)
    free = {full: parameter for full, parameter in free.items() if full in moved}
    cases = measured_cases(library, {parameter.module for parameter in free.values()})
    in_cases = {f"{case.module}.{case.name}": target_of(case) for case in cases}
    head = {
        "protocol": f"{REGIMEN}, {RULES}, {SUPPORT}, {DISEASE}, first course",
        "patients": asked.patients,
        "seed": asked.seed,
    }
    search = Search(asked.name, library=library, free=free, targets={**IN_TRIALS, **in_cases}, asked=head)

    def measure(values: Mapping[str, float], seed: int = asked.seed) -> dict[str, float]:
        settings = search.as_settings(values)
        course = run_trial(with_overrides(protocol, set=settings, seed=seed), library, keep=False)
        return {**{name: target.read(course) for name, target in IN_TRIALS.items()}, **case_values(library, cases, settings)}

    best = search.run(measure, rounds=asked.rounds)
    search.write(fresh={str(seed): measure(best["values"], seed) for seed in asked.fresh_seeds})
    if asked.write:
        write_into_tables(library, free, best["values"])


# ------------------------------------------------------------------ plausibility cases as targets


def measured_cases(library: Library, modules: set[str]) -> list[Case]:
    """The measured cases of these modules."""
    return [case for case in plausibility_cases(library) if case.module in modules and case.content.status == "measured"]


def target_of(case: Case) -> Band:
    """The range of a case."""
    low, high = float(case.content.low), float(case.content.high)
    source = case.content.source
    return Band(f"{source.ref}: {source.where}" if source else "", (low + high) / 2, (high - low) / 2, WEIGHT_OF_A_CASE)


def case_values(library: Library, cases: list[Case], settings: Mapping[str, str | float]) -> dict[str, float]:
    """What each case reads with these values."""
    moved = [
        replace(case, content=case.content.model_copy(update={"set_": {**settings, **case.content.set_}})) for case in cases
    ]
    verdicts = check_plausibility(library, moved)
    return {f"{case.module}.{case.name}": float(verdict.value) for case, verdict in zip(cases, verdicts, strict=True)}


# ------------------------------------------------------------------ readings of the first course


def _window(result: Result, first: float, last: float) -> pd.DataFrame:
    """True observables from `first` up to before `last` [h]."""
    seen = result.table("trajectories")
    return seen[(seen["TIME"] >= first) & (seen["TIME"] < last)]


def _peak_creatinine(cycle: int) -> Reading:
    """Mean over those who began the cycle."""

    def read(result: Result) -> float:
        labs, doses = result.table("labs"), result.table("doses")
        began = doses.loc[(doses["CYCLE"] == cycle) & (doses["GIVEN"] > 0), "ID"]
        first = (cycle - 1) * CYCLE_HOURS
        rows = labs[(labs["PARAMCD"] == "CREAT") & (labs["TIME"] >= first) & (labs["TIME"] < first + CYCLE_HOURS)]
        return float(rows[rows["ID"].isin(began)].groupby("ID")["AVAL"].max().mean())

    return read


def _recovered_by(days: float) -> Reading:
    """Share [%] of those with a rise whose creatinine is within a tenth of its start, so long after the peak of cycle 2."""

    def read(result: Result) -> float:
        seen = result.table("trajectories")
        recovered = []
        for _, person in seen.groupby("ID"):
            start = person["creatinine"].iloc[0]
            second = person[(person["TIME"] >= CYCLE_HOURS) & (person["TIME"] < CYCLE_HOURS + 7 * 24.0)]
            if second.empty or second["creatinine"].max() < 1.25 * start:
                continue
            peak = float(second["TIME"].to_numpy()[int(second["creatinine"].to_numpy().argmax())])
            later = person[(person["TIME"] >= peak) & (person["TIME"] <= peak + days * 24.0)]
            recovered.append(bool((later["creatinine"] <= 1.1 * start).any()))
        return 100.0 * float(np.mean(recovered)) if recovered else math.nan

    return read


def _middle_doses(result: Result) -> float:
    """Doses given in the course, as good as the median."""
    doses = result.table("doses")
    given = doses.assign(n=doses["GIVEN"] > 0).groupby("ID")["n"].sum()
    # A median of whole doses jumps; the mean of the middle half moves smoothly.
    low, high = given.quantile([0.25, 0.75])
    return float(given[(given >= low) & (given <= high)].mean())


def _at_day_five(observable: str) -> Reading:
    def read(result: Result) -> float:
        return float(_window(result, 119.5, 120.5).groupby("ID")[observable].mean().mean())

    return read


def _lowest_lymphocytes(result: Result) -> float:
    """At 24 h, of the start [%]."""
    start = _window(result, 0.0, 0.1).groupby("ID")["lymphocytes"].first()
    later = _window(result, 23.5, 24.5).groupby("ID")["lymphocytes"].last()
    return 100.0 * float((later / start).mean())


def _rebound(result: Result) -> float:
    """Four days after the last dose of cycle 1, of the start [%]."""
    doses = result.table("doses")
    last = doses[(doses["GIVEN"] > 0) & (doses["CYCLE"] == 1)].groupby("ID")["TIME"].max()
    shares = []
    for patient, person in result.table("trajectories").groupby("ID"):
        if patient in last.index:
            values = np.interp(last[patient] + 4 * 24.0, person["TIME"], person["lymphocytes"])
            shares.append(values / person["lymphocytes"].iloc[0])
    return 100.0 * float(np.mean(shares))


def _patients_with(term: str, grade: int = 1) -> Reading:
    """Patients [%] with a term of at least this grade."""

    def read(result: Result) -> float:
        events = result.table("adverse_events")
        found = events[(events["TERM"] == term) & (events["GRADE"] >= grade)]
        return 100.0 * float(found["ID"].nunique()) / len(result.table("patients"))

    return read


def _patients_below(observable: str, limit: float) -> Reading:
    """Patients [%] whose true value ever falls below a limit in the first four weeks."""

    def read(result: Result) -> float:
        return 100.0 * float((_window(result, 0.0, 2 * CYCLE_HOURS).groupby("ID")[observable].min() < limit).mean())

    return read


IN_TRIALS: Mapping[str, Read] = {
    "creatinine peak, cycle 1 [mg/dL]": Read("IL2-524", 2.6, 0.1, read=_peak_creatinine(1)),
    "creatinine peak, cycle 2 [mg/dL]": Read("IL2-525", 3.8, 0.2, read=_peak_creatinine(2)),
    "hypotension needing pressors [% of courses]": Read("IL2-361", 53.0, 3.0, read=_patients_with("Hypotension", 3)),
    "doses of 28": Read("IL2-341", 20.0, 1.0, read=_middle_doses),
    "weight gain at 5 d [kg]": Read("IL2-490", 4.0, 0.7, 0.5, read=_at_day_five("weight_gain")),
    "albumin at 5 d [g/dL]": Read("IL2-492", 2.2, 0.1, 0.5, read=_at_day_five("albumin")),
    "lymphocytes at 24 h [% of start]": Read("IL2-069", 7.0, 3.0, 0.5, read=_lowest_lymphocytes),
    "lymphocytes 4 d after [% of start]": Read("IL2-070", 198.0, 20.0, 0.5, read=_rebound),
    "creatinine recovered by 7 d [%]": Read("IL2-521", 62.0, 8.0, 0.25, read=_recovered_by(7)),
    "creatinine recovered by 14 d [%]": Read("IL2-522", 84.0, 6.0, 0.25, read=_recovered_by(14)),
    "oliguria [%]": Read("IL2-520", 77.5, 10.0, 0.5, read=_patients_below("urine_rate", 400.0 / 24.0)),
    "platelets below 30 [% of cycles, here of courses]": Read(
        "IL2-369", 2.2, 2.0, 0.5, read=_patients_below("platelets", 30.0)
    ),
    # Incidences of the label: what patients complain of was written down as they told it; laboratory terms were not.
    "diarrhoea [%]": Read("IL2-280", 67.0, 5.0, 0.5, read=_patients_with("Diarrhea")),
    "vomiting [%]": Read("IL2-281", 50.0, 5.0, 0.5, read=_patients_with("Vomiting")),
    "stomatitis [%]": Read("IL2-283", 22.0, 5.0, 0.5, read=_patients_with("Mucositis oral")),
    "anorexia [%]": Read("IL2-284", 20.0, 5.0, 0.5, read=_patients_with("Anorexia")),
    "abdomen enlarged [%]": Read("IL2-273", 10.0, 4.0, 0.25, read=_patients_with("Abdominal distension")),
    "abdominal pain [%]": Read("IL2-272", 11.0, 4.0, 0.25, read=_patients_with("Abdominal pain")),
    "confusion [%]": Read("IL2-299", 34.0, 5.0, 0.5, read=_patients_with("Confusion")),
    "somnolence [%]": Read("IL2-300", 22.0, 5.0, 0.5, read=_patients_with("Lethargy")),
    "rash [%]": Read("IL2-308", 42.0, 5.0, 0.5, read=_patients_with("Rash maculo-papular")),
    "pruritus [%]": Read("IL2-309", 24.0, 5.0, 0.5, read=_patients_with("Pruritus")),
    "chills [%]": Read("IL2-266", 52.0, 5.0, 0.25, read=_patients_with("Chills")),
    "bilirubin, grade 3 or more [%]": Read("IL2-414", 39.0, 10.0, 0.25, read=_patients_with("Blood bilirubin increased", 3)),
    "supraventricular tachycardia [%]": Read("IL2-277", 12.0, 4.0, 0.25, read=_patients_with("Supraventricular tachycardia")),
}


if __name__ == "__main__":
    main()
