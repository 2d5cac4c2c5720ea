"""The plausibility cases of a library, simulated and read: a value beside its range for each. It fits nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cytotrial.catalogue import Drug, Library
from cytotrial.errors import LibraryError, Place, Problem, ProtocolError, did_you_mean
from cytotrial.evidence.time_courses import Bench, bench_of, give_regimen, time_grid
from cytotrial.formats.plausibility import LEVELS, OF_MANY, PlausibilityCase
from cytotrial.protocol.asking import protocol_from_arguments
from cytotrial.protocol.regimen import Regimen, parse_regimen
from cytotrial.trial import run_trial
from cytotrial.units import UnitError, conversion, hours, parse_quantity

SEED = 1
WITHOUT_TREATMENT = "none"


@dataclass(frozen=True)
class Case:
    """A case of the library, and the folder it stands in."""

    module: str
    name: str
    content: PlausibilityCase

    @property
    def title(self) -> str:
        """How a case is called in messages: 'module.case'."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Verdict:
    """A case and what was simulated, in the unit of the case; NaN where there is nothing to read.

    `left_out` of the `patients` were lost before the window ended: the simulation failed, or the follow-up was over.
    """

    case: Case
    value: float
    patients: int = 1
    left_out: int = 0

    @property
    def is_inside(self) -> bool:
        """Whether the value lies in the range."""
        return self.case.content.low <= self.value <= self.case.content.high

    def __str__(self) -> str:
        content = self.case.content
        source = ", ".join(part for part in (content.source.ref, content.source.where) if part)
        unit = "" if content.unit == "1" else f" {content.unit}"
        where = "inside" if self.is_inside else "OUTSIDE"
        limits = f"{content.low:g} to {content.high:g}"
        lost = f"; {self.left_out} of {self.patients} patients left out" if self.left_out else ""
        return f"{self.case.title}: {self.value:.4g}{unit}, {where} {limits} ({content.status}: {source}){lost}."


@dataclass(frozen=True)
class _Question:
    """What cases must share to be read from one simulation."""

    regimen: str
    drug: str | None
    drugs: tuple[str, ...]
    disease: str
    rules: str | None
    support: str | None  # None: no drug, and so no care
    settings: tuple[tuple[str, str | float], ...]
    patients: int  # 0: the typical patient


def plausibility_cases(library: Library) -> tuple[Case, ...]:
    """Every case of the library that can be simulated, by folder; one that names a drug the library does not have cannot.

    >>> from cytotrial.catalogue import load_library
    >>> {case.module for case in plausibility_cases(load_library())} <= set(load_library().modules)
    True
    """
    return tuple(
        Case(module, name, case)
        for module, file in library.plausibility.items()
        for name, case in file.cases.items()
        if case.named_drug is None or case.named_drug in library.drugs
    )


def check_plausibility(
    library: Library, cases: Iterable[Case], *, progress: Callable[[int, int], None] | None = None
) -> list[Verdict]:
    """Each case with its simulated value, in the order given; cases that can share a simulation do.

    Args:
        library: where modules, regimens and rules stand.
        cases: of this library.
        progress: is told how many simulations are done, and of how many.

    Raises:
        LibraryError: a case that cannot be simulated: unknown observable, regimen, disease or rules; a wrong unit.
    """
    cases = list(cases)
    groups: dict[_Question, list[Case]] = defaultdict(list)
    for case in cases:
        groups[_question(library, case)].append(case)
    benches: dict[tuple[object, ...], Bench] = {}
    verdicts: dict[str, Verdict] = {}
    for done, (question, group) in enumerate(groups.items()):
        if progress:
            progress(done, len(groups))
        key = (question.drugs, question.disease, question.settings)
        try:
            if key not in benches:
                benches[key] = bench_of(
                    library, drugs=question.drugs, disease=question.disease, settings=dict(question.settings)
                )
            series = _simulated(benches[key], question, group)
        except ProtocolError as error:
            raise LibraryError([_at(group[0], problem.what, problem.advice) for problem in error.problems]) from None
        except UnitError as error:
            raise LibraryError([_at(group[0], str(error), "Write what is set in the parameter's unit.")]) from None
        verdicts |= {case.title: _verdict(case, *series[case.content.observable]) for case in group}
    return [verdicts[case.title] for case in cases]


def read_case(case: PlausibilityCase, time: np.ndarray, values: np.ndarray, unit: str) -> float:
    """The reading of a case, in its unit, from one observable.

    Args:
        case: what to read.
        time: (times,) since the first dose [h].
        values: (patients, times), or (1, times) of the typical patient; who has a NaN in the window is left out.
        unit: of the values.
    """
    read = _readings(case, time, values, unit)
    if read.size == 0:
        return float("nan")
    return float(np.median(read) if case.who == "population_median" else np.mean(read))


def _verdict(case: Case, time: np.ndarray, values: np.ndarray, unit: str) -> Verdict:
    try:
        seen = np.isfinite(values[:, _within(time, case.content.window)]).all(axis=1)
        return Verdict(case, read_case(case.content, time, values, unit), seen.size, int((~seen).sum()))
    except UnitError as error:
        raise LibraryError([_at(case, str(error), f"'{case.content.observable}' is in '{unit}'.")]) from None


def _readings(case: PlausibilityCase, time: np.ndarray, values: np.ndarray, unit: str) -> np.ndarray:
    """(patients,) one reading each, in the unit of the case."""
    inside = _within(time, case.window)
    values = values[np.isfinite(values[:, inside]).all(axis=1)]
    times, window = time[inside], values[:, inside]
    if case.reading in OF_MANY:
        window, unit = _against_start(case, window, values[:, :1], unit)
    threshold = parse_quantity(case.threshold, unit) if case.threshold is not None else np.nan
    read, read_unit = window[:, -1], unit
    match case.reading:
        case "maximum":
            read = window.max(axis=1)
        case "minimum":
            read = window.min(axis=1)
        case "time_of_maximum":
            read, read_unit = times[window.argmax(axis=1)], "h"
        case "time_of_minimum":
            read, read_unit = times[window.argmin(axis=1)], "h"
        case "half_life":
            read, read_unit = _half_life(times, window), "h"
        case "time_above":
            read, read_unit = np.asarray(np.trapezoid((window > threshold).astype(float), times, axis=1)), "h"
        case "share_above":
            read, read_unit = (window > threshold).any(axis=1).astype(float), "1"
        case "share_below":
            read, read_unit = (window < threshold).any(axis=1).astype(float), "1"
        case "ratio":
            compared = values[:, _within(time, case.compared_to or case.window)]
            read, read_unit = window.max(axis=1) / compared.max(axis=1), "1"
    if case.reading in LEVELS:
        read, read_unit = _against_start(case, read, values[:, 0], read_unit)
    return np.asarray(read * conversion(read_unit, case.unit))


def _against_start(case: PlausibilityCase, read: np.ndarray, start: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """What was read, less the start or over it where the case asks for that, and its unit."""
    if case.relative_to == "baseline":
        return read - start, unit
    if case.relative_to == "share_of_baseline":
        return read / start, "1"
    return read, unit


def _within(time: np.ndarray, window: tuple[str, str]) -> np.ndarray:
    """(times,) which times lie in a window."""
    start, end = (hours(text) for text in window)
    return (time >= start - _HAIR) & (time <= end + _HAIR)


_HAIR = 1e-6  # [h]; a window's end is a time of the grid, up to rounding


def _half_life(time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(patients,) [h] of a straight line through the logarithms; NaN where a value is not above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(values)
    centred = time - time.mean()
    slope = (logs - logs.mean(axis=1, keepdims=True)) @ centred / (centred @ centred)
    return np.asarray(np.log(2) / -slope)


# ------------------------------------------------------------------ simulation


def _question(library: Library, case: Case) -> _Question:
    content = case.content
    folder_drug = case.module if case.module in library.drugs else None
    drug = _drug_of(library, case, folder_drug)
    own_disease = case.module if case.module in library.diseases else library.disease_of_checks
    disease = content.disease or own_disease
    support = content.support or (library.drugs[drug].file.support if drug else None)
    for kind, name, known in (
        ("disease", disease, list(library.diseases)),
        ("support", support, list(library.support)),
        ("rules", content.rules, list(library.drugs[drug].rules) if drug else []),
    ):
        if name is not None and name not in known:
            raise LibraryError([_at(case, f"unknown {kind} '{name}'.", did_you_mean(name, known))])
    return _Question(
        regimen=content.regimen,
        drug=drug,
        drugs=tuple(sorted({name for name in (drug, folder_drug) if name})),
        disease=disease,
        rules=content.rules,
        support=support,
        settings=tuple(sorted(content.set_.items())),
        patients=content.patients if content.is_of_a_population else 0,
    )


def _drug_of(library: Library, case: Case, folder_drug: str | None) -> str | None:
    """The drug of a case's regimen; None without treatment."""
    text = case.content.regimen
    if text == WITHOUT_TREATMENT:
        return None
    named, _, regimen = text.partition(".")
    if named in library.drugs and regimen in library.drugs[named].regimens:
        return named
    try:
        drug = parse_regimen(text).drug or folder_drug
    except ProtocolError as error:
        raise LibraryError([_at(case, problem.what, problem.advice) for problem in error.problems]) from None
    if drug is None or drug not in library.drugs:
        advice = did_you_mean(drug or "", library.drugs, see="Begin the sentence with the drug, or name drug.regimen.")
        raise LibraryError([_at(case, "the regimen names no drug of the library.", advice)])
    return drug


def _simulated(bench: Bench, question: _Question, cases: Sequence[Case]) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    """Time, values and unit of every observable that the cases read."""
    wanted = {}
    for case in cases:
        name = case.content.observable
        if name not in bench.biology.system.observables:
            advice = did_you_mean(name, bench.biology.system.observables)
            raise LibraryError([_at(case, f"'{name}' is no observable of this biology.", advice)])
        wanted[name] = bench.biology.observables[name].unit
    until = max(hours(case.content.window[1]) for case in cases)
    if question.rules is not None and question.drug is not None:
        return _managed(bench, question, wanted, until)
    drug = bench.library.drugs[question.drug] if question.drug else None
    courses = give_regimen(
        bench,
        bench.drawn(question.patients, seed=SEED) if question.patients else bench.typical(),
        regimen=_regimen(drug, question.regimen) if drug else None,
        drug=drug,
        support=question.support,
        until=until,
    )
    return {name: (courses.time, courses.observables[name], unit) for name, unit in wanted.items()}


def _regimen(drug: Drug, text: str) -> Regimen:
    named = text.partition(".")[2]
    return parse_regimen(drug.regimens[named].sentence if named in drug.regimens else text)


def _managed(
    bench: Bench, question: _Question, wanted: Mapping[str, str], until: float
) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    """The same under a rule profile: the whole clinic, read at the times of the grid."""
    protocol = protocol_from_arguments(
        question.regimen,
        bench.library,
        disease=question.disease,
        drug=None if question.regimen.startswith(f"{question.drug}") else question.drug,
        patients=question.patients,
        rules=str(question.rules),
        support=str(question.support),
        seed=SEED,
        follow_up=f"{until:g} h",
        set=dict(question.settings),
    )
    seen = run_trial(protocol, bench.library, keep=False).table("trajectories")
    people = [person for _, person in seen.groupby("ID")]
    time = time_grid(until)
    return {
        name: (
            time,
            np.stack([np.interp(time, person["TIME"], person[name], right=np.nan) for person in people]).astype(float),
            unit,
        )
        for name, unit in wanted.items()
    }


def _at(case: Case, what: str, advice: str) -> Problem:
    return Problem(Place(f"{case.module}/plausibility.yaml", path=f"cases.{case.name}"), what, advice)
