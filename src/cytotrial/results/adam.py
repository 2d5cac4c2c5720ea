"""A run in the shape of CDISC ADaM: ADSL, ADAE, ADTTE, ADRS, ADLB, ADEX. Shaped like them, not validated against them.

STUDYID begins with SIM-, so that no row can pass as a patient's. There are no dates: days and hours are relative to the first
planned dose. Terms are those of the grading; no dictionary codes are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cytotrial.results.criteria import of_criteria
from cytotrial.results.efficacy import RESPONSE_TITLES, RESPONSES, SURVIVAL_TITLES, best_responses
from cytotrial.results.lab_grades import grade_values, overall_grade, ungraded
from cytotrial.results.tables import readable
from cytotrial.units import HOURS_PER_DAY, HOURS_PER_MONTH

if TYPE_CHECKING:
    from cytotrial.results.result import Result

SIMULATED_STUDY = "SIM-"
HASH_DIGITS = 8
FATAL_GRADE = 5
OUTCOMES = ("NOT RECOVERED/NOT RESOLVED", "RECOVERED/RESOLVED")
KEYS = ["STUDYID", "USUBJID", "SUBJID"]
LONGEST_NAME = 8  # of a variable, in the transport format such files are read with


def study_id(result: Result) -> str:
    """The study's id: 'SIM-' and the first digits of the run's hash."""
    return SIMULATED_STUDY + result.manifest.hashes.get("run", "")[:HASH_DIGITS].upper()


def adsl(result: Result) -> pd.DataFrame:
    """One row a patient of an arm: ids, planned and actual treatment, flags, covariates.

    Twins have the same SUBJID in every arm, and a USUBJID of their own in each. SAFFL: at least one dose given.
    """
    patients = result.table("patients")
    given = result.table("doses").query("GIVEN > 0")[["ARM", "ID"]].drop_duplicates().assign(SAFFL="Y")
    merged = patients.merge(given, on=["ARM", "ID"], how="left")
    parameters = {row.name for row in result.context.parameters}
    covariates = [name for name in patients.columns[2:] if name not in parameters and "." not in str(name)]
    names = {str(name): _variable(str(name)) for name in covariates}
    frame = _keyed(result, merged).assign(
        ARM=merged["ARM"], TRT01P=merged["ARM"], TRT01A=merged["ARM"], ITTFL="Y", SAFFL=merged["SAFFL"].fillna("N")
    )
    return readable(pd.concat([frame, merged[covariates].rename(columns=names)], axis=1))


def adae(result: Result) -> pd.DataFrame:
    """One row an episode of an adverse event, at its worst grade."""
    rows = result.table("adverse_events")
    start, end = rows["ASTTM"], rows["AENTM"]
    return readable(
        _treated(result, rows).assign(
            AETERM=rows["TERM"],
            AEDECOD=rows["TERM"],
            AEBODSYS=rows["SOC"],
            AETOXGR=rows["GRADE"].astype("string"),
            ATOXGR=rows["GRADE"].astype("string"),
            ATOXGRN=rows["GRADE"],
            ASTDY=_day(start),
            AENDY=_day(end),
            ADURN=(end - start) / HOURS_PER_DAY,
            ADURU="DAYS",
            ARELTM=start,
            ARELTMU="HOURS",
            AESDTH=np.where(rows["GRADE"].fillna(0) >= FATAL_GRADE, "Y", "N"),
            AEOUT=np.where(rows["GRADE"].fillna(0) >= FATAL_GRADE, "FATAL", np.where(end.isna(), *OUTCOMES)),
            TRTEMFL=np.where(start >= 0, "Y", "N"),
            AEDICT=rows["VERSION"],
        )
    )


def adtte(result: Result) -> pd.DataFrame:
    """One row an endpoint of a patient: AVAL in months, CNSR 1 = censored."""
    rows = result.table("survival")
    return readable(
        _treated(result, rows).assign(
            PARAM=rows["PARAMCD"].map({code: f"{title.capitalize()} (months)" for code, title in SURVIVAL_TITLES.items()}),
            PARAMCD=rows["PARAMCD"],
            AVAL=rows["AVAL"],
            ADY=_day(rows["AVAL"] * HOURS_PER_MONTH),
            CNSR=rows["CNSR"],
            EVNTDESC=rows["EVNTDESC"],
        )
    )


def adrs(result: Result) -> pd.DataFrame:
    """One row an assessment (PARAMCD OVR), then one a patient with the best response (BOR), by each set of criteria.

    PARCAT1 names the set; the one that decides comes first.
    """
    responses = result.table("responses")
    names = [one.name for one in result.context.criteria] or responses["CRITERIA"].dropna().unique().tolist()[:1] or [""]
    frame = pd.concat([_by_criteria(result, of_criteria(responses, name), name) for name in names], ignore_index=True)
    numbers = {code: number for number, code in enumerate(RESPONSES, start=1)}
    return readable(frame.assign(AVAL=frame["AVALC"].map(numbers), AVALCAT1=frame["AVALC"].map(RESPONSE_TITLES)))


def _by_criteria(result: Result, scans: pd.DataFrame, criteria: str) -> pd.DataFrame:
    patients = result.table("patients")
    overall = _treated(result, scans).assign(
        PARAM="Overall response",
        PARAMCD="OVR",
        AVALC=scans["OVERALL"],
        ADY=_day(scans["TIME"]),
        PCHG=100 * scans["CHANGE"],
        PARCAT1=scans["CRITERIA"],
    )
    best = best_responses(patients, scans)
    of_patient = _treated(result, patients).assign(
        PARAM="Best overall response", PARAMCD="BOR", AVALC=best.to_numpy(), PARCAT1=criteria
    )
    return pd.concat([overall, of_patient], ignore_index=True)


def adlb(result: Result) -> pd.DataFrame:
    """One row a laboratory value, with its baseline (the last value at or before the first planned dose), change and grade.

    ATOXGR is negative for a value graded as low, positive as high, 0 where it could be graded and was neither; ATOXDSCL and
    ATOXDSCH name the terms, ATOXGRL and ATOXGRH hold the grades of each direction, BTOXGR and so on those of the baseline.
    ANRIND says where the value lies against the limits of normal. Runs that keep no grading have these columns empty.
    """
    rows = result.table("labs").sort_values(["ARM", "ID", "PARAMCD", "TIME"], kind="stable").reset_index(drop=True)
    keys = ["ARM", "ID", "PARAMCD"]
    early = rows[(rows["TIME"] <= 0) & rows["AVAL"].notna()]
    last = early.groupby(keys).tail(1)
    base = rows[keys].merge(last[[*keys, "AVAL"]].rename(columns={"AVAL": "BASE"}), on=keys, how="left")["BASE"]
    graded = _toxicity(result, rows.assign(BASE=base.to_numpy()))
    return readable(
        _treated(result, rows).assign(
            PARAM=rows["NAME"].str.replace("_", " ").str.capitalize() + " (" + rows["AVALU"] + ")",
            PARAMCD=rows["PARAMCD"],
            AVAL=rows["AVAL"],
            BASE=base.to_numpy(),
            CHG=rows["AVAL"] - base.to_numpy(),
            **{str(name): values for name, values in graded.items()},
            ABLFL=np.where(rows.index.isin(last.index), "Y", ""),
            ADY=_day(rows["TIME"]),
            ARELTM=rows["TIME"],
            ARELTMU="HOURS",
        )
    )


def _toxicity(result: Result, rows: pd.DataFrame) -> pd.DataFrame:
    """Limits of normal, ANRIND, and the toxicity grades of values and of their baselines."""
    known = result.context.laboratory
    normals = {} if known is None else known.normals
    low, high = (
        rows["NAME"].map({name: getattr(normal, side) for name, normal in normals.items()}).astype("float64")
        for side in ("lower", "upper")
    )
    indicator = np.select([rows["AVAL"] < low, rows["AVAL"] > high, low.notna() | high.notna()], ["LOW", "HIGH", "NORMAL"], "")
    found = pd.DataFrame({"ANRLO": low, "ANRHI": high, "ANRIND": indicator}, index=rows.index)
    for column, prefix in (("AVAL", "A"), ("BASE", "B")):
        values = rows.assign(AVAL=rows[column])
        grades = ungraded(values) if known is None else grade_values(values, known)
        if prefix == "A":
            found = found.assign(ATOXDSCL=grades["ATOXDSCL"], ATOXDSCH=grades["ATOXDSCH"])
        one = overall_grade(grades)
        pair = {f"{prefix}TOXGRL": grades["ATOXGRL"].astype("string"), f"{prefix}TOXGRH": grades["ATOXGRH"].astype("string")}
        found = found.assign(**{f"{prefix}TOXGR": one.astype("string"), f"{prefix}TOXGRN": one}, **pair)
    return found


def adex(result: Result) -> pd.DataFrame:
    """Two rows a planned dose that was reached or lost: what was given (PARAMCD DOSE) and what was planned (PLDOSE)."""
    rows = result.table("doses")
    common = _treated(result, rows).assign(
        EXTRT=rows["DRUG"],
        EXDOSE=rows["GIVEN"],
        EXDOSU=rows["UNIT"],
        EXROUTE=rows["ROUTE"],
        EXADJ=rows["REASON"],
        EXACTION=rows["ACTION"],
        ASTDY=_day(rows["TIME"]),
        ARELTM=rows["TIME"],
        ARELTMU="HOURS",
        ADURN=rows["DURATION"],
        ADURU="HOURS",
        COURSE=rows["COURSE"],
        CYCLE=rows["CYCLE"],
        DOSENUM=rows["DOSE"],
    )
    given = common.assign(PARAM="Dose given (" + rows["UNIT"] + ")", PARAMCD="DOSE", AVAL=rows["GIVEN"])
    planned = common.assign(PARAM="Dose planned (" + rows["UNIT"] + ")", PARAMCD="PLDOSE", AVAL=rows["PLANNED"])
    return readable(pd.concat([given, planned], ignore_index=True))


DATASETS: Mapping[str, Callable[[Result], pd.DataFrame]] = MappingProxyType(
    {"ADSL": adsl, "ADAE": adae, "ADTTE": adtte, "ADRS": adrs, "ADLB": adlb, "ADEX": adex}
)


def _keyed(result: Result, rows: pd.DataFrame) -> pd.DataFrame:
    """STUDYID, USUBJID and SUBJID of rows with ARM and ID."""
    study = study_id(result)
    numbers = rows["ARM"].map({arm: f"{number:02d}" for number, arm in enumerate(result.arms, start=1)}).astype("string")
    subject = rows["ID"].astype("string").str.zfill(6)
    return pd.DataFrame(
        {"STUDYID": study, "USUBJID": study + "-" + numbers + "-" + subject, "SUBJID": subject}, index=rows.index
    )


def _treated(result: Result, rows: pd.DataFrame) -> pd.DataFrame:
    return _keyed(result, rows).assign(TRTP=rows["ARM"], TRTA=rows["ARM"])


def _day(time: pd.Series) -> pd.Series:
    """The study day of times [h]: the first day is 1, the day before it is -1, there is no day 0."""
    day = (time.astype("float64") / HOURS_PER_DAY) // 1
    return (day + (day >= 0)).round().astype("Int64")


def _variable(name: str) -> str:
    """A covariate's name as a variable: capitals, no longer than such a name may be."""
    return name.upper().replace("_", "")[:LONGEST_NAME]
