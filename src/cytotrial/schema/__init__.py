"""JSON Schemas of the public formats, for editors: made by `python -m cytotrial.schema` from the models, not edited by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cytotrial.formats import FORMATS

FOLDER = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ADDRESS = "urn:cytotrial:schema:"
# A condition may say `lab:` or `vital:` for `finding:`; the model renames them before it looks, which pydantic cannot know.
SYNONYMS = {"Condition": {"lab": "finding", "vital": "finding"}}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a format such as 'protocol/1', with the keys as they are written in files.

    >>> json_schema("protocol/1")["properties"]["seed"]["default"]
    1
    """
    schema = FORMATS[name].model_json_schema(by_alias=True)
    for definition, synonyms in SYNONYMS.items():
        properties = schema.get("$defs", {}).get(definition, {}).get("properties", {})
        properties |= {synonym: properties[key] for synonym, key in synonyms.items() if key in properties}
    schema["title"] = name
    return {"$schema": DIALECT, "$id": ADDRESS + name.replace("/", ":"), **schema}


def file_name(name: str) -> str:
    """The file of a format's schema.

    >>> file_name("protocol/1")
    'protocol-1.json'
    """
    return name.replace("/", "-") + ".json"


def schema_text(name: str) -> str:
    """The text of the schema's file."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path = FOLDER) -> list[Path]:
    """The schema files written into `folder`, one for each format."""
    paths = [folder / file_name(name) for name in FORMATS]
    for name, path in zip(FORMATS, paths, strict=True):
        path.write_text(schema_text(name), encoding="utf-8", newline="\n")
    return paths
