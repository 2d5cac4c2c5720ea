"""A trial's question, resolved: every name stands for something in the library, every time is in hours. Reads no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from numbers import Integral, Real
from typing import Any, Literal

from ruamel.yaml import YAML

from cytotrial.errors import Place, Problem, ProtocolError
from cytotrial.formats.base import Text
from cytotrial.formats.protocol import ProtocolFile
from cytotrial.protocol.regimen import Regimen
from cytotrial.protocol.scans import ScanPlan
from cytotrial.units import UnitError, split_quantity, unit_scale

CoursesCondition = Literal["always", "shrinkage", "response", "response_or_stable"]
MOST_PATIENTS = 10_000_000
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Courses:
    """How often a regimen may be repeated; `rest_hours` from the last planned dose of a course to the first of the next."""

    max: int
    rest_hours: float
    only_if: CoursesCondition


@dataclass(frozen=True)
class Treatment:
    """One drug: its regimen, the rule profile it is managed by, its courses and its supportive-care set."""

    drug: str
    regimen: Regimen
    regimen_name: str | None
    rules: str
    courses: Courses
    support: str


@dataclass(frozen=True)
class Arm:
    """One arm; without treatments it is observed only."""

    name: str
    treatments: tuple[Treatment, ...]
    support: str


@dataclass(frozen=True)
class Protocol:
    """A trial. `set` holds parameter overrides as written; their names are resolved by the composed biology.

    `source_text` is the protocol as read, or as YAML where it was built or changed in Python.
    """

    name: str
    title: Text
    disease: str
    population: str
    patients: int
    eligibility: str | None
    design: Literal["twins", "randomised"]
    seed: int
    arms: tuple[Arm, ...]
    scans: ScanPlan
    grading: str
    response: tuple[str, ...]
    follow_up_hours: float
    compare_with: tuple[str, ...]
    set: Mapping[str, str | float]
    source_text: str = field(repr=False, compare=False)
    file: ProtocolFile = field(repr=False)

    @property
    def drugs(self) -> tuple[str, ...]:
        """The drugs of all arms, each once, sorted."""
        return tuple(sorted({treatment.drug for arm in self.arms for treatment in arm.treatments}))

    def scan_times(self, horizon: float | None = None) -> tuple[float, ...]:
        """The scan times after the start [h], up to the end of follow-up or an earlier horizon, sorted.

        The scan before treatment is always made and is not in the list.
        """
        return self.scans.times(self.follow_up_hours if horizon is None else min(horizon, self.follow_up_hours))

    def to_yaml(self) -> str:
        """The protocol as a protocol/1 file, which reads back as the same protocol."""
        return write_yaml(self.file.model_dump(by_alias=True, exclude_none=True))

    @property
    def content_hash(self) -> str:
        """SHA-256 of what the protocol asks: not of comments, key order, spelling of a regimen or where it was read."""
        content = self.file.model_dump(by_alias=True)
        for arm, written in zip(self.arms, content["arms"], strict=True):
            for treatment, entry in zip(arm.treatments, written["treatments"], strict=True):
                entry["regimen"] = [
                    [dose.hours, dose.amount, dose.unit, dose.per, dose.route, dose.duration_hours, dose.cycle]
                    for dose in treatment.regimen.doses
                ]
                entry["support"] = treatment.support
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def write_yaml(content: Mapping[str, Any]) -> str:
    """A protocol's content as YAML text."""
    writer = YAML(typ="rt", pure=True)
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    writer.dump(_plain(content), stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    """The value as YAML knows it; NumPy's numbers become Python's."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def with_overrides(
    protocol: Protocol,
    *,
    patients: int | None = None,
    seed: int | None = None,
    set: Mapping[str, str | float] | None = None,  # noqa: A002 (the word of the file and of the command line)
) -> Protocol:
    """The protocol with another number of patients, seed, or parameters; `set` is added to what the protocol sets.

    Raises:
        ProtocolError: a number out of range, or a value that is not a quantity.
    """
    problems: list[Problem] = []
    if patients is not None and not 1 <= patients <= MOST_PATIENTS:
        problems.append(Problem(Place(path="patients"), f"{patients} is not possible.", f"Expected 1 to {MOST_PATIENTS}."))
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        problems.append(Problem(Place(path="seed"), f"{seed} is not possible.", f"Expected 0 to {LARGEST_SEED}."))
    for name, value in (set or {}).items():
        problem = quantity_problem(value, Place(path=f"set.{name}"))
        problems += [problem] if problem else []
    if problems:
        raise ProtocolError(problems)
    patients = protocol.patients if patients is None else patients
    seed = protocol.seed if seed is None else seed
    overrides = {**protocol.set, **(set or {})}
    population = protocol.file.population.model_copy(update={"size": patients})
    file = protocol.file.model_copy(update={"population": population, "seed": seed, "set_": overrides})
    changed = replace(protocol, patients=patients, seed=seed, set=overrides, file=file)
    return protocol if file == protocol.file else replace(changed, source_text=changed.to_yaml())


def quantity_problem(value: str | float, place: Place) -> Problem | None:
    """What is wrong with the value of an override, if anything. Whether its unit fits is asked of the parameter."""
    if not isinstance(value, str):
        return None
    try:
        number, unit = split_quantity(value)
        unit_scale(unit)
    except UnitError as failure:
        return Problem(place, str(failure), "Expected a number with its unit, such as '16 L/h'.")
    if number in {float("inf"), float("-inf")}:
        return Problem(place, f"'{value}' is not a finite number.")
    return None
