"""Sets how long patients of an era live after progression, by one fixed point on that era's published overall survival.

Time after progression is no effect of a drug, so that it moves survival and hardly anything else: a trial of the era is
simulated, the median after progression is scaled by what is missing of the published time beyond progression, and so on until
both agree. Nothing here moves the biology.

`python calibration/after_progression.py DISEASE --patients 400 --seeds 1 2` settles every era of a disease as its tables are
(`--eras` names some) and writes `calibration/records/after_progression_DISEASE.json`; `--write` sets the population file to it.
The search for the response to interleukin-2 settles its eras by itself, at its best point.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from population_file import AFTER_PROGRESSION, number_in, set_number_in
from search import RECORDS

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol import find_protocol, read_protocol, with_overrides
from cytotrial.results.efficacy import event_free, survival_curve
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

STEPS = 6  # trials at most
CLOSE = 0.02  # of the published time, on the scale of its logarithm: less than trials of some hundred patients differ by
FARTHEST = 2.0  # a step changes the median by no more than this factor


@dataclass(frozen=True)
class Era:
    """A population, a trial that had it, and when so many were still alive there.

    Attributes:
        protocol: of the library; simulated with this era's population.
        arm: whose survival is published; None where there is but one.
        months: when `alive` of the patients were left: the median where `alive` is one half.
        evidence: where it stands among the published outcomes.
    """

    protocol: str
    arm: str | None
    months: float
    evidence: str
    alive: float = 0.5


ERAS: Mapping[str, Mapping[str, Era]] = {
    "renal_cell_carcinoma": {
        "trials_1985_1993": Era("hd_il2_rcc", None, 16.3, "IL2-128"),
        "registry_2005_2015": Era("hd_il2_rcc", None, 41.0, "IL2-179"),
        "first_line_2004_2005": Era("ifn_rcc", None, 24.0, "motzer2007: alive at 24 months, 48 %", 0.48),
        "trial_1992_1997": Era("ifn_rcc_twelve_weeks", "Observation", 6.0, "mrc_re01: the arm of medroxyprogesterone"),
    },
    "follicular_lymphoma": {
        "trial_1986_1991": Era(
            "ifn_follicular_lymphoma", "CHVP", 36.0, "OTH-003: 69 % alive at three years with CHVP alone", 0.69
        ),
    },
    "melanoma": {
        "trials_1985_1993": Era("hd_il2_melanoma", None, 11.4, "IL2-136"),
        "registry_2005_2015": Era("hd_il2_melanoma", None, 19.6, "IL2-173"),
    },
    "melanoma_adjuvant": {
        "trial_1984_1990": Era("ifn_melanoma_adjuvant", "Observation", 60.0, "MEL-020", 0.4),
        "trial_2000_2003": Era("peg_ifn_melanoma_adjuvant", "Observation", 48.0, "eggermont2008: 55.7 %, recalled", 0.557),
        "trial_1998_2010": Era("ifn_melanoma_induction", "Observation", 60.0, "agarwala2017: 83 % alive at five years", 0.83),
    },
}


def main() -> None:
    """Settles eras, then writes the population file where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("disease", choices=sorted(ERAS))
    written.add_argument("--eras", nargs="+", default=None, help="these alone; all unless given")
    written.add_argument("--patients", type=int, default=400)
    written.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    written.add_argument("--write", action="store_true", help="set the population file to what was found")
    asked = written.parse_args()
    library = load_library()
    record: dict[str, Any] = {"patients": asked.patients, "seeds": asked.seeds, "library": library.content_hash, "eras": {}}
    for population in asked.eras or ERAS[asked.disease]:
        record["eras"][population] = settle(
            library, asked.disease, population, settings={}, patients=asked.patients, seeds=asked.seeds
        )
        RECORDS.mkdir(exist_ok=True)
        path = RECORDS / f"after_progression_{asked.disease}.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if asked.write:
        for population, found in record["eras"].items():
            set_median(library.root, asked.disease, population, found["best"]["median"])


def settle(
    library: Library, disease: str, population: str, *, settings: Mapping[str, str | float], patients: int, seeds: Sequence[int]
) -> dict[str, Any]:
    """The record of one era: what was published, every median tried with what it gave [months], and the nearest.

    Args:
        library: whose population is the start; its files do not change.
        disease: with eras above.
        population: which era.
        settings: parameters, with units, such as the best point of a search.
        patients: of each trial.
        seeds: of the trials that count together.

    Raises:
        SystemExit: so few died that the published share cannot be read.
    """
    era = ERAS[disease][population]
    months = median_of(library.root, disease, population)
    points: list[dict[str, float]] = []
    for _ in range(STEPS):
        with TemporaryDirectory() as folder:
            root = Path(shutil.copytree(library.root, Path(folder) / "library"))
            set_median(root, disease, population, months)
            results = [_trial(root, era, population, settings, patients, seed, folder=folder) for seed in seeds]
            read = np.array([_times(result, era) for result in results])
        if not np.isfinite(read).all():
            raise SystemExit(f"{disease}, {population}: {era.alive:.0%} alive is not reached; simulate a longer follow-up.")
        without, reached = (float(value) for value in read.mean(axis=0))
        points.append({"median": months, "progressed": round(without, 2), "reached": round(reached, 2)})
        if abs(math.log(reached / era.months)) < CLOSE:
            break
        factor = (era.months - without) / (reached - without) if era.months > without < reached else era.months / reached
        months = float(f"{months * min(max(factor, 1.0 / FARTHEST), FARTHEST):.3g}")
    best = min(points, key=lambda point: abs(math.log(point["reached"] / era.months)))
    return {
        "protocol": era.protocol,
        "evidence": era.evidence,
        "alive": era.alive,
        "published": era.months,
        "best": best,
        "points": points,
    }


def _trial(
    root: Path, era: Era, population: str, settings: Mapping[str, str | float], patients: int, seed: int, *, folder: str
) -> Result:
    library = load_library(root)
    text = find_protocol(era.protocol, library).read_text(encoding="utf-8")
    path = Path(folder) / f"{era.protocol}.yaml"
    path.write_text(re.sub(r"(?m)^(population: \{name: )\w+", rf"\g<1>{population}", text), encoding="utf-8")
    protocol = with_overrides(read_protocol(path, library), patients=patients, seed=seed, set=settings)
    return run_trial(protocol, library, keep=False, brief=True)


def _times(result: Result, era: Era) -> tuple[float, float]:
    """When the share of the era was left without progression, and when alive [months]; NaN where follow-up ended before."""
    survival = result.table("survival")
    rows = survival if era.arm is None else survival[survival["ARM"] == era.arm]
    return _left(rows, event_free(rows), era.alive), _left(rows, "OS", era.alive)


def _left(rows: pd.DataFrame, endpoint: str, share: float) -> float:
    curve = survival_curve(rows, endpoint)
    below = curve.times[curve.survival <= share]
    return float(below[0]) if below.size else math.nan


def median_of(root: Path, disease: str, population: str) -> float:
    """The median after progression that a library has [months]."""
    return number_in(root, disease, population, AFTER_PROGRESSION)


def set_median(root: Path, disease: str, population: str, months: float) -> None:
    """Writes another median [months]; nothing else of the file changes."""
    set_number_in(root, disease, population, AFTER_PROGRESSION, months)


if __name__ == "__main__":
    main()
