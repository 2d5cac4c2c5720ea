"""disease/1 and population/1: a disease, and the people who have it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cytotrial.formats.base import Duration, Format, Name, Source, Status, Text, Unit
from cytotrial.formats.conditions import Condition


class DiseaseFile(Format):
    """A disease: its biology is the module in the same folder."""

    schema_: Literal["disease/1"] = Field(alias="schema")
    title: Text
    short: Text
    tumour_size: Name = Field(default="tumour_diameter", description="the observable that scans measure")
    tumour_area: Name | None = Field(
        default=None, description="the observable that is the sum of products of diameters, for criteria on two dimensions"
    )
    new_lesion_hazard: Name | None = Field(
        default=None, description="the observable that is the cumulative hazard of a new lesion"
    )
    default_population: Name
    default_of_checks: bool = Field(
        default=False, description="plausibility cases outside the folders of diseases mean this one where they name none"
    )


class Distribution(Format):
    """The distribution of a covariate, cut at low and high by redrawing through the quantile function."""

    distribution: Literal["normal", "lognormal", "fixed", "choice"]
    unit: Unit
    centre: float | None = Field(default=None, description="mean (normal), median (lognormal) or the value (fixed)")
    spread: float | None = Field(default=None, ge=0, description="SD (normal) or log-SD (lognormal)")
    low: float | None = None
    high: float | None = None
    values: dict[str, float] | None = Field(default=None, description="choice: value -> probability")
    status: Status
    source: Source | None = None
    note: str = ""


class CovariateCorrelation(Format):
    """A correlation between two covariates, on the normal scale."""

    first: Name
    second: Name
    correlation: float = Field(gt=-1, lt=1)


class AfterProgression(Format):
    """Survival after progression in this population and era: exponential with log-normal frailty, no effect of any drug."""

    median: Duration
    frailty_log_sd: float = Field(default=0.0, ge=0)
    tied_to: str | None = Field(default=None, description="a varied parameter, module.parameter, the frailty is tied to")
    correlation: float = Field(default=0.0, gt=-1, lt=1, description="with the logarithm of that parameter")
    hazard_ratios: dict[Name, float] = Field(
        default={}, description="hazard ratio per unit of a covariate; the median is that of patients in whom it is 0"
    )
    status: Status
    source: Source | None = None
    note: str = ""


class Origin(Format):
    """Where a value that a population sets comes from."""

    status: Status
    source: Source | None = None
    note: str = ""


class NamedPopulation(Format):
    """A population of a disease and an era."""

    title: Text
    covariates: dict[Name, Distribution]
    correlations: list[CovariateCorrelation] = []
    set_: dict[str, str | float] = Field(default={}, alias="set", description="parameters of this population, with units")
    set_from: dict[str, Origin] = Field(default={}, description="where values of `set` come from, by the same names")
    after_progression: AfterProgression | None = None
    life_table: Name | None = Field(
        default=None, description="a file of life_tables: how patients of this population die of other causes than the disease"
    )
    source: Source | None = None
    note: str = ""

    @model_validator(mode="after")
    def _origins_of_what_is_set(self) -> Self:
        unset = sorted(self.set_from.keys() - self.set_.keys())
        if unset:
            raise ValueError(f"'set_from' names what 'set' does not set: {', '.join(unset)}.\nExpected names of 'set'.")
        return self


class Eligibility(Format):
    """Named criteria; a patient outside one is drawn again, and the reason counted."""

    title: Text
    require: dict[Name, Condition]
    source: Source | None = None


class PlausibilityLimit(Format):
    """A patient whose observable at rest lies outside is drawn again, and the reason counted."""

    finding: Name
    low: float
    high: float
    unit: Unit


class PopulationFile(Format):
    """The populations of a disease."""

    schema_: Literal["population/1"] = Field(alias="schema")
    populations: dict[Name, NamedPopulation]
    eligibility: dict[Name, Eligibility] = {}
    plausible: list[PlausibilityLimit] = []
