"""Turns a protocol file into a `Protocol`: checks every name against the library and reports all problems at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean
from cytotrial.formats import protocol as formats
from cytotrial.formats.drug import DrugFile
from cytotrial.formats.protocol import ProtocolFile
from cytotrial.protocol.calendar import dose_text
from cytotrial.protocol.dosing import has_strength, is_beyond_largest
from cytotrial.protocol.planned import PlannedDose
from cytotrial.protocol.protocol import Arm, Courses, Protocol, Treatment, quantity_problem
from cytotrial.protocol.quantities import HOURS_PER_YEAR, QuantityError
from cytotrial.protocol.regimen import Regimen, read_regimen
from cytotrial.protocol.scans import ScanPlan, read_scans
from cytotrial.reading import Document, Key, read_yaml
from cytotrial.units import hours

if TYPE_CHECKING:
    from cytotrial.catalogue import Drug, Library

LONGEST_FOLLOW_UP = 100 * HOURS_PER_YEAR
_REGIMEN_NAME = re.compile(r"[a-z0-9_]+")
_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*|[A-Za-z][A-Za-z0-9_]*")


def read_protocol(path: Path, library: Library) -> Protocol:
    """The protocol of a file.

    Raises:
        ProtocolError: with every problem of the file, its shape first; nothing is guessed.
    """
    document = read_yaml(path, ProtocolFile)
    return resolve_protocol(document, library, name=path.stem, source_text=path.read_text(encoding="utf-8-sig"))


def find_protocol(name_or_path: str, library: Library) -> Path:
    """The file of a shipped protocol or of the user's own.

    Raises:
        ProtocolError: neither a file nor a shipped name; names the nearest.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if name_or_path in library.protocols:
        return Path(library.protocols[name_or_path])
    looks_like_file = path.suffix in {".yaml", ".yml"} or len(path.parts) > 1
    what = "no such file." if looks_like_file else f"no shipped protocol and no file is called '{name_or_path}'."
    advice = did_you_mean(path.stem, library.protocols, see="`cytotrial show protocols` lists the shipped ones.")
    raise ProtocolError([Problem(Place(name_or_path if looks_like_file else ""), what, advice)])


def resolve_protocol(document: Document[ProtocolFile], library: Library, *, name: str, source_text: str) -> Protocol:
    """The protocol of a document that has the right shape.

    Raises:
        ProtocolError: unknown names, regimens that cannot be given, times that make no sense; all at once.
    """
    reading = _Reading(document, library, source_text.splitlines())
    file = document.content
    reading.disease()
    reading.name("grading", file.grading, library.gradings, what="grading")
    criteria = reading.response()
    for index, study in enumerate(file.compare_with):
        reading.name(("compare_with", index), study, library.evidence, what="study")
    scans = reading.scans()
    follow_up = reading.follow_up()
    reading.overrides()
    arms = reading.arms(scans)
    if reading.problems:
        raise ProtocolError(sorted(reading.problems, key=lambda problem: (problem.place.line, problem.place.column)))
    return Protocol(
        name=name, title=file.title, disease=file.disease, population=file.population.name, patients=file.population.size,
        eligibility=file.eligibility, design=file.design, seed=file.seed, arms=arms, scans=scans, grading=file.grading,
        response=criteria, follow_up_hours=follow_up, compare_with=tuple(file.compare_with), set=dict(file.set_),
        source_text=source_text, file=file,
    )  # fmt: skip


@dataclass
class _Reading:
    """One protocol being read: its document, the library, and the problems found so far."""

    document: Document[ProtocolFile]
    library: Library
    lines: list[str]
    problems: list[Problem] = field(default_factory=list)

    @property
    def file(self) -> ProtocolFile:
        return self.document.content

    def complain(self, keys: Key | tuple[Key, ...], what: str, advice: str = "") -> None:
        keys = keys if isinstance(keys, tuple) else (keys,)
        self.problems.append(Problem(self.document.place(*keys), what, advice))

    def name(self, keys: Key | tuple[Key, ...], name: str, valid: Collection[str], *, what: str, see: str = "") -> bool:
        """Whether a name is one of the library's; complains with the nearest when it is not."""
        if name in valid:
            return True
        self.complain(keys, f"unknown {what} '{name}'.", did_you_mean(name, valid, see=see))
        return False

    def disease(self) -> None:
        see = "`cytotrial show diseases` lists all diseases."
        if not self.name("disease", self.file.disease, self.library.diseases, what="disease", see=see):
            return
        populations = self.library.diseases[self.file.disease].populations
        known = populations.populations
        self.name(("population", "name"), self.file.population.name, known, what=f"population of {self.file.disease}")
        if self.file.eligibility is not None:
            known_criteria = populations.eligibility
            self.name("eligibility", self.file.eligibility, known_criteria, what=f"eligibility of {self.file.disease}")

    def response(self) -> tuple[str, ...]:
        """The names of the response criteria, the first the one that decides."""
        written = self.file.response
        several = written if isinstance(written, list) else [written]
        if not several:
            self.complain("response", "no response criteria are named.", "Expected a name, such as recist_1_1, or several.")
        for index, name in enumerate(several):
            keys: tuple[Key, ...] = ("response", index) if isinstance(written, list) else ("response",)
            self.name(keys, name, self.library.responses, what="response criteria")
            if name in several[:index]:
                self.complain(keys, f"'{name}' is named twice.", "Name each set of response criteria once.")
        return tuple(several)

    def scans(self) -> ScanPlan:
        try:
            return read_scans(self.file.scans)
        except QuantityError as failure:
            self.complain("scans", failure.what, failure.advice)
            return ScanPlan(self.file.scans, ())

    def follow_up(self) -> float:
        follow_up = hours(self.file.follow_up)
        if follow_up <= 0:
            self.complain("follow_up", "a trial without follow-up shows nothing.", "Expected for example '36 months'.")
        elif follow_up > LONGEST_FOLLOW_UP:
            self.complain(
                "follow_up", f"'{self.file.follow_up}' is longer than 100 years.", "Expected for example '36 months'."
            )
        return follow_up

    def overrides(self) -> None:
        for name, value in self.file.set_.items():
            if not _PARAMETER_NAME.fullmatch(name):
                self.complain(("set", name), f"'{name}' is not a parameter's name.", "Expected 'module.name', or 'name'.")
            problem = quantity_problem(value, self.document.place("set", name))
            self.problems += [problem] if problem else []

    def arms(self, scans: ScanPlan) -> tuple[Arm, ...]:
        arms: list[Arm] = []
        seen: dict[str, str] = {}
        for index, arm in enumerate(self.file.arms):
            at: tuple[Key, ...] = ("arms", index)
            spelled = " ".join(arm.name.split()).casefold()
            if not spelled:
                self.complain((*at, "name"), "the arm has no name.")
            elif spelled in seen:
                self.complain((*at, "name"), f"two arms are called '{seen[spelled]}'.", "Give each arm its own name.")
            seen.setdefault(spelled, arm.name)
            self.name((*at, "support"), arm.support, self.library.support, what="supportive-care set")
            arms.append(Arm(arm.name, self.treatments(arm, at, scans), arm.support))
        return tuple(arms)

    def treatments(self, arm: formats.Arm, at: tuple[Key, ...], scans: ScanPlan) -> tuple[Treatment, ...]:
        treatments: list[Treatment] = []
        drugs: list[str] = []
        for index, entry in enumerate(arm.treatments):
            here = (*at, "treatments", index)
            if entry.drug in drugs:
                what = f"'{entry.drug}' is given twice in arm '{arm.name}'."
                self.complain((*here, "drug"), what, "Write one regimen of several parts with 'then' instead.")
            drugs.append(entry.drug)
            if entry.support is not None:
                self.name((*here, "support"), entry.support, self.library.support, what="supportive-care set")
            treatment = self.treatment(entry, here, support=entry.support or arm.support, scans=scans)
            treatments += [treatment] if treatment else []
        return tuple(treatments)

    def treatment(self, entry: formats.Treatment, here: tuple[Key, ...], *, support: str, scans: ScanPlan) -> Treatment | None:
        see = "`cytotrial show drugs` lists all drugs."
        known = self.name((*here, "drug"), entry.drug, self.library.drugs, what="drug", see=see)
        drug = self.library.drugs[entry.drug] if known else None
        if drug:
            self.name((*here, "rules"), entry.rules, drug.rules, what=f"rule profile of {entry.drug}")
        regimen = self.regimen(entry, (*here, "regimen"), drug)
        if regimen is None:
            return None
        if drug:
            for what, advice in _undeliverable(regimen, drug.file, entry.drug):
                self.complain((*here, "regimen"), what, advice)
        courses = Courses(entry.courses.max, hours(entry.courses.rest), entry.courses.only_if)
        self.courses(courses, regimen, (*here, "courses"), scans=scans)
        name = entry.regimen if _REGIMEN_NAME.fullmatch(entry.regimen) else None
        return Treatment(entry.drug, regimen, name, entry.rules, courses, support)

    def regimen(self, entry: formats.Treatment, here: tuple[Key, ...], drug: Drug | None) -> Regimen | None:
        """The regimen that a name or a sentence stands for."""
        written = entry.regimen.strip()
        if not _REGIMEN_NAME.fullmatch(written):
            return self.sentence(entry.regimen, here, entry.drug)
        if drug is None:
            return None
        if written not in drug.regimens:
            see = f"`cytotrial show {entry.drug}` lists its regimens; a sentence works too."
            self.complain(here, f"unknown regimen '{written}' of {entry.drug}.", did_you_mean(written, drug.regimens, see=see))
            return None
        regimen, complaints = read_regimen(drug.regimens[written].sentence)
        for item in complaints:
            self.complain(here, f"regimen '{written}' of {entry.drug} at its column {item.start + 1}: {item.what}", item.advice)
        return regimen

    def sentence(self, sentence: str, here: tuple[Key, ...], drug: str) -> Regimen | None:
        regimen, complaints = read_regimen(sentence)
        place = self.document.place(*here)
        for item in complaints:
            self.problems.append(Problem(self.inside(place, sentence, item.start), item.what, item.advice))
        if regimen and regimen.drug and regimen.drug != drug:
            if regimen.drug in self.library.drugs:
                self.complain(
                    here, f"the sentence gives '{regimen.drug}', the treatment '{drug}'.", "Write one drug per treatment."
                )
            else:
                advice = did_you_mean(regimen.drug, self.library.drugs, see="The drug need not be named in the sentence.")
                self.complain(here, f"the sentence gives an unknown drug '{regimen.drug}'.", advice)
        return regimen

    def inside(self, place: Place, sentence: str, start: int) -> Place:
        """The place of a character of a sentence, where the sentence stands on one line of the file."""
        line = self.lines[place.line - 1] if 0 < place.line <= len(self.lines) else ""
        offset = line.find(sentence, max(place.column - 1, 0))
        return Place(place.file, place.line, offset + start + 1, place.path) if offset >= 0 else place

    def courses(self, courses: Courses, regimen: Regimen, here: tuple[Key, ...], *, scans: ScanPlan) -> None:
        """Complains of further courses that would overlap, or that wait for a scan nobody makes."""
        if courses.max == 1:
            return
        last = regimen.doses[-1]
        if courses.rest_hours <= last.duration_hours:
            what = "a further course would start before the last dose of the one before has ended."
            self.complain(
                (*here, "rest"), what, "Expected the time from a course's last dose to the next course, such as rest: 7 weeks."
            )
        if courses.only_if != "always" and scans.is_empty:
            self.complain(
                (*here, "only_if"), f"'{courses.only_if}' needs scans, and there are none.", "Write scans, or only_if: always."
            )


def _undeliverable(regimen: Regimen, drug: DrugFile, name: str) -> list[tuple[str, str]]:
    """Why a drug cannot be given as planned (what, advice): units, routes and sizes, each reason once."""
    reasons: list[tuple[str, str]] = []
    for dose in dict.fromkeys(_kind(dose) for dose in regimen.doses):
        shown = dose_text(dose)
        if not has_strength(dose.unit, drug):
            units = ", ".join(sorted(strength.per for strength in drug.strengths))
            reasons.append((f"{name} is not measured in {dose.unit}.", f"Its doses are written in {units} or nmol."))
        entry = drug.routes.get(dose.route)
        if entry is None:
            reasons.append((f"{name} has no route '{dose.route}'.", f"Its routes are {', '.join(drug.routes)}."))
        elif dose.duration_hours and entry.infusion is None:
            reasons.append((f"'{shown}': {name} has no infusion by this route.", "Write 'bolus' instead of the infusion."))
        elif not dose.duration_hours and entry.bolus is None:
            reasons.append((f"'{shown}': {name} cannot be given at once by this route.", "Write 'over' and a duration."))
        if is_beyond_largest(dose, drug):
            what = f"'{shown}' is above the largest dose of {name}, {drug.largest_dose}."
            reasons.append((what, "Check the number and its unit (IU or MIU, ug or mg)."))
    return list(dict.fromkeys(reasons))


def _kind(dose: PlannedDose) -> PlannedDose:
    """A dose without its time, so that equal doses are looked at once."""
    return PlannedDose(0.0, dose.amount, dose.unit, dose.per, dose.route, dose.duration_hours)
