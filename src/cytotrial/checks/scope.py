"""What a check looks at: one library, its files as typed documents, its compositions. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from cytotrial.catalogue import Library, schema_line
from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.formats import FORMATS
from cytotrial.formats.interface import Observable
from cytotrial.model.biology import Biology
from cytotrial.model.composition import biology_of, inspected, modules_of
from cytotrial.model.finding import Finding
from cytotrial.reading import Document, Key

LAYOUT: Mapping[str, tuple[str, ...]] = {
    "interface.yaml": ("interface/1",),
    "sources.yaml": ("sources/1",),
    "immune/*/module.yaml": ("module/1",),
    "physiology/*/module.yaml": ("module/1",),
    "support/*/module.yaml": ("module/1",),
    "diseases/*/module.yaml": ("module/1",),
    "drugs/*/module.yaml": ("module/1",),
    "*/*/plausibility.yaml": ("plausibility/1",),
    "diseases/*/disease.yaml": ("disease/1",),
    "diseases/*/population.yaml": ("population/1",),
    "diseases/*/evidence/*.yaml": ("evidence/1",),
    "drugs/*/drug.yaml": ("drug/1",),
    "drugs/*/regimens.yaml": ("regimens/1",),
    "drugs/*/rules/*.yaml": ("rules/1",),
    "drugs/*/evidence/*.yaml": ("evidence/1",),
    "grading/*.yaml": ("grading/1", "response/1"),
    "monitoring/*.yaml": ("monitoring/1",),
    "support/*.yaml": ("support/1",),
    "life_tables/*.yaml": ("life_table/1",),
    "protocols/*.yaml": ("protocol/1",),
    "reporting/*.yaml": ("reporting/1",),
}
"""Where each YAML file lies, and the formats it may have there."""

TABLES = ("*/*/*.ant", "*/*/parameters.csv", "*/*/correlations.csv", "*/correlations.csv", "correlations.csv")


@dataclass(frozen=True)
class Scope:
    """A library while it is checked."""

    library: Library

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every file of the library that a person wrote."""
        root = self.library.root
        found = (path for path in sorted(root.rglob("*")) if path.is_file())
        return tuple(path for path in found if not any(part.startswith((".", "__")) for part in path.relative_to(root).parts))

    def shown(self, path: Path) -> str:
        """A file's name in messages."""
        return self.library.shelf.shown(path)

    def schemas_at(self, path: Path) -> tuple[str, ...]:
        """The formats a YAML file may have where it lies; none where no YAML file belongs."""
        place = PurePosixPath(path.relative_to(self.library.root).as_posix())
        matching = (
            schemas
            for pattern, schemas in LAYOUT.items()
            if place.match(pattern) and len(place.parts) == pattern.count("/") + 1
        )
        return next(matching, ())

    @cached_property
    def readings(self) -> tuple[tuple[Path, Document[Any] | LibraryError], ...]:
        """Each well-placed YAML file but protocols, as a document or as what is wrong with its shape."""
        found: list[tuple[Path, Document[Any] | LibraryError]] = []
        for path in self.paths:
            schema = schema_line(path) if path.suffix == ".yaml" else ""
            if schema in FORMATS and schema in self.schemas_at(path) and schema != "protocol/1":
                try:
                    found.append((path, self.library.shelf.read(path, FORMATS[schema])))
                except LibraryError as error:
                    found.append((path, error))
        return tuple(found)

    def documents(self, schema: str) -> Iterator[tuple[Path, Document[Any]]]:
        """The readable files of a format."""
        for path, reading in self.readings:
            if isinstance(reading, Document) and reading.content.model_dump(include={"schema_"})["schema_"] == schema:
                yield path, reading

    @cached_property
    def compositions(self) -> tuple[Finding, ...]:
        """What the model's own checks find: each disease with all drugs, and each drug alone with the first disease."""
        drugs, diseases = list(self.library.drugs), list(self.library.diseases)
        pairs = [(drugs, disease) for disease in diseases] + [([drug], diseases[0]) for drug in drugs if diseases]
        found: dict[Finding, None] = {}
        for together, disease in pairs:
            try:
                modules = modules_of(self.library, drugs=together, disease=disease)
                found.update(dict.fromkeys(inspected(self.library, modules)[1]))
            except LibraryError as error:
                found.update((Finding(problem, "composition"), None) for problem in error.problems)
        return tuple(found)

    @property
    def composes(self) -> bool:
        """Whether every composition is free of errors."""
        return not any(finding.level == "error" for finding in self.compositions)

    @cached_property
    def biologies(self) -> Mapping[str, Biology]:
        """The composition of each disease with all drugs; none where one has errors."""
        if not self.composes:
            return {}
        drugs = list(self.library.drugs)
        return {
            name: biology_of(self.library, modules_of(self.library, drugs=drugs, disease=name))
            for name in self.library.diseases
        }

    @cached_property
    def observables(self) -> Mapping[str, Observable]:
        """Every observable that the interface or a module declares, and the findings of chance events."""
        found: dict[str, Observable] = {}
        for _, document in self.documents("module/1"):
            for name, event in document.content.events.items():
                found[name] = Observable(unit="1", title=event.title, group="sign", code=event.code)
        for schema in ("module/1", "interface/1"):
            for _, document in self.documents(schema):
                found |= document.content.observables
        return found


def parts(content: Any, keys: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], BaseModel]]:
    """Every part of a file's content that is a format of its own, with the keys it stands under."""
    if isinstance(content, BaseModel):
        yield keys, content
        for name, field in type(content).model_fields.items():
            yield from parts(getattr(content, name), (*keys, field.alias or name))
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from parts(value, (*keys, key))
    elif isinstance(content, (list, tuple)):
        for index, value in enumerate(content):
            yield from parts(value, (*keys, index))


def placed(problem: Problem, document: Document[Any]) -> Problem:
    """A problem that knows its path in a document but not the file, with file, line and column."""
    if problem.place.file:
        return problem
    keys = tuple(
        int(part) if part.isdigit() else part for part in problem.place.path.replace("[", ".").replace("]", "").split(".")
    )
    return Problem(document.place(*(key for key in keys if key != "")), problem.what, problem.advice)


def in_file(path: Path, scope: Scope) -> Place:
    """The place of a whole file."""
    return Place(scope.shown(path))
