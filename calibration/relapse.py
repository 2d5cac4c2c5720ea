"""Sets how many of an era surgery has cured and how late the others relapse, by the published shares free of relapse untreated.

A trial of the era is simulated with its visits and its deaths of other causes, and the arm without treatment is read: no drug
moves it. `python calibration/relapse.py DISEASE ERA --patients 1000 --seeds 1 2 --rounds 2` moves what the era leaves free and
writes every point to `calibration/records/relapse_DISEASE_ERA.json`; the same call goes on where it was stopped, unless the
library has changed. `--write` then sets the population file to the best point, and `--fresh-seeds 11 12` says what that point
gives in trials it was not fitted to.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from population_file import number_in, set_number_in
from search import Search, Target

from cytotrial.catalogue import load_library
from cytotrial.model.composition import compose
from cytotrial.protocol import read_protocol, with_overrides
from cytotrial.results.efficacy import survival_curve
from cytotrial.trial import run_trial

ENDPOINT = "RFS"


@dataclass(frozen=True)
class Share(Target):
    """A target: the share free of relapse so long after the start.

    Attributes:
        months: after the start. Relapses are seen at visits: between two of them the simulated share is a straight line.
    """

    months: float = 0.0


@dataclass(frozen=True)
class Era:
    """The untreated patients of a trial.

    Attributes:
        protocol: of the library, with the population of the era.
        arm: without treatment.
        free: parameters that the population sets, and that these shares tell.
        shares: the published ones.
    """

    protocol: str
    arm: str
    free: tuple[str, ...]
    shares: tuple[Share, ...]


CURED, RELAPSE = "melanoma_adjuvant.cured_share", "melanoma_adjuvant.time_to_relapse"

# Tolerances are standard errors of the published shares.
ERAS: Mapping[str, Mapping[str, Era]] = {
    "melanoma_adjuvant": {
        "trial_1984_1990": Era(
            "ifn_melanoma_adjuvant",
            "Observation",
            (CURED, RELAPSE),
            (
                Share("MEL-002", 0.586, 0.04, months=6),
                Share("MEL-003", 0.486, 0.04, months=12),
                Share("MEL-004", 0.364, 0.04, months=24),
                Share("MEL-005", 0.328, 0.04, months=36),
                Share("MEL-006", 0.26, 0.04, months=60),
                Share("MEL-007", 0.25, 0.04, months=84),
            ),
        ),
        "trial_2000_2003": Era(
            "peg_ifn_melanoma_adjuvant",
            "Observation",
            (CURED, RELAPSE),
            (
                Share("MEL-071: median", 0.5, 0.02, months=25.6),
                Share("MEL-071", 0.389, 0.022, months=48),
                Share("eggermont2012", 0.346, 0.02, months=84),
            ),
        ),
        # One share: it cannot tell how many are cured, which stays assumed.
        "trial_1998_2010": Era(
            "ifn_melanoma_induction", "Observation", (RELAPSE,), (Share("agarwala2017", 0.7, 0.02, months=60),)
        ),
    },
}


def main() -> None:
    """Searches, then writes the population file and tries fresh seeds where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("disease", choices=sorted(ERAS))
    written.add_argument("era")
    written.add_argument("--patients", type=int, default=1000)
    written.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    written.add_argument("--rounds", type=int, default=2)
    written.add_argument("--workers", type=int, default=1, help="simulate points side by side; the record is the same")
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the population file to the best point")
    asked = written.parse_args()
    if asked.era not in ERAS[asked.disease]:
        raise SystemExit(f"{asked.disease} has no era '{asked.era}'; it has {', '.join(ERAS[asked.disease])}.")
    era = ERAS[asked.disease][asked.era]
    library = load_library()
    protocol = read_protocol(library.protocols[era.protocol], library)
    parameters = compose(library, drugs=protocol.drugs, disease=asked.disease).parameters
    free = {name: replace(parameters[name], value=number_in(library.root, asked.disease, asked.era, name)) for name in era.free}
    targets = {f"free of relapse at {share.months:g} months": share for share in era.shares}
    head = {"protocol": era.protocol, "arm": era.arm, "patients": asked.patients, "seeds": asked.seeds}
    search = Search(f"relapse_{asked.disease}_{asked.era}", library=library, free=free, targets=targets, asked=head)

    def trial(values: Mapping[str, float], seed: int) -> list[float]:
        settings = search.as_settings(values)
        changed = with_overrides(protocol, patients=asked.patients, seed=seed, set=settings)
        survival = run_trial(changed, library, keep=False, brief=True).table("survival")
        curve = survival_curve(survival[survival["ARM"] == era.arm], ENDPOINT)
        times, left = np.append(0.0, curve.times), np.append(1.0, curve.survival)
        return [float(np.interp(share.months, times, left)) for share in era.shares]

    def measure(values: Mapping[str, float], seeds: Sequence[int] = tuple(asked.seeds)) -> dict[str, float]:
        return dict(zip(targets, np.mean([trial(values, seed) for seed in seeds], axis=0).tolist(), strict=True))

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    search.write(fresh={str(seed): measure(best["values"], [seed]) for seed in asked.fresh_seeds})
    if asked.write:
        for name, value in best["values"].items():
            set_number_in(library.root, asked.disease, asked.era, name, value)


if __name__ == "__main__":
    main()
