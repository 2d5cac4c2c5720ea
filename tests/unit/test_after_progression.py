"""Survival after progression of an era, settled on published survival; trials are a formula here."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol import find_protocol

SCRIPT = Path(__file__).parents[2] / "calibration" / "after_progression.py"


@pytest.fixture
def eras(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("after_progression", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "after_progression", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copied(tmp_path: Path) -> Library:
    return load_library(Path(shutil.copytree(load_library().root, tmp_path / "library")))


def _every_era(eras: ModuleType) -> list[tuple[str, str]]:
    return [(disease, population) for disease, named in eras.ERAS.items() for population in named]


def test_every_era_has_a_population_a_protocol_and_an_arm(eras: ModuleType, copied: Library) -> None:
    for disease, population in _every_era(eras):
        era = eras.ERAS[disease][population]
        assert eras.median_of(copied.root, disease, population) > 0
        text = find_protocol(era.protocol, copied).read_text(encoding="utf-8")
        assert f"disease: {disease}" in text
        assert era.arm is None or f"name: {era.arm}" in text


def test_a_median_that_is_written_is_read_by_the_library_and_the_rest_stays(eras: ModuleType, copied: Library) -> None:
    disease, population = _every_era(eras)[-1]
    path = copied.root / "diseases" / disease / "population.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    eras.set_median(copied.root, disease, population, 12.5)
    after = path.read_text(encoding="utf-8").splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["      median: 12.5 months"]
    written = load_library(copied.root).diseases[disease].populations.populations[population].after_progression
    assert written is not None
    assert written.median == "12.5 months"


def test_the_median_settles_where_survival_is_as_published(
    eras: ModuleType, copied: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    disease, population = _every_era(eras)[0]
    published = eras.ERAS[disease][population].months
    start = eras.median_of(copied.root, disease, population)

    def trial(root: Path, era: object, *asked: object, folder: str) -> float:
        return float(eras.median_of(root, disease, population))

    monkeypatch.setattr(eras, "_trial", trial)
    # Half have progressed at two months, and live a third longer than the median says.
    monkeypatch.setattr(eras, "_times", lambda median, era: (2.0, 2.0 + 4.0 / 3.0 * median))
    record = eras.settle(copied, disease, population, settings={}, patients=1, seeds=[1, 2])
    assert record["points"][0]["median"] == start
    assert record["best"]["reached"] == pytest.approx(published, rel=0.02)
    assert record["best"]["median"] == pytest.approx(0.75 * (published - 2.0), rel=0.03)
    assert eras.median_of(copied.root, disease, population) == start


def test_a_call_settles_the_eras_it_names_keeps_a_record_and_writes(
    eras: ModuleType, copied: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disease, population = _every_era(eras)[0]
    found = {"best": {"median": 7.5, "progressed": 2.0, "reached": 12.0}}
    monkeypatch.setattr(eras, "load_library", lambda: copied)
    monkeypatch.setattr(eras, "settle", lambda *asked, **how: found)
    monkeypatch.setattr(eras, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(sys, "argv", ["after_progression.py", disease, "--eras", population, "--seeds", "3", "--write"])
    eras.main()
    (record,) = (tmp_path / "records").iterdir()
    assert json.loads(record.read_text(encoding="utf-8"))["eras"] == {population: found}
    assert eras.median_of(copied.root, disease, population) == 7.5


def test_a_share_that_is_not_reached_ends_with_advice(
    eras: ModuleType, copied: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    disease, population = _every_era(eras)[0]
    monkeypatch.setattr(eras, "_trial", lambda *asked, folder: None)
    monkeypatch.setattr(eras, "_times", lambda result, era: (2.0, float("nan")))
    with pytest.raises(SystemExit, match=r"50% alive is not reached; simulate a longer follow-up"):
        eras.settle(copied, disease, population, settings={}, patients=1, seeds=[1])
