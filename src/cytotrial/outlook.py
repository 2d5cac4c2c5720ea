"""How long patients have: after progression, by disease and era, and until another cause. No drug has an effect here.

Exponential with log-normal frailty; the frailty is tied to a parameter of the patient, such as the growth of the
tumour, and covariates may multiply the hazard. What people die of who have no such disease is read off a life table.
"""

from __future__ import annotations

import numpy as np

from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.formats.life_table import LifeTableFile
from cytotrial.formats.population import AfterProgression
from cytotrial.model.biology import Biology
from cytotrial.observe.arrays import FloatArray
from cytotrial.population.draw import Patients
from cytotrial.population.streams import normals, uniforms
from cytotrial.units import conversion, hours


def time_after_progression(written: AfterProgression, patients: Patients, biology: Biology, *, seed: int) -> FloatArray:
    """Hours from progression to death, (patients,).

    Args:
        written: median, frailty and what it is tied to.
        patients: who.
        biology: for the spread of the parameter the frailty is tied to.
        seed: of the trial.
    """
    frailty = normals(seed, "after progression", patients.numbers, 0, draws=1)[:, 0]
    if written.tied_to is not None:
        name = biology.resolve(written.tied_to)
        parameter = biology.parameters[name]
        centre = parameter.value if parameter.value is not None else np.median(patients.varied[name])
        tied = np.log(patients.varied[name] / centre) / parameter.between_sd
        frailty = written.correlation * tied + np.sqrt(1 - written.correlation**2) * frailty
    chance = -np.log(uniforms(seed, "after progression", patients.numbers, 1, draws=1)[:, 0])
    hazard = np.ones(frailty.shape)
    for covariate, ratio in written.hazard_ratios.items():
        hazard = hazard * ratio ** patients.covariates[covariate]
    time: FloatArray = hours(written.median) / np.log(2) * np.exp(written.frailty_log_sd * frailty) * chance / hazard
    return time


def time_to_other_death(table: LifeTableFile, patients: Patients, *, seed: int) -> FloatArray:
    """Hours from the start to a death of another cause than disease or treatment, (patients,); twins share it.

    The rate of dying is constant within a row of the table, and beyond its end that of the last row. It moves on with the
    age of the patient and not with the calendar.

    Args:
        table: deaths by age and sex.
        patients: who; their age [y] and sex are read.
        seed: of the trial.

    Raises:
        LibraryError: a patient is younger than the table, or age or sex was not drawn.
    """
    missing = [name for name in ("age", "female") if name not in patients.covariates]
    if missing:
        what = f"a life table needs {' and '.join(missing)}, which this population does not draw."
        raise LibraryError([Problem(Place(path="life_table"), what, "Add the covariate, or leave the life table out.")])
    age, is_female = patients.covariates["age"], patients.covariates["female"] > 0
    edges = np.array([*(row.age for row in table.rows), table.until])
    if age.size and age.min() < edges[0]:
        what = f"a patient is {age.min():.3g} years old; the life table '{table.title.en}' begins at {edges[0]:g}."
        raise LibraryError([Problem(Place(path="life_table"), what, "Draw older patients, or name another life table.")])
    chance = -np.log(uniforms(seed, "other death", patients.numbers, 0, draws=1)[:, 0])
    years = np.zeros(age.shape)
    for sex, dying in ((is_female, [row.female for row in table.rows]), (~is_female, [row.male for row in table.rows])):
        # Cumulative hazard at the edges; a death is where it has risen by the number drawn since the patient's age.
        passed = np.append(0.0, np.cumsum(-np.log1p(-np.array(dying))))
        last = (passed[-1] - passed[-2]) / (edges[-1] - edges[-2])
        start = np.interp(age[sex], edges, passed) + np.maximum(age[sex] - edges[-1], 0.0) * last
        goal = start + chance[sex]
        years[sex] = np.interp(goal, passed, edges) + np.maximum(goal - passed[-1], 0.0) / last - age[sex]
    time: FloatArray = np.maximum(years, 0.0) * conversion("y", "h")
    return time
