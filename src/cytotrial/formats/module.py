"""module/1: what one module of the biology owns. Its equations stand in `.ant` files, its values in `parameters.csv`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytotrial.formats.base import Duration, Format, Name, Status, Text, Unit
from cytotrial.formats.interface import Observable, Range


class OwnedState(Format):
    """A state or pool that the module owns: its unit, size that matters, start and title.

    A name that is also a port is shared; any other is private to the module.
    """

    unit: Unit
    kind: Literal["state", "pool"] = "state"
    nominal: float = Field(gt=0, description="absolute tolerance = rtol x nominal")
    initial: str | float = Field(
        description="a number, a formula of parameters, covariates and other initial values, or `steady`: where it rests"
    )
    guess: str | float | None = Field(
        default=None, description="where the search for a steady start begins, as `initial` is written; `nominal` if left out"
    )
    at_rest: bool = Field(default=True, description="false: changes without any drug, as a growing tumour does")
    extinct_below: str | float | None = Field(
        default=None, description="at a visit a smaller value is set to `extinct` (a cure)"
    )
    extinct: float | None = None
    range_: Range = Field(default=Range(), alias="range", description="physical limits, which no patient may leave")
    title: Text


class OwnedInput(Format):
    """Something given from outside that only this module receives, such as a drug's infusion rate."""

    unit: Unit
    default: float = 0.0
    title: Text


class Event(Format):
    """Something that happens to a patient by chance, when the cumulative hazard passes a number drawn for the patient.

    The event's name is a finding: 1 while it lasts or at the visit that notices it, else 0.
    """

    hazard: str = Field(description="a state of the module: the cumulative hazard")
    recurs: bool = False
    lasts: Duration = Field(default="0 h", description="for how long it is seen, and holds the input it sets")
    sets: str | None = Field(default=None, description="an input of the module that is 1 while it lasts")
    fatal: bool = Field(default=False, description="the patient dies of it")
    term: str = Field(default="", description="what a death is reported as, by the words of the grading system")
    system_organ_class: str = ""
    title: Text
    code: str = Field(description="PARAMCD", pattern=r"^[A-Z][A-Z0-9]{0,7}$")


class ModuleFile(Format):
    """A module of the biology: one folder with this file, its `.ant` files and its `parameters.csv`."""

    schema_: Literal["module/1"] = Field(alias="schema")
    title: Text
    states: dict[str, OwnedState] = {}
    inputs: dict[str, OwnedInput] = {}
    observables: dict[str, Observable] = Field(default={}, description="what the clinic can measure of this module alone")
    events: dict[Name, Event] = Field(default={}, description="what happens by chance, by the name of the finding")


ParameterScale = Literal["log", "logit", "linear", "uniform", "loguniform"]
PARAMETER_COLUMNS = (
    "name",
    "value",
    "unit",
    "scale",
    "between_sd",
    "occasion_sd",
    "low",
    "high",
    "prior_sd",
    "status",
    "source",
    "where",
    "spread_status",
    "spread_source",
    "note",
)
CORRELATION_COLUMNS = ("first", "second", "correlation", "status", "source", "note")


class ParameterRow(Format):
    """One row of parameters.csv. `value` is a number or `= formula` of other parameters of the module and covariates."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    value: float | str
    unit: Unit
    scale: ParameterScale = "log"
    between_sd: float = Field(default=0.0, ge=0, description="between patients, on the scale")
    occasion_sd: float = Field(default=0.0, ge=0, description="between courses, on the scale")
    low: float | None = None
    high: float | None = None
    prior_sd: float | None = None
    status: Status
    source: str = Field(default="", description="key in sources.yaml; required unless the status is assumed or fitted")
    where: str = ""
    spread_status: Status | Literal[""] = ""
    spread_source: str = ""
    note: str = ""

    @property
    def varies(self) -> bool:
        """Whether a number of the table differs between patients; a formula differs where what it reads does."""
        return self.between_sd > 0 or self.scale in {"uniform", "loguniform"}


class CorrelationRow(Format):
    """One row of correlations.csv: two parameters as module.parameter, and the correlation of their random effects."""

    first: str
    second: str
    correlation: float = Field(gt=-1, lt=1)
    status: Status
    source: str = ""
    note: str = ""


__all__ = [
    "CORRELATION_COLUMNS",
    "PARAMETER_COLUMNS",
    "CorrelationRow",
    "ModuleFile",
    "Name",
    "OwnedInput",
    "OwnedState",
    "ParameterRow",
]
