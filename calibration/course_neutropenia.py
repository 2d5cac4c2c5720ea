"""Sets how many precursors of neutrophils a course of chemotherapy kills, by the published share of courses with neutropenia.

A trial is simulated with its rules: courses wait, and a cytokine beside them is withheld, as its profile says. Of every course
that was given, the neutrophils of the clinic's looks until the next are read. `python calibration/course_neutropenia.py
--patients 200 --seeds 1 2 --rounds 2` moves the kill and writes every point to `calibration/records/course_neutropenia.json`;
the same call goes on where it was stopped, unless the library has changed. `--write` then sets the table to the best point, and
`--fresh-seeds 11 12` says what that point gives in trials it was not fitted to. An arm for which nothing is published is told
beside the others: it draws no point anywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from search import Search, Target, moved, write_into_tables

from cytotrial.catalogue import load_library
from cytotrial.model.composition import compose
from cytotrial.protocol import read_protocol, with_overrides
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

PROTOCOL = "ifn_follicular_lymphoma"
DRUG = "chvp"
LAB, SEVERE = "neutrophils", 1.0  # 10^9/L: grade 3 and 4
FREE = ("chvp.neutrophil_kill",)


@dataclass(frozen=True)
class Courses(Target):
    """A target: the share of courses with severe neutropenia in an arm. A weight of 0 marks what is only told."""

    arm: str = ""


AIMS: Mapping[str, Courses] = {
    # Of 70 patients over 60 years; those here are younger.
    "beside interferon": Courses("coiffier1999", 0.26, 0.03, arm="CHVP and interferon alfa-2b"),
    "alone": Courses("nothing published", 0.0, 1.0, 0.0, arm="CHVP"),
}


def main() -> None:
    """Searches, then writes the table and tries fresh seeds where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("--patients", type=int, default=200)
    written.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    written.add_argument("--rounds", type=int, default=2)
    written.add_argument("--workers", type=int, default=1, help="simulate points side by side; the record is the same")
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the table to the best point")
    asked = written.parse_args()
    library = load_library()
    protocol = read_protocol(library.protocols[PROTOCOL], library)
    parameters = compose(library, drugs=protocol.drugs, disease=protocol.disease).parameters
    free = {name: parameters[name] for name in FREE}
    head = {"protocol": PROTOCOL, "patients": asked.patients, "seeds": asked.seeds}
    search = Search("course_neutropenia", library=library, free=free, targets=AIMS, asked=head)

    def trial(values: Mapping[str, float], seed: int) -> list[float]:
        with moved(library, free, values) as copy:
            changed = with_overrides(read_protocol(copy.protocols[PROTOCOL], copy), patients=asked.patients, seed=seed)
            result = run_trial(changed, copy, keep=False, brief=True)
            return [share_of_courses(result, aim.arm) for aim in AIMS.values()]

    def measure(values: Mapping[str, float], seeds: Sequence[int] = tuple(asked.seeds)) -> dict[str, float]:
        return dict(zip(AIMS, np.mean([trial(values, seed) for seed in seeds], axis=0).tolist(), strict=True))

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    search.write(fresh={str(seed): measure(best["values"], [seed]) for seed in asked.fresh_seeds})
    if asked.write:
        write_into_tables(library, free, best["values"])


def share_of_courses(result: Result, arm: str) -> float:
    """The share of the courses given in an arm after which a look saw severe neutropenia, until the next course was due."""
    doses, labs = (table[table["ARM"] == arm] for table in (result.table("doses"), result.table("labs")))
    planned = doses[doses["DRUG"] == DRUG].sort_values("TIME")[["ID", "TIME", "DOSE", "GIVEN"]]
    looks = labs[labs["NAME"] == LAB].sort_values("TIME")[["ID", "TIME", "AVAL"]]
    # What is measured at a course is of the one before.
    placed = pd.merge_asof(looks, planned, on="TIME", by="ID", allow_exact_matches=False)
    given = placed[placed["GIVEN"] > 0]
    return float((given.groupby(["ID", "DOSE"])["AVAL"].min() < SEVERE).mean())


if __name__ == "__main__":
    main()
