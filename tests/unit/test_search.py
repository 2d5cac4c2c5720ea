"""The search behind the calibration scripts, its points simulated by several workers, on trials that are a formula."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from cytotrial.catalogue import load_library
from cytotrial.model.composition import compose

SCRIPTS = Path(__file__).parents[2] / "calibration"
# A test may leave threads behind that are of no concern to a formula.
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="workers are forks that share the processors"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("search", SCRIPTS / "search.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "search", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORDS", tmp_path)
    return module


@functools.cache
def _biology():  # type: ignore[no-untyped-def]
    library = load_library()
    return library, compose(library, drugs=(), disease=next(iter(library.diseases)))


def _a_search(search: ModuleType, name: str = "toy"):  # type: ignore[no-untyped-def]
    library, biology = _biology()
    positive = [p for p in biology.parameters.values() if p.value and p.value > 0 and p.scale == "log" and p.low is None]
    free = {parameter.id: parameter for parameter in positive[:3]}

    def trial(values: Mapping[str, float]) -> dict[str, float]:
        first, second, third = (values[name] / float(free[name].value or 1.0) for name in free)
        return {"one": first * 10.0, "both": first * second, "all": first * second / third}

    targets = {
        "one": search.Target("row 1", 12.0, 0.1),
        "both": search.Target("row 2", 1.0, 0.01),
        "all": search.Target("row 3", 1.3, 0.1),
    }
    return search.Search(name, library=library, free=free, targets=targets, asked={"seed": 1}), trial


def test_the_record_does_not_depend_on_the_number_of_workers(search: ModuleType, tmp_path: Path) -> None:
    records = []
    for workers in (1, 2, 5):
        made, trial = _a_search(search, f"by_{workers}")
        made.run(trial, rounds=3, workers=workers)
        records.append((tmp_path / f"by_{workers}.json").read_text(encoding="utf-8"))
    assert len(json.loads(records[0])["points"]) > 10
    assert records[1] == records[0]
    assert records[2] == records[0]


def test_a_search_that_was_stopped_goes_on_with_other_workers(search: ModuleType, tmp_path: Path) -> None:
    whole, trial = _a_search(search)
    whole.run(trial, rounds=2)
    record = json.loads(whole.path.read_text(encoding="utf-8"))
    done = tmp_path / "done"
    done.mkdir()

    def told(values: Mapping[str, float]) -> dict[str, float]:
        (done / str(hash(json.dumps(values)))).touch()
        return trial(values)

    whole.path.write_text(json.dumps({**record, "points": record["points"][:3]}), encoding="utf-8")
    again, _ = _a_search(search)
    again.run(told, rounds=2, workers=2)
    assert json.loads(whole.path.read_text(encoding="utf-8")) == record
    assert len(list(done.iterdir())) == len({json.dumps(point["values"]) for point in record["points"][3:]})


def test_an_error_of_a_worker_ends_the_search_and_keeps_the_points_before(search: ModuleType) -> None:
    made, trial = _a_search(search)

    with pytest.raises(ValueError, match="no such trial"):
        made.run(lambda values: _failing(values, made.scales, trial), rounds=1, workers=2)
    assert len(json.loads(made.path.read_text(encoding="utf-8"))["points"]) == 1


def _failing(values, scales, trial):  # type: ignore[no-untyped-def]
    if any(values[name] != scale.back(scale.to(scale.start)) for name, scale in scales.items()):
        raise ValueError("no such trial")
    return trial(values)


def test_workers_share_the_processors_among_them(search: ModuleType) -> None:
    ours = os.sched_getaffinity(0)
    with search.spread(_processors_seen, workers=len(ours)) as simulate:
        seen = list(simulate(range(4 * len(ours))))
    assert {len(one) for one in seen} == {1}
    assert set().union(*seen) <= ours
    assert os.sched_getaffinity(0) == ours


def test_more_workers_than_processors_have_one_processor_each(search: ModuleType) -> None:
    with search.spread(_processors_seen, workers=len(os.sched_getaffinity(0)) + 1) as simulate:
        assert {len(one) for one in simulate(range(8))} == {1}


def _processors_seen(_: int) -> set[int]:
    return os.sched_getaffinity(0)


def test_a_worker_that_is_killed_ends_the_search_with_advice(search: ModuleType) -> None:
    made, trial = _a_search(search)
    parent = os.getpid()

    def dies(values: Mapping[str, float]) -> dict[str, float]:
        if made.path.is_file() and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return trial(values)

    with pytest.raises(SystemExit, match=r"One of 2 workers was killed, .* fewer workers goes on from there"):
        made.run(dies, rounds=1, workers=2)
    again, _ = _a_search(search)
    assert again.run(trial, rounds=1)["distance"] < made.points[0]["distance"]


def test_a_spread_is_moved_like_a_value_and_nothing_else_of_its_table_changes(search: ModuleType, tmp_path: Path) -> None:
    library, biology = _biology()
    varied = next(p for p in biology.parameters.values() if p.scale == "log" and p.between_sd > 0 and "," in p.row.note)
    full = next(full for full, p in biology.parameters.items() if p is varied)
    spread = f"{full}.between_sd"
    free = search.to_move(biology.parameters, [full, spread])
    assert search.Scale.of(free[spread]).start == varied.between_sd
    table = Path("parameters.csv")
    before = (library.modules[varied.module].folder / table).read_text(encoding="utf-8").splitlines()
    with search.moved(library, free, {spread: 0.4321}) as copy:
        after = (copy.modules[varied.module].folder / table).read_text(encoding="utf-8").splitlines()
        (row,) = [row for row in copy.modules[varied.module].parameters if row.name == varied.row.name]
        folder = copy.root
    assert row == varied.row.model_copy(update={"between_sd": 0.4321})
    assert sum(new != old for new, old in zip(after, before, strict=True)) == 1
    assert not folder.exists()
    assert (library.modules[varied.module].folder / table).read_text(encoding="utf-8").splitlines() == before


def test_a_parameter_without_a_spread_has_none_to_move(search: ModuleType) -> None:
    _, biology = _biology()
    fixed = next(full for full, p in biology.parameters.items() if p.value and p.value > 0 and p.between_sd == 0)
    with pytest.raises(SystemExit, match="only a positive number can be moved"):
        search.Scale.of(search.to_move(biology.parameters, [f"{fixed}.between_sd"])[f"{fixed}.between_sd"])
