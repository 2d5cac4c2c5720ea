"""The library on disk as typed objects: folders are listed at once, files are read when first asked for. Judges no content.

library/{interface,sources}.yaml   library/{immune,physiology,support}/<module>/   library/support/*.yaml
library/drugs/<id>/   library/diseases/<id>/   library/{grading,life_tables,monitoring,protocols,reporting}/*.yaml
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.formats.clinic import GradingFile, MonitoringFile, SupportFile
from cytotrial.formats.drug import DrugFile, NamedRegimen, RegimensFile
from cytotrial.formats.evidence import EvidenceFile, SourcesFile
from cytotrial.formats.interface import InterfaceFile
from cytotrial.formats.life_table import LifeTableFile
from cytotrial.formats.module import CorrelationRow, ModuleFile, ParameterRow
from cytotrial.formats.plausibility import PlausibilityFile
from cytotrial.formats.population import DiseaseFile, PopulationFile
from cytotrial.formats.reporting import ReportingFile
from cytotrial.formats.response import ResponseFile
from cytotrial.formats.rules import RulesFile
from cytotrial.model.table import ParameterTable, read_correlations, read_parameters
from cytotrial.reading import Document, read_yaml

Value = TypeVar("Value")
Model = TypeVar("Model", bound=BaseModel)

SHARED_GROUPS = ("immune", "physiology", "support")
"""Folders whose modules are part of every composition."""

UNMANAGED = "unmanaged"
_SCHEMA_LINE = re.compile(r"^schema:\s*['\"]?([a-z_]+/\d+)", re.MULTILINE)


class Lazy(Mapping[str, Value]):
    """A mapping whose keys are known and whose values are read when first asked for."""

    def __init__(self, keys: Iterable[str], read: Callable[[str], Value]) -> None:
        self._keys = tuple(keys)
        self._read = read
        self._known: dict[str, Value] = {}

    def __getitem__(self, key: str) -> Value:
        if key not in self._known:
            if key not in self._keys:
                raise KeyError(key)
            self._known[key] = self._read(key)
        return self._known[key]

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@dataclass(frozen=True)
class Shelf:
    """The folder of a library, and the files read from it so far."""

    root: Path
    _documents: dict[Path, Any] = field(default_factory=dict, repr=False, compare=False)

    def read(self, path: Path, model: type[Model]) -> Document[Model]:
        """A YAML file of the library, read once. Raises LibraryError with every problem of the file."""
        if path not in self._documents:
            document = read_yaml(path, model, error=LibraryError)
            self._documents[path] = Document(document.content, self.shown(path), document.text)
        found: Document[Model] = self._documents[path]
        return found

    def shown(self, path: Path) -> str:
        """The name of a file in messages: from the library's folder on, where the file lies in it."""
        return f"{self.root.name}/{path.relative_to(self.root).as_posix()}" if path.is_relative_to(self.root) else str(path)

    def folders(self, *parts: str) -> dict[str, Path]:
        """The folders under `parts`, by name."""
        return {path.name: path for path in _listed(self.root.joinpath(*parts)) if path.is_dir()}

    def files(self, folder: Path, suffix: str = ".yaml") -> dict[str, Path]:
        """The files of a folder that end in `suffix`, by stem."""
        return {path.stem: path for path in _listed(folder) if path.suffix == suffix and path.is_file()}


@dataclass(frozen=True)
class Module:
    """One folder of biology: equations in `.ant` files, values in `parameters.csv`, what it owns in `module.yaml`."""

    id: str
    folder: Path
    group: str
    shelf: Shelf = field(repr=False)

    @property
    def document(self) -> Document[ModuleFile]:
        """module.yaml with places."""
        return self.shelf.read(self.folder / "module.yaml", ModuleFile)

    @property
    def file(self) -> ModuleFile:
        """module.yaml."""
        return self.document.content

    @cached_property
    def table(self) -> ParameterTable:
        """parameters.csv with lines and problems; empty where there is none."""
        return read_parameters(self.table_path, self.shelf.shown(self.table_path))

    @property
    def table_path(self) -> Path:
        """Where parameters.csv stands, or would."""
        return self.folder / "parameters.csv"

    @property
    def parameters(self) -> tuple[ParameterRow, ...]:
        """The rows of parameters.csv. Raises LibraryError when the table has problems."""
        if self.table.problems:
            raise LibraryError(self.table.problems)
        return self.table.rows

    @property
    def equations(self) -> tuple[Path, ...]:
        """The `.ant` files, in order of name."""
        return tuple(self.shelf.files(self.folder, ".ant").values())


@dataclass(frozen=True)
class Drug:
    """A drug's folder."""

    id: str
    folder: Path
    shelf: Shelf = field(repr=False)

    @property
    def document(self) -> Document[DrugFile]:
        """drug.yaml with places."""
        return self.shelf.read(self.folder / "drug.yaml", DrugFile)

    @property
    def file(self) -> DrugFile:
        """drug.yaml."""
        return self.document.content

    @property
    def regimens(self) -> Mapping[str, NamedRegimen]:
        """The named regimens; none where there is no regimens.yaml."""
        path = self.folder / "regimens.yaml"
        return self.shelf.read(path, RegimensFile).content.regimens if path.is_file() else {}

    @cached_property
    def rule_documents(self) -> Mapping[str, Document[RulesFile]]:
        """The rule profiles with places, by file name."""
        paths = self.shelf.files(self.folder / "rules")
        return Lazy(paths, lambda name: self.shelf.read(paths[name], RulesFile))

    @cached_property
    def rules(self) -> Mapping[str, RulesFile]:
        """The rule profiles; 'unmanaged', the one without rules, is always there."""
        names = dict.fromkeys([*self.rule_documents, UNMANAGED])
        return Lazy(names, lambda name: self.rule_documents[name].content if name in self.rule_documents else _unmanaged())


@dataclass(frozen=True)
class Disease:
    """A disease's folder."""

    id: str
    folder: Path
    shelf: Shelf = field(repr=False)

    @property
    def document(self) -> Document[DiseaseFile]:
        """disease.yaml with places."""
        return self.shelf.read(self.folder / "disease.yaml", DiseaseFile)

    @property
    def file(self) -> DiseaseFile:
        """disease.yaml."""
        return self.document.content

    @property
    def population_document(self) -> Document[PopulationFile]:
        """population.yaml with places."""
        return self.shelf.read(self.folder / "population.yaml", PopulationFile)

    @property
    def populations(self) -> PopulationFile:
        """population.yaml."""
        return self.population_document.content


@dataclass(frozen=True)
class Library:
    """Everything the library holds, by id. Files are read when first asked for; a broken one raises LibraryError then."""

    root: Path
    shelf: Shelf = field(repr=False)

    @property
    def interface_document(self) -> Document[InterfaceFile]:
        """interface.yaml with places."""
        return self.shelf.read(self.root / "interface.yaml", InterfaceFile)

    @property
    def interface(self) -> InterfaceFile:
        """The ports."""
        return self.interface_document.content

    @cached_property
    def sources(self) -> Mapping[str, dict[str, Any]]:
        """The bibliography by key; empty where there is no sources.yaml."""
        path = self.root / "sources.yaml"
        return self.shelf.read(path, SourcesFile).content.sources if path.is_file() else {}

    @cached_property
    def drugs(self) -> Mapping[str, Drug]:
        """The drugs."""
        folders = self.shelf.folders("drugs")
        return Lazy(folders, lambda name: Drug(name, folders[name], self.shelf))

    @cached_property
    def diseases(self) -> Mapping[str, Disease]:
        """The diseases."""
        folders = self.shelf.folders("diseases")
        return Lazy(folders, lambda name: Disease(name, folders[name], self.shelf))

    @cached_property
    def disease_of_checks(self) -> str:
        """The disease that checks of the shared modules mean where they name none; the first where no disease says so.

        Raises:
            LibraryError: the library has no disease.
        """
        chosen = [name for name, disease in self.diseases.items() if disease.file.default_of_checks]
        if not self.diseases:
            raise LibraryError([Problem(Place("diseases"), "the library has no disease.", "Add a folder to diseases.")])
        return chosen[0] if chosen else next(iter(self.diseases))

    @cached_property
    def modules(self) -> Mapping[str, Module]:
        """The modules of all groups, drugs and diseases included. Raises LibraryError when two folders share a name."""
        found: dict[str, Module] = {}
        problems = []
        for group in (*SHARED_GROUPS, "diseases", "drugs"):
            for name, folder in self.shelf.folders(group).items():
                if name in found:
                    what = f"'{name}' is also the name of {self.shelf.shown(found[name].folder)}."
                    problems.append(Problem(Place(self.shelf.shown(folder)), what, "A module's folder name is unique."))
                found[name] = Module(name, folder, group, self.shelf)
        if problems:
            raise LibraryError(problems)
        return found

    @cached_property
    def gradings(self) -> Mapping[str, GradingFile]:
        """The gradings of adverse events, by file name."""
        return self._of_schema("grading", "grading/1", GradingFile)

    @cached_property
    def responses(self) -> Mapping[str, ResponseFile]:
        """The response criteria, by file name."""
        return self._of_schema("grading", "response/1", ResponseFile)

    @cached_property
    def monitoring(self) -> Mapping[str, MonitoringFile]:
        """The monitoring plans, by file name."""
        return self._contents(self.shelf.files(self.root / "monitoring"), MonitoringFile)

    @cached_property
    def support(self) -> Mapping[str, SupportFile]:
        """The sets of supportive care, by file name."""
        return self._contents(self.shelf.files(self.root / "support"), SupportFile)

    @cached_property
    def reporting(self) -> Mapping[str, ReportingFile]:
        """How publications report side effects, by file name."""
        return self._contents(self.shelf.files(self.root / "reporting"), ReportingFile)

    @cached_property
    def life_tables(self) -> Mapping[str, LifeTableFile]:
        """How people die who have no disease of the library, by file name."""
        return self._contents(self.shelf.files(self.root / "life_tables"), LifeTableFile)

    @cached_property
    def protocols(self) -> Mapping[str, Path]:
        """The shipped protocols, by file name."""
        return self.shelf.files(self.root / "protocols")

    @cached_property
    def evidence(self) -> Mapping[str, EvidenceFile]:
        """The published studies, by file name, of all drugs and diseases."""
        return self._contents(self.evidence_paths, EvidenceFile)

    @cached_property
    def evidence_paths(self) -> Mapping[str, Path]:
        """Where each study stands. Raises LibraryError when two folders hold a study of one name."""
        return self._unique(self.shelf.files(folder / "evidence") for folder in self.subjects.values())

    @cached_property
    def plausibility(self) -> Mapping[str, PlausibilityFile]:
        """The plausibility cases, by folder."""
        folders = {module.id: module.folder for module in self.modules.values()}
        paths = {name: folder / "plausibility.yaml" for name, folder in folders.items()}
        return self._contents({name: path for name, path in paths.items() if path.is_file()}, PlausibilityFile)

    @cached_property
    def correlations(self) -> tuple[CorrelationRow, ...]:
        """The rows of every correlations.csv. Raises LibraryError when a table has problems."""
        rows: list[CorrelationRow] = []
        problems: list[Problem] = []
        for path in sorted(self.root.rglob("correlations.csv")):
            found, wrong = read_correlations(path, self.shelf.shown(path))
            rows += [row for row, _ in found]
            problems += wrong
        if problems:
            raise LibraryError(problems)
        return tuple(rows)

    @property
    def subjects(self) -> Mapping[str, Path]:
        """The folders of drugs and diseases."""
        return self.shelf.folders("diseases") | self.shelf.folders("drugs")

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over names and contents of all files of the library; line endings do not count."""
        digest = hashlib.sha256()
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if path.is_file() and not any(part.startswith((".", "__")) for part in relative.parts):
                content = path.read_bytes().replace(b"\r\n", b"\n")
                digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _contents(self, paths: Mapping[str, Path], model: type[Model]) -> Mapping[str, Model]:
        return Lazy(paths, lambda name: self.shelf.read(paths[name], model).content)

    def _of_schema(self, folder: str, schema: str, model: type[Model]) -> Mapping[str, Model]:
        paths = self.shelf.files(self.root / folder)
        return self._contents({name: path for name, path in paths.items() if schema_line(path) == schema}, model)

    def _unique(self, groups: Iterable[Mapping[str, Path]]) -> dict[str, Path]:
        found: dict[str, Path] = {}
        problems = []
        for group in groups:
            for name, path in group.items():
                if name in found:
                    what = f"'{name}' is also the name of {self.shelf.shown(found[name])}."
                    problems.append(Problem(Place(self.shelf.shown(path)), what, "The name of a study is unique."))
                found[name] = path
        if problems:
            raise LibraryError(problems)
        return found


def load_library(root: Path | None = None) -> Library:
    """The library in a folder; the shipped one where `root` is None. Reads no file yet.

    >>> load_library().root.name
    'library'

    Raises:
        LibraryError: the folder does not exist.
    """
    folder = Path(root) if root is not None else Path(__file__).parent / "library"
    if not folder.is_dir():
        raise LibraryError([Problem(Place(str(folder)), "no such folder.", "Expected the folder of a library.")])
    return Library(folder, Shelf(folder))


def find_module(library: Library, name: str) -> Module:
    """The module of that name. Raises LibraryError with the nearest valid name."""
    if name not in library.modules:
        problem = Problem(Place(library.root.name), f"unknown module '{name}'.", did_you_mean(name, library.modules))
        raise LibraryError([problem])
    return library.modules[name]


def schema_line(path: Path) -> str:
    """What stands after `schema:` in a YAML file, read without parsing it; empty where there is no such line."""
    try:
        match = _SCHEMA_LINE.search(path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError:
        return ""
    return match[1] if match else ""


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def _unmanaged() -> RulesFile:
    title = {"en": "No rules: every planned dose is given", "fr": "Sans règles : chaque dose prévue est donnée"}
    return RulesFile.model_validate({"schema": "rules/1", "title": title})
