"""Sets the constants of the acute course of interleukin-2 through the whole chain of trials, by vein and under the skin.

`python calibration/hd_il2_acute.py --patients 200 --seed 1 --rounds 2 --workers 16` moves every `fitted` parameter of the
physiology and of the lymphocytes that interleukin-2 shows towards the calibration targets below, and writes every point to
`calibration/records/hd_il2_acute.json` as it goes; the same call goes on where it was stopped, with any number of workers,
unless the library has changed. Each point is the first course of a trial of high doses and two weeks of two small trials under
the skin, so that the same constants answer for all. `--write` then sets the tables to the best point, and
`--fresh-seeds 11 12` says what that point gives in trials it was not fitted to.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from ifn_aims import PLANS
from search import Band, Search, Target, fitted, spread, write_into_tables

from cytotrial.catalogue import Library, load_library
from cytotrial.evidence.plausibility import Case, check_plausibility, plausibility_cases, read_case
from cytotrial.evidence.time_courses import time_grid
from cytotrial.model.biology import Biology, Parameter
from cytotrial.model.composition import compose
from cytotrial.protocol import Protocol, protocol_from_arguments, with_overrides
from cytotrial.results.result import Result
from cytotrial.trial import run_trial
from cytotrial.units import hours

DISEASE = "renal_cell_carcinoma"
REGIMEN = "aldesleukin.hd_bolus"
RULES = "label1992"
SUPPORT = "trials_1985_1993"
ELIGIBILITY = "standard_hd_il2"
FOLLOW_UP = "6 weeks"
CYCLE_HOURS = 14 * 24.0
MODULES_BESIDE_PHYSIOLOGY = ("lymphocytes", "eosinophils")
UNDER_THE_SKIN = {
    "18 MIU a day": "aldesleukin.sc_european",
    "3.6 MIU a day": "aldesleukin 3.6 MIU flat sc on days 1-6 of weeks 1-2",  # the mean of the three doses published
}
WEIGHT_OF_A_CASE = 0.25  # a plausibility case is a range: its middle pulls little
# These say at rest on day 5 what vessels and heart did: no target of the course does.
WEIGHTS_OF_CASES = {
    "circulation.pressure_day_five": 1.0,
    "circulation.cardiac_index_day_five": 1.0,
    "circulation.pressors_needed": 1.0,
}
# Too rare to be counted among some hundred patients, or not shown by interleukin-2: their tables say what they were set by.
COUNTED_ELSEWHERE = (
    "heart.fibrillation_rate", "heart.supraventricular_rate", "heart.ventricular_rate", "heart.myocarditis_rate",
    "heart.ischaemia_rate", "infection.sepsis_rate", "infection.local_rate",
    "infection.antibiotic_effect", "infection.death_rate", "skin.bullous_rate", "skin.vitiligo_rate", "gut.bleeding_rate",
    "thyroid.destruction", "thyroid.regeneration", "thyroid.spill", "marrow.platelet_sensitivity",
    "acid_base.loss_of_perfusion", *(full for plan in PLANS.values() for full in plan.free),
)  # fmt: skip
MODULES_COUNTED_ELSEWHERE = ("electrolytes", "mood", "nutrition")

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
    written.add_argument("--patients-under-the-skin", type=int, default=60, help="of each of the two small trials")
    written.add_argument("--rounds", type=int, default=2)
    written.add_argument("--workers", type=int, default=1, help="simulate points side by side; the record is the same")
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
    outpatients = {name: under_the_skin(library, regimen, asked) for name, regimen in UNDER_THE_SKIN.items()}
    biology = compose(library, drugs=protocol.drugs, disease=DISEASE)
    free = free_parameters(library, biology, only=asked.free)
    cases = measured_cases(library, {parameter.module for parameter in free.values()})
    in_cases = {case.title: target_of(case) for case in cases}
    head = {
        "protocol": f"{REGIMEN}, {RULES}, {SUPPORT}, {DISEASE}, first course; {', '.join(UNDER_THE_SKIN)} under the skin",
        "patients": [asked.patients, asked.patients_under_the_skin],
        "seed": asked.seed,
    }
    targets = {**IN_TRIALS, **IN_OUTPATIENTS, **in_cases}
    search = Search(asked.name, library=library, free=free, targets=targets, asked=head)

    def measure(values: Mapping[str, float], seed: int = asked.seed) -> dict[str, float]:
        settings = search.as_settings(values)
        course = run_trial(with_overrides(protocol, set=settings, seed=seed), library, keep=False)
        found = {name: target.read(course) for name, target in IN_TRIALS.items()}
        for name, trial in outpatients.items():
            weeks = run_trial(with_overrides(trial, set=settings, seed=seed), library, keep=False)
            found |= {full: target.read(weeks) for full, target in IN_OUTPATIENTS.items() if full.endswith(name)}
        return found | case_values(library, cases, settings, course=course, biology=biology)

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    with spread(lambda seed: measure(best["values"], seed), workers=min(asked.workers, len(asked.fresh_seeds))) as simulate:
        search.write(fresh=dict(zip(map(str, asked.fresh_seeds), simulate(asked.fresh_seeds), strict=True)))
    if asked.write:
        write_into_tables(library, free, best["values"])


def under_the_skin(library: Library, regimen: str, asked: argparse.Namespace) -> Protocol:
    """A small trial of outpatients, two weeks long, whose doses nobody changes."""
    return protocol_from_arguments(
        regimen, library, disease=DISEASE, rules="unmanaged", support="outpatient", eligibility=ELIGIBILITY,
        patients=asked.patients_under_the_skin, seed=asked.seed, follow_up="2 weeks", scans="every 2 weeks",
        name="under_the_skin",
    )  # fmt: skip


def free_parameters(library: Library, biology: Biology, *, only: Sequence[str]) -> dict[str, Parameter]:
    """What is moved: `only` these, or every fitted parameter of the modules that is not counted elsewhere."""
    acute = [name for name, module in library.modules.items() if "physiology" in Path(module.folder).parts]
    modules = [name for name in (*acute, *MODULES_BESIDE_PHYSIOLOGY) if name not in MODULES_COUNTED_ELSEWHERE]
    free = fitted(biology, modules)
    unknown = [name for name in only if name not in free]
    if unknown:
        raise SystemExit(f"--free: {', '.join(unknown)} cannot be moved; fitted are {', '.join(free)}.")
    return {full: free[full] for full in free if (full in only if only else full not in COUNTED_ELSEWHERE)}


# ------------------------------------------------------------------ plausibility cases as targets


def measured_cases(library: Library, modules: set[str]) -> list[Case]:
    """The measured cases of these modules, of this drug, whose window ends within the course."""
    drug = REGIMEN.partition(".")[0]
    return [
        case
        for case in plausibility_cases(library)
        if case.module in modules
        and case.content.status == "measured"
        and case.content.regimen.startswith(drug)
        and hours(case.content.window[1]) <= hours(FOLLOW_UP)
    ]


def target_of(case: Case) -> Band:
    """The range of a case."""
    low, high = float(case.content.low), float(case.content.high)
    source = case.content.source
    weight = WEIGHTS_OF_CASES.get(case.title, WEIGHT_OF_A_CASE)
    return Band(f"{source.ref}: {source.where}" if source else "", (low + high) / 2, (high - low) / 2, weight)


def case_values(
    library: Library, cases: Sequence[Case], settings: Mapping[str, str | float], *, course: Result, biology: Biology
) -> dict[str, float]:
    """What each case reads with these values: managed ones in the course itself, the others in simulations of their own."""
    apart = [case for case in cases if case.content.rules is None]
    moved = [
        replace(case, content=case.content.model_copy(update={"set_": {**settings, **case.content.set_}})) for case in apart
    ]
    found = {verdict.case.title: float(verdict.value) for verdict in check_plausibility(library, moved)}
    people = [person for _, person in course.table("trajectories").groupby("ID")]
    for case in cases:
        if case.content.rules is not None:
            name, time = case.content.observable, time_grid(hours(case.content.window[1]))
            values = np.stack([np.interp(time, one["TIME"], one[name], right=np.nan) for one in people]).astype(float)
            found[case.title] = read_case(case.content, time, values, biology.observables[name].unit)
    return {case.title: found[case.title] for case in cases}


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


def _patients_with(*terms: str, grade: int = 1) -> Reading:
    """Patients [%] with one of these terms of at least this grade."""

    def read(result: Result) -> float:
        events = result.table("adverse_events")
        found = events[events["TERM"].isin(terms) & (events["GRADE"] >= grade)]
        return 100.0 * float(found["ID"].nunique()) / len(result.table("patients"))

    return read


def _middle_rise(observable: str, at: float) -> Reading:
    """Median rise of an observable from the start to a time [h]."""

    def read(result: Result) -> float:
        start = _window(result, 0.0, 0.1).groupby("ID")[observable].first()
        return float((_window(result, at - 0.5, at + 0.5).groupby("ID")[observable].mean() - start).median())

    return read


def _patients_below(observable: str, limit: float) -> Reading:
    """Patients [%] whose true value ever falls below a limit in the first four weeks."""

    def read(result: Result) -> float:
        return 100.0 * float((_window(result, 0.0, 2 * CYCLE_HOURS).groupby("ID")[observable].min() < limit).mean())

    return read


OF_THE_LIVER = ("Blood bilirubin increased", "Alanine aminotransferase increased", "Aspartate aminotransferase increased")

IN_TRIALS: Mapping[str, Read] = {
    "creatinine peak, cycle 1 [mg/dL]": Read("IL2-524", 2.6, 0.1, read=_peak_creatinine(1)),
    "creatinine peak, cycle 2 [mg/dL]": Read("IL2-525", 3.8, 0.2, read=_peak_creatinine(2)),
    "hypotension needing pressors [% of courses]": Read("IL2-361", 53.0, 3.0, read=_patients_with("Hypotension", grade=3)),
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
    "malaise [%]": Read("IL2-268", 27.0, 10.0, 0.25, read=_patients_with("Malaise")),
    "asthenia [%]": Read("IL2-269", 23.0, 10.0, 0.25, read=_patients_with("Fatigue")),
    "fever above 40 degC [%]": Read("IL2-312", 1.0, 2.0, 0.25, read=_patients_with("Fever", grade=3)),
    "dyspnoea [%]": Read("IL2-303", 43.0, 8.0, 0.25, read=_patients_with("Dyspnea")),
    "pulmonary, grade 3 or more [%]": Read("IL2-422", 21.0, 5.0, 0.5, read=_patients_with("Dyspnea", "Hypoxia", grade=3)),
    "hepatic, grade 3 or more [%]": Read("IL2-414", 39.0, 7.0, 0.5, read=_patients_with(*OF_THE_LIVER, grade=3)),
}

# Each name ends with that of its trial. No series tells symptoms of 18 MIU alone: between small doses, and with interferon.
IN_OUTPATIENTS: Mapping[str, Read] = {
    "fever [%], 18 MIU a day": Read("IL2-477", 85.0, 12.0, 0.5, read=_patients_with("Fever")),
    "fatigue or malaise [%], 18 MIU a day": Read("IL2-478", 60.0, 16.0, 0.5, read=_patients_with("Fatigue", "Malaise")),
    "C-reactive protein, rise [mg/L], 18 MIU a day": Read(
        "IL2-102", 138.6, 40.0, 0.25, read=_middle_rise("c_reactive_protein", 120.0)
    ),
    "fever [%], 3.6 MIU a day": Read("angevin1995", 61.0, 12.0, 0.5, read=_patients_with("Fever")),
}


if __name__ == "__main__":
    main()
