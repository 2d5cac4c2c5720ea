"""What a run keeps beside its tables so that its report needs nothing else: studies, parameters, sources. No results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cytotrial.formats.evidence import EvidenceFile


@dataclass(frozen=True)
class ParameterUsed:
    """A parameter: `name` is module.name, `status` as in parameters.csv, `source` a key of the bibliography."""

    name: str
    value: float | None
    unit: str
    status: str
    source: str
    where: str = ""
    note: str = ""


@dataclass(frozen=True)
class Context:
    """What was known when the run was made.

    `sources` are CSL fields by key, `calendars` lines for people by arm; `units`, `titles` and `groups` (vital, lab, tumour,
    sign, treatment) are those of the observables by name.
    """

    published: tuple[EvidenceFile, ...] = ()
    parameters: tuple[ParameterUsed, ...] = ()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calendars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)


def context_to_json(context: Context) -> dict[str, Any]:
    """The context as plain JSON values."""
    return {
        "schema": "context/1",
        "published": [study.model_dump(mode="json", by_alias=True) for study in context.published],
        "parameters": [vars(row) for row in context.parameters],
        "sources": {key: dict(fields) for key, fields in context.sources.items()},
        "calendars": {arm: list(lines) for arm, lines in context.calendars.items()},
        "units": dict(context.units),
        "titles": dict(context.titles),
        "groups": dict(context.groups),
    }


def context_from_json(content: Mapping[str, Any]) -> Context:
    """The context that `context_to_json` wrote; an empty mapping gives an empty context."""
    return Context(
        published=tuple(EvidenceFile.model_validate(study) for study in content.get("published", ())),
        parameters=tuple(ParameterUsed(**row) for row in content.get("parameters", ())),
        sources=content.get("sources", {}),
        calendars={arm: tuple(lines) for arm, lines in content.get("calendars", {}).items()},
        units=content.get("units", {}),
        titles=content.get("titles", {}),
        groups=content.get("groups", {}),
    )
