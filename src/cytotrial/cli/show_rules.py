"""Prints the rule profiles of a drug: their names, or one in full, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytotrial.cli.listings import chosen_drugs
from cytotrial.cli.tables import cell_text, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from cytotrial.catalogue import Library
    from cytotrial.formats.conditions import Condition
    from cytotrial.formats.rules import RulesFile

BOUNDS = {"from_": "from", "at_least": "at least", "above": "above", "below": "below", "at_most": "at most"}


def print_rules(console: Console, library: Library, *, drug: str | None, profile: str | None) -> None:
    """The profiles of a drug, or of all drugs; with `profile`, its criteria, policy and cases."""
    from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean

    drugs = chosen_drugs(library, drug)
    if profile is None:
        rows = [
            (one.id, name, rules.title.en, str(len(rules.criteria)), rules.extends or "")
            for one in drugs
            for name, rules in one.rules.items()
        ]
        print_rows(
            console,
            rows,
            columns=("drug", "profile", "title", "criteria", "extends"),
            right=("criteria",),
            title="Rule profiles",
            optional=("extends", "criteria"),
        )
        console.print("`cytotrial show rules DRUG PROFILE` prints one in full.", style="dim")
        return
    rules = drugs[0].rules
    if profile not in rules:
        problem = Problem(Place(), f"{drugs[0].id} has no rule profile '{profile}'.", did_you_mean(profile, rules))
        raise ProtocolError([problem])
    _print_profile(console, rules[profile])


def condition_text(condition: Condition) -> str:
    """A condition as a phrase, such as 'creatinine at least 3 mg/dL'."""
    for name, word in (("any", " or "), ("all", " and ")):
        if parts := getattr(condition, name):
            return word.join(f"({condition_text(part)})" if part.any or part.all else condition_text(part) for part in parts)
    if condition.of:
        return f"at least {cell_text(condition.at_least)} of: " + "; ".join(condition_text(part) for part in condition.of)
    if condition.not_:
        return f"not ({condition_text(condition.not_)})"
    subject = condition.finding or (f"grade of {condition.grade}" if condition.grade else str(condition.given))
    bounds = [
        f"{word} {cell_text(getattr(condition, name))}" for name, word in BOUNDS.items() if getattr(condition, name) is not None
    ]
    scale = {"baseline": "times baseline", "upper_normal": "times ULN", "lower_normal": "times LLN"}.get(
        condition.times or "", ""
    )
    extra = [
        f"rise over {condition.rise_over}" if condition.rise_over else "",
        f"{condition.consecutive} in a row" if condition.consecutive else "",
        f"for at least {condition.for_at_least}" if condition.for_at_least else "",
    ]
    words = [subject, " and ".join(bounds), scale or (condition.unit or ""), *extra]
    return " ".join(word for word in words if word)


def _print_profile(console: Console, rules: RulesFile) -> None:
    console.print(rules.title.en, style="bold", markup=False)
    withheld = rules.withheld_dose
    how = withheld if isinstance(withheld, str) else f"waits: seen again after {withheld.recheck}, at most {withheld.at_most}"
    console.print(f"A withheld dose is {how}." if isinstance(withheld, str) else f"A withheld dose {how}.", markup=False)
    if rules.extends:
        console.print(f"Extends {rules.extends}; its criteria are not repeated here.", markup=False)
    rows = []
    for criterion in rules.criteria:
        until = f"; until {condition_text(criterion.until)}" if criterion.until else ""
        source = f"{criterion.source.ref} {criterion.source.where}".strip() + (
            "" if criterion.source.verified else " (not verified)"
        )
        rows.append((criterion.id, criterion.level, condition_text(criterion.when) + until, source))
    print_rows(console, rows, columns=("criterion", "level", "met when", "source"), title="Criteria", optional=("source",))
    steps = [(str(number), step.when, step.then) for number, step in enumerate(rules.policy, start=1)]
    print_rows(console, steps, columns=("step", "when", "then"), right=("step",), title="Policy: the first that is true")
    if rules.note:
        console.print(rules.note, markup=False, style="dim")
