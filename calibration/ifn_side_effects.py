"""Sets the sensitivities behind side effects of interferon alfa by time courses of drawn patients, every planned dose given.

`python calibration/ifn_side_effects.py --patients 150 --seed 1 --rounds 1` gives each regimen below to the default patients of
a disease, reads how many of them go beyond a threshold (or, for what comes by chance, how likely it was, from the cumulative
hazard), and moves the parameters towards the published shares. Every point is written to
`calibration/records/ifn_side_effects.json`; the same call goes on where it was stopped, unless the library has changed.
`--write` then sets the tables to the best point, and `--fresh-seeds 11 12` says what it gives in patients it was not fitted to.
`--of aches` does the same for the symptoms of flu-like illness, `calibration/records/ifn_aches.json`.
`--of neutrophils` does the same for what interferon takes off neutrophils, `calibration/records/ifn_neutrophils.json`.
No clinic withholds a dose here: what trials with their rules give is looked at afterwards.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from search import Search, Target, write_into_tables

from cytotrial.catalogue import Library, load_library
from cytotrial.evidence.time_courses import Bench, bench_of, give_regimen
from cytotrial.protocol.regimen import parse_regimen
from cytotrial.units import HOURS_PER_DAY

SUPPORT = "outpatient"
WEEK = 7 * HOURS_PER_DAY
INDUCTION = "interferon alfa-2b 20 MIU/m2 iv over 20 min five days a week for 4 weeks"
HIGH = f"{INDUCTION}, then 10 MIU/m2 sc three times a week for 48 weeks"
PEGYLATED = "peginterferon alfa-2b 6 ug/kg sc weekly for 8 weeks, then 3 ug/kg sc weekly for 16 weeks"
HAIRY_CELL = "interferon alfa-2b 2 MIU/m2 sc three times a week for 24 weeks"
RENAL = "interferon alfa-2a 9 MIU flat sc three times a week for 24 weeks"
HEPATITIS_3 = "interferon alfa-2b 3 MIU flat sc three times a week for 48 weeks"
HEPATITIS_6 = "interferon alfa-2b 6 MIU flat sc three times a week for 24 weeks"


@dataclass(frozen=True)
class Aim(Target):
    """A target: the regimen, who gets it, for how long he is followed, what is read.

    Attributes:
        regimen: a sentence that names its drug.
        days: follow-up [d].
        finding: an observable, or the hazard of an event by flattened id.
        above: the share of patients [%] whose finding exceeds this at some time; None for another reading.
        below: the share of patients whose finding falls below this at some look, one a week before a dose.
        falls: the mean fall of the finding [%] over those looks from the third week on.
        disease: whose default population is drawn.
    """

    regimen: str = ""
    days: int = 168
    finding: str = ""
    above: float | None = None
    below: float | None = None
    falls: bool = False
    disease: str = "melanoma_adjuvant"


# Rows of the published outcomes; where none is named the source stands in the bibliography of the library.
AIMS: Mapping[str, Aim] = {
    "injection site": Aim("AE-010", 62, 3, 1, PEGYLATED, 168, "injection_site_score", above=1.0),
    "diarrhoea, high dose": Aim("AE-035", 35, 4, 0.5, HIGH, 365, "diarrhoea_volume", above=0.3),
    "diarrhoea, 2 MIU/m2": Aim("AE-061", 18, 4, 0.5, HAIRY_CELL, 168, "diarrhoea_volume", above=0.3),
    "retinopathy, high dose": Aim("lan2021", 76, 6, 1, HIGH, 84, "retinopathy_score", above=1.0),
    "retinopathy, 6 MIU": Aim("AE-126", 34.6, 5, 1, HEPATITIS_6, 168, "retinopathy_score", above=1.0),
    "autoantibodies": Aim("gogas2006", 26, 3, 1, HIGH, 365, "autoantibody_score", above=1.0),
    "diabetes": Aim("AE-123", 0.55, 0.1, 1, HEPATITIS_3, 336, "glucose__diabetes_hazard"),
}

# Any grade of the symptoms of flu-like illness: the lowest cut-off of their latent scores is 1.
ACHES: Mapping[str, Aim] = {
    "headache, pegylated": Aim("AE-005", 70, 4, 1, PEGYLATED, 168, "headache_score", above=1.0),
    "headache, high dose": Aim("AE-032", 62, 4, 0.5, HIGH, 168, "headache_score", above=1.0),
    "headache, 2 MIU/m2": Aim("AE-055", 39, 4, 0.5, HAIRY_CELL, 168, "headache_score", above=1.0),
    "myalgia, pegylated": Aim("AE-007", 68, 4, 1, PEGYLATED, 168, "myalgia_score", above=1.0),
    "myalgia, high dose": Aim("AE-028", 75, 4, 0.5, HIGH, 168, "myalgia_score", above=1.0),
    "myalgia, 2 MIU/m2": Aim("AE-056", 39, 4, 0.5, HAIRY_CELL, 168, "myalgia_score", above=1.0),
    "joint pain, of all interferons": Aim("AE-107", 50, 8, 0.5, PEGYLATED, 168, "arthralgia_score", above=1.0),
    "feeling cold, pegylated": Aim("AE-009", 63, 4, 1, PEGYLATED, 168, "coldness_score", above=1.0),
    "feeling cold, 2 MIU/m2": Aim("AE-054", 46, 4, 0.5, HAIRY_CELL, 168, "coldness_score", above=1.0),
}

NEUTROPHILS: Mapping[str, Aim] = {
    # The first grade began at 2.0 in the criteria of that trial, at 1.8 in those of the later one.
    "neutropenia, high dose": Aim("AE-026", 92, 4, 0.5, HIGH, 365, "neutrophils", below=2.0),
    "neutropenia, severe, high dose": Aim("AE-042", 26, 4, 0.5, HIGH, 365, "neutrophils", below=1.0),
    "neutropenia, 9 MIU": Aim("uspi_sutent", 49, 4, 1, RENAL, 168, "neutrophils", below=1.8, disease="renal_cell_carcinoma"),
    "neutropenia, severe, 9 MIU": Aim(
        "uspi_sutent", 9, 4, 0.5, RENAL, 168, "neutrophils", below=1.0, disease="renal_cell_carcinoma"
    ),
    "neutrophils, mean fall, 3 MIU": Aim("soza2002", 34, 4, 1, HEPATITIS_3, 168, "neutrophils", falls=True),
    # 6 of 70 had a severe fall of a blood count in 12 weeks, at 0.75 to 7.5 ug/kg: those of them at 6 ug/kg are not told apart.
    "neutropenia, severe, pegylated": Aim("bukowski2002", 9, 8, 0.5, PEGYLATED, 84, "neutrophils", below=1.0),
}

FREE = (
    "injection_site.tendency",
    "gut.bowel_tendency",
    "retina.susceptibility",
    "retina.concentration_part",
    "autoimmunity.susceptibility",
    "glucose.diabetes_rate",
)

FREE_ACHES = ("aches.headache_tendency", "aches.muscle_tendency", "aches.joint_tendency", "aches.cold_tendency")

FREE_NEUTROPHILS = ("marrow.neutrophil_sensitivity", "marrow.hold_half", "marrow.hold_power")

# The record, its aims, and what is free.
PLANS: Mapping[str, tuple[str, Mapping[str, Aim], tuple[str, ...]]] = {
    "organs": ("ifn_side_effects", AIMS, FREE),
    "aches": ("ifn_aches", ACHES, FREE_ACHES),
    "neutrophils": ("ifn_neutrophils", NEUTROPHILS, FREE_NEUTROPHILS),
}


def main() -> None:
    """Searches, then writes the tables and tries fresh seeds where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("--of", choices=tuple(PLANS), default="organs")
    written.add_argument("--patients", type=int, default=400)
    written.add_argument("--seed", type=int, default=1)
    written.add_argument("--rounds", type=int, default=4)
    written.add_argument("--workers", type=int, default=1, help="simulate points side by side; the record is the same")
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the tables to the best point")
    asked = written.parse_args()
    library = load_library()
    record, aims, names = PLANS[asked.of]
    benches = {regimen: _bench(library, regimen, disease) for regimen, disease in _questions(aims)}
    parameters = benches[HIGH].biology.parameters
    free = {full: parameters[full] for full in names}
    search = Search(record, library=library, free=free, targets=aims, asked={"patients": asked.patients, "seed": asked.seed})

    def measure(values: Mapping[str, float], seed: int = asked.seed) -> dict[str, float]:
        found: dict[str, float] = {}
        for regimen, bench in benches.items():
            found |= readings(bench, regimen, values, aims=aims, patients=asked.patients, seed=seed)
        return {name: found[name] for name in aims}

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    search.write(fresh={str(seed): measure(best["values"], seed) for seed in asked.fresh_seeds})
    if asked.write:
        write_into_tables(library, free, best["values"])


def readings(
    bench: Bench, regimen: str, values: Mapping[str, float], *, aims: Mapping[str, Aim], patients: int, seed: int
) -> dict[str, float]:
    """What the aims of a regimen read [%], with the parameters at `values` in the units of their tables."""
    moved = Bench(bench.library, bench.disease, bench.biology, values)
    aims = {name: aim for name, aim in aims.items() if aim.regimen == regimen}
    given = parse_regimen(regimen)
    drug = bench.library.drugs[given.drug or ""]
    until = max(aim.days for aim in aims.values()) * HOURS_PER_DAY
    courses = give_regimen(moved, moved.drawn(patients, seed=seed), regimen=given, drug=drug, support=SUPPORT, until=until)
    found = {}
    for name, aim in aims.items():
        seen = courses.observables if aim.finding in courses.observables else courses.states
        inside = courses.time <= aim.days * HOURS_PER_DAY
        course = seen[aim.finding][:, inside]
        time = courses.time[inside]
        weekly = time % WEEK == 0
        if aim.above is not None:
            reached = (course >= aim.above).any(axis=1).astype(float)
        elif aim.below is not None:
            reached = (course[:, weekly] < aim.below).any(axis=1).astype(float)
        elif aim.falls:
            reached = 1.0 - course[:, weekly & (time >= 2 * WEEK)].mean(axis=1) / course[:, 0]
        else:
            reached = -np.expm1(-course[:, -1])
        found[name] = 100.0 * float(np.mean(reached))
    return found


def _questions(aims: Mapping[str, Aim]) -> dict[tuple[str, str], None]:
    """Every regimen with the disease whose patients get it."""
    return dict.fromkeys((aim.regimen, aim.disease) for aim in aims.values())


def _bench(library: Library, regimen: str, disease: str) -> Bench:
    return bench_of(library, drugs=[parse_regimen(regimen).drug or ""], disease=disease)


if __name__ == "__main__":
    main()
