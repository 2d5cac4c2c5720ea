"""Sets the constants of response to high-dose interleukin-2 of one disease through the whole chain of a trial.

`python calibration/hd_il2_response.py DISEASE --patients 400 --seeds 1 2 --rounds 1` moves the parameters of the disease that
response rates and durations are fitted with, and writes every point to `calibration/records/hd_il2_response_DISEASE.json` as it
goes; a point is the mean of a trial with each seed. The same call goes on where it was stopped, with any number of `--workers`,
unless the library has changed. At the best point survival after progression is then settled for every era (`--eras` names some,
or none). `--write` sets the table and the eras to what was found, and `--fresh-seeds 11 12` says what the best point gives in
trials it was not fitted to.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from after_progression import ERAS, set_median, settle
from search import Search, Target, spread, write_into_tables

from cytotrial.catalogue import load_library
from cytotrial.model.composition import compose
from cytotrial.protocol import find_protocol, read_protocol, with_overrides
from cytotrial.results.efficacy import best_responses, response_durations
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

PROTOCOLS = {"renal_cell_carcinoma": "hd_il2_rcc", "melanoma": "hd_il2_melanoma"}
# The other fitted constants of these tables stay: rates and durations of response do not tell them from these.
FREE = ("largest_effectors", "kill_rate", "wear_rate", "clone_visibility", "clone_fitness")

Reading = Callable[[Result], float]


@dataclass(frozen=True)
class Read(Target):
    """A target with its reading of a trial."""

    read: Reading = lambda result: math.nan


def main() -> None:
    """Searches, then writes the table and tries fresh seeds where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("disease", choices=sorted(PROTOCOLS))
    written.add_argument("--patients", type=int, default=400)
    written.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    written.add_argument("--rounds", type=int, default=1)
    written.add_argument("--workers", type=int, default=1, help="simulate points side by side; the record is the same")
    written.add_argument("--eras", nargs="*", default=None, help="settle survival after progression of these; all unless given")
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the table and the eras to what was found")
    asked = written.parse_args()
    library, targets = load_library(), TARGETS[asked.disease]
    protocol = read_protocol(find_protocol(PROTOCOLS[asked.disease], library), library)
    parameters = compose(library, drugs=protocol.drugs, disease=asked.disease).parameters
    free = {full: parameters[full] for full in (f"{asked.disease}.{name}" for name in FREE)}
    head = {"protocol": PROTOCOLS[asked.disease], "patients": asked.patients, "seeds": asked.seeds}
    search = Search(f"hd_il2_response_{asked.disease}", library=library, free=free, targets=targets, asked=head)

    def trial(values: Mapping[str, float], seed: int) -> dict[str, float]:
        moved = with_overrides(protocol, patients=asked.patients, seed=seed, set=search.as_settings(values))
        result = run_trial(moved, library, keep=False, brief=True)
        return {name: target.read(result) for name, target in targets.items()}

    def measure(values: Mapping[str, float]) -> dict[str, float]:
        found = [trial(values, seed) for seed in asked.seeds]
        return {name: float(np.mean([one[name] for one in found])) for name in targets}

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    eras = list(ERAS[asked.disease]) if asked.eras is None else asked.eras
    settings = search.as_settings(best["values"])

    def last(job: tuple[str, str | int]) -> dict[str, object]:
        kind, which = job
        if kind == "fresh":
            return dict(trial(best["values"], int(which)))
        return settle(library, asked.disease, str(which), settings=settings, patients=asked.patients, seeds=asked.seeds)

    jobs = [*(("era", era) for era in eras), *(("fresh", seed) for seed in asked.fresh_seeds)]
    with spread(last, workers=min(asked.workers, len(jobs))) as simulate:
        found = dict(zip(jobs, simulate(jobs), strict=True))
    settled = {era: found["era", era] for era in eras}
    search.write(after_progression=settled, fresh={str(seed): found["fresh", seed] for seed in asked.fresh_seeds})
    if asked.write:
        write_into_tables(library, free, best["values"])
        for era, record in settled.items():
            set_median(library.root, asked.disease, era, record["best"]["median"])


# ------------------------------------------------------------------ readings of a trial


def share(*codes: str) -> Reading:
    """The share [%] of all patients whose best response is among `codes`."""
    return lambda result: 100.0 * float(best_responses(result.table("patients"), result.table("responses")).isin(codes).mean())


def free_of_progression(code: str, months: float) -> Reading:
    """Of the patients with this best response, the share [%] without progression so long after it (Kaplan-Meier).

    A published median is the time when half are: the share at that time moves smoothly, where a median jumps between scans.
    """

    def read(result: Result) -> float:
        patients, responses, survival = (result.table(name) for name in ("patients", "responses", "survival"))
        return 100.0 * response_durations(patients, responses, survival, codes=(code,)).at(months).value

    return read


TARGETS: Mapping[str, Mapping[str, Read]] = {
    "renal_cell_carcinoma": {
        "complete responses [%]": Read("IL2-124", 100 * 17 / 255, 0.8, 1.0, share("CR")),
        "partial responses [%]": Read("IL2-124", 100 * 20 / 255, 0.8, 1.0, share("PR")),
        "partial responses free at 20 months [%]": Read("IL2-127", 50.0, 8.0, 1.0, free_of_progression("PR", 20)),
        # The median is at least 80 months: beyond the follow-up, so that the share at 60 is only bounded.
        "complete responses free at 60 months [%]": Read("IL2-126", 75.0, 20.0, 0.5, free_of_progression("CR", 60)),
    },
    "melanoma": {
        "complete responses [%]": Read("IL2-131", 100 * 17 / 270, 0.8, 1.0, share("CR")),
        "partial responses [%]": Read("IL2-132", 100 * 26 / 270, 0.8, 1.0, share("PR")),
        "partial responses free at 5.9 months [%]": Read("IL2-133", 50.0, 8.0, 1.0, free_of_progression("PR", 5.9)),
        "complete responses free at 30 months [%]": Read("IL2-134", 100 * 10 / 17, 12.0, 1.0, free_of_progression("CR", 30)),
    },
}


if __name__ == "__main__":
    main()
