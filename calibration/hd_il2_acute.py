"""Searches the constants of the acute course of high-dose interleukin-2 through the whole chain of a trial's first course.

`python calibration/hd_il2_acute.py NAME --patients 150 --random 12 --sweeps 1 --seed 1` draws points at random around the
values of the library, then moves one parameter at a time, and writes every point to `calibration/records/NAME.json` as it
goes. The same call goes on where it was stopped, unless the library has changed. It changes no table: a person reads the
record and decides.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.catalogue import Library, load_library
from cytotrial.model.biology import Parameter
from cytotrial.model.composition import compose
from cytotrial.protocol import Protocol, protocol_from_arguments, with_overrides
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

RECORDS = Path(__file__).parent / "records"
DISEASE = "renal_cell_carcinoma"
REGIMEN = "aldesleukin.hd_bolus"
RULES = "label1992"
ELIGIBILITY = "standard_hd_il2"
FOLLOW_UP = "6 weeks"
CYCLE_HOURS = 14 * 24.0
LARGEST_TERM = 25.0  # no single target may drown the others
WIDEST = math.log(2.0)  # a free parameter stays within half and double of the library's value
RANDOM_STEP = 0.15  # log-SD
SWEEP_STEP = 0.10  # log; halved after each sweep

Reading = Callable[[Result], float]


@dataclass(frozen=True)
class Target:
    """A published number: its id among the published outcomes, value, how far off counts as one, weight, and the reading."""

    evidence: str
    value: float
    tolerance: float
    weight: float
    read: Reading


def main() -> None:
    """Searches, and writes the record after every point."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("name")
    written.add_argument("--patients", type=int, default=150)
    written.add_argument("--random", type=int, default=12)
    written.add_argument("--sweeps", type=int, default=1)
    written.add_argument("--seed", type=int, default=1)
    written.add_argument("--free", nargs="*", default=list(FREE), help="parameters that are moved")
    asked = written.parse_args()
    library = load_library()
    protocol = protocol_from_arguments(
        REGIMEN, library, disease=DISEASE, rules=RULES, eligibility=ELIGIBILITY, patients=asked.patients, seed=asked.seed,
        follow_up=FOLLOW_UP, scans=f"every {FOLLOW_UP}", name="hd_il2_acute",
    )  # fmt: skip
    biology = compose(library, drugs=protocol.drugs, disease=DISEASE)
    free = {biology.resolve(name): biology.parameters[biology.resolve(name)] for name in asked.free}
    record = Record(RECORDS / f"{asked.name}.json", asked, library, free)
    plan = _points(free, asked, record)
    for values in plan:
        record.add(values, lambda moved: measured(protocol, library, free, moved))


class Record:
    """The points tried so far, on disk after each of them."""

    def __init__(self, path: Path, asked: argparse.Namespace, library: Library, free: Mapping[str, Parameter]) -> None:
        """A record, with the points of an earlier call that asked the same of the same library."""
        self._path = path
        self._head: dict[str, Any] = {
            "protocol": f"{REGIMEN}, {RULES}, {DISEASE}, first course",
            "patients": asked.patients,
            "random": asked.random,
            "sweeps": asked.sweeps,
            "seed": asked.seed,
            "library": library.content_hash,
            "targets": {
                name: {"evidence": item.evidence, "value": item.value, "tolerance": item.tolerance, "weight": item.weight}
                for name, item in TARGETS.items()
            },
            "start": {name: parameter.value for name, parameter in free.items()},
            "bounds": {name: list(bounds(parameter)) for name, parameter in free.items()},
        }
        self.points: list[dict[str, Any]] = []
        if path.is_file():
            known = json.loads(path.read_text(encoding="utf-8"))
            if all(known.get(key) == value for key, value in self._head.items()):
                self._earlier = known["points"]
                return
        self._earlier = []

    @property
    def best(self) -> dict[str, Any]:
        """The point with the smallest distance."""
        return min(self.points, key=lambda point: float(point["distance"]))

    def add(self, values: Mapping[str, float], measure: Callable[[Mapping[str, float]], dict[str, Any]]) -> None:
        """Takes a point from the earlier call, or measures it, and writes the record."""
        number = len(self.points)
        known = self._earlier[number] if number < len(self._earlier) else None
        self.points.append(known if known and known["values"] == dict(values) else measure(values))
        content = {**self._head, "best": self.best, "points": self.points}
        RECORDS.mkdir(exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        part.replace(self._path)
        sys.stderr.write(f"point {number}: {self.points[-1]['distance']:.2f}, best {self.best['distance']:.2f}\n")


def bounds(parameter: Parameter) -> tuple[float, float]:
    """Half and double of the library's value, cut at the limits of its table."""
    value = float(parameter.value or math.nan)
    low, high = value * math.exp(-WIDEST), value * math.exp(WIDEST)
    if parameter.scale == "logit":
        high = min(high, (1.0 + value) / 2.0)
    return max(low, parameter.low or low), min(high, parameter.high or high)


def measured(
    protocol: Protocol, library: Library, free: Mapping[str, Parameter], values: Mapping[str, float]
) -> dict[str, Any]:
    """One trial with these values: what it gave for each target, and the weighted squared distance in tolerances."""
    written = {name: value if free[name].unit == "1" else f"{value!r} {free[name].unit}" for name, value in values.items()}
    result = run_trial(with_overrides(protocol, set=written), library, keep=False)
    simulated = {name: target.read(result) for name, target in TARGETS.items()}
    distance = 0.0
    for name, target in TARGETS.items():
        off = (simulated[name] - target.value) / target.tolerance
        distance += target.weight * (min(off * off, LARGEST_TERM) if math.isfinite(off) else LARGEST_TERM)
    return {"distance": distance, "values": dict(values), "simulated": simulated}


def _points(free: Mapping[str, Parameter], asked: argparse.Namespace, record: Record) -> Iterator[dict[str, float]]:
    """The library's values, random points around the best so far, then one parameter at a time, up and down."""
    random = np.random.default_rng(asked.seed)
    limits = {name: bounds(parameter) for name, parameter in free.items()}
    yield {name: float(parameter.value or math.nan) for name, parameter in free.items()}
    for _ in range(asked.random):
        steps = dict(zip(free, random.standard_normal(len(free)) * RANDOM_STEP, strict=True))
        yield {name: _moved(value, steps[name], limits[name]) for name, value in record.best["values"].items()}
    for sweep in range(asked.sweeps):
        for name in free:
            for sign in (1.0, -1.0):
                before = record.best
                values = before["values"]
                step = sign * SWEEP_STEP / 2**sweep
                yield {**values, name: _moved(values[name], step, limits[name])}
                if record.best is not before:
                    break


def _moved(value: float, step: float, limits: tuple[float, float]) -> float:
    return float(f"{min(max(value * math.exp(step), limits[0]), limits[1]):.6g}")


# ------------------------------------------------------------------ readings of the first course


def _window(result: Result, first: float, last: float) -> pd.DataFrame:
    """True observables from `first` up to before `last` [h]."""
    seen = result.table("trajectories")
    return seen[(seen["TIME"] >= first) & (seen["TIME"] < last)]


def _peak_creatinine(cycle: int) -> Reading:
    def read(result: Result) -> float:
        labs = result.table("labs")
        first = (cycle - 1) * CYCLE_HOURS
        rows = labs[(labs["PARAMCD"] == "CREAT") & (labs["TIME"] >= first) & (labs["TIME"] < first + CYCLE_HOURS)]
        return float(rows.groupby("ID")["AVAL"].max().mean())

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


def _grade_three_hypotension(result: Result) -> float:
    events = result.table("adverse_events")
    severe = events[(events["TERM"] == "Hypotension") & (events["GRADE"] >= 3)]
    return 100.0 * float(severe["ID"].nunique()) / len(result.table("patients"))


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


TARGETS: Mapping[str, Target] = {
    "creatinine peak, cycle 1 [mg/dL]": Target("IL2-524", 2.6, 0.1, 1.0, _peak_creatinine(1)),
    "creatinine peak, cycle 2 [mg/dL]": Target("IL2-525", 3.8, 0.2, 1.0, _peak_creatinine(2)),
    "hypotension needing pressors [% of courses]": Target("IL2-361", 53.0, 3.0, 1.0, _grade_three_hypotension),
    "doses of 28": Target("IL2-341", 20.0, 1.0, 1.0, _middle_doses),
    "weight gain at 5 d [kg]": Target("IL2-490", 4.0, 0.7, 0.5, _at_day_five("weight_gain")),
    "albumin at 5 d [g/dL]": Target("IL2-492", 2.2, 0.1, 0.5, _at_day_five("albumin")),
    "lymphocytes at 24 h [% of start]": Target("IL2-069", 7.0, 3.0, 0.5, _lowest_lymphocytes),
    "lymphocytes 4 d after [% of start]": Target("IL2-070", 198.0, 20.0, 0.5, _rebound),
    "creatinine recovered by 7 d [%]": Target("IL2-521", 62.0, 8.0, 0.25, _recovered_by(7)),
    "creatinine recovered by 14 d [%]": Target("IL2-522", 84.0, 6.0, 0.25, _recovered_by(14)),
}

FREE = (
    "kidney.injury_rate",
    "kidney.susceptibility_effect",
    "kidney.filtration_exponent",
    "kidney.healing_time",
    "circulation.fast_effect",
    "circulation.slow_effect",
    "circulation.largest_leak",
    "fluid_balance.maintenance",
    "fluid_balance.reflection_per_leak",
    "lymphocytes.division_cd8",
)


if __name__ == "__main__":
    main()
