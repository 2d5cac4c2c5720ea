"""What a rule profile says twice in different ways, or in vain: the linter's view of a profile. It decides nothing.

A finding here is certain from the text alone; what charts would show is the business of the profile's cases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from cytotrial.errors import Place, Problem
from cytotrial.formats.conditions import Condition
from cytotrial.formats.rules import PolicyStep, RulesFile
from cytotrial.manage.policy import Trigger, read_trigger
from cytotrial.manage.profiles import merge_profiles
from cytotrial.observe.conditions import leaves


def contradictions(file: RulesFile, *, name: str, profiles: Mapping[str, RulesFile] | None = None) -> list[Problem]:
    """The problems of a profile that its text alone shows, at paths such as `criteria[3].when`.

    Bounds that no value meets; a criterion that resolves by the very condition that makes it met; the same condition at two
    levels; a criterion that no step of the policy heeds; a step about a criterion whose level an earlier step already takes.

    Raises:
        LibraryError: an unknown parent, or profiles that extend each other in a circle.
    """
    merged = merge_profiles(file, name=name, profiles=profiles or {})
    return [
        *_empty_bounds(file),
        *_resolved_while_met(file),
        *_same_at_two_levels(file, merged),
        *_unheeded(file, merged),
        *_never_reached(file, merged),
    ]


def _empty_bounds(file: RulesFile) -> Iterator[Problem]:
    for index, criterion in enumerate(file.criteria):
        for key, condition in (("when", criterion.when), ("until", criterion.until)):
            for leaf in leaves(condition) if condition is not None else ():
                if _is_empty(leaf):
                    subject = leaf.finding or leaf.grade or leaf.given
                    what = f"no value of '{subject}' is within these bounds."
                    advice = "Expected a lower bound below the upper one."
                    yield Problem(Place(path=f"criteria[{index}].{key}"), what, advice)


def _is_empty(leaf: Condition) -> bool:
    lows = [(bound, is_open) for bound, is_open in ((leaf.from_, 0), (leaf.at_least, 0), (leaf.above, 1)) if bound is not None]
    highs = [(bound, is_open) for bound, is_open in ((leaf.at_most, 0), (leaf.below, 1)) if bound is not None]
    return any(low > high or (low == high and open_low + open_high > 0) for low, open_low in lows for high, open_high in highs)


def _resolved_while_met(file: RulesFile) -> Iterator[Problem]:
    for index, criterion in enumerate(file.criteria):
        if criterion.until is not None and criterion.until == criterion.when:
            what = f"criterion '{criterion.id}' is resolved by what makes it met."
            yield Problem(Place(path=f"criteria[{index}].until"), what, "Expected what must be true before doses go on.")


def _same_at_two_levels(file: RulesFile, merged: RulesFile) -> Iterator[Problem]:
    for index, criterion in enumerate(file.criteria):
        for other in merged.criteria:
            if other.id != criterion.id and other.when == criterion.when and other.level != criterion.level:
                what = (
                    f"criteria '{criterion.id}' ({criterion.level}) and '{other.id}' ({other.level}) have the same condition."
                )
                yield Problem(Place(path=f"criteria[{index}].when"), what, "Expected one level for one condition.")


def _unheeded(file: RulesFile, merged: RulesFile) -> Iterator[Problem]:
    """Notes are written down without consequence; any other criterion should lead to something."""
    ids = [criterion.id for criterion in merged.criteria]
    heeded = {(trigger.kind, trigger.name) for trigger in _triggers(merged.policy, ids) if trigger is not None}
    for index, criterion in enumerate(file.criteria):
        if criterion.level == "note" or ("always", "") in heeded:
            continue
        if not heeded & {("level", criterion.level), ("criterion", criterion.id)}:
            what = f"no step of the policy heeds criterion '{criterion.id}' ({criterion.level})."
            advice = f"Add a step such as 'any {criterion.level}', or make it a note."
            yield Problem(Place(path=f"criteria[{index}].level"), what, advice)


def _never_reached(file: RulesFile, merged: RulesFile) -> Iterator[Problem]:
    levels = {criterion.id: criterion.level for criterion in merged.criteria}
    taken: dict[str, int] = {}
    for index, trigger in enumerate(_triggers(file.policy, levels)):
        if trigger is None or trigger.kind not in ("criterion", "level"):
            continue
        level = levels[trigger.name] if trigger.kind == "criterion" else trigger.name
        if level in taken:
            what = f"never reached: step {taken[level] + 1} takes every {level} criterion."
            yield Problem(Place(path=f"policy[{index}].when"), what, "Put the step before it.")
        elif trigger.kind == "level" and trigger.number == 1:
            taken[level] = index


def _triggers(steps: Sequence[PolicyStep], criteria: Collection[str]) -> list[Trigger | None]:
    """The conditions of the steps; None for one that cannot be read, which is reported where the profile is made ready."""
    found: list[Trigger | None] = []
    for step in steps:
        try:
            found.append(read_trigger(step.when, criteria))
        except ValueError:
            found.append(None)
    return found
