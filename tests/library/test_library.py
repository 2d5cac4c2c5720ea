"""Every check over every folder of the shipped library. No test names a drug, a disease or a rule."""

from __future__ import annotations

import time

import pytest

from cytotrial.catalogue import Library, load_library
from cytotrial.checks import Finding, check_library
from cytotrial.model.composition import compose

GROUPS = ("immune", "physiology", "support", "drugs", "diseases")
FOLDERS = [f"{group}/{name}" for group in GROUPS for name in load_library().shelf.folders(group)]
FOLDERS += ["grading", "monitoring", "protocols"]

LONGEST_COMPOSITION_SECONDS = 10.0  # a tenth of that on a quiet machine; this only catches minutes


@pytest.fixture(scope="module")
def findings(library: Library) -> list[Finding]:
    return check_library(library)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_the_library_has_no_errors(library: Library, findings: list[Finding], folder: str) -> None:
    within = f"{library.shelf.shown(library.root / folder)}/"
    errors = [finding for finding in findings if finding.level == "error" and finding.problem.place.file.startswith(within)]
    assert not errors, "\n".join(str(finding) for finding in errors)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_the_library_has_no_warnings(library: Library, findings: list[Finding], folder: str) -> None:
    within = f"{library.shelf.shown(library.root / folder)}/"
    warnings = [finding for finding in findings if finding.level == "warning" and finding.problem.place.file.startswith(within)]
    assert not warnings, "\n".join(str(finding) for finding in warnings)


def test_files_outside_the_folders_have_no_errors(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.level == "error" and finding.problem.place.file.count("/") < 2]
    assert not errors, "\n".join(str(finding) for finding in errors)


def test_every_disease_composes_with_all_drugs(library: Library) -> None:
    for disease in library.diseases:
        start = time.perf_counter()
        biology = compose(library, drugs=list(library.drugs), disease=disease)
        assert time.perf_counter() - start < LONGEST_COMPOSITION_SECONDS
        assert len(biology.system.derivatives) == len(biology.system.states) <= len(biology.states)


def test_every_drug_composes_alone(library: Library) -> None:
    disease = next(iter(library.diseases))
    for drug in library.drugs:
        assert drug in compose(library, drugs=[drug], disease=disease).modules
