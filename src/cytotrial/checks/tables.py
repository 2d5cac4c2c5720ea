"""Checks of parameters.csv and correlations.csv against the bibliography and each other. Single rows: `model.table`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cytotrial.catalogue import Module
from cytotrial.checks.scope import Scope
from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.module import CorrelationRow, ParameterRow
from cytotrial.model.table import read_correlations


def unknown_source_in_table(scope: Scope) -> Iterator[Problem]:
    """A row cites a key that the bibliography lacks."""
    for place, row in _rows(scope):
        for key in (row.source, row.spread_source):
            if key and key not in scope.library.sources:
                advice = did_you_mean(key, scope.library.sources, see="Sources stand in sources.yaml.")
                yield Problem(place, f"'{row.name}' cites the unknown source '{key}'.", advice)


def spread_without_status(scope: Scope) -> Iterator[Problem]:
    """A spread is a number too, and has a status of its own."""
    for place, row in _rows(scope):
        if (row.between_sd > 0 or row.occasion_sd > 0) and not row.spread_status:
            yield Problem(
                place, f"the spread of '{row.name}' has no spread_status.", "Say measured, derived, fitted or assumed."
            )


def unexplained_assumption(scope: Scope) -> Iterator[Problem]:
    """An assumed number without a source says why in its note."""
    for place, row in _rows(scope):
        if row.status == "assumed" and not row.source and not row.note:
            yield Problem(place, f"'{row.name}' is assumed without a note.", "Say in `note` why this value.")


def broken_correlation_table(scope: Scope) -> Iterator[Problem]:
    """A correlations.csv that cannot be read."""
    for path in _correlation_files(scope):
        yield from read_correlations(path, scope.shown(path))[1]


def correlation_of_nothing(scope: Scope) -> Iterator[Problem]:
    """A correlation joins two parameters that exist and vary."""
    varying = {
        f"{module.id}.{row.name}": row.between_sd > 0 or row.scale in ("uniform", "loguniform")
        for module in scope.library.modules.values()
        for row in module.table.rows
    }
    for place, row in _correlations(scope):
        for name in (row.first, row.second):
            if name not in varying:
                yield Problem(place, f"'{name}' is no parameter.", did_you_mean(name, varying))
            elif not varying[name]:
                yield Problem(place, f"'{name}' does not vary between patients.", "Give it a between_sd, or remove the row.")


def repeated_correlation(scope: Scope) -> Iterator[Problem]:
    """A pair is correlated once."""
    seen: dict[frozenset[str], Place] = {}
    for place, row in _correlations(scope):
        pair = frozenset((row.first, row.second))
        if len(pair) == 1:
            yield Problem(place, f"'{row.first}' is correlated with itself.")
        elif pair in seen:
            yield Problem(place, f"'{row.first}' and '{row.second}' are correlated already, at {seen[pair]}.")
        seen.setdefault(pair, place)


def unknown_source_of_correlation(scope: Scope) -> Iterator[Problem]:
    """A correlation cites a key that the bibliography lacks, or is measured by nobody."""
    for place, row in _correlations(scope):
        if row.source and row.source not in scope.library.sources:
            yield Problem(place, f"unknown source '{row.source}'.", did_you_mean(row.source, scope.library.sources))
        elif row.status in ("measured", "derived") and not row.source:
            yield Problem(place, f"status is '{row.status}', but there is no source.")


def _rows(scope: Scope) -> Iterator[tuple[Place, ParameterRow]]:
    for module in scope.library.modules.values():
        for row in module.table.rows:
            yield _place(module, row, scope), row


def _place(module: Module, row: ParameterRow, scope: Scope) -> Place:
    return Place(scope.shown(module.table_path), module.table.lines[row.name])


def _correlation_files(scope: Scope) -> Iterator[Path]:
    yield from (path for path in scope.paths if path.name == "correlations.csv")


def _correlations(scope: Scope) -> Iterator[tuple[Place, CorrelationRow]]:
    for path in _correlation_files(scope):
        for row, line in read_correlations(path, scope.shown(path))[0]:
            yield Place(scope.shown(path), line), row
