"""monitoring/1, support/1 and grading/1: what the clinic measures, gives as standard, and how it grades."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Duration, Format, Name, Source, Status, Text, Unit
from cytotrial.formats.conditions import Condition
from cytotrial.formats.interface import Noise, Normal


class Schedule(Format):
    """What is measured when: before each dose | daily at the dose visit | at each scan | at each visit | every <duration> |
    every <duration> for the first <duration>.

    Everything in the plan is measured at the first visit, whatever its schedule: that is the patient's baseline.
    """

    measure: list[Name]
    when: str
    valid_for: Duration = Field(default="24 h", description="a value older than this counts as not measured")
    missing: float = Field(default=0.0, ge=0, lt=1, description="chance that a due measurement is not made")


class Adjustment(Format):
    """What another observable explains of a finding is taken off: slope x (observable above reference), never below 0."""

    for_: Name = Field(alias="for")
    above: float = Field(description="reference, in the unit of the other observable")
    slope: float = Field(description="unit of the finding per unit of the other observable")
    status: Status
    source: Source | None = None


class DerivedFinding(Format):
    """A finding computed from observables between two visits, or from several at one.

    `increase`: of a cumulative observable since the last visit, scaled to `per`; `maximum`, `minimum`: over the interval;
    `adjusted`: the value at the visit without what another observable explains.
    """

    of: Name
    statistic: Literal["increase", "maximum", "minimum", "adjusted"]
    per: Duration | None = None
    adjust: Adjustment | None = None
    noise: Noise | None = Field(default=None, description="measurement error; that of the observable where absent")
    valid_for: Duration = Field(default="0 h", description="a value older than this counts as not measured")
    unit: Unit
    title: Text
    group: Literal["lab", "vital", "sign", "treatment"] = "sign"
    normal: Normal = Normal()
    code: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    when: str = Field(default="before each dose")

    @model_validator(mode="after")
    def _has_what_its_statistic_needs(self) -> DerivedFinding:
        if (self.adjust is not None) != (self.statistic == "adjusted"):
            raise ValueError("'adjust' and statistic 'adjusted' need each other.")
        if self.per is not None and self.statistic != "increase":
            raise ValueError(f"'per' does not go with statistic '{self.statistic}'.\nIt scales an increase to a time.")
        return self


class Sign(Format):
    """A finding above a value."""

    finding: Name
    above: float
    unit: Unit


class CareInUse(Format):
    """Care that was really used, told from findings: a vasopressor that ran, not one that was at hand. Any sign is enough."""

    title: Text
    seen_in: list[Sign] = Field(min_length=1)
    status: Status = "assumed"
    source: Source | None = None
    note: str = ""


class MonitoringFile(Format):
    """A monitoring plan: vitals before each dose, labs daily, scans, derived findings."""

    schema_: Literal["monitoring/1"] = Field(alias="schema")
    title: Text
    schedules: dict[Name, Schedule]
    findings: dict[Name, DerivedFinding] = {}
    care_in_use: dict[Name, CareInUse] = Field(default={}, description="what the summary of care counts")
    after_last_dose: list[Duration] = Field(default=[], description="further visits, this long after the last dose given")
    source: Source | None = None
    status: Status = "assumed"


class Care(Format):
    """An input of the biology set from the first dose of a cycle until some time after its last planned dose, or its end."""

    input: Name
    value: float
    after: Duration = Field(
        default="0 h", description="ends this long after the last planned dose of the cycle, or after the cycle was stopped"
    )
    share: float = Field(default=1.0, gt=0, le=1, description="of the patients who get it, where practice was mixed")
    ordered: bool = Field(
        default=False, description="only when a rule says `treat with <name of this entry>`; then for `after` from each order"
    )
    title: Text
    source: Source | None = None
    status: Status = "assumed"


class SupportFile(Format):
    """A set of supportive care."""

    schema_: Literal["support/1"] = Field(alias="schema")
    title: Text
    care: dict[Name, Care]
    note: str = ""


class GradedTerm(Format):
    """One adverse-event term: the condition of each grade that this biology can tell; the highest that is true counts."""

    term: str = Field(description="the term as the grading system writes it")
    system_organ_class: str
    grades: dict[int, Condition]
    source: Source
    note: str = Field(default="", description="how a clinical text was read as numbers")


class GradingFile(Format):
    """A version of a grading system."""

    schema_: Literal["grading/1"] = Field(alias="schema")
    title: Text
    version: str
    terms: dict[Name, GradedTerm]
