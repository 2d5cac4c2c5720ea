"""Turns a planned dose into an amount of substance for each patient, and tells doses that no one would order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cytotrial.formats.drug import DrugFile
from cytotrial.protocol.planned import PlannedDose
from cytotrial.protocol.quantities import BODY_FOR_LIMITS, read_amount
from cytotrial.units import parse_quantity

# Mosteller: surface [m2] = sqrt(height [cm] x weight [kg] / 3600) [NEJM 1987;317:1098].
MOSTELLER = 3600.0


def dose_amount(
    dose: PlannedDose, drug: DrugFile, *, weight: NDArray[np.float64], height: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The amount of one planned dose [nmol], (patients,).

    `weight` [kg] and `height` [cm] are (patients,) and taken at the start of the course.

    Raises:
        ValueError: the drug has no strength for the dose's unit; reading a protocol has ruled this out.
    """
    amount = dose.amount * nanomoles_per_unit(dose.unit, drug)
    if dose.per == "kg":
        return amount * weight
    if dose.per == "m2":
        return amount * body_surface(weight, height)
    return np.full(np.shape(weight), amount)


def body_surface(weight: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.float64]:
    """Body surface after Mosteller [m2] from weight [kg] and height [cm].

    >>> float(body_surface(np.array(80.0), np.array(180.0)))
    2.0
    """
    return np.sqrt(height * weight / MOSTELLER)


def nanomoles_per_unit(unit: str, drug: DrugFile) -> float:
    """What one IU, mg or nmol of a drug amounts to [nmol].

    Raises:
        ValueError: the drug has no such strength.
    """
    if unit == "nmol":
        return 1.0
    for strength in drug.strengths:
        if strength.per == unit:
            return parse_quantity(strength.amount, "nmol")
    raise ValueError(f"{drug.inn} has no strength per {unit}")


def has_strength(unit: str, drug: DrugFile) -> bool:
    """Whether doses of a drug can be written in a unit."""
    return unit == "nmol" or any(strength.per == unit for strength in drug.strengths)


def is_beyond_largest(dose: PlannedDose, drug: DrugFile) -> bool:
    """Whether a dose is above the drug's largest, for a body of usual size where the two are not written per the same."""
    if drug.largest_dose is None or not has_strength(dose.unit, drug):
        return False
    largest = read_amount(drug.largest_dose)
    per = largest.per or "flat"
    if not has_strength(largest.unit, drug):
        return False
    limit = largest.value * nanomoles_per_unit(largest.unit, drug)
    planned = dose.amount * nanomoles_per_unit(dose.unit, drug)
    if per == dose.per:
        return planned > limit
    return planned * BODY_FOR_LIMITS[dose.per] > limit * BODY_FOR_LIMITS[per]
