"""The condition language that rules and grading share: comparisons of what the clinic has seen. No evaluation here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from cytotrial.formats.base import Duration, Format, Name, Unit

BOUNDS = {"from_": "from", "at_least": "at least", "above": "above", "below": "below", "at_most": "at most"}
JOINTS = ("any", "all", "of", "not")
PRINTED = {"percent": "%", "1": "", "": ""}  # units that are not printed as they are written
MULTIPLES = {"baseline": "times baseline", "upper_normal": "times ULN", "lower_normal": "times LLN"}


class Condition(Format):
    """One comparison, or several joined.

    A comparison names what is compared: `finding` (a lab, a vital sign or a derived finding of the monitoring plan), `grade`
    (a term of the grading in use) or `given` (what was given so far). Bounds: `from`/`at_least`, `above`, `below`, `at_most`.
    Joined conditions are `any`, `all`, `at_least` with `of`, and `not`. A finding that was not measured is unknown; unknown
    spreads as in three-valued logic.
    """

    finding: Name | None = None
    grade: Name | None = None
    given: Literal["doses_in_cycle", "doses_in_course", "cycles", "courses"] | None = None
    from_: float | None = Field(default=None, alias="from", description="same as at_least; pairs with below")
    at_least: float | None = None
    above: float | None = None
    below: float | None = None
    at_most: float | None = None
    unit: Unit | None = Field(default=None, description="unit of the bounds; the finding's own where absent")
    times: Literal["baseline", "upper_normal", "lower_normal"] | None = Field(
        default=None, description="bounds are multiples of the patient's baseline or of a limit of normal"
    )
    at: Literal["baseline"] | None = Field(default=None, description="compare the patient's baseline value, not the latest")
    rise_over: Duration | None = Field(default=None, description="compare the rise over this time, not the value")
    consecutive: int | None = Field(default=None, ge=2, description="true at this many measurements in a row")
    for_at_least: Duration | None = Field(default=None, description="true without a break for this long")
    any: list[Condition] | None = None
    all: list[Condition] | None = None
    of: list[Condition] | None = Field(default=None, description="with at_least: how many of these must be true")
    not_: Condition | None = Field(default=None, alias="not")

    @model_validator(mode="before")
    @classmethod
    def _group_synonyms(cls, data: Any) -> Any:
        # `lab: creatinine` and `vital: systolic_pressure` read better; both are findings.
        if isinstance(data, dict):
            for synonym in ("lab", "vital"):
                if synonym in data and "finding" not in data:
                    data = {("finding" if key == synonym else key): value for key, value in data.items()}
        return data

    @model_validator(mode="after")
    def _is_one_condition(self) -> Condition:
        subjects = [
            name for name in ("finding", "grade", "given", "any", "all", "of", "not_") if getattr(self, name) is not None
        ]
        if len(subjects) != 1:
            raise ValueError(
                "a condition needs exactly one subject.\n"
                "Expected one of lab, vital, finding, grade, given, any, all, not, or at_least with of."
            )
        bounds = [name for name in BOUNDS if getattr(self, name) is not None]
        subject = subjects[0]
        if subject in {"finding", "given"} and not bounds:
            raise ValueError(
                f"'{subject}' is compared with nothing.\nExpected a bound: from, at_least, above, below or at_most."
            )
        if subject == "grade" and not bounds:
            raise ValueError("'grade' is compared with nothing.\nExpected for example at_least: 3.")
        if subject == "of" and (bounds != ["at_least"] or not float(self.at_least or 0).is_integer()):
            raise ValueError("'of' needs at_least: a whole number.")
        if subject in {"any", "all", "not_"} and bounds:
            raise ValueError(f"bounds do not go with '{subject.rstrip('_')}'.")
        series = {"finding", "grade"}
        for qualifier, allowed in (
            ("unit", {"finding"}),
            ("times", {"finding"}),
            ("at", {"finding"}),
            ("rise_over", {"finding"}),
            ("consecutive", series),
            ("for_at_least", series),
        ):
            if getattr(self, qualifier) is not None and subject not in allowed:
                goes_with = ", ".join(sorted(allowed))
                raise ValueError(f"'{qualifier}' does not go with '{subject.rstrip('_')}'.\nIt goes with {goes_with}.")
        together = [name for name in ("at", "rise_over", "consecutive", "for_at_least") if getattr(self, name) is not None]
        if len(together) > 1:
            both = f"'{together[0]}' and '{together[1]}'"
            raise ValueError(f"{both} cannot stand together.\nJoin two conditions with all: [...].")
        if self.unit is not None and self.times is not None:
            raise ValueError("bounds are multiples with 'times', so 'unit' does not go with it.")
        return self

    def phrase(self) -> str:
        """The condition in words.

        >>> Condition(finding="creatinine", at_least=3.0, unit="mg/dL").phrase()
        'creatinine at least 3 mg/dL'
        """
        for parts, word in ((self.any, " or "), (self.all, " and ")):
            if parts:
                return word.join(f"({part.phrase()})" if part.any or part.all else part.phrase() for part in parts)
        if self.of:
            return f"at least {self.at_least:g} of: " + "; ".join(part.phrase() for part in self.of)
        if self.not_:
            return f"not ({self.not_.phrase()})"
        subject = self.finding or (f"grade of {self.grade}" if self.grade else str(self.given))
        bounds = [f"{word} {getattr(self, name):g}" for name, word in BOUNDS.items() if getattr(self, name) is not None]
        qualifiers = [
            f"rise over {self.rise_over}" if self.rise_over else "",
            f"{self.consecutive} in a row" if self.consecutive else "",
            f"for at least {self.for_at_least}" if self.for_at_least else "",
            "at baseline" if self.at else "",
        ]
        words = [
            subject,
            " and ".join(bounds),
            MULTIPLES.get(self.times or "", "") or PRINTED.get(self.unit or "", self.unit),
            *qualifiers,
        ]
        return " ".join(word for word in words if word)


def parts_of(condition: Condition) -> Iterator[Condition]:
    """A condition, and all that it joins.

    >>> [part.finding for part in parts_of(Condition(all=[Condition(finding="age", at_most=60)]))]
    [None, 'age']
    """
    yield condition
    for part in (*(condition.any or ()), *(condition.all or ()), *(condition.of or ()), condition.not_):
        if part is not None:
            yield from parts_of(part)
