"""response/1: what counts as response and as progression: sizes, recurrence, or levels of findings. It assesses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cytotrial.formats.base import Duration, Format, Name, Source, Text
from cytotrial.formats.conditions import Condition
from cytotrial.units import UnitError, parse_quantity

Measure = Literal["sum_of_diameters", "sum_of_products", "recurrence", "levels"]
SIZES = ("sum_of_diameters", "sum_of_products")

# Words that a case or a table puts where the name of a level may stand.
NO_LEVEL, NOT_KNOWN, PROGRESSION, RELAPSE = "none", "unknown", "progression", "relapse"
BEST_FIRST = ("CR", "PR", "SD")

_SIZE_KEYS = ("complete_below", "partial_decrease", "progression_increase")
_SIZE_OPTIONS = ("progression_at_least", "progression_unequivocal", "measurable_from", "confirmed_after", "stable_at_least")
_LEVEL_OPTIONS = ("assessed", "progression", "relapse", "confirmed_after", "stable_at_least", "cases")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "sum_of_diameters": _SIZE_KEYS,
    "sum_of_products": _SIZE_KEYS,
    "recurrence": ("visible_from",),
    "levels": ("levels",),
}
"""The keys that a measure cannot do without."""

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "sum_of_diameters": _SIZE_OPTIONS,
    "sum_of_products": _SIZE_OPTIONS,
    "recurrence": (),
    "levels": _LEVEL_OPTIONS,
}
"""The further keys that go with a measure."""


def _length(text: str) -> str:
    try:
        parse_quantity(text, "mm")
    except UnitError as error:
        raise ValueError(f"{error}\nExpected a length such as '5 mm'.") from None
    return text


Length = Annotated[str, AfterValidator(_length)]


class ResponseLevel(Format):
    """One rung of a ladder of levels."""

    id: Name
    title: Text = Field(description="as it is reported, such as 'complete cytogenetic response'")
    or_better: Text | None = Field(default=None, description="what this level and all better ones together are called")
    counts_as: Literal["CR", "PR", "SD"]
    when: Condition = Field(description="what must be found, in the words of rules: labs, vitals, other findings")
    confirmed_after: Duration | None = Field(default=None, description="instead of that of the whole set")


class LevelCase(Format):
    """A check a clinician can read: a patient's charts at successive assessments, and the level expected at each.

    `expect` names a level, or says none, unknown, progression or relapse; `best` is the best confirmed level, or none.
    """

    case: str
    baseline: dict[str, str | float]
    every: Duration = Field(default="4 weeks", description="from the baseline to the first chart, and from chart to chart")
    charts: list[dict[str, str | float]] = Field(min_length=1)
    expect: list[str]
    best: str | None = None

    @model_validator(mode="after")
    def _expects_one_level_per_chart(self) -> LevelCase:
        if len(self.expect) != len(self.charts):
            found = f"{len(self.charts)} charts but {len(self.expect)} expected levels"
            raise ValueError(f"{found}.\nExpected one level per chart.")
        return self


class ResponseFile(Format):
    """Response criteria. `measure` says what they look at, and which of the other keys they need."""

    schema_: Literal["response/1"] = Field(alias="schema")
    title: Text
    measure: Measure
    complete_below: Length | None = Field(default=None, description="a lesion smaller than this counts as gone, such as '5 mm'")
    partial_decrease: float | None = Field(default=None, gt=0, lt=1, description="fall from baseline")
    progression_increase: float | None = Field(default=None, gt=0, description="rise from the smallest")
    progression_at_least: Length | None = Field(default=None, description="and this much in absolute terms")
    progression_unequivocal: float | None = Field(
        default=None,
        gt=0,
        description="a smaller rise from the smallest must be seen again at the next scan; it counts from the first",
    )
    measurable_from: Length | None = Field(
        default=None, description="a sum of diameters below this is too small to measure, and shows no progression"
    )
    visible_from: Length | None = Field(
        default=None, description="recurrence: a tumour is seen on a scan from this size, such as '5 mm'"
    )
    levels: list[ResponseLevel] = Field(default=[], description="from the best to the worst; the first that is true holds")
    assessed: str = Field(
        default="at each scan", description="when levels are looked at: at each scan | at each visit | every <duration>"
    )
    progression: Condition | None = Field(default=None, description="levels: what counts as progression whenever it is found")
    relapse: Condition | None = Field(
        default=None, description="levels: what counts as progression once a response was confirmed"
    )
    confirmed_after: Duration | None = None
    stable_at_least: Duration | None = None
    cases: list[LevelCase] = []
    source: Source
    note: str = ""

    @model_validator(mode="after")
    def _has_what_its_measure_needs(self) -> ResponseFile:
        for key in NEEDED[self.measure]:
            if not getattr(self, key) and getattr(self, key) != 0:
                raise ValueError(f"measure '{self.measure}' needs '{key}'.")
        goes_with = {*NEEDED[self.measure], *ALLOWED[self.measure]}
        for key in dict.fromkeys(key for group in (NEEDED, ALLOWED) for keys in group.values() for key in keys):
            if key in self.model_fields_set and key not in goes_with:
                others = ", ".join(name for name in NEEDED if key in (*NEEDED[name], *ALLOWED[name]))
                raise ValueError(f"'{key}' does not go with measure '{self.measure}'.\nIt goes with {others}.")
        return self

    @model_validator(mode="after")
    def _has_a_ladder_of_findings(self) -> ResponseFile:
        ids = [level.id for level in self.levels]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"two levels are called '{name}'.\nChoose another id for one of them.")
            if name in {NO_LEVEL, NOT_KNOWN, PROGRESSION, RELAPSE}:
                raise ValueError(f"no level can be called '{name}'.\nThe word has a meaning of its own in cases and tables.")
        ranks = [BEST_FIRST.index(level.counts_as) for level in self.levels]
        if ranks != sorted(ranks):
            raise ValueError(
                "levels are written from the best to the worst.\nExpected those that count as CR, then PR, then SD."
            )
        for condition in self.conditions():
            for leaf in _leaves(condition):
                if leaf.finding is None:
                    raise ValueError(f"a level cannot ask for '{leaf.phrase()}'.\nExpected labs, vitals and other findings.")
        return self

    def conditions(self) -> Iterator[Condition]:
        """Every condition of the ladder, those of progression and relapse included."""
        yield from (level.when for level in self.levels)
        yield from (condition for condition in (self.progression, self.relapse) if condition is not None)


def _leaves(condition: Condition) -> Iterator[Condition]:
    parts = condition.any or condition.all or condition.of or ([condition.not_] if condition.not_ else None)
    if parts is None:
        yield condition
    else:
        for part in parts:
            yield from _leaves(part)
