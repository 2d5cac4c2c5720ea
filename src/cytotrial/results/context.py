"""What a run keeps beside its tables so that its report needs nothing else: studies, parameters, sources. No results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cytotrial.formats.clinic import CareInUse, GradingFile
from cytotrial.formats.evidence import EvidenceFile
from cytotrial.results.criteria import CriteriaUsed, criteria_from_json, criteria_to_json
from cytotrial.results.lab_grades import LaboratoryGrading, laboratory_grading_from_json, laboratory_grading_to_json
from cytotrial.results.reporting import Scheme, scheme_from_json, scheme_to_json


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
class RuleUsed:
    """A criterion an arm was managed by, in words: when it is met, what lifts it, and the findings it looks at.

    `grades` are the adverse events it looks at, by the term as the grading writes it, with the grade each must reach; the
    findings that grade these terms are among `findings`.
    """

    drug: str
    criterion: str
    level: str
    when: str
    until: str
    findings: tuple[str, ...]
    grades: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Context:
    """What was known when the run was made.

    `sources` are CSL fields by key, `calendars` lines for people by arm; `units`, `titles` and `groups` (vital, lab, tumour,
    sign, treatment) are those of the observables by name. `schemes` say how the studies report side effects, `care_in_use` how
    care that was used is told from findings, `laboratory` how single laboratory values are graded. `rules` are the criteria by
    arm; `dose_units` say for each drug the unit its doses are written in and what one of it amounts to [nmol]. `criteria` are
    the sets of response criteria, the one that decides first; `grading` is the one of the protocol. `question` is what was
    asked, in words, as pairs of a name and a text; `drugs` are titles by id. A run of a version that kept none of these has
    none here.
    """

    published: tuple[EvidenceFile, ...] = ()
    parameters: tuple[ParameterUsed, ...] = ()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calendars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    schemes: Mapping[str, Scheme] = field(default_factory=dict)
    care_in_use: Mapping[str, CareInUse] = field(default_factory=dict)
    laboratory: LaboratoryGrading | None = None
    rules: Mapping[str, tuple[RuleUsed, ...]] = field(default_factory=dict)
    dose_units: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    criteria: tuple[CriteriaUsed, ...] = ()
    grading: GradingFile | None = None
    question: tuple[tuple[str, str], ...] = ()
    drugs: Mapping[str, str] = field(default_factory=dict)


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
        "schemes": [scheme_to_json(scheme) for scheme in context.schemes.values()],
        "care_in_use": {name: care.model_dump(mode="json", exclude_none=True) for name, care in context.care_in_use.items()},
        "laboratory": None if context.laboratory is None else laboratory_grading_to_json(context.laboratory),
        "rules": {arm: [vars(rule) for rule in rules] for arm, rules in context.rules.items()},
        "dose_units": {drug: list(unit) for drug, unit in context.dose_units.items()},
        "criteria": [criteria_to_json(criteria) for criteria in context.criteria],
        "grading": None
        if context.grading is None
        else context.grading.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True),
        "question": [list(pair) for pair in context.question],
        "drugs": dict(context.drugs),
    }


def context_from_json(content: Mapping[str, Any]) -> Context:
    """The context that `context_to_json` wrote; an empty mapping gives an empty context."""
    laboratory = content.get("laboratory")
    grading = content.get("grading")
    schemes = [scheme_from_json(written) for written in content.get("schemes", ())]
    return Context(
        published=tuple(EvidenceFile.model_validate(study) for study in content.get("published", ())),
        parameters=tuple(ParameterUsed(**row) for row in content.get("parameters", ())),
        sources=content.get("sources", {}),
        calendars={arm: tuple(lines) for arm, lines in content.get("calendars", {}).items()},
        units=content.get("units", {}),
        titles=content.get("titles", {}),
        groups=content.get("groups", {}),
        schemes={scheme.name: scheme for scheme in schemes},
        care_in_use={name: CareInUse.model_validate(care) for name, care in content.get("care_in_use", {}).items()},
        laboratory=None if laboratory is None else laboratory_grading_from_json(laboratory),
        rules={arm: tuple(_rule_from_json(rule) for rule in rules) for arm, rules in content.get("rules", {}).items()},
        dose_units={drug: (str(unit), float(amount)) for drug, (unit, amount) in content.get("dose_units", {}).items()},
        criteria=tuple(criteria_from_json(written) for written in content.get("criteria", ())),
        grading=None if grading is None else GradingFile.model_validate(grading),
        question=tuple((str(name), str(text)) for name, text in content.get("question", ())),
        drugs=content.get("drugs", {}),
    )


def _rule_from_json(rule: Mapping[str, Any]) -> RuleUsed:
    grades = tuple((str(term), int(grade)) for term, grade in rule.get("grades", ()))
    return RuleUsed(**{**rule, "findings": tuple(rule["findings"]), "grades": grades})
