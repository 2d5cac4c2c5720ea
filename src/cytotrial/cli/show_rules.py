"""Prints the rule profiles of a drug: their names, or one in full, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytotrial.cli.listings import chosen_drugs
from cytotrial.cli.tables import print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from cytotrial.catalogue import Library
    from cytotrial.formats.rules import RulesFile


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


def _print_profile(console: Console, rules: RulesFile) -> None:
    console.print(rules.title.en, style="bold", markup=False)
    withheld = rules.withheld_dose
    how = withheld if isinstance(withheld, str) else f"waits: seen again after {withheld.recheck}, at most {withheld.at_most}"
    console.print(f"A withheld dose is {how}." if isinstance(withheld, str) else f"A withheld dose {how}.", markup=False)
    if rules.extends:
        console.print(f"Extends {rules.extends}; its criteria are not repeated here.", markup=False)
    rows = []
    for criterion in rules.criteria:
        until = f"; until {criterion.until.phrase()}" if criterion.until else ""
        source = f"{criterion.source.ref} {criterion.source.where}".strip() + (
            "" if criterion.source.verified else " (not verified)"
        )
        rows.append((criterion.id, criterion.level, criterion.when.phrase() + until, source))
    print_rows(console, rows, columns=("criterion", "level", "met when", "source"), title="Criteria", optional=("source",))
    steps = [(str(number), step.when, step.then) for number, step in enumerate(rules.policy, start=1)]
    print_rows(console, steps, columns=("step", "when", "then"), right=("step",), title="Policy: the first that is true")
    if rules.note:
        console.print(rules.note, markup=False, style="dim")
