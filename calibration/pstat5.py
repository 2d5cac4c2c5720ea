"""Sets the constants of receptors and STAT5 signal by published dose responses of human blood cells, well by well.

`python calibration/pstat5.py` moves every `fitted` parameter of the module towards the measured concentrations of half
effect (0.5 and 1 h) and the signal left later, and writes every point to `calibration/records/pstat5.json`; `--write` then sets
the table to the best point. Nothing is drawn by chance, so that there is no seed. The data lie beside the repository and are
not shipped; the record keeps what was read from them.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from search import Search, Target, fitted, write_into_tables

from cytotrial.catalogue import load_library
from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.kernel import CompiledModel, compile_model
from cytotrial.model.biology import Biology
from cytotrial.model.composition import compose
from cytotrial.model.numeric import evaluate
from cytotrial.model.syntax import names_in

MODULE, DRUG, DISEASE = "signalling", "aldesleukin", "renal_cell_carcinoma"
SOURCE = "farhat2021"
RESPONSES = Path(__file__).parents[2] / "shared" / "data" / "pstat5" / "il2_il15_pstat5.csv"

DOSES = 84.0 / 3.0 ** np.arange(12)
"""Ligand of each well [nmol/L]."""

HOURS = (0.5, 1.0, 2.0, 4.0)
ROWS = {0.5: "30 min", 1.0: "1 h", 2.0: "2 h", 4.0: "4 h"}
HALVES = (0, 17)
"""The first column of each of the two replicates."""

WELLS_LEFT_OUT = {("T-helper", 1.0, 0): (1, 2)}
"""All CD4 gates of replicate 1 fall to half at 1 h between two wells at full signal: a fault of these two wells."""

LEFT_TOLERANCE = {1.0: 15.0, 2.0: 15.0, 4.0: 30.0}
"""Of the signal left [%]: as far as the two replicates lie apart."""


class CellClass(NamedTuple):
    """A class: its name in the data, its names in the equations, its Hill exponent."""

    data: str
    receptor: str
    occupied: str
    exponent: int


CLASSES = {
    "regulatory T": CellClass("T-reg", f"{MODULE}__receptor_treg", f"{MODULE}__occupied_treg", 1),
    "CD4 T": CellClass("T-helper", f"{MODULE}__receptor_cd4", f"{MODULE}__occupied_cd4", 2),
    "CD8 T": CellClass("CD8+", f"{MODULE}__receptor_cd8", f"{MODULE}__occupied_cd8", 2),
    "CD56dim NK": CellClass("NK", f"{MODULE}__receptor_nk", f"{MODULE}__occupied_nk", 2),
}
LEFT_IN = ("regulatory T", "CD8 T", "CD56dim NK")
"""The classes whose loss of receptors is fitted; that of CD4 T cells is taken from CD8 T cells."""

Signals = Mapping[tuple[str, float], np.ndarray]


def main() -> None:
    """Searches, then writes the table where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("--rounds", type=int, default=4)
    written.add_argument("--write", action="store_true", help="set the table to the best point")
    asked = written.parse_args()
    if not RESPONSES.is_file():
        raise SystemExit(f"The dose responses [{SOURCE}] are not at {RESPONSES}; without them nothing can be fitted.")
    library = load_library()
    biology = compose(library, drugs=[DRUG], disease=DISEASE)
    free = fitted(biology, [MODULE])
    model = compile_model(biology.system)
    head = {"data": f"{RESPONSES.name}: wells of IL-2 at {', '.join(ROWS.values())}; two replicates"}
    search = Search("pstat5", library=library, free=free, targets=targets(), asked=head)
    best = search.run(lambda values: readings(simulated_signals(biology, model, values)), rounds=asked.rounds)
    if asked.write:
        write_into_tables(library, free, best["values"])


# ------------------------------------------------------------------ what was measured


def targets() -> dict[str, Target]:
    """The measured readings as targets: one tolerance is twofold in concentrations, fivefold where the replicates disagree."""
    found = {}
    for name, cell in CLASSES.items():
        for hours in (0.5, 1.0, 2.0):
            twofold, weight = (1.0, 1.0) if hours < 2.0 else (math.log2(5.0), 0.25)
            found[half_at(name, hours)] = Target(SOURCE, math.log2(measured(cell, hours)), twofold, weight)
        for hours, tolerance in LEFT_TOLERANCE.items() if name in LEFT_IN else ():
            found[left_at(name, hours)] = Target(SOURCE, measured_left(cell, hours), tolerance, 0.25)
    return found


def half_at(name: str, hours: float) -> str:
    """How a concentration of half effect is called in the record."""
    return f"EC50 of {name} cells at {hours:g} h [log2 nmol/L]"


def left_at(name: str, hours: float) -> str:
    """How the signal left is called in the record."""
    return f"signal of {name} cells left at {hours:g} h [% of that at 0.5 h]"


def measured(cell: CellClass, hours: float) -> float:
    """Geometric mean over the two replicates of the concentration of half effect [nmol/L]."""
    halves = []
    for replicate, first in enumerate(HALVES):
        kept = np.ones(DOSES.size, dtype=bool)
        kept[list(WELLS_LEFT_OUT.get((cell.data, hours, replicate), ()))] = False
        halves.append(half_effective(DOSES[kept], wells(cell.data, hours, first)[kept], exponent=cell.exponent))
    return float(np.exp(np.mean(np.log(halves))))


def measured_left(cell: CellClass, hours: float) -> float:
    """Mean over the two replicates of the signal at large doses, of that at 0.5 h [%]."""
    return float(np.mean([height(wells(cell.data, hours, at)) / height(wells(cell.data, 0.5, at)) for at in HALVES])) * 100.0


def wells(population: str, hours: float, first: int) -> np.ndarray:
    """(wells,) signal under IL-2 from the largest dose down. Raises LookupError where the data have no such row."""
    inside = False
    with RESPONSES.open(encoding="utf-8-sig", newline="") as file:
        for line in csv.reader(file):
            if line[first + 2 : first + 3] == [""] and line[first + 1]:
                inside = line[first + 1].strip() == population
            label = line[first].replace(" hours", " h").replace(" hour", " h")
            if inside and label == f"IL-2, {ROWS[hours]}":
                return np.array([float(value) for value in line[first + 2 : first + 2 + DOSES.size]])
    raise LookupError(f"no row 'IL-2, {ROWS[hours]}' of '{population}'")


# ------------------------------------------------------------------ readings of wells, measured or simulated


def half_effective(doses: np.ndarray, signal: np.ndarray, *, exponent: int) -> float:
    """The concentration of half effect [nmol/L] of a least-squares Hill curve with free floor and height."""

    def residual(log_half: float) -> float:
        curve = doses**exponent / (doses**exponent + np.exp(log_half) ** exponent)
        design = np.column_stack([np.ones_like(curve), curve])
        solution = np.linalg.lstsq(design, signal, rcond=None)[0]
        return float(np.sum((design @ solution - signal) ** 2))

    grid = np.log(np.geomspace(1e-4, 50, 200))
    best = int(np.argmin([residual(value) for value in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    return float(np.exp(minimize_scalar(residual, bounds=bounds, method="bounded").x))


def height(signal: np.ndarray) -> float:
    """The signal of the three largest doses above that of the three smallest."""
    return float(signal[:3].mean() - signal[-3:].mean())


def readings(signals: Signals) -> dict[str, float]:
    """What the targets are compared with."""
    found = {}
    for name, cell in CLASSES.items():
        for hours in (0.5, 1.0, 2.0):
            found[half_at(name, hours)] = math.log2(half_effective(DOSES, signals[name, hours], exponent=cell.exponent))
        for hours in LEFT_TOLERANCE if name in LEFT_IN else ():
            found[left_at(name, hours)] = 100.0 * height(signals[name, hours]) / height(signals[name, 0.5])
    return found


# ------------------------------------------------------------------ the module in a well


def simulated_signals(biology: Biology, model: CompiledModel, values: Mapping[str, float]) -> Signals:
    """By class and hours the signal in each well, (wells,), with these parameters and the ligand held where the well has it."""
    held = {f"{DRUG}.clearance": 0.0, f"{DRUG}.to_tissue": 0.0, f"{DRUG}.from_tissue": 0.0}
    held |= {f"{MODULE}.internalisation": 0.0, f"{MODULE}.soluble_baseline": 0.0}
    count = DOSES.size
    body = {name: np.zeros(count) for name in biology.covariates}
    body |= {name: np.full(count, size) for name, size in {"weight": 70.0, "height": 175.0, "age": 50.0}.items()}
    parameters = biology.parameter_values(body, overrides={**held, **values})
    start = biology.initial_states(parameters)
    volume = parameters[:, biology.system.parameters.index(f"{DRUG}__central_volume")]
    start[:, biology.system.states.index(f"{DRUG}__central")] = DOSES * volume
    output = Ensemble(model, parameters, start, threads=1).advance(np.full(count, HOURS[-1]), np.array([0.0, *HOURS]))
    signals: dict[tuple[str, float], np.ndarray] = {}
    for hours in HOURS:
        rows = np.flatnonzero(np.isclose(output.time, hours))
        rows = rows[np.argsort(output.patient[rows])]
        known = dict(zip(biology.system.parameters, parameters.T, strict=True))
        known |= dict(zip(biology.system.states, output.states[rows].T, strict=True))
        known |= {name: np.full(count, given.default) for name, given in biology.inputs.items()}
        for name, cell in CLASSES.items():
            signals[name, hours] = _value(biology, cell.receptor, known) * _value(biology, cell.occupied, known)
    return signals


def _value(biology: Biology, name: str, known: dict[str, np.ndarray]) -> np.ndarray:
    """The value of a definition in each well, from its own definitions down to states and parameters."""
    if name not in known:
        expression = biology.draft.definitions[name].expression
        for needed in names_in(expression):
            _value(biology, needed.name, known)
        known[name] = np.broadcast_to(evaluate(expression, known), (DOSES.size,))
    return known[name]


if __name__ == "__main__":
    main()
