"""A short trial, composed and compiled once, and what it takes to drive its patients by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytotrial.catalogue import Library
from cytotrial.clinic import Clinic, apply
from cytotrial.course import Course, Given, ready_treatment
from cytotrial.engine import CompiledModel, compile_model
from cytotrial.manage.care import switches
from cytotrial.model.biology import Biology
from cytotrial.model.composition import compose
from cytotrial.population.draw import Patients, Recipe, draw_patients
from cytotrial.protocol.protocol import Protocol
from cytotrial.protocol.resolving import read_protocol
from cytotrial.standards import Standards
from cytotrial.trial import recipe_of

SHORT = """\
schema: protocol/1
title: {en: A short trial, fr: Un essai court}
disease: renal_cell_carcinoma
population: {name: trials_1985_1993, size: 8}
eligibility: standard_hd_il2
design: twins
seed: 1
arms:
  - name: Treated
    treatments:
      - drug: aldesleukin
        regimen: "600000 IU/kg iv over 15 min every 8 h, 6 doses, repeat after 5 d rest, 2 cycles"
        rules: label1992
        courses: {max: 2, rest: 2 weeks, only_if: always}
    support: standard
  - name: Observed
    treatments: []
  - name: Observed again
    treatments: []
scans: every 2 weeks
grading: ctcae_v5
response: who_1979
follow_up: 6 weeks
"""


@dataclass(frozen=True)
class Bench:
    """One composition, ready to drive patients of one protocol."""

    library: Library
    protocol: Protocol
    biology: Biology
    model: CompiledModel
    recipe: Recipe

    def draw(self, numbers: Sequence[int] | np.ndarray) -> Patients:
        """The patients of these numbers."""
        names = self.biology.system.observables

        def resting(parameters: np.ndarray, states: np.ndarray) -> dict[str, np.ndarray]:
            inputs = np.tile(self.biology.input_defaults(), (len(states), 1))
            return dict(zip(names, self.model.observe(states, parameters, inputs).T, strict=True))

        seed = self.protocol.seed
        return draw_patients(self.biology, self.recipe, seed=seed, numbers=np.asarray(numbers), resting=resting)

    def treatments(self, arm: int, patients: Patients) -> list[Given]:
        """The treatments of an arm made ready."""
        return [
            ready_treatment(
                treatment,
                self.library.drugs[treatment.drug],
                patients,
                switches(self.library.support[treatment.support], self.biology.system.inputs),
            )
            for treatment in self.protocol.arms[arm].treatments
        ]

    def course(self, patients: Patients, given: Sequence[Given], *, scans: np.ndarray | None = None) -> Course:
        """Patients before their first visit."""
        times = np.array(self.protocol.scan_times()) if scans is None else scans
        after = Standards.of(self.library, self.protocol, self.protocol.arms[0], self.biology).after_last_dose
        return Course(
            self.model,
            self.biology,
            patients,
            given=given,
            scans=times,
            after_last_dose=after if scans is None else np.array([]),
            end=self.protocol.follow_up_hours,
            seed=self.protocol.seed,
            threads=1,
            recorded=1_000,
        )

    def clinic(self, course: Course, arm: int) -> Clinic:
        """The clinic of an arm."""
        named = self.protocol.arms[arm]
        standards = Standards.of(self.library, self.protocol, named, self.biology)
        return Clinic(standards, course, seed=self.protocol.seed, arm=named.name)


def drive(course: Course, clinic: Clinic) -> list[np.ndarray]:
    """Takes a course to its end under a clinic; returns the stops, (patients,) each, NaN for who was not at that visit."""
    stops = []
    while True:
        chart = clinic.observe(course)
        apply(course, clinic.manage(chart, clinic.grade(chart)))
        stops.append(np.where(course.visit.occasion.present, course.visit.occasion.time, np.nan))
        if not course.is_open():
            course.leave()
            return stops
        course.advance()


@pytest.fixture(scope="session")
def make_protocol(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Protocol]:
    """Reads the short protocol with some of its text replaced: `make_protocol({"seed: 1": "seed: 2"})`."""

    def make(changes: dict[str, str] | None = None) -> Protocol:
        text = SHORT
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        path: Path = tmp_path_factory.mktemp("protocol") / "short.yaml"
        path.write_text(text, encoding="utf-8")
        return read_protocol(path, library)

    return make


@pytest.fixture(scope="session")
def bench(library: Library, make_protocol: Callable[..., Protocol]) -> Bench:
    """The short trial."""
    protocol = make_protocol()
    biology = compose(library, drugs=protocol.drugs, disease=protocol.disease)
    return Bench(library, protocol, biology, compile_model(biology.system), recipe_of(protocol, library, biology))


@pytest.fixture(scope="session")
def bench_for(bench: Bench) -> Callable[[Protocol], Bench]:
    """The same composition with another protocol of the same drugs and disease."""

    def make(protocol: Protocol) -> Bench:
        return replace(bench, protocol=protocol, recipe=recipe_of(protocol, bench.library, bench.biology))

    return make


@pytest.fixture(scope="session")
def to_the_end() -> Callable[[Course, Clinic], list[np.ndarray]]:
    """Drives a course under a clinic and returns its stops."""
    return drive


@pytest.fixture(scope="session")
def same_tables() -> Callable[[pd.DataFrame, pd.DataFrame], None]:
    """Fails unless two tables are equal to the last bit, whatever the order of their rows."""

    def check(left: pd.DataFrame, right: pd.DataFrame) -> None:
        keys = [name for name in left.columns if name in ("ARM", "ID", "TIME")]
        ordered = [frame.sort_values(keys, kind="stable").reset_index(drop=True) for frame in (left, right)]
        pd.testing.assert_frame_equal(*ordered, check_exact=True)

    return check
