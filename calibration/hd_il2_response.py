"""Random search of the constants of response to high-dose interleukin-2 of one disease, through the whole chain of a trial.

`python calibration/hd_il2_response.py DISEASE --patients 500 --points 20 --seed 1` writes every point tried, its distance from
the targets and the values at the start to `calibration/records/hd_il2_response_DISEASE.json`. It changes no table: a person
reads the record and decides. Targets are published numbers by their place in the library's evidence, with how far off counts
as 1.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cytotrial.catalogue import Library, load_library
from cytotrial.model.composition import compose
from cytotrial.protocol import find_protocol, read_protocol, with_overrides
from cytotrial.protocol.protocol import Protocol
from cytotrial.trial import run_trial

RECORDS = Path(__file__).parent / "records"
LARGEST_TERM = 16.0  # no single target may drown the others


@dataclass(frozen=True)
class Target:
    """A published number: study and expectation of the library's evidence, and how far off counts as one."""

    study: str
    expectation: str
    tolerance: float


@dataclass(frozen=True)
class Search:
    """What is fitted to what: the protocol, log-SD of the steps by parameter, and the targets."""

    protocol: str
    steps: Mapping[str, float]
    targets: tuple[Target, ...]


STEPS = {
    "largest_effectors": 0.10,
    "kill_rate": 0.15,
    "clone_fitness": 0.05,
    "clone_visibility": 0.15,
    "wear_rate": 0.20,
    "new_lesion_rate": 0.15,
}
SEARCHES = {
    "renal_cell_carcinoma": Search(
        "hd_il2_rcc",
        STEPS,
        (
            Target("fisher2000", "response_2000", 0.02),
            Target("fisher2000", "complete_response_2000", 0.012),
            Target("fisher2000", "partial_response_2000", 0.012),
            Target("fisher2000", "partial_response_duration", 4.0),
        ),
    ),
    "melanoma": Search(
        "hd_il2_melanoma",
        STEPS,
        (
            Target("atkins1999", "response_1999", 0.02),
            Target("atkins1999", "complete_response_1999", 0.012),
            Target("atkins1999", "partial_response_1999", 0.012),
            Target("atkins1999", "partial_response_duration", 1.5),
        ),
    ),
}


def main() -> None:
    """Searches, and writes the record after every point."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("disease", choices=sorted(SEARCHES))
    written.add_argument("--patients", type=int, default=500)
    written.add_argument("--points", type=int, default=20)
    written.add_argument("--seed", type=int, default=1)
    asked = written.parse_args()
    library, search = load_library(), SEARCHES[asked.disease]
    protocol = with_overrides(
        read_protocol(find_protocol(search.protocol, library), library), patients=asked.patients, seed=asked.seed
    )
    parameters = compose(library, drugs=protocol.drugs, disease=asked.disease).parameters
    start = {name: float(parameters[f"{asked.disease}.{name}"].value or math.nan) for name in search.steps}
    random = np.random.default_rng(asked.seed)
    names = {name: (f"{asked.disease}.{name}", parameters[f"{asked.disease}.{name}"].unit) for name in search.steps}
    points = [measured(protocol, library, search, start, names=names)]
    for _ in range(asked.points):
        best = min(points, key=lambda point: point["distance"])["values"]
        moved = {name: best[name] * math.exp(step * random.standard_normal()) for name, step in search.steps.items()}
        points.append(measured(protocol, library, search, moved, names=names))
        record = {
            "disease": asked.disease,
            "protocol": search.protocol,
            "patients": asked.patients,
            "seed": asked.seed,
            "library": library.content_hash,
            "targets": [f"{target.study}.{target.expectation} +- {target.tolerance:g}" for target in search.targets],
            "start": start,
            "best": min(points, key=lambda point: point["distance"]),
            "points": points,
        }
        RECORDS.mkdir(exist_ok=True)
        (RECORDS / f"hd_il2_response_{asked.disease}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measured(
    protocol: Protocol,
    library: Library,
    search: Search,
    values: Mapping[str, float],
    *,
    names: Mapping[str, tuple[str, str]],
) -> dict[str, Any]:
    """One trial with these values (`names`: full name, unit): what it gave, and the squared distance in tolerances."""
    written = {full: values[name] if unit == "1" else f"{values[name]!r} {unit}" for name, (full, unit) in names.items()}
    found = run_trial(with_overrides(protocol, set=written), library, keep=False).beside_published()
    simulated, distance = {}, 0.0
    for target in search.targets:
        expectation = next(item for item in library.evidence[target.study].expectations if item.id == target.expectation)
        rows = found[(found["study"] == target.study) & (found["where"] == expectation.where)]
        value = float(rows["simulated"].iloc[0])
        simulated[f"{target.study}.{target.expectation}"] = value
        off = (value - expectation.value) / target.tolerance
        distance += min(off * off, LARGEST_TERM) if math.isfinite(off) else LARGEST_TERM
    return {"distance": distance, "values": {name: float(value) for name, value in values.items()}, "simulated": simulated}


if __name__ == "__main__":
    main()
