"""life_table/1: how often people of a country and year die of anything, by age and sex. It knows no disease and no patient."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Format, Source, Status, Text


class LifeTableRow(Format):
    """The people of one age: what part of them dies before the age of the next row."""

    age: float = Field(ge=0, description="at which the row begins, in years")
    male: float = Field(gt=0, lt=1, description="probability that a man of that age dies before the age of the next row")
    female: float = Field(gt=0, lt=1, description="the same of a woman")


class LifeTableFile(Format):
    """A period life table; within a row the rate of dying is constant, and beyond `until` it stays that of the last row."""

    schema_: Literal["life_table/1"] = Field(alias="schema")
    title: Text
    country: str
    year: int = Field(description="the calendar year of the deaths that were counted")
    until: float = Field(gt=0, description="the age at which the last row ends, in years")
    rows: list[LifeTableRow] = Field(min_length=1)
    status: Status
    source: Source
    note: str = ""

    @model_validator(mode="after")
    def _ages_rise(self) -> LifeTableFile:
        ages = [*(row.age for row in self.rows), self.until]
        for before, after in pairwise(ages):
            if after <= before:
                raise ValueError(
                    f"age {after:g} follows age {before:g}.\nExpected rows by rising age, and `until` beyond the last."
                )
        return self
