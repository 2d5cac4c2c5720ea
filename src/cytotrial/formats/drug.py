"""drug/1 and regimens/1: how a drug is measured out, by which routes it enters its module, and its named regimens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytotrial.formats.base import Format, Name, Source, Text

Route = Literal["iv", "sc", "im"]


class Strength(Format):
    """What one unit of a drug's activity or mass amounts to, e.g. per IU: 4.0e-6 nmol."""

    per: str = Field(description="IU, or mg", pattern=r"^(IU|mg)$")
    amount: str = Field(description="an amount of substance, such as '4.0e-6 nmol'")
    source: Source


class Entry(Format):
    """Where a route enters the module: an input that carries a rate [nmol/h], or a pool that receives an amount [nmol]."""

    infusion: str | None = Field(default=None, description="the module's input for a rate")
    bolus: str | None = Field(default=None, description="the module's pool for an amount at once")


class DrugFile(Format):
    """A drug: activity, routes, classification. Its biology is the module in the same folder."""

    schema_: Literal["drug/1"] = Field(alias="schema")
    title: Text
    inn: str
    atc: str = ""
    strengths: list[Strength] = Field(min_length=1)
    routes: dict[Route, Entry] = Field(min_length=1)
    monitoring: Name = Field(default="standard", description="a monitoring plan of the library")
    support: Name = Field(
        default="standard", description="the supportive-care set of its plausibility cases, of patients in hospital or at home"
    )
    largest_dose: str | None = Field(default=None, description="a dose above this, such as '10 MIU/kg', is taken for a mistake")


class NamedRegimen(Format):
    """A regimen that protocols can name."""

    title: Text
    sentence: str
    source: Source


class RegimensFile(Format):
    """The named regimens of a drug."""

    schema_: Literal["regimens/1"] = Field(alias="schema")
    regimens: dict[Name, NamedRegimen]
