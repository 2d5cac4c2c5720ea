"""Survival after progression: a patient's remaining time, by disease and era. No effect of a drug, no state of the biology.

Exponential with log-normal frailty; the frailty is tied to a parameter of the patient, such as the growth of the
tumour, and covariates may multiply the hazard.
"""

from __future__ import annotations

import numpy as np

from cytotrial.formats.population import AfterProgression
from cytotrial.model.biology import Biology
from cytotrial.observe.arrays import FloatArray
from cytotrial.population.draw import Patients
from cytotrial.population.streams import normals, uniforms
from cytotrial.units import hours


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
