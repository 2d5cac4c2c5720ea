"""What a check of the library found: a problem and how grave it is. The checks themselves live beside what they check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cytotrial.errors import Problem

Level = Literal["error", "warning", "note"]
"""An error stops loading; a warning is a likely mistake; a note is worth knowing."""


@dataclass(frozen=True, order=True)
class Finding:
    """A problem, the check that found it and its level."""

    problem: Problem
    check: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.level}: {self.problem}"
