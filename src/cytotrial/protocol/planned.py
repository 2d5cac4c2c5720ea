"""One planned dose, as the regimen orders it. Not what is given: that is decided at the visit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BodySize = Literal["flat", "kg", "m2"]
Route = Literal["iv", "sc", "im"]


@dataclass(frozen=True)
class PlannedDose:
    """One slot of a course.

    Attributes:
        hours: since the first planned dose of the course [h].
        amount: in `unit` (per kg or per m2 where `per` says so).
        unit: 'IU', 'mg' or 'nmol'.
        per: the body size the amount is multiplied by; 'flat' for none.
        route: iv, sc or im.
        duration_hours: of the infusion; 0 is a bolus or an injection. A continuous infusion is one dose per 24 h.
        cycle: from 1.
        number: of the dose in its cycle, from 1.
        phase: line of the sentence it comes from, from 1.
    """

    hours: float
    amount: float
    unit: str
    per: BodySize
    route: Route
    duration_hours: float
    cycle: int = 1
    number: int = 1
    phase: int = 1
