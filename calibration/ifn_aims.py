"""The published side effects of interferon alfa that `ifn_side_effects.py` moves constants towards, and how each is read.

An aim names its row of the published outcomes, or a source of the library where there is none; a plan says which constants
answer for which aims. Nothing is simulated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from search import Target

from cytotrial.units import HOURS_PER_DAY

WEEK = 7 * HOURS_PER_DAY
INDUCTION = "interferon alfa-2b 20 MIU/m2 iv over 20 min five days a week for 4 weeks"
HIGH = f"{INDUCTION}, then 10 MIU/m2 sc three times a week for 48 weeks"
PEGYLATED = "peginterferon alfa-2b 6 ug/kg sc weekly for 8 weeks, then 3 ug/kg sc weekly for 16 weeks"
HAIRY_CELL = "interferon alfa-2b 2 MIU/m2 sc three times a week for 24 weeks"
RENAL = "interferon alfa-2a 9 MIU flat sc three times a week for 24 weeks"
RENAL_DAILY = "interferon alfa-2b 10 MIU flat sc daily for 26 weeks"
LEUKAEMIA = "interferon alfa-2a 5 MIU/m2 sc daily for 26 weeks"
DAILY = "interferon alfa-2b 5 MIU/m2 sc daily for 4 weeks"
HEPATITIS_3 = "interferon alfa-2b 3 MIU flat sc three times a week for 48 weeks"
HEPATITIS_6 = "interferon alfa-2b 6 MIU flat sc three times a week for 24 weeks"
HEPATITIS_PEGYLATED = "peginterferon alfa-2a 180 ug flat sc weekly for 48 weeks"
ROPEGINTERFERON = "ropeginterferon alfa-2b {} ug flat sc single dose"
SINGLE_2A = "interferon alfa-2a 36 MIU flat sc single dose"
SINGLE_2B = "interferon alfa-2b 5 MIU/m2 sc single dose"
SINGLE_PEGYLATED_2A = "peginterferon alfa-2a 180 ug flat sc single dose"
EIGHT_WEEKS = "peginterferon alfa-2b 6 ug/kg sc weekly, 8 doses"
HAIRY_CELLS = "hairy_cell_leukaemia"
LEUKAEMIC = "chronic_myeloid_leukaemia"
KIDNEY = "renal_cell_carcinoma"

# From times [h] and the course of a finding (patients, times), one number per patient; a target is compared with their mean.
Reading = Callable[[np.ndarray, np.ndarray], np.ndarray]


def above(limit: float) -> Reading:
    """Reached at some time: a share [%]."""
    return lambda time, course: _share(course >= limit)


def falls_to(limit: float) -> Reading:
    """Reached from above at some time: a share [%]."""
    return lambda time, course: _share(course <= limit)


def above_at_looks(limit: float) -> Reading:
    """Exceeded at some weekly look: a share [%]."""
    return lambda time, course: _share(course[:, _weekly(time)] > limit)


def below_at_looks(limit: float) -> Reading:
    """Undershot at some weekly look: a share [%]."""
    return lambda time, course: _share(course[:, _weekly(time)] < limit)


def exceeded_by(share: float) -> Reading:
    """What this share [%] of patients exceeds at some weekly look: smooth where a small share is not."""

    def read(time: np.ndarray, course: np.ndarray) -> np.ndarray:
        highest = course[:, _weekly(time)].max(axis=1)
        return np.full(len(course), np.quantile(highest, 1.0 - share / 100.0))

    return read


def mean_fall(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """Fall from the start over the weekly looks from the third week on [%]."""
    later = course[:, _weekly(time) & (time >= 2 * WEEK)].mean(axis=1)
    return np.asarray(100.0 * (1.0 - later / course[:, 0]))


def chance(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """How likely an event was, from its cumulative hazard [%]."""
    return np.asarray(-100.0 * np.expm1(-course[:, -1]))


def largest(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """The largest value, in the unit of the finding."""
    return np.asarray(course.max(axis=1))


def time_of_largest(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """When the largest value comes [h]."""
    return np.asarray(time[course.argmax(axis=1)])


def at_the_end(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """The last value, in the unit of the finding."""
    return course[:, -1]


def area_of_the_last_week(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """The area under the course in the last week [unit of the finding x h]."""
    week = time >= time[-1] - WEEK
    return np.asarray(np.trapezoid(course[:, week], time[week], axis=1))


def left_in_the_last_week(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """The largest rise over the start in the last week, of that in the first [%], means over patients."""
    rise = course - course[:, :1]
    first, last = rise[:, time <= WEEK].max(axis=1), rise[:, time >= time[-1] - WEEK].max(axis=1)
    return np.full(len(course), 100.0 * last.mean() / first.mean())


def _weekly(time: np.ndarray) -> np.ndarray:
    """Looks before a dose, one a week."""
    return np.asarray(time % WEEK == 0)


def _share(found: np.ndarray) -> np.ndarray:
    """100 for whom it is ever true, 0 for the others."""
    return np.asarray(100.0 * found.any(axis=1))


@dataclass(frozen=True)
class Aim(Target):
    """A target: the regimen, who gets it, for how long he is followed, what is read.

    Attributes:
        regimen: a sentence that names its drug.
        days: follow-up [d].
        finding: an observable, or the hazard of an event by flattened id.
        read: what the course of the finding says about each patient.
        disease: whose default population is drawn.
    """

    regimen: str = ""
    days: int = 168
    finding: str = ""
    read: Reading = chance
    disease: str = "melanoma_adjuvant"


@dataclass(frozen=True)
class Plan:
    """A search.

    Attributes:
        record: its name.
        aims: by name.
        free: parameters, and `module.name.between_sd` where a spread between patients is moved.
    """

    record: str
    aims: Mapping[str, Aim]
    free: tuple[str, ...]


ORGANS = {
    "injection site": Aim("AE-010", 62, 3, 1, PEGYLATED, 168, "injection_site_score", above(1.0)),
    "diarrhoea, high dose": Aim("AE-035", 35, 4, 0.5, HIGH, 365, "diarrhoea_volume", above(0.3)),
    "diarrhoea, 2 MIU/m2": Aim("AE-061", 18, 4, 0.5, HAIRY_CELL, 168, "diarrhoea_volume", above(0.3)),
    "retinopathy, high dose": Aim("lan2021", 76, 6, 1, HIGH, 84, "retinopathy_score", above(1.0)),
    "retinopathy, 6 MIU": Aim("AE-126", 34.6, 5, 1, HEPATITIS_6, 168, "retinopathy_score", above(1.0)),
    "autoantibodies": Aim("gogas2006", 26, 3, 1, HIGH, 365, "autoantibody_score", above(1.0)),
    "diabetes": Aim("AE-123", 0.55, 0.1, 1, HEPATITIS_3, 336, "glucose__diabetes_hazard"),
}

# Any grade of the symptoms of flu-like illness: the lowest cut-off of their latent scores is 1; all have come within weeks.
ACHES = {
    "headache, pegylated": Aim("AE-005", 70, 4, 1, PEGYLATED, 56, "headache_score", above(1.0)),
    "headache, high dose": Aim("AE-032", 62, 4, 0.5, HIGH, 56, "headache_score", above(1.0)),
    "headache, 2 MIU/m2": Aim("AE-055", 39, 4, 0.5, HAIRY_CELL, 56, "headache_score", above(1.0)),
    "myalgia, pegylated": Aim("AE-007", 68, 4, 1, PEGYLATED, 56, "myalgia_score", above(1.0)),
    "myalgia, high dose": Aim("AE-028", 75, 4, 0.5, HIGH, 56, "myalgia_score", above(1.0)),
    "myalgia, 2 MIU/m2": Aim("AE-056", 39, 4, 0.5, HAIRY_CELL, 56, "myalgia_score", above(1.0)),
    "joint pain, of all interferons": Aim("AE-107", 50, 8, 0.5, PEGYLATED, 56, "arthralgia_score", above(1.0)),
    "feeling cold, pegylated": Aim("AE-009", 63, 4, 1, PEGYLATED, 56, "coldness_score", above(1.0)),
    "feeling cold, 2 MIU/m2": Aim("AE-054", 46, 4, 0.5, HAIRY_CELL, 56, "coldness_score", above(1.0)),
}

NEUTROPHILS = {
    # The first grade began at 2.0 in the criteria of that trial, at 1.8 in those of the later one.
    "neutropenia, high dose": Aim("AE-026", 92, 4, 0.5, HIGH, 365, "neutrophils", below_at_looks(2.0)),
    "neutropenia, severe, high dose": Aim("AE-042", 26, 4, 0.5, HIGH, 365, "neutrophils", below_at_looks(1.0)),
    "neutropenia, 9 MIU": Aim("uspi_sutent", 49, 4, 1, RENAL, 168, "neutrophils", below_at_looks(1.8), KIDNEY),
    "neutropenia, severe, 9 MIU": Aim("uspi_sutent", 9, 4, 0.5, RENAL, 168, "neutrophils", below_at_looks(1.0), KIDNEY),
    "neutrophils, mean fall, 3 MIU": Aim("soza2002", 34, 4, 1, HEPATITIS_3, 168, "neutrophils", mean_fall),
    # 6 of 70 had a severe fall of a blood count in 12 weeks, at 0.75 to 7.5 ug/kg: those of them at 6 ug/kg are not told apart.
    "neutropenia, severe, pegylated": Aim("bukowski2002", 9, 8, 0.5, PEGYLATED, 84, "neutrophils", below_at_looks(1.0)),
}

# Temperature is read as the fever of any grade from 38 degC on, severe above 40 degC, with antipyretics on days of treatment.
FLU = {
    "flu-like illness, 3 MIU": Aim("EX-119", 61.3, 4, 1, HEPATITIS_3, 168, "flu_like_score", above(0.5)),
    "flu-like illness, 6 MIU": Aim("EX-125", 63.4, 4, 1, HEPATITIS_6, 168, "flu_like_score", above(0.5)),
    "fever, pegylated": Aim("AE-004", 75, 4, 1, PEGYLATED, 168, "temperature", above(38.0)),
    "fever, high dose": Aim("AE-027", 81, 4, 0.5, HIGH, 168, "temperature", above(38.0)),
    "fever, 2 MIU/m2": Aim("AE-052", 68, 4, 0.5, HAIRY_CELL, 168, "temperature", above(38.0), HAIRY_CELLS),
    "fever, severe, high dose": Aim("AE-044", 18, 6, 0.25, HIGH, 168, "temperature", above(40.0)),
    # No number is published for how much of it is left: it fades over one to two weeks (recalled).
    "fever left in the fourth week": Aim("vial1994", 20, 10, 0.5, DAILY, 28, "temperature", left_in_the_last_week),
}

MICROGLOBULIN = {
    f"largest level [mg/L], {dose} ug": Aim(
        "PD-001", 3.0, 0.1, 1, ROPEGINTERFERON.format(dose), 28, "beta_2_microglobulin", largest
    )
    for dose in (90, 180, 270)
} | {
    f"time of the largest level [h], {dose} ug": Aim(
        "PK-045", 125, 7, 1, ROPEGINTERFERON.format(dose), 28, "beta_2_microglobulin", time_of_largest
    )
    for dose in (90, 180, 270)
}

# Latent scores from their lowest cut-off on; severe is the third. They are level within three months.
WEAR = {
    "fatigue, pegylated": Aim("AE-001", 94, 3, 1, PEGYLATED, 84, "fatigue_score", above(0.8)),
    "fatigue, severe, pegylated": Aim("AE-019", 16, 3, 1, PEGYLATED, 84, "fatigue_score", above(2.1)),
    "fatigue, high dose": Aim("AE-025", 96, 3, 0.5, HIGH, 168, "fatigue_score", above(0.8)),
    "fatigue, severe, high dose": Aim("AE-043", 23, 4, 0.5, HIGH, 168, "fatigue_score", above(2.1)),
    "fatigue, 2 MIU/m2": Aim("AE-053", 61, 4, 0.5, HAIRY_CELL, 84, "fatigue_score", above(0.8), HAIRY_CELLS),
    "anorexia, 9 MIU": Aim("EX-001", 42, 4, 1, RENAL, 112, "anorexia_score", above(0.9), KIDNEY),
    "anorexia, severe, 9 MIU": Aim("EX-002", 2, 2, 1, RENAL, 112, "anorexia_score", above(2.4), KIDNEY),
    "anorexia, pegylated": Aim("AE-006", 69, 4, 1, PEGYLATED, 84, "anorexia_score", above(0.9)),
    "anorexia, high dose": Aim("AE-029", 69, 4, 0.5, HIGH, 168, "anorexia_score", above(0.9)),
    "anorexia, 2 MIU/m2": Aim("AE-060", 19, 4, 0.5, HAIRY_CELL, 84, "anorexia_score", above(0.9), HAIRY_CELLS),
    "nausea, pegylated": Aim("AE-008", 64, 4, 1, PEGYLATED, 84, "nausea_score", above(0.6)),
    "nausea, 2 MIU/m2": Aim("AE-058", 21, 4, 0.5, HAIRY_CELL, 84, "nausea_score", above(0.6), HAIRY_CELLS),
}

# The mean is of 13 patients whose tumours took their part of it, the share is of a review of another disease.
WEIGHT = {
    "weight [kg], 10 MIU a day": Aim("EX-131", -7, 1.5, 1, RENAL_DAILY, 182, "weight_gain", at_the_end, KIDNEY),
    "loss of 5 %, 5 MIU/m2 a day": Aim("AE-112", 18, 4, 0.5, LEUKAEMIA, 182, "weight_gain_fraction", falls_to(-5.0), LEUKAEMIC),
}

# Enzymes from 45 U/L, severe from five times that, at weekly looks.
LIVER = {
    "ALT, 9 MIU": Aim("EX-011", 40, 3, 1, RENAL, 168, "alanine_aminotransferase", above_at_looks(45), KIDNEY),
    "ALT, severe, 9 MIU": Aim("EX-012", 2.5, 1.5, 1, RENAL, 168, "alanine_aminotransferase", above_at_looks(225), KIDNEY),
    "ALT, pegylated": Aim("AE-002", 77, 3, 1, PEGYLATED, 168, "alanine_aminotransferase", above_at_looks(45)),
    "ALT, severe, pegylated": Aim("AE-020", 11, 2, 1, PEGYLATED, 168, "alanine_aminotransferase", above_at_looks(225)),
    "AST, high dose": Aim("AE-031", 63, 4, 0.5, HIGH, 365, "aspartate_aminotransferase", above_at_looks(40)),
    "AST, severe, high dose": Aim("AE-048", 14, 4, 0.5, HIGH, 365, "aspartate_aminotransferase", above_at_looks(200)),
}

SKIN = {
    "rash, 3 MIU": Aim("EX-123", 13.8, 4, 1, HEPATITIS_3, 168, "erythema_score", above(0.8)),
    "rash, 6 MIU": Aim("EX-129", 14.2, 3, 1, HEPATITIS_6, 168, "erythema_score", above(0.8)),
    "rash, 2 MIU/m2": Aim("AE-057", 25, 4, 0.5, HAIRY_CELL, 168, "erythema_score", above(0.8), HAIRY_CELLS),
    "hair loss, 3 MIU": Aim("EX-122", 16.3, 4, 1, HEPATITIS_3, 168, "alopecia_score", above(1.0)),
    "hair loss, 6 MIU": Aim("EX-128", 22.4, 4, 1, HEPATITIS_6, 168, "alopecia_score", above(1.0)),
    "hair loss, 2 MIU/m2": Aim("AE-062", 8, 3, 0.5, HAIRY_CELL, 168, "alopecia_score", above(1.0), HAIRY_CELLS),
    "hair loss, high dose": Aim("AE-036", 29, 4, 0.5, HIGH, 168, "alopecia_score", above(1.0)),
}

# Thyrotropin above 4 mU/L, lymphocytes below 1.0 and, the fourth grade, 0.2 x 10^9/L, at weekly looks.
SLOW = {
    # The studies that were pooled gave either form; which gave which is not told.
    "hypothyroidism, 3 MIU": Aim("AE-120", 5.2, 1.5, 0.25, HEPATITIS_3, 336, "thyrotropin", above_at_looks(4.0)),
    "hypothyroidism, pegylated": Aim("AE-120", 5.2, 1.5, 0.25, HEPATITIS_PEGYLATED, 336, "thyrotropin", above_at_looks(4.0)),
    "thyrotropin [mU/L] that 5.2 % exceed, 3 MIU": Aim(
        "AE-120", 4.0, 0.5, 0.5, HEPATITIS_3, 336, "thyrotropin", exceeded_by(5.2)
    ),
    "thyrotropin [mU/L] that 5.2 % exceed, pegylated": Aim(
        "AE-120", 4.0, 0.5, 0.5, HEPATITIS_PEGYLATED, 336, "thyrotropin", exceeded_by(5.2)
    ),
    "lymphocytes, 9 MIU": Aim("uspi_sutent", 68, 3, 1, RENAL, 168, "lymphocytes", below_at_looks(1.0), KIDNEY),
    "lymphocytes, grade 4, 9 MIU": Aim("EX-041", 2, 1, 0.5, RENAL, 168, "lymphocytes", below_at_looks(0.2), KIDNEY),
}

# What is known of levels and not derived from the same table: times and sizes of peaks, areas, and one read-out of the signal.
LEVELS = {
    "alfa-2a, time of peak [h]": Aim(
        "uspi_roferon", 7.3, 0.6, 1, SINGLE_2A, 3, "interferon_alfa_2a_mass_concentration", time_of_largest
    ),
    "alfa-2a, peak [pg/mL]": Aim("uspi_roferon", 1730, 150, 1, SINGLE_2A, 3, "interferon_alfa_2a_mass_concentration", largest),
    "alfa-2b, peak [IU/mL]": Aim("radwanski1987", 45.8, 4.0, 1, SINGLE_2B, 3, "interferon_alfa_2b_activity", largest),
    "alfa-2b, time of peak [h]": Aim(
        "radwanski1987", 8.0, 1.0, 1, SINGLE_2B, 3, "interferon_alfa_2b_activity", time_of_largest
    ),
    "pegylated 2a, neopterin [nmol/L]": Aim("albumin_fusion2017", 35.3, 2.0, 1, SINGLE_PEGYLATED_2A, 7, "neopterin", largest),
    **{
        f"pegylated 2b, {what}": Aim(
            "daud2011", value, tolerance, 1, EIGHT_WEEKS, days, "peginterferon_alfa_2b_mass_concentration", read
        )
        for what, value, tolerance, days, read in (
            ("peak of week 1 [ng/mL]", 3.98, 0.25, 7, largest),
            ("time of that peak [h]", 24.0, 4.0, 7, time_of_largest),
            ("area of week 1 [ng h/mL]", 324.0, 20.0, 7, area_of_the_last_week),
            ("area of week 8 [ng h/mL]", 462.0, 30.0, 56, area_of_the_last_week),
        )
    },
}

PLANS: Mapping[str, Plan] = {
    "levels": Plan(
        "ifn_levels",
        LEVELS,
        (
            "interferon_alfa_2a.absorption",
            "interferon_alfa_2b.absorption",
            "peginterferon_alfa_2a.relative_potency",
            "peginterferon_alfa_2b.clearance",
            "peginterferon_alfa_2b.volume",
            "peginterferon_alfa_2b.absorption",
            "peginterferon_alfa_2b.clearance_fall",
        ),
    ),
    "organs": Plan(
        "ifn_side_effects",
        ORGANS,
        (
            "injection_site.tendency",
            "gut.bowel_tendency",
            "retina.susceptibility",
            "retina.concentration_part",
            "autoimmunity.susceptibility",
            "glucose.diabetes_rate",
        ),
    ),
    "aches": Plan(
        "ifn_aches",
        ACHES,
        ("aches.headache_tendency", "aches.muscle_tendency", "aches.joint_tendency", "aches.cold_tendency"),
    ),
    "neutrophils": Plan(
        "ifn_neutrophils", NEUTROPHILS, ("marrow.neutrophil_sensitivity", "marrow.hold_half", "marrow.hold_power")
    ),
    # What acts on others stands before them: flu-like illness tires, and a loss of appetite makes sick.
    "flu": Plan(
        "ifn_flu",
        FLU,
        (
            "interferon_signalling.flu_half",
            "interferon_signalling.tolerance_half",
            "interferon_signalling.flu_response",
            "interferon_signalling.flu_response.between_sd",
        ),
    ),
    "microglobulin": Plan(
        "ifn_microglobulin",
        MICROGLOBULIN,
        ("interferon_signalling.largest_microglobulin_rise", "interferon_signalling.microglobulin_loss"),
    ),
    "slow": Plan("ifn_slow", SLOW, ("thyroid.slow_destruction", "lymphocytes.interferon_retention")),
    "wear": Plan(
        "ifn_wear",
        WEAR,
        (
            "fatigue.lasting_fatigue",
            "fatigue.wear_half",
            "fatigue.lasting_power",
            "nutrition.suppression_scale",
            "nutrition.suppression_half",
            "gut.appetite_part",
        ),
    ),
    "weight": Plan("ifn_weight", WEIGHT, ("nutrition.loss_gain", "nutrition.compensated")),
    "liver": Plan(
        "ifn_liver",
        LIVER,
        ("liver.interferon_harm", "liver.interferon_harm.between_sd", "liver.interferon_stress_half"),
    ),
    "skin": Plan("ifn_skin", SKIN, ("skin.rash_tendency", "skin.hair_sensitivity", "skin.hair_sensitivity.between_sd")),
}
