"""plausibility/1: what a believable patient looks like, as checks on time courses. They run in the tests of the library."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Format, Name, Source, Status, Text, Unit

WITH_THRESHOLD = ("time_above", "share_above", "share_below")
"""Readings that need a threshold."""

LEVELS = ("maximum", "minimum", "value")
"""Readings in the unit of the observable."""

OF_MANY = ("share_above", "share_below")
"""Readings of a population, not of one patient."""


class PlausibilityCase(Format):
    """A reading of one observable's time course, and the range it must fall in."""

    title: Text
    regimen: str = Field(description="a regimen named in a drug folder as drug.regimen, a sentence, or 'none'")
    disease: Name | None = Field(
        default=None, description="that of the folder, or else the one with default_of_checks, where absent"
    )
    rules: Name | None = Field(default=None, description="a rule profile of the drug; where absent every dose is given")
    support: Name | None = Field(default=None, description="a supportive-care set; that of the drug where absent")
    set_: dict[str, str | float] = Field(default={}, alias="set", description="parameters set for this case, with units")
    observable: Name
    reading: Literal[
        "maximum", "minimum", "value", "time_of_maximum", "time_of_minimum", "half_life", "ratio",
        "time_above", "share_above", "share_below",
    ]  # fmt: skip
    window: tuple[str, str] = Field(description="from and to, after the first dose")
    compared_to: tuple[str, str] | None = Field(default=None, description="ratio: the window whose maximum it is divided by")
    threshold: str | float | None = Field(default=None, description="with unit, for time_above, share_above and share_below")
    relative_to: Literal["baseline", "share_of_baseline"] | None = None
    low: float
    high: float
    unit: Unit
    who: Literal["typical", "population_mean", "population_median"] = "typical"
    patients: int = Field(default=100, ge=10, le=250, description="drawn for a reading of a population")
    status: Status = "measured"
    source: Source
    note: str = ""

    @property
    def is_of_a_population(self) -> bool:
        """Whether patients are drawn, or the typical one is looked at."""
        return self.who != "typical" or self.reading in OF_MANY

    @model_validator(mode="after")
    def _has_what_its_reading_needs(self) -> PlausibilityCase:
        if (self.threshold is not None) != (self.reading in WITH_THRESHOLD):
            raise ValueError(f"'threshold' and the readings {', '.join(WITH_THRESHOLD)} need each other.")
        if (self.compared_to is not None) != (self.reading == "ratio"):
            raise ValueError("'compared_to' and the reading 'ratio' need each other.")
        if self.relative_to is not None and self.reading not in (*LEVELS, *OF_MANY):
            raise ValueError(f"'relative_to' does not go with '{self.reading}'.\nExpected {', '.join((*LEVELS, *OF_MANY))}.")
        if self.rules is not None and not self.is_of_a_population:
            raise ValueError("'rules' needs a population, since decisions differ by chance.\nExpected who: population_median.")
        if self.rules is not None and self.regimen == "none":
            raise ValueError("'rules' needs a regimen.\nExpected a regimen to manage.")
        return self

    @property
    def named_drug(self) -> str | None:
        """The drug of a regimen written as drug.regimen; None for a sentence or no treatment."""
        match = re.fullmatch(r"([a-z][a-z0-9_]*)\.[a-z][a-z0-9_]*", self.regimen)
        return match[1] if match else None


class PlausibilityFile(Format):
    """The plausibility cases of a folder."""

    schema_: Literal["plausibility/1"] = Field(alias="schema")
    cases: dict[Name, PlausibilityCase]
