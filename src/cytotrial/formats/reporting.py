"""reporting/1: how a publication's table of side effects differs from grading every patient. It changes no physiology."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Format, Name, Source, Status, Text

HIGHEST_GRADE = 5


class ReportedTerm(Format):
    """One line of the publication's table: the graded terms it gathers, and from which grade on they were written down."""

    of: list[Name] = Field(min_length=1, description="terms of the gradings; a patient counts once, at the worst of them")
    from_grade: int = Field(default=1, ge=1, le=HIGHEST_GRADE, description="a lower grade was not written down")
    share: dict[int, float] = Field(
        default={}, description="by grade, the share of patients with that worst grade who were reported; 1 where absent"
    )
    title: Text | None = Field(default=None, description="the line as the publication writes it; the name where absent")
    note: str = ""

    @model_validator(mode="after")
    def _shares_are_shares(self) -> ReportedTerm:
        for grade, share in self.share.items():
            if not 1 <= grade <= HIGHEST_GRADE:
                raise ValueError(f"there is no grade {grade}.\nExpected 1 to {HIGHEST_GRADE}.")
            if not 0 <= share <= 1:
                raise ValueError(f"{share:g} of grade {grade} is no share.\nExpected 0 to 1.")
        return self


class ReportingFile(Format):
    """The lines of a publication's table of side effects. A graded term that stands in none of them was not reported."""

    schema_: Literal["reporting/1"] = Field(alias="schema")
    title: Text
    terms: dict[Name, ReportedTerm] = Field(min_length=1)
    status: Status = Field(description="of the cut-offs and shares")
    source: Source
    note: str = ""
