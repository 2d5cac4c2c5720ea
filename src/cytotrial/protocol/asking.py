"""Builds a protocol of one arm from plain arguments, for the Python API. Files are read in `resolving.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean
from cytotrial.formats.protocol import ProtocolFile
from cytotrial.protocol.protocol import Protocol, write_yaml
from cytotrial.protocol.quantities import DOSE_UNIT_NAMES
from cytotrial.protocol.regimen import parse_regimen
from cytotrial.protocol.resolving import resolve_protocol
from cytotrial.protocol.sentence import drug_id
from cytotrial.reading import parse_yaml

if TYPE_CHECKING:
    from cytotrial.catalogue import Library

DEFAULT_PATIENTS = 200
"""Enough for a response rate within about 7 percentage points (95 %), in seconds."""


def protocol_from_arguments(
    regimen: str,
    library: Library,
    *,
    disease: str,
    drug: str | None = None,
    patients: int = DEFAULT_PATIENTS,
    rules: str = "unmanaged",
    seed: int = 1,
    population: str | None = None,
    eligibility: str | None = None,
    courses: Mapping[str, Any] | None = None,
    support: str | None = None,
    scans: str | None = None,
    follow_up: str | None = None,
    grading: str | None = None,
    response: str | Sequence[str] | None = None,
    compare_with: Sequence[str] | None = None,
    set: Mapping[str, str | float] | None = None,  # noqa: A002 (the word of the file and of the command line)
    name: str = "trial",
) -> Protocol:
    """The protocol of a trial of one arm. What is left out is as in a protocol file.

    Args:
        regimen: a sentence that names its drug, or 'drug.regimen' for a named one; without drug where `drug` is given.
        courses: as in a protocol file, e.g. {'max': 3, 'rest': '7 weeks', 'only_if': 'response_or_stable'}.
        compare_with: studies whose published numbers stand beside the simulated ones.

    Raises:
        ProtocolError: with every problem; places are the names of the arguments.
    """
    drug, written = _drug_and_regimen(regimen, drug, library)
    treatment = {"drug": drug, "regimen": written, "rules": rules, "courses": dict(courses) if courses else None}
    content = {
        "schema": "protocol/1",
        "title": _title(drug, disease, library),
        "disease": disease,
        "population": {"name": population or _default_population(disease, library), "size": patients},
        "eligibility": eligibility,
        "seed": seed,
        "arms": [_given({"name": drug, "treatments": [_given(treatment)], "support": support})],
        "scans": scans,
        "grading": grading,
        "response": response if response is None or isinstance(response, str) else list(response),
        "follow_up": follow_up,
        "compare_with": list(compare_with) if compare_with else None,
        "set": dict(set) if set else None,
    }
    text = write_yaml(_given(content))
    try:
        document = parse_yaml(text, ProtocolFile, file="")
        return resolve_protocol(document, library, name=name, source_text=text)
    except ProtocolError as failure:
        raise ProtocolError(_as_argument(problem) for problem in failure.problems) from None


def _drug_and_regimen(regimen: str, drug: str | None, library: Library) -> tuple[str, str]:
    """The drug and its regimen as they stand in a file."""
    first, _, second = regimen.strip().partition(".")
    if drug is None and first in library.drugs and second.replace("_", "").isalnum():
        return first, second
    if drug is not None:
        return drug_id(drug), regimen
    parsed = parse_regimen(regimen)
    if parsed.drug is None:
        advice = did_you_mean(
            "", library.drugs, see=f"Begin it with the drug, or give `drug`. Doses are in {', '.join(DOSE_UNIT_NAMES)}."
        )
        raise ProtocolError([Problem(Place("regimen", 1, 1), "the sentence names no drug.", advice)])
    return parsed.drug, regimen


def _default_population(disease: str, library: Library) -> str:
    """The disease's default population; empty for an unknown disease, which is reported with the other problems."""
    return library.diseases[disease].file.default_population if disease in library.diseases else ""


def _title(drug: str, disease: str, library: Library) -> dict[str, str]:
    """What the library calls drug and disease, in both languages; the ids where it does not know them."""
    if drug not in library.drugs or disease not in library.diseases:
        return {"en": f"{drug}: {disease}", "fr": f"{drug}: {disease}"}
    first, second = library.drugs[drug].file.title, library.diseases[disease].file.title
    return {"en": f"{first.en}: {second.en}", "fr": f"{first.fr} : {second.fr}"}


def _given(content: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that have a value."""
    return {key: value for key, value in content.items() if value is not None}


ARGUMENTS = {"population.name": "population", "population.size": "patients"}


def _as_argument(problem: Problem) -> Problem:
    """The problem with the argument's name as its place: the user never saw the file."""
    path = problem.place.path
    for prefix in ("arms[0].treatments[0].", "arms[0]."):
        path = path.removeprefix(prefix)
    return Problem(Place(path=ARGUMENTS.get(path, path)), problem.what, problem.advice)
