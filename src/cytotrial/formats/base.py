"""What all public formats share: strictness, bilingual text, sources and statuses. No format of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cytotrial.units import UnitError, hours, unit_scale

Status = Literal["measured", "derived", "fitted", "assumed"]


class Format(BaseModel):
    """A part of a file: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


class Text(Format):
    """Text people read, in English and French."""

    en: str
    fr: str


class Source(Format):
    """Where a statement comes from: a key of sources.yaml and the place in it."""

    ref: str = Field(description="key in sources.yaml")
    where: str = Field(default="", description="table, page, row or equation")
    verified: bool = Field(default=True, description="false: recalled, or not re-read in the source")
    note: str = ""


def _duration(text: str) -> str:
    try:
        value = hours(text)
    except UnitError as error:
        raise ValueError(f"{error}\nExpected a duration such as '8 weeks'.") from None
    if value < 0:
        raise ValueError(f"'{text}' is negative.\nExpected a duration such as '8 weeks'.")
    return text


def _unit(text: str) -> str:
    try:
        unit_scale(text)
    except UnitError as error:
        raise ValueError(f"{error}\nExpected a unit such as 'L/h', 'mg/dL', or '1' for a pure number.") from None
    return text


Duration = Annotated[str, AfterValidator(_duration), Field(description="a duration with unit, such as '8 weeks'")]
Unit = Annotated[str, AfterValidator(_unit), Field(description="a unit, such as 'L/h'; '1' for a pure number")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="a lower_snake_case name")]
