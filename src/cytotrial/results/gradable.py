"""Which adverse events an arm could tell at all from what it measured. It grades nobody: 0 % and not looked for differ."""

from __future__ import annotations

from collections.abc import Collection

from cytotrial.formats.clinic import GradingFile
from cytotrial.formats.conditions import Condition
from cytotrial.observe.conditions import without


def not_gradable(grading: GradingFile, measured: Collection[str]) -> frozenset[str]:
    """The terms, as the grading writes them, of which no grade can be known from the findings `measured`.

    >>> from cytotrial.formats.base import Source, Text
    >>> from cytotrial.formats.clinic import GradedTerm
    >>> fever = GradedTerm(term="Fever", system_organ_class="", source=Source(ref="a"),
    ...                    grades={1: Condition(finding="temperature", above=38)})
    >>> grading = GradingFile(schema="grading/1", title=Text(en="", fr=""), version="5", terms={"fever": fever})
    >>> sorted(not_gradable(grading, ["creatinine"])), sorted(not_gradable(grading, ["temperature"]))
    (['Fever'], [])
    """
    known: set[str] = set()

    def lacks(leaf: Condition) -> bool:
        return (leaf.finding is not None and leaf.finding not in measured) or (
            leaf.grade is not None and leaf.grade not in known
        )

    missing = []
    # A term may ask for the grade of one written before it.
    for key, term in grading.terms.items():
        if any(without(condition, lacks) is not None for condition in term.grades.values()):
            known.add(key)
        else:
            missing.append(term.term)
    return frozenset(missing)
