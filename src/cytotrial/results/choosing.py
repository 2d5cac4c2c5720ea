"""Which time courses a reader should see first, chosen from the run itself. It draws nothing and hides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from cytotrial.results.folder import RunFolder

PATIENTS_LOOKED_AT = 60  # enough to rank by; a large run need not be read whole for an order
STILL = 0.1  # a median that moves less than this share of the spread is not worth a figure of its own
MOST_DECIDING = 8


def movement(run: RunFolder, observables: Sequence[str]) -> pd.Series:
    """How far the typical patient's course leaves its start, by observable: 0 not at all, 1 as far as anybody's, or farther
    than patients differ.

    The median over the first patients of the largest distance from the start, over the larger of the spread of starts (SD) and
    the distance that one patient in twenty exceeds. Patients of all arms count together.
    """
    if not observables:
        return pd.Series(dtype="float64")
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in observables}
    parts = ", ".join(
        f"arg_min({column}, TIME) FILTER (NOT isnan({column})), max({column}) FILTER (NOT isnan({column})), "
        f"min({column}) FILTER (NOT isnan({column}))"
        for column in quoted.values()
    )
    found = run.query(f"SELECT {parts} FROM trajectories WHERE ID <= {PATIENTS_LOOKED_AT} GROUP BY ARM, ID")
    values = found.to_numpy(dtype=float).reshape(len(found), len(observables), 3)
    start, highest, lowest = (values[:, :, place] for place in range(3))
    known = ~np.isnan(start)
    moved = np.where(known, np.maximum(highest - start, start - lowest), 0.0)
    spread = np.array([start[known[:, place], place].std() if known[:, place].any() else 0.0 for place in range(len(quoted))])
    most = np.quantile(moved, 0.95, axis=0) if len(found) else spread
    scale = np.maximum(spread, most)
    typical = np.median(moved, axis=0) if len(found) else spread
    return pd.Series(np.divide(typical, scale, out=np.zeros(len(quoted)), where=scale > 0), index=list(observables))


def drug_levels(observables: Sequence[str], drugs: Collection[str]) -> list[list[str]]:
    """The observables that have a drug's name in front, drug by drug: its levels."""
    return [[name for name in observables if name.startswith(f"{drug}_")] for drug in drugs]


def shown_first(
    run: RunFolder,
    observables: Sequence[str],
    groups: Mapping[str, str],
    *,
    drugs: Collection[str],
    measured: Collection[str],
    deciding: Collection[str],
    most: int,
) -> list[str]:
    """The names of at most `most` observables, in the order to be read.

    One level in blood of each drug and one size of the tumour; then of what decides over doses (`deciding`), and of what else
    the clinic `measured`, those that moved most. A drug's level is an observable that has the drug's name in front.
    """
    levels = drug_levels(observables, drugs)
    # Where a level is told in two units, the later one is the laboratory's.
    first = [names[-1] for names in levels if names]
    tumour = movement(run, [name for name in observables if groups.get(name) == "tumour"])
    first += [str(name) for name in tumour.index[tumour > 0]][:1]  # where there is no tumour to see, nothing moves
    seen = [name for name in observables if name in {*measured, *deciding} and name not in first]
    moved = movement(run, seen).sort_values(ascending=False, kind="stable")
    moving = [str(name) for name in moved.index[moved > STILL]]
    chosen = [name for name in moving if name in deciding][:MOST_DECIDING]
    chosen += [name for name in moving if name not in chosen]
    chosen += [name for name in observables if name not in {*first, *chosen}]
    return [*first, *chosen][:most]
