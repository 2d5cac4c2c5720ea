"""The documentation page about the engine, with error and time against tolerance measured. Not the comparison with peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.engine.answers import Changed, Size
from benchmarks.engine.precision import Point
from benchmarks.engine.project import Project
from benchmarks.engine.report import processor
from benchmarks.engine.task import Task

from cytotrial.engine import Status, Tolerances

_RTOLS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6, 1e-7, 1e-8)
_DOSES = (0, 7, 14, 28)
_REPEATS = 9
ANSWERED = 100
"""Patients of the trial whose answer is compared."""

ANSWERS_AT, TIGHTEST = (1e-2, 1e-3, 1e-4, 1e-5), 1e-7
SIZES = ("ifn_rcc", "hd_il2_rcc", "il2_ifn_rcc")

_TEXT = """\
# The engine: how exact, and how fast

Made by `python dev.py bench --page docs/engine.md`; do not edit it by hand.

The engine integrates many patients of one composed model side by side. A step is one of Rodas5P, a Rosenbrock method of fifth
order, written out for the model, with one patient per lane of the processor's vectors; each patient has its own time, step
length, doses and error control. Results are the same to the last bit for any number of threads, lanes and patients.

## Tolerance

`rtol` sets the error that one step may make in any state, relative to the state's present size plus the size that matters of
it (`nominal` in the library). A run takes it as `cytotrial run PROTOCOL --rtol 1e-6` or `Trial(...).run(rtol=1e-6)`, from
1e-10 to 0.01; an ensemble as `Tolerances(rtol=1e-6)`, with the most steps, the first step after an event and the shortest one.
It stands in the run's manifest and is part of the run's hash, so that another tolerance is another run.

What remains of the errors in the end, over {states} states, {times} output times in {days:g} days and {patients} patients of
`{protocol}` with every dose given ({doses} infusions), relative in the same way:

{table}

Time is the processor's for one patient, relative to the default; steps are those accepted. The exact answer is the engine's
own at rtol 1e-10; `tests/known_answers` holds the engine to SciPy's LSODA on every shipped protocol.

A managed trial turns small errors into whole ones where a value lies at a limit: a dose is withheld in one run and given in
the other, and the patient's course is another from there on. Beside the same {answered} patients at rtol {tightest:.0e}:

{answers}

Such a patient stands at a limit by chance, so the answers of the trial are not tilted by it.

## Doses

Every start and end of an infusion is an exact time at which the steps begin anew.

{growth}

One patient alone, start to end at the default tolerance: {alone:.0f} ms on {processor}.

## Size

The factors of the matrix are written out for its pattern, so a step costs in proportion to the terms of the model, not to
the square or the cube of its states. Operations are counted in the program of a step, each for all lanes at once.

{sizes}

## When a patient cannot be integrated

It ends with a status and a reason; the others go on. A run lists them in its table `failures`.

{statuses}

Patients begin where the formulas of their starts put them. States marked `initial: steady` are first taken to rest in each
patient, all others held, by pseudo-transient continuation: `cytotrial.engine.find_steady_states`. A start or guess that is not
a finite number is refused before anything is simulated, with the name of the state, and `cytotrial check` reports states that
do not rest.

## Sensitivities

`cytotrial.engine.sensitivities(model, parameters, initial, of=[...], to=[...], times=...)` gives the slopes of states or
observables with respect to parameters for every patient: copies with one parameter moved by a hundredth, all in one ensemble.
Doses are held as they are.

`cytotrial.trial_sensitivity.trial_sensitivities(protocol, library, to=[...])` gives what a whole trial answers (response,
survival, severe events, arms against each other) with a parameter a tenth lower and higher, beside the trial as it is:
same patients, same luck, but doses and visits as they then come.

## Beside other integrators

`python dev.py bench` compares it with CVODE, LSODA and others at equal error: see [benchmarks](../benchmarks/README.md).
"""


def write_page(
    file: Path,
    task: Task,
    *,
    protocol: str,
    patients: int,
    measure: Callable[[Task, int, float], Point],
    answers: Sequence[Changed],
    sizes: Sequence[Size],
    build: Path,
) -> None:
    """Measure and write the page.

    Args:
        file: to be written.
        task: the problem.
        protocol: its name.
        patients: how many each tolerance is tried on.
        measure: runs the project on a task, so many patients, at a tolerance.
        answers: what other tolerances do to a trial of `ANSWERED` patients.
        sizes: steps of models of several sizes.
        build: a folder for what is compiled.
    """
    default = Tolerances().rtol
    curve = [measure(task, patients, rtol) for rtol in _RTOLS]
    usual = next(point for point in curve if point.rtol == default)
    growth = [(count, measure(task.with_doses(count), patients, default)) for count in _DOSES]
    ready = Project().prepare(task, build).ready
    alone = min(ready.run(1, rtol=default, threads=1).seconds.processor for _ in range(_REPEATS))
    text = _TEXT.format(
        states=len(task.system.states),
        times=task.times.size,
        days=task.end / 24,
        patients=patients,
        protocol=protocol,
        doses=int((task.inputs[:, task.infusion] > 0).sum()),
        table=_table(curve, usual=usual, default=default),
        growth=_growth(growth),
        alone=1000 * alone,
        answered=ANSWERED,
        tightest=TIGHTEST,
        answers=_answers(answers, default=default),
        sizes=_sizes(sizes),
        processor=processor(),
        statuses="\n".join(f"- **{status.name.lower().replace('_', ' ')}**: {status.reason}" for status in Status if status),
    )
    file.write_text(text, encoding="utf-8")


def _table(curve: Sequence[Point], *, usual: Point, default: float) -> str:
    lines = ["| rtol | 99 % of errors below | largest error | steps | time |", "|---|---|---|---|---|"]
    for point in curve:
        name = f"**{point.rtol:.0e}** (default)" if point.rtol == default else f"{point.rtol:.0e}"
        time = point.seconds_per_patient / usual.seconds_per_patient
        lines.append(f"| {name} | {point.p99:.0e} | {point.largest:.0e} | {point.steps:.0f} | {time:.2g} |")
    return "\n".join(lines)


def _growth(measured: Sequence[tuple[int, Point]]) -> str:
    last = measured[-1][1].seconds_per_patient
    lines = ["| infusions | steps | time |", "|---|---|---|"]
    lines += [f"| {count} | {point.steps:.0f} | {point.seconds_per_patient / last:.2f} |" for count, point in measured]
    return "\n".join(lines)


def _answers(measured: Sequence[Changed], *, default: float) -> str:
    lines = [
        "| rtol | doses with another decision | patients with any | patients with another best response |",
        "|---|---|---|---|",
    ]
    for one in measured:
        name = f"**{one.rtol:.0e}** (default)" if one.rtol == default else f"{one.rtol:.0e}"
        parts = (one.doses, one.patients_with_other_doses, one.patients_with_other_response)
        lines.append(f"| {name} | " + " | ".join(f"{100 * part:.2g} %" for part in parts) + " |")
    return "\n".join(lines)


def _sizes(measured: Sequence[Size]) -> str:
    lines = ["| composition of | states | entries of the matrix | operations of a step |", "|---|---|---|---|"]
    lines += [f"| `{one.protocol}` | {one.states} | {one.entries:,} | {one.operations:,} |" for one in measured]
    return "\n".join(lines)
