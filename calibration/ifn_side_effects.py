"""Sets the constants behind side effects of interferon alfa by time courses of drawn patients, every planned dose given.

`python calibration/ifn_side_effects.py --of organs --patients 150 --seed 1 --rounds 1` gives each regimen of a plan of
`ifn_aims.py` to the default patients of a disease, reads what is published (how many go beyond a threshold, how likely an event
was, a mean), and moves the parameters of the plan, and their spreads between patients where it says so, towards it. Every point
is written to the record of the plan, `calibration/records/ifn_*.json`; the same call goes on where it was stopped, unless the
library has changed. `--write` then sets the tables to the best point, and `--fresh-seeds 11 12` says what it gives in patients
it was not fitted to. Plans are listed upstream first: flu-like illness before fatigue.
No clinic withholds a dose here: what trials with their rules give is looked at afterwards.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from ifn_aims import PLANS, Aim
from search import SPREAD, Search, to_move, write_into_tables

from cytotrial.catalogue import Library, load_library
from cytotrial.evidence.time_courses import Bench, bench_of, give_regimen
from cytotrial.model.biology import Biology, Parameter
from cytotrial.protocol.regimen import parse_regimen
from cytotrial.units import HOURS_PER_DAY

SUPPORT = "outpatient"
Question = tuple[str, str]  # a regimen, and the disease whose patients get it


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
    library, plan = load_library(), PLANS[asked.of]
    benches = benches_of(library, plan.aims)
    parameters: dict[str, Parameter] = {}
    for bench in benches.values():
        parameters |= bench.biology.parameters
    free = to_move(parameters, plan.free)
    head = {"patients": asked.patients, "seed": asked.seed}
    search = Search(plan.record, library=library, free=free, targets=plan.aims, asked=head)

    def measure(values: Mapping[str, float], seed: int = asked.seed) -> dict[str, float]:
        found: dict[str, float] = {}
        for question, bench in benches.items():
            found |= readings(bench, question, values, aims=plan.aims, patients=asked.patients, seed=seed)
        return {name: found[name] for name in plan.aims}

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    search.write(fresh={str(seed): measure(best["values"], seed) for seed in asked.fresh_seeds})
    if asked.write:
        write_into_tables(library, free, best["values"])


def benches_of(library: Library, aims: Mapping[str, Aim]) -> dict[Question, Bench]:
    """A bench for every regimen and disease of the aims."""
    questions = dict.fromkeys((aim.regimen, aim.disease) for aim in aims.values())
    return {
        (regimen, disease): bench_of(library, drugs=[parse_regimen(regimen).drug or ""], disease=disease)
        for regimen, disease in questions
    }


def readings(
    bench: Bench, question: Question, values: Mapping[str, float], *, aims: Mapping[str, Aim], patients: int, seed: int
) -> dict[str, float]:
    """What the aims of a question read, with the parameters at `values` in the units of their tables."""
    there = {full: value for full, value in values.items() if full.removesuffix(f".{SPREAD}") in bench.biology.parameters}
    spreads = {full.removesuffix(f".{SPREAD}"): value for full, value in there.items() if full.endswith(f".{SPREAD}")}
    overrides = {full: value for full, value in there.items() if not full.endswith(f".{SPREAD}")}
    moved = Bench(bench.library, bench.disease, with_spreads(bench.biology, spreads), overrides)
    aims = {name: aim for name, aim in aims.items() if (aim.regimen, aim.disease) == question}
    given = parse_regimen(question[0])
    drug = bench.library.drugs[given.drug or ""]
    until = max(aim.days for aim in aims.values()) * HOURS_PER_DAY
    courses = give_regimen(moved, moved.drawn(patients, seed=seed), regimen=given, drug=drug, support=SUPPORT, until=until)
    found = {}
    for name, aim in aims.items():
        seen = courses.observables if aim.finding in courses.observables else courses.states
        inside = courses.time <= aim.days * HOURS_PER_DAY
        found[name] = float(np.mean(aim.read(courses.time[inside], seen[aim.finding][:, inside])))
    return found


def with_spreads(biology: Biology, spreads: Mapping[str, float]) -> Biology:
    """The biology with other spreads between patients."""
    parameters = {
        full: replace(parameter, row=parameter.row.model_copy(update={SPREAD: spreads[full]})) if full in spreads else parameter
        for full, parameter in biology.parameters.items()
    }
    return replace(biology, parameters=parameters)


if __name__ == "__main__":
    main()
