"""Rules of the house that a reader would otherwise have to watch for: no library id in Python, short files, a light import."""

from __future__ import annotations

import ast
import inspect
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from cytotrial import errors
from cytotrial.catalogue import Library
from cytotrial.formats import Format

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "cytotrial"
CODE = sorted(path for path in SOURCE.rglob("*.py") if "library" not in path.relative_to(SOURCE).parts)
LONGEST_FILE = 600
# Dosing needs body size, and populations are described by age and sex.
ALLOWED_COVARIATES = {"weight", "height", "age", "sex"}
# The profile without rules exists without a file; 'none' is a word before it is a set of supportive care.
ALLOWED_WORDS = {"unmanaged", "none"}


def library_ids(library: Library) -> dict[str, str]:
    """Every id of the library -> what it is."""
    found: dict[str, str] = {}
    for kind, names in {
        "drug": library.drugs,
        "disease": library.diseases,
        "protocol": library.protocols,
        "study": library.evidence,
        "grading": library.gradings,
        "response criteria": library.responses,
        "support": library.support,
        "port": [*library.interface.pools, *library.interface.states, *library.interface.drives, *library.interface.inputs],
        "covariate": library.interface.covariates,
        "observable": library.interface.observables,
        "module": library.modules,
    }.items():
        found |= dict.fromkeys(names, kind)
    for drug in library.drugs.values():
        found |= dict.fromkeys(drug.rules, "rule profile") | dict.fromkeys(drug.regimens, "regimen")
        for rules in drug.rules.values():
            found |= {criterion.id: "criterion" for criterion in rules.criteria}
    for grading in library.gradings.values():
        found |= dict.fromkeys(grading.terms, "grading term")
        found |= {term.term: "grading term" for term in grading.terms.values()}
    for disease in library.diseases.values():
        found |= dict.fromkeys(disease.populations.populations, "population")
        found |= dict.fromkeys(disease.populations.eligibility, "eligibility")
    for plan in library.monitoring.values():
        found |= dict.fromkeys(plan.findings, "finding")
    return {name: kind for name, kind in found.items() if name not in ALLOWED_COVARIATES | ALLOWED_WORDS}


def format_models() -> Iterator[type[BaseModel]]:
    """Every model of the public formats, parts included."""
    waiting = list(Format.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        yield model


def format_keys() -> set[str]:
    """The keys of the formats: a key may be the name of an observable too."""
    fields = [item for model in format_models() for item in model.model_fields.items()]
    return {key for name, field in fields for key in (name, field.alias or name)}


def format_defaults() -> set[str]:
    """What a format documents as the value of a key that is left out; such a name may stand in that format, nowhere else."""
    fields = [field for model in format_models() for field in model.model_fields.values()]
    return {field.default for field in fields if isinstance(field.default, str)}


def names_and_literals(path: Path) -> Iterator[tuple[int, str]]:
    """Every name and every whole string literal of a file with its line; docstrings and comments are prose."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_library_id_stands_in_python_code(path: Path, library: Library) -> None:
    ids = library_ids(library)
    allowed = format_keys() | (format_defaults() if path.parent.name == "formats" else set())
    found = [(line, name) for line, name in names_and_literals(path) if name in ids and name not in allowed]
    hits = [f"line {line}: {ids[name]} '{name}'" for line, name in found]
    assert hits == []


@pytest.mark.needs("drugs/aldesleukin")
def test_the_search_for_library_ids_finds_names_and_literals_but_not_prose(tmp_path: Path, library: Library) -> None:
    drug = next(iter(library.drugs))
    file = tmp_path / "example.py"
    file.write_text(f'"""About {drug}."""\n# {drug}\nx = "{drug}"\n{drug} = x.{drug}\n', encoding="utf-8")
    ids = library_ids(library)
    assert [line for line, name in names_and_literals(file) if name in ids] == [3, 4, 4]


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_nothing_is_left_undone_in_comments(path: Path) -> None:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    assert [comment for comment in comments if re.search(r"\b(TODO|FIXME|XXX)\b", comment)] == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, cytotrial; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"numba", "sympy", "pandas", "pint", "duckdb", "llvmlite", "matplotlib"} & set(loaded) == set()


def test_the_public_api_is_what_is_promised_and_every_name_of_it_exists() -> None:
    import cytotrial

    assert {"Trial", "load"} <= set(cytotrial.__all__)
    for name in cytotrial.__all__:
        assert getattr(cytotrial, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        cytotrial.no_such_name  # noqa: B018


def test_the_tree_of_exceptions_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([\s│├└─]*)(\w+Error)\b", line)
        if match:
            while parents and parents[-1][0] >= len(match[1]):
                parents.pop()
            drawn[match[2]] = parents[-1][1] if parents else "Exception"
            parents.append((len(match[1]), match[2]))
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in classes}
