"""Sets the rates of what is too rare to be counted among some hundred patients, by whole trials of high-dose interleukin-2.

`python calibration/rare_events.py --patients 300 --seed 1 --rounds 3` simulates a few trials, reads from the cumulative hazards
of each patient how likely every event was, sets each rate to what its target asks for, and goes round again, because sepsis
stops treatment and events draw on each other. Every round is a point of `calibration/records/rare_events.json`; the same call
goes on where it was stopped, unless the library has changed. `--write` then sets the tables to the best round, and
`--fresh-seeds 11 12` says what it gives in trials it was not fitted to. The thyroid is read from laboratory values, as in the
published series.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from search import RECORDS, Target, write_into_tables

from cytotrial.catalogue import Library, load_library
from cytotrial.model.biology import Parameter
from cytotrial.protocol import Protocol, protocol_from_arguments, with_overrides
from cytotrial.results.efficacy import best_responses
from cytotrial.results.survival import kaplan_meier
from cytotrial.trial import Prepared, draw_chunk, in_chunks, prepare, ready_chunk, recipe_of, simulate_chunk
from cytotrial.units import HOURS_PER_DAY

REGIMEN, RULES, ELIGIBILITY = "aldesleukin.hd_bolus", "label1992", "standard_hd_il2"
COURSES = {"max": 3, "rest": "7 weeks", "only_if": "response_or_stable"}
ERA, WITHOUT, WITH, MELANOMA = "era", "without prophylaxis", "with prophylaxis", "melanoma"
TRIALS = {
    ERA: ("renal_cell_carcinoma", "trials_1985_1993", "12 months"),
    WITHOUT: ("renal_cell_carcinoma", "nci_1985_1990", "12 months"),
    WITH: ("renal_cell_carcinoma", "standard", "12 months"),
    MELANOMA: ("melanoma", "trials_1985_1993", "24 months"),
}
RECORD = "rare_events.json"
NORMAL_THYROTROPIN = (0.4, 4.0)  # [mU/L]
HORMONE_GIVEN = 0.1  # of normal secretion: less is not counted as given
LARGEST_STEP = 3.0  # a rate moves by no more than this factor in a round


@dataclass(frozen=True)
class Seen:
    """A trial that was simulated.

    Attributes:
        hazards: by event, (patients,) cumulative hazard at the end of each patient's follow-up.
        tables: labs, doses, patients, responses, adverse events and trajectories, among others.
    """

    hazards: Mapping[str, np.ndarray]
    tables: Mapping[str, pd.DataFrame]


Trials = Mapping[str, Seen]
Reading = Callable[[Trials], float]
Asked = Callable[[Trials, float], float]


@dataclass(frozen=True)
class Aim(Target):
    """A target, the parameters it sets together, its reading, and by what factor those parameters should move."""

    moves: tuple[str, ...] = ()
    read: Reading = lambda trials: math.nan
    asked: Asked = lambda trials, value: 1.0
    of_what_is_left: bool = False  # the factor is that of 1 less the parameter: a share taken away


def main() -> None:
    """Goes round, then tries fresh seeds and writes the tables where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("--patients", type=int, default=300)
    written.add_argument("--seed", type=int, default=1)
    written.add_argument("--rounds", type=int, default=3)
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the tables to the best round")
    asked = written.parse_args()
    library = load_library()
    protocols = {name: protocol_of(name, library, patients=asked.patients) for name in TRIALS}
    ready = {name: prepare(protocol, library) for name, protocol in protocols.items()}
    parameters = ready[ERA].biology.parameters
    free = {full: parameters[full] for aim in AIMS.values() for full in aim.moves}

    def simulate(values: Mapping[str, float], seed: int) -> Trials:
        settings = {full: value if free[full].unit == "1" else f"{value!r} {free[full].unit}" for full, value in values.items()}
        return {
            name: seen(with_overrides(protocol, set=settings, seed=seed), library, ready[name])
            for name, protocol in protocols.items()
        }

    values = {full: float(parameter.value or math.nan) for full, parameter in free.items()}
    record: dict[str, Any] = {
        "trials": {name: f"{REGIMEN}, {RULES}, {', '.join(parts)}" for name, parts in TRIALS.items()},
        "patients": asked.patients,
        "seed": asked.seed,
        "library": library.content_hash,
        "targets": {
            name: {**{at.name: getattr(aim, at.name) for at in fields(Target)}, "sets": aim.moves} for name, aim in AIMS.items()
        },
        "start": values,
    }
    known = known_points(record)
    record["points"] = []
    for number in range(asked.rounds + 1):
        point = known.get(json.dumps(values))
        if point is None:
            trials = simulate(values, asked.seed)
            point = {"values": values, **point_of(trials), "next": next_values(values, trials, free)}
        record["points"].append(point)
        record["best"] = min(record["points"], key=lambda point: float(point["distance"]))
        write_record(record)
        sys.stderr.write(f"round {number}: {point['distance']:.2f}\n")
        values = point["next"]
    best = record["best"]["values"]
    record["fresh"] = {str(seed): point_of(simulate(best, seed)) for seed in asked.fresh_seeds}
    write_record(record)
    if asked.write:
        write_into_tables(library, free, best)


def point_of(trials: Trials) -> dict[str, Any]:
    """What the targets read in these trials, how far off they are together, and what is looked at besides."""
    simulated = {name: aim.read(trials) for name, aim in AIMS.items()}
    distance = sum(aim.residual(simulated[name]) ** 2 for name, aim in AIMS.items())
    return {"simulated": simulated, "distance": distance, "besides": {name: read(trials) for name, read in BESIDES.items()}}


def next_values(values: Mapping[str, float], trials: Trials, free: Mapping[str, Parameter]) -> dict[str, float]:
    """Every parameter where its target asks for it, in four digits, within the limits of its table."""
    moved = dict(values)
    for aim in AIMS.values():
        factor = float(np.clip(aim.asked(trials, aim.value), 1.0 / LARGEST_STEP, LARGEST_STEP))
        for full in aim.moves:
            value = 1.0 - (1.0 - moved[full]) * factor if aim.of_what_is_left else moved[full] * factor
            low, high = free[full].low, free[full].high
            held = min(max(value, -math.inf if low is None else low), math.inf if high is None else high)
            moved[full] = float(f"{held:.4g}")
    return moved


def known_points(head: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The points of an earlier call that asked the same of the same library, by their values."""
    path = RECORDS / RECORD
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    same = all(known.get(key) == json.loads(json.dumps(value)) for key, value in head.items())
    return {json.dumps(point["values"]): point for point in known["points"]} if known and same else {}


def write_record(record: Mapping[str, Any]) -> None:
    """The record, whole or not at all."""
    RECORDS.mkdir(exist_ok=True)
    part = (RECORDS / RECORD).with_suffix(".part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.replace(RECORDS / RECORD)


# ------------------------------------------------------------------ trials


def protocol_of(name: str, library: Library, *, patients: int) -> Protocol:
    """The shipped trial of this disease with this care, followed until its events are over."""
    disease, support, follow_up = TRIALS[name]
    return protocol_from_arguments(
        REGIMEN, library, disease=disease, rules=RULES, support=support, eligibility=ELIGIBILITY, courses=COURSES,
        patients=patients, follow_up=follow_up, scans="every 8 weeks", response="who_1979", name="rare_events",
    )  # fmt: skip


def seen(protocol: Protocol, library: Library, ready: Prepared) -> Seen:
    """The trial, simulated; all its patients in one chunk."""
    ((arm, numbers),) = in_chunks(protocol, protocol.patients)
    patients = draw_chunk(protocol, ready, recipe_of(protocol, library, ready.biology), numbers)
    chunk = ready_chunk(protocol, library, ready, arm, patients, threads=None, recorded=protocol.patients)
    simulate_chunk(chunk, lambda fraction: None)
    states, events = list(ready.biology.system.states), chunk.course.happenings.events
    people = pd.DataFrame({"ARM": arm.name, "ID": patients.numbers})
    doses = pd.concat([given.agenda.table() for given in chunk.course.given], ignore_index=True)
    tables = {"patients": people, "doses": doses, "trajectories": chunk.course.trajectories(), **chunk.clinic.tables()}
    return Seen(
        {event.name: chunk.course.states[:, states.index(event.hazard)] for event in events},
        tables,
    )


# ------------------------------------------------------------------ readings of hazards


def share_with(hazard: np.ndarray, factor: float = 1.0) -> float:
    """Patients [%] that an event comes to, by their cumulative hazards times a factor."""
    return 100.0 * float(np.mean(-np.expm1(-factor * hazard)))


def needed_factor(read: Callable[[float], float], value: float) -> float:
    """The factor of all hazards at which a reading that rises with them meets a value; the largest step where none does."""
    low, high = 1.0 / LARGEST_STEP, LARGEST_STEP
    if read(low) >= value:
        return low
    if read(high) <= value:
        return high
    return float(brentq(lambda factor: read(factor) - value, low, high, rtol=1e-6))


def patients_with(trial: str, *events: str) -> Mapping[str, Any]:
    """Patients [%] with any of these events, and how their rates should move, in common."""

    def at(trials: Trials, factor: float) -> float:
        return share_with(np.sum([trials[trial].hazards[event] for event in events], axis=0), factor)

    return {
        "read": lambda trials: at(trials, 1.0),
        "asked": lambda trials, value: needed_factor(lambda factor: at(trials, factor), value),
    }


def deaths_of_sepsis(trials: Trials, factor: float = 1.0) -> float:
    """Deaths expected among Snydman's 20 septic patients and the 270 of Atkins together."""
    without, era = trials[WITHOUT], trials[ERA]
    septic = had(without, "Sepsis")
    among_septic = share_with(without.hazards["septic_death"][septic], factor) if septic.any() else 0.0
    return 20.0 * among_septic / 100.0 + 270.0 * share_with(era.hazards["septic_death"], factor) / 100.0


def vitiligo_of_responders(trials: Trials, factor: float = 1.0) -> float:
    """Responders [%] with vitiligo."""
    trial = trials[MELANOMA]
    responded = best_responses(trial.tables["patients"], trial.tables["responses"]).isin(["CR", "PR"]).to_numpy()
    return share_with(trial.hazards["vitiligo"][responded], factor) if responded.any() else math.nan


def by_hazard(at: Callable[[Trials, float], float]) -> Mapping[str, Any]:
    """Reading and step of what is read from hazards times a factor."""
    return {
        "read": lambda trials: at(trials, 1.0),
        "asked": lambda trials, value: needed_factor(lambda factor: at(trials, factor), value),
    }


# ------------------------------------------------------------------ readings of the thyroid


def with_slope(read: Reading, slope: float) -> Mapping[str, Any]:
    """Reading and step of what moves by about `slope` when the parameter grows e-fold."""
    return {"read": read, "asked": lambda trials, value: math.exp((value - read(trials)) / slope)}


def thyrotropin_of(trials: Trials) -> tuple[pd.DataFrame, int]:
    """Measured thyrotropin of the renal patients of the era (ID, TIME [h], AVAL [mU/L]), and how many patients there are."""
    labs = trials[ERA].tables["labs"]
    return labs[labs["PARAMCD"] == "TSH"].sort_values(["ID", "TIME"]), len(trials[ERA].tables["patients"])


def hypothyroid(trials: Trials) -> float:
    """Patients [%] whose thyrotropin is ever measured above normal."""
    measured, patients = thyrotropin_of(trials)
    return 100.0 * measured.loc[measured["AVAL"] > NORMAL_THYROTROPIN[1], "ID"].nunique() / patients


def hyperthyroid(trials: Trials) -> float:
    """Patients [%] whose thyrotropin is ever measured below normal."""
    measured, patients = thyrotropin_of(trials)
    return 100.0 * measured.loc[measured["AVAL"] < NORMAL_THYROTROPIN[0], "ID"].nunique() / patients


def still_hypothyroid(days: float) -> Reading:
    """Of those with raised thyrotropin, the share [%] that still has it so long after its begin (Kaplan-Meier)."""

    def read(trials: Trials) -> float:
        measured, _ = thyrotropin_of(trials)
        lasted, censored = [], []
        for _, person in measured.groupby("ID"):
            raised = person["AVAL"].to_numpy() > NORMAL_THYROTROPIN[1]
            if not raised.any():
                continue
            time = person["TIME"].to_numpy()
            begin = int(raised.argmax())
            over = np.flatnonzero(~raised[begin:])
            end = begin + int(over[0]) if over.size else time.size - 1
            lasted.append(float(time[end] - time[begin]) / HOURS_PER_DAY)
            censored.append(not over.size)
        return 100.0 * kaplan_meier(lasted, censored).at(days).value if lasted else math.nan

    return read


def given_hormone(trials: Trials) -> float:
    """Patients [%] ever given a tenth of normal secretion or more."""
    highest = trials[ERA].tables["trajectories"].groupby("ID")["thyroxine_dose"].max()
    return 100.0 * float((highest > HORMONE_GIVEN).sum()) / len(trials[ERA].tables["patients"])


def first_raised_day(trials: Trials) -> float:
    """The median day on which thyrotropin is first measured above normal."""
    measured, _ = thyrotropin_of(trials)
    raised = measured[measured["AVAL"] > NORMAL_THYROTROPIN[1]].groupby("ID")["TIME"].min()
    return float(raised.median()) / HOURS_PER_DAY


# ------------------------------------------------------------------ looked at besides


def had(trial: Seen, term: str, grade: int = 1) -> np.ndarray:
    """(patients,) who had a term of at least this grade."""
    events = trial.tables["adverse_events"]
    found = events[(events["TERM"] == term) & (events["GRADE"] >= grade)]
    return trial.tables["patients"]["ID"].isin(found["ID"]).to_numpy()


def of_grade_two(trials: Trials) -> float:
    """Patients [%] with hypothyroidism of grade 2 or more: hormone given, thyrotropin above 10 mU/L, or low free thyroxine."""
    return 100.0 * float(had(trials[ERA], "Hypothyroidism", 2).mean())


def counted(trial: str, term: str) -> Reading:
    """Patients [%] with a term, counted."""
    return lambda trials: 100.0 * float(had(trials[trial], term).mean())


def deaths_of_septic(trials: Trials) -> float:
    """Septic patients without prophylaxis [%] who die of it."""
    septic = had(trials[WITHOUT], "Sepsis")
    return share_with(trials[WITHOUT].hazards["septic_death"][septic]) if septic.any() else math.nan


def deaths_of_treatment(trials: Trials) -> float:
    """Patients [%] of the era who die of sepsis or of the heart."""
    hazards = trials[ERA].hazards
    return share_with(hazards["septic_death"] + hazards["cardiac_death"])


def courses_with_arrhythmia(trials: Trials) -> float:
    """Arrhythmias of any kind by 100 courses."""
    doses = trials[ERA].tables["doses"]
    given = doses[doses["GIVEN"] > 0]
    kinds = ("atrial_fibrillation", "supraventricular_tachycardia", "sustained_ventricular_tachycardia")
    total = sum(float(trials[ERA].hazards[kind].sum()) for kind in kinds)
    return 100.0 * total / len(given[["ID", "COURSE"]].drop_duplicates())


AIMS: Mapping[str, Aim] = {
    "sepsis without prophylaxis [% of patients]": Aim(
        "IL2-539", 100 * 20 / 107, 2.0, moves=("infection.sepsis_rate",), **patients_with(WITHOUT, "sepsis")
    ),
    "sepsis with prophylaxis [% of patients]": Aim(
        "IL2-347", 4.0, 1.0, moves=("infection.antibiotic_effect",), of_what_is_left=True, **patients_with(WITH, "sepsis")
    ),
    "deaths of sepsis, of 20 septic patients and of 270": Aim(
        "IL2-539, IL2-135", 8.0, 2.0, moves=("infection.death_rate",), **by_hazard(deaths_of_sepsis)
    ),
    # The label's infection and sepsis are terms of their own.
    "local infection [% of patients]": Aim(
        "IL2-270", 13.0, 3.0, 0.5, moves=("infection.local_rate",), **patients_with(ERA, "localised_infection")
    ),
    "atrial fibrillation or supraventricular tachycardia [% of patients]": Aim(
        "IL2-277", 12.0, 1.5, moves=("heart.fibrillation_rate", "heart.supraventricular_rate"),
        **patients_with(ERA, "atrial_fibrillation", "supraventricular_tachycardia"),
    ),
    "ventricular tachycardia [% of patients]": Aim(
        "IL2-319", 100 * 5 / 525, 0.3, moves=("heart.ventricular_rate",),
        **patients_with(ERA, "sustained_ventricular_tachycardia"),
    ),
    "myocarditis [% of patients]": Aim(
        "IL2-364", 2.5, 0.5, moves=("heart.myocarditis_rate",), **patients_with(ERA, "myocarditis")
    ),
    "infarction [% of patients]": Aim(
        "IL2-318", 100 * 7 / 525, 0.3, moves=("heart.ischaemia_rate",), **patients_with(ERA, "myocardial_ischaemia")
    ),
    "severe bleeding [% of patients]": Aim(
        "IL2-428, IL2-429", 100 * 3 / 178, 0.5, moves=("gut.bleeding_rate",), **patients_with(ERA, "frank_bleeding")
    ),
    "vitiligo [% of responders]": Aim(
        "IL2-537", 100 * 11 / 43, 4.0, moves=("skin.vitiligo_rate",), **by_hazard(vitiligo_of_responders)
    ),
    "hypothyroidism [% of patients]": Aim(
        "IL2-532", 35.0, 3.0, moves=("thyroid.destruction",), **with_slope(hypothyroid, 30.0)
    ),
    # Destruction goes along, so that as many fall ill while the gland heals faster.
    "hypothyroid 54 d later [% of them]": Aim(
        "IL2-534", 50.0, 8.0, moves=("thyroid.regeneration", "thyroid.destruction"),
        **with_slope(still_hypothyroid(54.0), -60.0),
    ),
    "hormone needed [% of patients]": Aim(
        "IL2-532", 9.0, 1.5, moves=("thyroid_hormone.trigger",), **with_slope(given_hormone, -15.0)
    ),
    "hyperthyroidism [% of patients]": Aim("IL2-533", 7.0, 1.5, moves=("thyroid.spill",), **with_slope(hyperthyroid, 7.0)),
}  # fmt: skip

BESIDES: Mapping[str, Reading] = {
    "sepsis without prophylaxis, counted [%]": counted(WITHOUT, "Sepsis"),
    "sepsis of the era, counted [%]": counted(ERA, "Sepsis"),
    "septic patients who die [%]": deaths_of_septic,
    "deaths of sepsis or of the heart, era [%]": deaths_of_treatment,
    "arrhythmias of 100 courses": courses_with_arrhythmia,
    "hypothyroidism of grade 2 [%]": of_grade_two,
    "day of the first raised thyrotropin, median": first_raised_day,
    "bullous dermatitis [%]": lambda trials: share_with(trials[ERA].hazards["bullous_dermatitis"]),
}


if __name__ == "__main__":
    main()
