"""The pages and the JSON Schemas of the file formats agree with the models and with the shipped library."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cytotrial.catalogue import schema_line
from cytotrial.errors import ProtocolError
from cytotrial.formats import FORMATS, Format
from cytotrial.formats.base import Source, Text
from cytotrial.formats.conditions import Condition
from cytotrial.formats.interface import Noise, Normal
from cytotrial.formats.module import CORRELATION_COLUMNS, PARAMETER_COLUMNS
from cytotrial.reading import parse_yaml
from cytotrial.results.tables import COLUMNS
from cytotrial.schema import FOLDER, file_name, json_schema, schema_text

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "formats").glob("*.md"))
LIBRARY_FILES = sorted((ROOT / "src" / "cytotrial" / "library").rglob("*.yaml"))
BLOCK = re.compile(r"^```(yaml|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Every YAML or JSON block of the pages that begins with a schema line, as (page, text)."""
    blocks = [(page.name, block[2]) for page in PAGES for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    return [(page, text) for page, text in blocks if re.search(r"^\s*\"?schema\"?:", text, re.MULTILINE)]


def plain(node: Any) -> Any:
    """A tree of ruamel values as JSON values, keys as text."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_page_with_an_example_and_the_index_names_it(name: str) -> None:
    page = f"{name.split('/', maxsplit=1)[0]}.md"
    assert page in {path.name for path in PAGES}
    assert any(where == page and name in text for where, text in examples())
    assert f"[{name}]({page})" in (ROOT / "docs" / "formats" / "README.md").read_text(encoding="utf-8")


def models_of(annotation: Any) -> Iterator[type[Format]]:
    """The format models inside an annotation such as dict[str, Arm] | None."""
    if isinstance(annotation, type) and issubclass(annotation, Format):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models_of(part)


def keys_of(model: type[Format], seen: set[type[Format]]) -> set[str]:
    """Every key of a format, parts included; what several formats share is explained once, elsewhere."""
    if model in seen or model in {Text, Source, Noise, Normal, Condition}:
        return set()
    seen.add(model)
    own = {field.alias or name for name, field in model.model_fields.items()}
    parts = [part for field in model.model_fields.values() for part in models_of(field.annotation)]
    return own.union(*(keys_of(part, seen) for part in parts))


@pytest.mark.parametrize("name", FORMATS)
def test_every_key_of_a_format_stands_on_its_page(name: str) -> None:
    page = (ROOT / "docs" / "formats" / f"{name.split('/', maxsplit=1)[0]}.md").read_text(encoding="utf-8")
    keys = keys_of(FORMATS[name], set())
    if name == "rules/1":
        keys |= {field.alias or key for key, field in Condition.model_fields.items()}
    assert [key for key in sorted(keys) if not re.search(rf"(?<![\w]){key}(?![\w])", page)] == []


@pytest.mark.parametrize(("page", "text"), examples(), ids=[page for page, _ in examples()])
def test_every_example_of_the_pages_loads_with_its_model_and_fits_its_schema(page: str, text: str) -> None:
    match = re.search(r"schema\"?: *\"?([a-z_]+/\d+)", text)
    assert match is not None
    document = parse_yaml(text, FORMATS[match[1]], file=page)
    jsonschema.validate(plain(document.tree), json_schema(match[1]))


@pytest.mark.parametrize("name", FORMATS)
def test_the_schema_files_are_in_step_with_the_models(name: str) -> None:
    text = (FOLDER / file_name(name)).read_text(encoding="utf-8")
    assert text == schema_text(name), "run `python -m cytotrial.schema`"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_no_schema_file_is_left_of_a_format_that_is_gone() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {file_name(name) for name in FORMATS}


def test_a_schema_refuses_what_the_model_refuses() -> None:
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        jsonschema.validate({"schema": "regimens/1", "regimens": {}, "regimen": {}}, json_schema("regimens/1"))
    with pytest.raises(ProtocolError, match="unknown key 'regimen'"):
        parse_yaml("schema: regimens/1\nregimens: {}\nregimen: {}\n", FORMATS["regimens/1"], file="x.yaml")


@pytest.mark.parametrize("path", LIBRARY_FILES, ids=lambda path: path.relative_to(ROOT / "src/cytotrial/library").as_posix())
def test_every_shipped_file_has_a_schema_line_and_fits_its_schema(path: Path) -> None:
    name = schema_line(path)
    assert name in FORMATS
    document = parse_yaml(path.read_text(encoding="utf-8"), FORMATS[name], file=path.name)
    jsonschema.validate(plain(document.tree), json_schema(name))


def test_the_page_of_run_1_lists_every_table_with_its_columns() -> None:
    page = (ROOT / "docs" / "formats" / "run.md").read_text(encoding="utf-8")
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `(\w+)` \|.*$", page, re.MULTILINE)}
    assert set(rows) == set(COLUMNS)
    for table, columns in COLUMNS.items():
        missing = [name for name in columns if name not in {"ARM", "ID", "TIME"} and f"`{name}`" not in rows[table]]
        assert not missing, table


@pytest.mark.parametrize("columns", [PARAMETER_COLUMNS, CORRELATION_COLUMNS], ids=["parameters.csv", "correlations.csv"])
def test_the_page_of_the_tables_shows_their_columns_in_order(columns: tuple[str, ...]) -> None:
    assert ",".join(columns) in (ROOT / "docs" / "formats" / "tables.md").read_text(encoding="utf-8")
