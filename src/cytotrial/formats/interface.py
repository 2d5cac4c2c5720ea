"""interface/1: the ports, the only names modules share. Who owns a port and who may add to it follows from its kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Format, Name, Text, Unit


class Pool(Format):
    """An amount that reactions of any module change; they add up."""

    unit: Literal["nmol"] = "nmol"
    title: Text


class State(Format):
    """A quantity only its owner changes; others read it."""

    unit: Unit
    title: Text


class Drive(Format):
    """A quantity owners read: terms of other modules combined. Modules export `to_<drive> := ...`."""

    unit: Unit
    combine: Literal["sum", "product", "max"]
    neutral: float = Field(description="its value where no module adds a term")
    title: Text


class Input(Format):
    """Given from outside: a controller's switch or target. A drug's own inputs are declared in its module."""

    unit: Unit
    default: float = 0.0
    title: Text


class Covariate(Format):
    """A property of the patient that the population draws and any module may read."""

    unit: Unit
    title: Text


class Noise(Format):
    """Measurement error: proportional (cv), additive (sd) or both; values are rounded to `digits` decimals."""

    cv: float = Field(default=0.0, ge=0)
    sd: float = Field(default=0.0, ge=0)
    digits: int | None = None
    status: Literal["measured", "derived", "fitted", "assumed"] = "assumed"


class Normal(Format):
    """Limits of normal of the laboratory."""

    lower: float | None = None
    upper: float | None = None


class Range(Format):
    """Physical limits: no living patient is beyond them, so a simulated one who is has found a mistake of the model."""

    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}.")
        return self


class Observable(Format):
    """What the clinic can measure. Its owner writes `<observable> := ...`; no other module may."""

    unit: Unit
    title: Text
    group: Literal["lab", "vital", "sign", "tumour", "treatment"]
    code: str = Field(description="PARAMCD, at most 8 capital letters and digits", pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    noise: Noise = Noise()
    normal: Normal = Normal()
    range_: Range = Field(default=Range(), alias="range", description="physical limits, which no patient may leave")


class InterfaceFile(Format):
    """The ports of the library."""

    schema_: Literal["interface/1"] = Field(alias="schema")
    pools: dict[Name, Pool] = {}
    states: dict[Name, State] = {}
    drives: dict[Name, Drive] = {}
    inputs: dict[Name, Input] = {}
    covariates: dict[Name, Covariate] = {}
    observables: dict[Name, Observable] = {}
