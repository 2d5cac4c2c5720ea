"""rules/1: what is done about what the clinic finds. Criteria say when something is wrong, a policy says what follows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Duration, Format, Name, Source, Status, Text
from cytotrial.formats.conditions import Condition

ACTIONS = (
    "give, withhold, delay <duration>, reduce to <level>, reduce one level, withhold and reduce one level (both: or stop drug),"
    " raise one level, raise or reduce one level at each dose, treat with <intervention>, stop cycle, stop course, stop drug"
)


class Criterion(Format):
    """One line of a label's or a guideline's table."""

    id: Name
    level: Literal["relative", "absolute", "note"]
    when: Condition
    until: Condition | None = Field(default=None, description="stays met until this is true")
    judged: bool = Field(default=True, description="false: the judgement noise of the profile leaves its limits alone")
    source: Source
    title: Text | None = None


class PolicyStep(Format):
    """If `when` holds, `then` is done. `when`: any absolute | any relative | at least N relative | criterion X |
    withheld N times in a row | otherwise. `then`: one of the actions.
    """

    when: str
    then: str


class Recheck(Format):
    """A dose that waits instead of being skipped."""

    recheck: Duration
    at_most: Duration


class Judgement(Format):
    """What clinicians do beside the written rules; every number is a parameter with a status."""

    threshold_log_sd: float = Field(default=0.0, ge=0, description="between-patient noise on limits a finding must exceed")
    concurrent_terms: list[Name] = Field(default=[], description="terms that weigh with a clinician when several are present")
    concurrent_grade: int = Field(default=2, ge=1, le=4, description="terms of this grade or worse count as concurrent")
    stop_cycle_hazard: float = Field(
        default=0.0, ge=0, description="per dose due and (concurrent terms above one)^1.5: the cycle is stopped without a rule"
    )
    withhold_hazard: float = Field(default=0.0, ge=0, description="per dose due and concurrent term above one: dose held")
    next_cycle_refused: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="chance that a patient or clinician declines a further cycle of a course without a rule",
    )
    symptom_terms: list[Name] = Field(default=[], description="terms that wear a patient down")
    symptom_grade: int = Field(default=2, ge=1, le=4, description="symptoms of this grade or worse count during a cycle")
    weary_hazard: float = Field(
        default=0.0, ge=0, description="per dose due and symptom above one: the patient declines the rest of the cycle"
    )
    refused_per_symptom: float = Field(
        default=0.0, ge=0, lt=1, description="further chance to decline a cycle, for each symptom of any grade still there"
    )
    status: Status = "assumed"
    source: Source | None = None
    note: str = ""


class Case(Format):
    """A check a clinician can read: the charts of one patient's successive dose visits, and the action expected at each.

    A chart names findings with their units, given doses (`doses_in_cycle: 3`) and grades of terms (a number).
    """

    case: str
    baseline: dict[str, str | float] = Field(default={}, description="the chart of the first visit, where it matters")
    every: Duration = Field(default="8 h", description="time from one chart to the next")
    charts: list[dict[str, str | float]] = Field(min_length=1)
    expect: list[str]

    @model_validator(mode="after")
    def _expects_one_action_per_chart(self) -> Case:
        if len(self.expect) != len(self.charts):
            found = f"{len(self.charts)} charts but {len(self.expect)} expected actions"
            raise ValueError(f"{found}.\nExpected one action per chart.")
        return self


class DoseLevel(Format):
    """One step of a dose-reduction ladder."""

    id: Name
    fraction: float = Field(gt=0, le=1, description="of the planned dose, or of what `levels_of` says")


class RulesFile(Format):
    """A rule profile of a drug."""

    schema_: Literal["rules/1"] = Field(alias="schema")
    title: Text
    extends: Name | None = None
    applies_to: Literal["this_drug", "arm"] = "this_drug"
    withheld_dose: Literal["skipped"] | Recheck = "skipped"
    levels: list[DoseLevel] = []
    levels_of: Literal["planned_dose", "largest_dose"] = Field(
        default="planned_dose", description="what a level is a fraction of: the dose planned, or the largest one of the course"
    )
    starts_at: Name | None = Field(
        default=None, description="the level of the first dose, where a titration begins below the planned dose"
    )
    judgement: Judgement = Judgement()
    criteria: list[Criterion] = []
    policy: list[PolicyStep] = []
    cases: list[Case] = []
    note: str = ""
