"""A trial, from the question to the answer: the only place that knows the order. Each step is done elsewhere.

1  protocol     the question, resolved against the library
2  population   virtual patients, drawn by number
3  biology      composed, compiled, and set in motion
4  observe      visits: vitals, labs, scans; grades
5  manage       give, withhold, reduce, delay, stop, support
6  results      tables in a run folder, the published trial beside, a report
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cytotrial.catalogue import Library
from cytotrial.clinic import Clinic, apply
from cytotrial.course import Course, ready_treatment
from cytotrial.engine.ensemble import processors
from cytotrial.engine.kernel import CompiledModel, compile_model
from cytotrial.engine.steady import SteadyPart
from cytotrial.engine.tolerances import LOOSEST_RTOL, TIGHTEST_RTOL, Tolerances
from cytotrial.errors import Place, Problem, ProtocolError, SimulationError
from cytotrial.manage.care import switches
from cytotrial.model.biology import Biology, Parameter
from cytotrial.model.composition import compose
from cytotrial.outlook import time_to_other_death
from cytotrial.population.draw import Patients, Recipe, draw_patients
from cytotrial.protocol.protocol import Arm, Protocol
from cytotrial.report.report import render_report
from cytotrial.results.store import RunWriter
from cytotrial.run_record import context_of, default_folder, manifest_of, reusable_run, run_hash
from cytotrial.side_by_side import side_by_side
from cytotrial.standards import Standards
from cytotrial.starts import settling, steady_part_of
from cytotrial.units import UnitError, parse_quantity

if TYPE_CHECKING:
    from cytotrial.results.result import Result

PATIENTS_PER_CHUNK = 5_000  # bounds memory; the numbers do not depend on it
CHUNKS_AT_ONCE = 4  # while the clinic sees one, another is integrated; bounds memory too
RECORDED_TRAJECTORIES = 250  # of each arm, the first by number; summaries of time courses need no more


@dataclass(frozen=True)
class Progress:
    """How far a trial is: the arm, patients done of all arms together, the fraction of the work, and the stage in words."""

    arm: str
    done: int
    patients: int
    fraction: float
    stage: str


@dataclass(frozen=True)
class Prepared:
    """The biology of a protocol's drugs and disease, composed and compiled; it may serve several runs."""

    biology: Biology
    model: CompiledModel
    steady: SteadyPart | None = None


@dataclass(frozen=True)
class Chunk:
    """Some patients of one arm on their way through the trial."""

    arm: Arm
    patients: Patients
    course: Course
    clinic: Clinic


def run_trial(
    protocol: Protocol,
    library: Library,
    *,
    folder: Path | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    replace: bool = False,
    chunk: int = PATIENTS_PER_CHUNK,
    keep: bool = True,
    prepared: Prepared | None = None,
    brief: bool = False,
    rtol: float | None = None,
) -> Result:
    """Simulates a trial and returns its answer, stored in a run folder.

    Args:
        protocol: the question.
        library: drugs, diseases, rules.
        folder: of the run; `runs/<protocol>-<seed>-<hash>` where None. A complete run of the same question there is reused.
        threads: workers; the numbers do not depend on it.
        progress: is told how far the trial is.
        replace: run again and replace an existing run folder.
        chunk: patients simulated together; the numbers do not depend on it.
        keep: False puts the run in a temporary folder that goes with the result.
        prepared: the biology of an earlier run of the same drugs and disease, to be used again.
        brief: True leaves out trajectories and report, for runs of which only the answer counts.
        rtol: error that one step of the integration may make, relative; see `engine.Tolerances`.

    Raises:
        ProtocolError: `rtol` out of range; an override that the biology does not have, or in another unit.
        LibraryError: the library does not compose, or hardly anybody is eligible.
        RunFolderError: the folder cannot be written.
        SimulationError: no patient could be simulated.
    """
    started = time.monotonic()
    tell = progress or (lambda _: None)
    tolerances = _tolerances(rtol)
    identity = run_hash(protocol, library, rtol=tolerances.rtol)
    target = folder or default_folder(protocol, identity)
    if keep and not replace and (found := reusable_run(target, identity, chosen=folder is not None)):
        tell(Progress("", protocol.patients, protocol.patients, 1.0, "reused: the same run is there already"))
        return found
    prepared = prepared or prepare(protocol, library, tell=lambda stage: tell(Progress("", 0, protocol.patients, 0.0, stage)))
    biology = prepared.biology
    recipe = recipe_of(protocol, library, biology)
    recorded = 0 if brief else RECORDED_TRAJECTORIES
    with RunWriter(target, replace=replace) if keep else RunWriter.temporary() as writer:
        done, failed, refused = 0, 0, Counter[str]()
        parts = in_chunks(protocol, chunk)
        at_once, workers = side_by_side_of(len(parts), threads)
        drawn = ((arm, draw_chunk(protocol, prepared, recipe, numbers, threads=threads)) for arm, numbers in parts)
        chunks = (
            ready_chunk(
                *(protocol, library, prepared, arm, patients), threads=workers, recorded=recorded, tolerances=tolerances
            )
            for arm, patients in drawn
        )
        told = partial(_tell_progress, tell, protocol, lambda: done)
        with closing(side_by_side(chunks, simulate_chunk, at_once=at_once, told=told)) as simulated:
            for part in simulated:
                failed += store_chunk(writer, part)
                if protocol.design == "randomised" or part.arm is protocol.arms[0]:
                    refused += part.patients.rejected
                done += part.patients.numbers.size
        if failed == done:
            raise SimulationError(
                f"the simulation failed for all {done} patients; the first reasons are in the model, not in the input."
            )
        tell(Progress("", done, done, 1.0, "writing the answer"))
        manifest = manifest_of(
            *(protocol, library, identity),
            patients=done,
            refused=refused,
            seconds=time.monotonic() - started,
            rtol=tolerances.rtol,
        )
        return writer.finish(manifest, context=context_of(protocol, library, biology), report=None if brief else render_report)


def _tolerances(rtol: float | None) -> Tolerances:
    if rtol is None:
        return Tolerances()
    if not TIGHTEST_RTOL <= rtol <= LOOSEST_RTOL:
        advice = f"Expected {TIGHTEST_RTOL:g} to {LOOSEST_RTOL:g}; the default is {Tolerances.rtol:g}."
        raise ProtocolError([Problem(Place(path="rtol"), f"{rtol:g} is not possible.", advice)])
    return Tolerances(rtol=rtol)


def prepare(protocol: Protocol, library: Library, *, tell: Callable[[str], None] = lambda _: None) -> Prepared:
    """The biology a protocol needs; `tell` hears of the stages. Raises LibraryError where the library does not compose."""
    tell("composing the biology")
    biology = compose(library, drugs=protocol.drugs, disease=protocol.disease)
    tell("compiling the biology")
    return Prepared(biology, compile_model(biology.system), steady_part_of(biology))


def simulate_chunk(chunk: Chunk, tell: Callable[[float], None]) -> None:
    """One chunk from its first visit to its last."""
    course, clinic = chunk.course, chunk.clinic
    while True:
        chart = clinic.observe(course)
        apply(course, clinic.manage(chart, clinic.grade(chart)))
        tell(course.fraction())
        if not course.is_open():
            course.leave()
            return
        course.advance()


def recipe_of(protocol: Protocol, library: Library, biology: Biology) -> Recipe:
    """The population a protocol names, with what population and protocol set.

    Raises:
        ProtocolError: a parameter that the biology does not have, a value in another unit or out of range, all at once.
    """
    disease = library.diseases[protocol.disease]
    population = disease.populations.populations[protocol.population]
    eligibility = disease.populations.eligibility[protocol.eligibility] if protocol.eligibility else None
    overrides = {**_settings(biology, population.set_, "population"), **_settings(biology, protocol.set, "set")}
    return Recipe(population, disease.populations.plausible, eligibility, overrides, library.correlations)


def _settings(biology: Biology, written: Mapping[str, str | float], where: str) -> dict[str, float]:
    values, problems = {}, []
    for name, text in written.items():
        try:
            full = biology.resolve(name)
            values[full] = parse_quantity(text, biology.parameters[full].unit)
            problems += _outside(biology.parameters[full], values[full], f"{where}.{name}")
        except ProtocolError as error:
            problems += [Problem(Place(path=f"{where}.{name}"), problem.what, problem.advice) for problem in error.problems]
        except UnitError as error:
            problems.append(
                Problem(Place(path=f"{where}.{name}"), str(error), f"Expected a value in '{biology.parameters[full].unit}'.")
            )
    if problems:
        raise ProtocolError(problems)
    return values


def _outside(parameter: Parameter, value: float, path: str) -> list[Problem]:
    """What is wrong with a value beyond the limits of a parameter: the spread between patients is cut there."""
    low, high = parameter.low, parameter.high
    if (low is None or value >= low) and (high is None or value <= high):
        return []
    limits = " and ".join(text for text in (_limit("at least", low), _limit("at most", high)) if text)
    what = f"{value:g} {parameter.unit} is outside what '{parameter.name}' can be."
    return [Problem(Place(path=path), what, f"Expected {limits} {parameter.unit}.")]


def _limit(words: str, value: float | None) -> str:
    return "" if value is None else f"{words} {value:g}"


def in_chunks(protocol: Protocol, size: int) -> list[tuple[Arm, np.ndarray]]:
    """The patients of each arm in chunks, by number: all of them in twin arms, every n-th in randomised ones."""
    everybody = np.arange(1, protocol.patients + 1)
    parts = []
    for index, arm in enumerate(protocol.arms):
        numbers = everybody if protocol.design == "twins" else everybody[index :: len(protocol.arms)]
        # Of equal size, so that chunks side by side end together.
        parts += [(arm, part) for part in np.array_split(numbers, max(1, -(-numbers.size // size))) if part.size]
    return parts


def side_by_side_of(chunks: int, threads: int | None) -> tuple[int, int]:
    """How many chunks are simulated at once, and with how many workers each: together no more than there are threads."""
    available = threads or processors()
    at_once = min(chunks, CHUNKS_AT_ONCE, available)
    return at_once, max(available // max(at_once, 1), 1)


def draw_chunk(
    protocol: Protocol, prepared: Prepared, recipe: Recipe, numbers: np.ndarray, *, threads: int | None = None
) -> Patients:
    """The patients of these numbers, drawn, settled, and found plausible and eligible."""
    biology, model = prepared.biology, prepared.model

    def resting(parameters: np.ndarray, states: np.ndarray) -> Mapping[str, np.ndarray]:
        inputs = np.tile(biology.input_defaults(), (len(states), 1))
        return dict(zip(biology.system.observables, model.observe(states, parameters, inputs).T, strict=True))

    settle = settling(biology, prepared.steady, threads=threads)
    return draw_patients(biology, recipe, seed=protocol.seed, numbers=numbers, resting=resting, settle=settle)


def ready_chunk(
    protocol: Protocol,
    library: Library,
    prepared: Prepared,
    arm: Arm,
    patients: Patients,
    *,
    threads: int | None,
    recorded: int,
    tolerances: Tolerances | None = None,
) -> Chunk:
    """Drawn patients at the start of an arm: course and clinic before the first visit."""
    biology, model = prepared.biology, prepared.model
    standards = Standards.of(library, protocol, arm, biology)
    inputs = biology.system.inputs
    given = [
        ready_treatment(
            treatment, library.drugs[treatment.drug], patients, switches(library.support[treatment.support], inputs)
        )
        for treatment in arm.treatments
    ]
    course = Course(
        model,
        biology,
        patients,
        given=given,
        scans=np.array(protocol.scan_times(), dtype=float),
        after_last_dose=standards.after_last_dose,
        end=protocol.follow_up_hours,
        seed=protocol.seed,
        threads=threads,
        recorded=recorded,
        watched=standards.plan.watched,
        tolerances=tolerances,
        other_death=_other_death(protocol, library, patients),
    )
    return Chunk(arm, patients, course, Clinic(standards, course, seed=protocol.seed, arm=arm.name))


def _other_death(protocol: Protocol, library: Library, patients: Patients) -> np.ndarray | None:
    """(patients,) when each dies of another cause [h]; None where the population names no life table."""
    name = library.diseases[protocol.disease].populations.populations[protocol.population].life_table
    return None if name is None else time_to_other_death(library.life_tables[name], patients, seed=protocol.seed)


def store_chunk(writer: RunWriter, chunk: Chunk) -> int:
    """Writes the tables of a chunk; returns how many of its patients failed."""
    arm, course, patients = chunk.arm.name, chunk.course, chunk.patients
    failures = course.failures()
    people = pd.DataFrame({"ARM": arm, "ID": patients.numbers, **patients.covariates, **patients.varied})
    doses = [given.agenda.table() for given in course.given]
    tables = {
        "patients": people,
        "inputs": course.inputs(),
        "doses": pd.concat(doses, ignore_index=True) if doses else pd.DataFrame(),
        "trajectories": course.trajectories(),
        "failures": failures,
    }
    for name, frame in chain(tables.items(), chunk.clinic.parts()):
        if len(frame):
            writer.write(name, frame if "ARM" in frame else frame.assign(ARM=arm))
    return len(failures)


def _tell_progress(
    tell: Callable[[Progress], None],
    protocol: Protocol,
    done: Callable[[], int],
    running: Sequence[tuple[Chunk, float]],
) -> None:
    everybody = protocol.patients * (len(protocol.arms) if protocol.design == "twins" else 1)
    reached = done() + sum(chunk.patients.numbers.size * fraction for chunk, fraction in running)
    arm = running[0][0].arm.name
    tell(Progress(arm, int(reached), everybody, reached / everybody, f"simulating {arm}"))
