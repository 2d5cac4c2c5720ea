"""What identifies and describes a run: hash, folder, manifest, and the context its report needs. It simulates nothing."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cytotrial.engine.tolerances import Tolerances
from cytotrial.errors import Place, Problem, RunFolderError
from cytotrial.formats.clinic import GradingFile
from cytotrial.formats.conditions import Condition
from cytotrial.formats.drug import DrugFile
from cytotrial.formats.run import Manifest
from cytotrial.manage.profiles import merge_profiles
from cytotrial.observe.conditions import leaves
from cytotrial.protocol.dosing import nanomoles_per_unit
from cytotrial.question import question_of
from cytotrial.results.context import Context, ParameterUsed, RuleUsed
from cytotrial.results.criteria import CriteriaUsed
from cytotrial.results.folder import MANIFEST
from cytotrial.results.lab_grades import laboratory_grading
from cytotrial.results.reporting import scheme_of

if TYPE_CHECKING:
    from cytotrial.catalogue import Library
    from cytotrial.model.biology import Biology
    from cytotrial.protocol.protocol import Arm, Protocol
    from cytotrial.results.result import Result

NOTICE = "SIMULATED: no row of any table is a patient. For research and teaching; not a medical device."
NUMERICAL_PACKAGES = ("numpy", "scipy", "llvmlite", "sympy", "pandas", "duckdb")
SHOWN_HASH_DIGITS = 8
MILLIONS_OF_IU = "MIU"
SHOWING = {"cli", "report", "web", "schema"}


@cache
def code_hash() -> str:
    """SHA-256 of the package's own Python files; how a run is asked for and shown does not count."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in SHOWING):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def run_hash(protocol: Protocol, library: Library, *, rtol: float = Tolerances.rtol) -> str:
    """SHA-256 of all that decides the numbers of a run: protocol, tolerance, library, code, versions of numerical packages."""
    parts = [
        protocol.content_hash,
        library.content_hash,
        code_hash(),
        f"rtol {rtol!r}",
        *(f"{name} {version(name)}" for name in NUMERICAL_PACKAGES),
    ]
    return hashlib.sha256("\n".join([*parts, platform.machine()]).encode()).hexdigest()


def default_folder(protocol: Protocol, identity: str) -> Path:
    """`runs/<protocol>-<seed>-<hash>` in the working folder."""
    return Path("runs") / f"{protocol.name}-{protocol.seed}-{identity[:SHOWN_HASH_DIGITS]}"


def reusable_run(folder: Path, identity: str, *, chosen: bool) -> Result | None:
    """The complete run of the same hash in `folder`, or None where there is no run.

    Args:
        folder: where the run would go.
        identity: its hash.
        chosen: whether the user named the folder; one that holds another run is then refused, not overwritten.

    Raises:
        RunFolderError: the named folder holds another run, or an incomplete one.
    """
    from cytotrial.results.result import load

    if not (folder / MANIFEST).exists():
        return None
    result = load(folder)
    if result.manifest.hashes.get("run") == identity:
        return result
    if chosen:
        what = "holds the run of another question, or of another version."
        raise RunFolderError([Problem(Place(str(folder)), what, "Choose another folder, or replace it with `--force`.")])
    return None


def manifest_of(
    protocol: Protocol,
    library: Library,
    identity: str,
    *,
    patients: int,
    refused: Mapping[str, int],
    seconds: float,
    rtol: float = Tolerances.rtol,
) -> Manifest:
    """The manifest of a finished run; its tables are counted by the writer."""
    versions = {"cytotrial": version("cytotrial"), "python": platform.python_version()}
    versions |= {name: version(name) for name in NUMERICAL_PACKAGES}
    return Manifest(
        schema_="run/1",
        complete=True,
        notice=NOTICE,
        protocol=protocol.file.model_dump(mode="json", by_alias=True),
        protocol_text=protocol.source_text,
        seed=protocol.seed,
        rtol=rtol,
        patients=patients,
        arms=[arm.name for arm in protocol.arms],
        versions={**versions, "platform": f"{sys.platform} {platform.machine()}"},
        hashes={"protocol": protocol.content_hash, "library": library.content_hash, "code": code_hash(), "run": identity},
        tables={},
        failures=0,
        refused=dict(sorted(refused.items())),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
    )


def context_of(protocol: Protocol, library: Library, biology: Biology) -> Context:
    """Published studies, parameters with their sources, and calendars: what the report shows beside the numbers."""
    published = tuple(library.evidence[name] for name in protocol.compare_with)
    parameters = tuple(
        ParameterUsed(
            name=name,
            value=None if parameter.value is None else float(np.float64(parameter.value)),
            unit=parameter.unit,
            status=parameter.status,
            source=parameter.source,
            where=parameter.row.where,
            note=parameter.row.note,
        )
        for name, parameter in biology.parameters.items()
    )
    cited = {row.source for row in parameters if row.source} | {study.source for study in published}
    life_table = library.diseases[protocol.disease].populations.populations[protocol.population].life_table
    if life_table is not None:
        cited.add(library.life_tables[life_table].source.ref)
    sources: dict[str, dict[str, Any]] = {key: dict(library.sources[key]) for key in sorted(cited) if key in library.sources}
    calendars = {
        arm.name: tuple(
            line
            for treatment in arm.treatments
            for line in (library.drugs[treatment.drug].file.title.en, *treatment.regimen.calendar())
        )
        for arm in protocol.arms
    }
    units = {name: observable.unit for name, observable in biology.observables.items()}
    titles = {name: observable.title.en for name, observable in biology.observables.items()}
    groups = {name: observable.group for name, observable in biology.observables.items()}
    grading = library.gradings[protocol.grading]
    reported = dict.fromkeys(study.reporting for study in published if study.reporting is not None)
    monitored = {library.drugs[drug].file.monitoring for drug in protocol.drugs} or {
        DrugFile.model_fields["monitoring"].default
    }
    values = {name: observable for name, observable in biology.observables.items() if observable.group == "lab"}
    return Context(
        published,
        parameters,
        sources,
        calendars,
        units,
        titles,
        groups,
        schemes={name: scheme_of(name, library.reporting[name], grading) for name in reported},
        care_in_use={name: care for plan in sorted(monitored) for name, care in library.monitoring[plan].care_in_use.items()},
        laboratory=laboratory_grading(
            grading,
            {name: observable.normal for name, observable in values.items()},
            {name: observable.unit for name, observable in values.items()},
        ),
        rules={arm.name: tuple(_rules_of(arm, library, grading)) for arm in protocol.arms},
        dose_units={drug: _dose_unit(library.drugs[drug].file) for drug in protocol.drugs},
        criteria=tuple(CriteriaUsed.of(name, library.responses[name]) for name in protocol.response),
        grading=grading,
        question=question_of(protocol, library),
        drugs={drug: library.drugs[drug].file.title.en for drug in protocol.drugs},
    )


def _rules_of(arm: Arm, library: Library, grading: GradingFile) -> Iterator[RuleUsed]:
    """The criteria of an arm's rule profiles, in words."""
    for treatment in arm.treatments:
        profiles = library.drugs[treatment.drug].rules
        profile = merge_profiles(profiles[treatment.rules], name=treatment.rules, profiles=profiles)
        for criterion in profile.criteria:
            looked_at = [leaf.finding for leaf in leaves(criterion.when) if leaf.finding]
            terms = {leaf.grade: leaf for leaf in leaves(criterion.when) if leaf.grade in grading.terms}
            graded_by = [leaf.finding for term in terms for leaf in _of_term(grading, str(term)) if leaf.finding]
            yield RuleUsed(
                treatment.drug,
                criterion.id,
                criterion.level,
                criterion.when.phrase(),
                criterion.until.phrase() if criterion.until else "",
                tuple(dict.fromkeys(looked_at + graded_by)),
                tuple((grading.terms[str(term)].term, _lowest_grade(leaf)) for term, leaf in terms.items()),
            )


def _of_term(grading: GradingFile, term: str) -> Iterator[Condition]:
    """The comparisons by which a term is graded, its lowest grade alone."""
    grades = grading.terms[term].grades
    yield from leaves(grades[min(grades)])


def _lowest_grade(leaf: Condition) -> int:
    """The lowest grade at which a comparison of grades can be true; 1 where it is bounded from above alone."""
    for bound in (leaf.at_least, leaf.from_):
        if bound is not None:
            return int(bound)
    return int(leaf.above) + 1 if leaf.above is not None else 1


def _dose_unit(drug: DrugFile) -> tuple[str, float]:
    """The unit in which doses of a drug are spoken of, and what one amounts to [nmol]: millions of IU where it has any."""
    strength = drug.strengths[0]
    amount = nanomoles_per_unit(strength.per, drug)
    return (MILLIONS_OF_IU, 1e6 * amount) if strength.per == "IU" else (strength.per, amount)
