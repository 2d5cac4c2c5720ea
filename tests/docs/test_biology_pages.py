"""The pages of the biology are in step with the library's files, but for simulated values, which follow from all of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cytotrial.catalogue import Library

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

FOLDER = Path(__file__).resolve().parents[2] / "docs"
LARGEST_PICTURE, LARGEST_FOLDER = 150_000, 3_000_000


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """docs/build.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_pages_say_what_the_files_of_the_library_say(build: ModuleType, library: Library) -> None:
    wanted = build.pages(library, {})
    stale = []
    for name, text in wanted.items():
        path = FOLDER / "biology" / name
        if not path.is_file() or build.without_simulated(path.read_text(encoding="utf-8")) != build.without_simulated(text):
            stale.append(name)
    assert stale == [], "run `python docs/build.py`"
    assert {path.name for path in (FOLDER / "biology").glob("*.md")} == set(wanted)


def test_every_picture_is_of_a_module_and_small(library: Library) -> None:
    pictures = list((FOLDER / "biology").glob("*.png"))
    assert {picture.stem for picture in pictures} <= set(library.modules)
    assert [picture.name for picture in pictures if picture.stat().st_size > LARGEST_PICTURE] == []
    assert sum(picture.stat().st_size for picture in pictures) < LARGEST_FOLDER


def test_only_the_simulated_values_of_a_page_are_left_out(build: ModuleType) -> None:
    page = (
        "| case | simulated | range |\n|---|---|---|\n| a \\| b | 2.5 h | 1 to 3 h |\n\n| case | value |\n|---|---|\n| a | 7 |"
    )
    assert build.without_simulated(page) == page.replace("2.5 h", build.NOT_SIMULATED)


def test_every_drug_and_disease_has_a_question_of_its_own_for_its_figure(build: ModuleType, library: Library) -> None:
    asked = build.questions(library)
    assert (asked[0].drug, asked[0].disease) == (build.DRUG, build.DISEASE)
    assert {question.drug for question in asked} == set(library.drugs)
    assert {question.disease for question in asked} <= set(library.diseases)
    for question in asked:
        assert build.FIGURE_DAYS <= question.days(library) <= build.MOST_DAYS
        assert library.drugs[question.drug].file.title.en in question.title(library)
