"""evidence/1 and sources/1: published numbers, and the bibliography they cite."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Format, Name, Text, Unit
from cytotrial.formats.conditions import BOUNDS, JOINTS, Condition, parts_of


class Interval(Format):
    """A published interval or range."""

    low: float
    high: float
    kind: Literal["ci95", "ci90", "sd", "se", "range", "iqr"]


class Expectation(Format):
    """One published number, with what it counts and where it stands."""

    id: Name
    endpoint: Name = Field(description="what is measured: objective_response, complete_response, doses_given, ...")
    term: str | None = Field(default=None, description="adverse-event term, for endpoints that count one")
    criteria: Name | None = Field(
        default=None, description="response criteria, for endpoints about a level; the trial's where absent"
    )
    level: Name | None = Field(default=None, description="a level of the criteria, for endpoints that ask for one")
    estimand: Literal["proportion", "mean", "median", "rate", "hazard_ratio", "count"]
    denominator: Literal["patient", "course", "cycle", "dose"] = "patient"
    window: str = Field(default="", description="when: 'course 1', 'cycle 1', 'month 12'")
    among: Condition | None = Field(
        default=None, description="of patients who were like this before treatment: covariates, in the unit of each"
    )
    value: float
    unit: Unit = "1"
    interval: Interval | None = None
    n: int | None = None
    criteria_version: str = ""
    ascertainment: Literal["protocol_measured", "spontaneous_report", "laboratory"] = "protocol_measured"
    where: str
    verified: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _asks_about_the_patient_before_treatment(self) -> Expectation:
        for part in () if self.among is None else parts_of(self.among):
            asked = part.model_dump(by_alias=True, exclude_none=True)
            beyond = [name for name in asked if name not in {"finding", "from", *BOUNDS, *JOINTS}]
            if beyond:
                raise ValueError(
                    f"'{beyond[0]}' cannot be asked of a patient before treatment.\n"
                    "Expected bounds of a covariate, in its own unit, or any, all, not."
                )
        return self


class Setting(Format):
    """How the published trial was run, in names of the library; several where it pooled. Absent: not known, or not said."""

    regimen: list[str] = Field(default=[], description="regimens of the drug")
    rules: list[Name] = Field(default=[], description="rule profiles")
    support: list[Name] = Field(default=[], description="sets of supportive care")
    population: list[Name] = Field(default=[], description="populations of the disease")
    eligibility: list[Name] = Field(default=[], description="named criteria of the disease")
    grading: list[Name] = Field(default=[], description="versions of the side-effect criteria")
    response: list[Name] = Field(default=[], description="response criteria")
    years: str = Field(default="", description="years of accrual, such as '1985-1993'")
    differs: list[str] = Field(default=[], description="what no name of the library can say, one statement each")


class EvidenceFile(Format):
    """A published study: its arms as protocols, and what it found."""

    schema_: Literal["evidence/1"] = Field(alias="schema")
    study: Name
    title: Text
    source: str = Field(description="key in sources.yaml")
    protocol: str = Field(description="the shipped protocol that simulates it")
    arm: str
    role: Literal["calibration", "validation", "information"]
    rules: str = ""
    support: str = ""
    eligibility: str = ""
    setting: Setting = Setting()
    reporting: Name | None = Field(
        default=None, description="how its side effects were reported; graded as they are where absent"
    )
    expectations: list[Expectation]
    note: str = ""


class SourcesFile(Format):
    """The bibliography, as CSL-JSON fields by key."""

    schema_: Literal["sources/1"] = Field(alias="schema")
    sources: dict[str, dict[str, Any]]
