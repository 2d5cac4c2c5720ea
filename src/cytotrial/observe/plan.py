"""The monitoring plan: which findings are measured, when, with what error and for how long they count. It measures nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from cytotrial.errors import LibraryError, Place, Problem, did_you_mean
from cytotrial.formats.base import Text
from cytotrial.formats.clinic import DerivedFinding, MonitoringFile
from cytotrial.formats.interface import Noise, Normal, Observable
from cytotrial.units import HOURS_PER_DAY, UnitError, conversion, hours

Placer = Callable[..., Place]
Statistic = Literal["value", "increase", "maximum", "minimum", "adjusted"]

MOMENTS = ("before each dose", "daily at the dose visit", "at each scan", "at each visit")
_PERIOD = re.compile(r"^every (.+?)(?: for the first (.+))?$")


@dataclass(frozen=True)
class Moment:
    """When a finding is due: at visits with a dose or a scan due, or any; at most once per `period_hours` (0: always).

    It is due before `until_hours` since the first planned dose.
    """

    visit: Literal["dose", "scan", "any"]
    period_hours: float = 0.0
    until_hours: float = math.inf


@dataclass(frozen=True)
class Adjustment:
    """What another observable explains of a finding: slope x (observable above reference)."""

    observable: str
    above: float
    slope: float


@dataclass(frozen=True)
class Finding:
    """One finding of the plan. Its value is in `unit`; `factor` turns the observable's unit into it."""

    name: str
    observable: str
    statistic: Statistic
    unit: str
    factor: float
    per_hours: float | None
    moments: tuple[Moment, ...]
    noise: Noise
    normal: Normal
    valid_hours: float
    missing: float
    group: str
    code: str
    title: Text
    adjust: Adjustment | None = None

    @property
    def is_over_interval(self) -> bool:
        """Whether a value speaks for the time since the last visit rather than for the moment."""
        return self.statistic in {"increase", "maximum", "minimum"}

    def also(self, other: Finding) -> Finding:
        """Measured on the occasions of both: any of them counts, and the longest time of validity."""
        return replace(
            self,
            moments=tuple(dict.fromkeys((*self.moments, *other.moments))),
            valid_hours=max(self.valid_hours, other.valid_hours),
            missing=min(self.missing, other.missing),
        )


@dataclass(frozen=True)
class MonitoringPlan:
    """The findings a composition of the biology can show, by name, and the names of the plan that it cannot."""

    title: Text
    findings: Mapping[str, Finding] = field(default_factory=dict)
    unavailable: tuple[str, ...] = ()

    @property
    def watched(self) -> frozenset[str]:
        """The observables whose course between two visits counts."""
        return frozenset(finding.observable for finding in self.findings.values() if finding.is_over_interval)

    @classmethod
    def from_file(
        cls,
        file: MonitoringFile,
        observables: Mapping[str, Observable],
        *,
        available: Collection[str] | None = None,
        place: Placer | None = None,
    ) -> MonitoringPlan:
        """The plan of a file for a composition.

        Args:
            file: the monitoring plan.
            observables: all observables of the interface, with unit, noise and limits of normal.
            available: the observables that the composition has; all of `observables` where absent.
            place: where the value under given keys stands in the file.

        Raises:
            LibraryError: a moment that cannot be read, units of different dimension, a name used twice, and all others at once.
        """
        reader = _PlanReader(observables, frozenset(observables if available is None else available), place or _no_place)
        for key, schedule in file.schedules.items():
            moment = reader.moment(schedule.when, ("schedules", key, "when"))
            for name in schedule.measure:
                reader.measured(name, moment, hours(schedule.valid_for), schedule.missing)
        for name, derived in file.findings.items():
            reader.derived(name, derived, reader.moment(derived.when, ("findings", name, "when")))
        if reader.problems:
            raise LibraryError(reader.problems)
        return cls(file.title, reader.findings, tuple(dict.fromkeys(reader.unavailable)))

    def beside(self, other: MonitoringPlan) -> MonitoringPlan:
        """Both plans in one: what either measures, whenever either does; the title is this one's."""
        findings = dict(self.findings)
        for name, finding in other.findings.items():
            findings[name] = findings[name].also(finding) if name in findings else finding
        unavailable = dict.fromkeys(name for name in (*self.unavailable, *other.unavailable) if name not in findings)
        return replace(self, findings=findings, unavailable=tuple(unavailable))


def read_moment(text: str) -> Moment:
    """When something is due.

    >>> read_moment("daily at the dose visit")
    Moment(visit='dose', period_hours=24.0)

    Raises:
        ValueError: the phrase is none of those a plan may use; the message is followed by advice on a second line.
    """
    phrase = " ".join(text.split())
    known = {
        MOMENTS[0]: Moment("dose"),
        MOMENTS[1]: Moment("dose", HOURS_PER_DAY),
        MOMENTS[2]: Moment("scan"),
        MOMENTS[3]: Moment("any"),
    }
    if phrase in known:
        return known[phrase]
    match = _PERIOD.match(phrase)
    if match:
        try:
            period, until = hours(match[1]), hours(match[2]) if match[2] else math.inf
        except UnitError as error:
            raise ValueError(f"{error}\nExpected for example 'every 8 h'.") from None
        if period <= 0 or until <= 0:
            raise ValueError(f"'{text}' has no length.\nExpected for example 'every 8 h'.")
        return Moment("any", period, until)
    raise ValueError(f"'{text}' is not a time of measurement.\n{did_you_mean(phrase, [*MOMENTS, 'every 8 h'])}")


def measured(name: str, port: Observable, moment: Moment, *, valid_hours: float = 0.0, missing: float = 0.0) -> Finding:
    """An observable as it is measured, by itself."""
    return Finding(
        name=name,
        observable=name,
        statistic="value",
        unit=port.unit,
        factor=1.0,
        per_hours=None,
        moments=(moment,),
        noise=port.noise,
        normal=port.normal,
        valid_hours=valid_hours,
        missing=missing,
        group=port.group,
        code=port.code,
        title=port.title,
    )


def _no_place(*keys: str | int) -> Place:
    return Place(path=".".join(str(key) for key in keys))


class _PlanReader:
    """Collects findings and problems while a file is read."""

    def __init__(self, observables: Mapping[str, Observable], available: frozenset[str], place: Placer) -> None:
        self.observables = observables
        self.available = available
        self.place = place
        self.findings: dict[str, Finding] = {}
        self.unavailable: list[str] = []
        self.problems: list[Problem] = []

    def moment(self, text: str, keys: tuple[str, ...]) -> Moment:
        try:
            return read_moment(text)
        except ValueError as error:
            what, _, advice = str(error).partition("\n")
            self.problems.append(Problem(self.place(*keys), what, advice))
            return Moment("any")

    def measured(self, name: str, moment: Moment, valid_hours: float, missing: float) -> None:
        if name not in self.available or name not in self.observables:
            self.unavailable.append(name)
            return
        finding = measured(name, self.observables[name], moment, valid_hours=valid_hours, missing=missing)
        self.findings[name] = self.findings[name].also(finding) if name in self.findings else finding

    def derived(self, name: str, written: DerivedFinding, moment: Moment) -> None:
        if name in self.observables:
            what = f"'{name}' is the name of an observable already."
            self.problems.append(Problem(self.place("findings", name), what, "Choose another name for the derived finding."))
            return
        needed = {written.of} | ({written.adjust.for_} if written.adjust else set())
        if not needed <= self.available & self.observables.keys():
            self.unavailable.append(name)
            return
        port = self.observables[written.of]
        try:
            factor = conversion(port.unit, written.unit)
        except UnitError as error:
            advice = f"'{written.of}' is in {port.unit}."
            self.problems.append(Problem(self.place("findings", name, "unit"), str(error), advice))
            return
        adjust = written.adjust
        self.findings[name] = Finding(
            name=name,
            observable=written.of,
            statistic=written.statistic,
            unit=written.unit,
            factor=factor,
            per_hours=hours(written.per) if written.per else None,
            moments=(moment,),
            noise=written.noise if written.noise is not None else port.noise,
            normal=written.normal,
            valid_hours=hours(written.valid_for),
            missing=0.0,
            group=written.group,
            code=written.code,
            title=written.title,
            adjust=Adjustment(adjust.for_, adjust.above, adjust.slope) if adjust else None,
        )
