"""plausibility/1: what a believable patient looks like, as checks on time courses. They run in the tests of the library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytotrial.formats.base import Format, Name, Source, Status, Text, Unit


class PlausibilityCase(Format):
    """A reading of one observable's time course, and the range it must fall in."""

    title: Text
    regimen: str = Field(description="a regimen named in a drug folder as drug.regimen, a sentence, or 'none'")
    observable: Name
    reading: Literal["maximum", "minimum", "value", "time_of_maximum", "time_of_minimum", "half_life", "time_above", "ratio"]
    window: tuple[str, str] = Field(description="from and to, after the first dose")
    relative_to: Literal["baseline"] | None = None
    low: float
    high: float
    unit: Unit
    who: Literal["typical", "population_mean", "population_median"] = "typical"
    status: Status = "measured"
    source: Source


class PlausibilityFile(Format):
    """The plausibility cases of a folder."""

    schema_: Literal["plausibility/1"] = Field(alias="schema")
    cases: dict[Name, PlausibilityCase]
