"""Neutropenia after courses: which looks of the clinic belong to which course."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

from cytotrial.catalogue import load_library
from cytotrial.protocol import read_protocol

SCRIPT = Path(__file__).parents[2] / "calibration" / "course_neutropenia.py"


@pytest.fixture
def courses(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("course_neutropenia", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "course_neutropenia", module)
    spec.loader.exec_module(module)
    return module


def test_every_aim_is_of_an_arm_of_the_trial(courses: ModuleType) -> None:
    library = load_library()
    protocol = read_protocol(library.protocols[courses.PROTOCOL], library)
    assert {aim.arm for aim in courses.AIMS.values()} == {arm.name for arm in protocol.arms}
    assert courses.DRUG in protocol.drugs


def test_a_look_at_a_course_is_of_the_one_before_and_courses_not_given_do_not_count(courses: ModuleType) -> None:
    doses = pd.DataFrame({"ARM": "A", "ID": 1, "TIME": [0.0, 672.0, 1344.0], "DRUG": courses.DRUG, "DOSE": [1, 2, 3]})
    doses["GIVEN"] = [10.0, 10.0, 0.0]
    looks = pd.DataFrame({"ARM": "A", "ID": 1, "NAME": courses.LAB, "TIME": [0.0, 336.0, 672.0, 1008.0, 1512.0]})
    looks["AVAL"] = [0.5, 3.0, 0.9, 1.5, 0.1]
    tables = {"doses": doses, "labs": looks}
    # The first course is seen below 1.0 when the second is due; before the first and after the third nothing counts.
    assert courses.share_of_courses(SimpleNamespace(table=tables.get), "A") == pytest.approx(0.5)
