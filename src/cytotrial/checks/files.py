"""Checks of files as such: where they lie, whether they can be read, what is missing beside them. Not of what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from cytotrial.catalogue import schema_line
from cytotrial.checks.scope import LAYOUT, TABLES, Scope, in_file, parts
from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.formats.base import Source, Text
from cytotrial.reading import Document

FREE = ("*.md", "*/*/fits/*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def unreadable_file(scope: Scope) -> Iterator[Problem]:
    """A file that is not of its format's shape."""
    for _, reading in scope.readings:
        if isinstance(reading, LibraryError):
            yield from reading.problems


def missing_schema_line(scope: Scope) -> Iterator[Problem]:
    """Every YAML file says on top what it is."""
    for path in scope.paths:
        expected = scope.schemas_at(path) if path.suffix == ".yaml" else ()
        if expected and not schema_line(path):
            yield Problem(
                in_file(path, scope), "the `schema:` line is missing.", f"Expected `schema: {' or '.join(expected)}`."
            )


def wrong_schema(scope: Scope) -> Iterator[Problem]:
    """A file of one format in the place of another."""
    for path in scope.paths:
        expected, found = (scope.schemas_at(path) if path.suffix == ".yaml" else ()), schema_line(path)
        if expected and found and found not in expected:
            yield Problem(
                in_file(path, scope), f"`schema: {found}` does not belong here.", f"Expected {' or '.join(expected)}."
            )


def misplaced_file(scope: Scope) -> Iterator[Problem]:
    """A file that nothing reads is often a misspelt one."""
    for path in scope.paths:
        place = PurePosixPath(path.relative_to(scope.library.root).as_posix())
        is_table = any(place.match(pattern) and len(place.parts) == pattern.count("/") + 1 for pattern in TABLES)
        if scope.schemas_at(path) or is_table or any(place.match(pattern) for pattern in FREE):
            continue
        known = [PurePosixPath(pattern).name for pattern in (*LAYOUT, *TABLES) if "*" not in PurePosixPath(pattern).name]
        misspelt = path.suffix in (".yaml", ".csv") and path.name not in known
        advice = did_you_mean(path.name, known) if misspelt else ""
        yield Problem(in_file(path, scope), "nothing reads this file.", advice or "Move or remove it.")


def missing_file(scope: Scope) -> Iterator[Problem]:
    """What every folder of its kind has."""
    library = scope.library
    if not (library.root / "interface.yaml").is_file():
        yield Problem(in_file(library.root / "interface.yaml", scope), "no such file.")
    for group, names in _EXPECTED.items():
        for folder in library.shelf.folders(group).values():
            for name in names:
                if not (folder / name).is_file():
                    yield Problem(in_file(folder / name, scope), "no such file.", f"Each folder under {group}/ has a {name}.")


_EXPECTED = {
    "immune": ("module.yaml",),
    "physiology": ("module.yaml",),
    "support": ("module.yaml",),
    "drugs": ("module.yaml", "drug.yaml"),
    "diseases": ("module.yaml", "disease.yaml", "population.yaml"),
}


def unusable_name(scope: Scope) -> Iterator[Problem]:
    """File and folder names are ids that protocols write."""
    for path in scope.paths:
        if scope.schemas_at(path) and not _NAME.fullmatch(path.stem):
            advice = "Expected lower-case letters, digits and _, with a letter first."
            yield Problem(in_file(path, scope), f"'{path.stem}' cannot be a name.", advice)


def empty_text(scope: Scope) -> Iterator[Problem]:
    """Text that people read is there in English and in French."""
    for _, document in _readable(scope):
        for keys, part in parts(document.content):
            if isinstance(part, Text):
                for language in ("en", "fr"):
                    if not getattr(part, language).strip():
                        yield Problem(document.place(*keys, language), f"the text in '{language}' is empty.")


def unknown_source(scope: Scope) -> Iterator[Problem]:
    """A statement cites a key that the bibliography lacks."""
    known = scope.library.sources
    for _, document in _readable(scope):
        for keys, part in parts(document.content):
            if isinstance(part, Source) and part.ref not in known:
                yield _unknown(part.ref, document.place(*keys, "ref"), scope)
    for _, document in scope.documents("evidence/1"):
        if document.content.source not in known:
            yield _unknown(document.content.source, document.place("source"), scope)


def _unknown(key: str, place: Place, scope: Scope) -> Problem:
    return Problem(
        place, f"unknown source '{key}'.", did_you_mean(key, scope.library.sources, see="Sources stand in sources.yaml.")
    )


def _readable(scope: Scope) -> Iterator[tuple[object, Document]]:  # type: ignore[type-arg]
    for path, reading in scope.readings:
        if isinstance(reading, Document):
            yield path, reading
