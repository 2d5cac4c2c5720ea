"""protocol/1: the question a trial asks. Shape only; names and regimens are checked against the library elsewhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytotrial.formats.base import Duration, Format, Text


class Courses(Format):
    """How often a regimen may be repeated, and on what condition."""

    max: int = Field(default=1, ge=1, le=50, description="most courses, the first included")
    rest: Duration = Field(default="0 h", description="from the last planned dose of a course to the first of the next")
    only_if: Literal["always", "shrinkage", "response", "response_or_stable"] = Field(
        default="always", description="what the last scan must show for a further course"
    )


class Treatment(Format):
    """One drug with its regimen and the rules it is managed by."""

    drug: str
    regimen: str = Field(description="a regimen named in the drug's folder, or a sentence")
    rules: str = Field(default="unmanaged", description="a rule profile of the drug")
    courses: Courses = Courses()
    support: str | None = Field(default=None, description="a supportive-care set; the arm's where absent")


class Arm(Format):
    """One arm of the trial; without treatments it is observed only."""

    name: str = Field(min_length=1, max_length=80)
    treatments: list[Treatment] = []
    support: str = "standard"


class Population(Format):
    """How many virtual patients, drawn from which named population of the disease."""

    name: str
    size: int = Field(ge=1, le=10_000_000)


class ProtocolFile(Format):
    """A trial protocol."""

    schema_: Literal["protocol/1"] = Field(alias="schema")
    title: Text
    disease: str
    population: Population
    eligibility: str | None = Field(default=None, description="named criteria of the disease; none where absent")
    design: Literal["twins", "randomised"] = Field(
        default="twins", description="twins: arms share patients and noise; randomised: each patient is in one arm"
    )
    seed: int = Field(default=1, ge=0, lt=2**63)
    arms: list[Arm] = Field(min_length=1, max_length=50)
    scans: str = Field(default="every 8 weeks", description="times of the scans, such as 'every 8 weeks'")
    grading: str = "ctcae_v5"
    response: str | list[str] = Field(
        default="recist_1_1", description="response criteria, or several: the first decides, the others are reported beside it"
    )
    follow_up: Duration = "36 months"
    compare_with: list[str] = Field(default=[], description="studies of the library's evidence")
    set_: dict[str, str | float] = Field(default={}, alias="set", description="parameters to override, with units")
