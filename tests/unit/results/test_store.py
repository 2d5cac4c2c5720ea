from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cytotrial.errors import RunFolderError
from cytotrial.formats.run import Manifest
from cytotrial.results import Result, RunWriter, load
from cytotrial.results.tables import COLUMNS, empty

MakeRun = Callable[..., Result]


def test_what_is_written_is_read_back_with_the_same_values(
    make_run: MakeRun, tmp_path: Path, tables: dict[str, pd.DataFrame]
) -> None:
    make_run(tmp_path / "run")
    found = load(tmp_path / "run").table("survival")
    pd.testing.assert_frame_equal(found, tables["survival"][list(found.columns)], check_dtype=False)


def test_types_do_not_depend_on_what_a_table_holds(result: Result) -> None:
    assert result.table("findings").dtypes.equals(empty("findings").dtypes)
    doses = result.table("doses").dtypes
    assert (str(doses["ARM"]), str(doses["ID"]), str(doses["CYCLE"]), str(doses["GIVEN"])) == (
        "string",
        "int64",
        "Int64",
        "float64",
    )
    assert str(result.table("trajectories")["temperature"].dtype) == "float32"


def test_texts_that_are_missing_in_part_or_throughout_a_part_come_back_missing(tmp_path: Path, manifest: Manifest) -> None:
    failed = pd.DataFrame({"ARM": "A", "ID": [1, 2], "TIME": 0.0, "STATUS": ["failed", None], "REASON": [None, None]})
    with RunWriter(tmp_path / "run") as writer:
        writer.write("failures", failed)
        writer.write("failures", failed.assign(ID=[3, 4], REASON=["too stiff", "too stiff"]))
        found = writer.finish(manifest).table("failures")
    assert str(found["REASON"].dtype) == "string"
    assert found["STATUS"].fillna("").tolist() == ["failed", "", "failed", ""]
    assert found["REASON"].fillna("").tolist() == ["", "", "too stiff", "too stiff"]


def test_a_run_folder_has_manifest_summary_and_every_table(result: Result) -> None:
    names = {path.name for path in result.folder.iterdir()}
    assert names == {"manifest.json", "summary.json", "context.json", *COLUMNS}
    assert result.manifest.complete
    assert result.manifest.tables["doses"] == 32
    assert result.manifest.failures == 1


def test_rows_do_not_depend_on_how_patients_are_cut_into_chunks(
    tmp_path: Path, tables: dict[str, pd.DataFrame], manifest: Manifest
) -> None:
    labs = tables["labs"]
    cuts = {"whole": [labs], "pieces": [labs[(labs["ID"] <= 2)], labs[labs["ID"] > 2]]}
    found = {}
    for name, parts in cuts.items():
        with RunWriter(tmp_path / name) as writer:
            for part in parts:
                writer.write("labs", part)
            found[name] = writer.finish(manifest).table("labs")
    pd.testing.assert_frame_equal(found["whole"], found["pieces"])


def test_nothing_is_left_after_an_error_or_an_interrupt(tmp_path: Path, tables: dict[str, pd.DataFrame]) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), RunWriter(tmp_path / "run") as writer:  # noqa: PT012
            writer.write("labs", tables["labs"])
            raise error
        assert list(tmp_path.iterdir()) == []


def test_the_folder_appears_only_when_the_run_is_complete(tmp_path: Path, manifest: Manifest) -> None:
    with RunWriter(tmp_path / "run") as writer:
        assert not (tmp_path / "run").exists()
        writer.finish(manifest)
        assert (tmp_path / "run" / "manifest.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_existing_run_is_not_overwritten_unless_asked(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    with pytest.raises(RunFolderError, match="the run folder exists"):
        make_run(tmp_path / "run")
    make_run(tmp_path / "run", replace=True, design="randomised")
    assert load(tmp_path / "run").design == "randomised"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_no_run_is_never_replaced(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    with pytest.raises(RunFolderError, match="is not a run folder"):
        make_run(tmp_path / "thesis", replace=True)
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_may_not_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="cannot be written: Permission denied"):
        RunWriter(tmp_path / "run")
    tmp_path.chmod(0o700)


def test_a_full_disk_is_named_and_leaves_nothing(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunFolderError, match="the run cannot be written: No space left on device"):
        make_run(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_path_through_a_file_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="the run cannot be written: "):
        RunWriter(tmp_path / "file" / "run")


def test_a_table_with_other_columns_than_run_1_says_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"ARM": ["A"], "ID": [1], "WHEN": [0.0]})
    with RunWriter(tmp_path / "run") as writer:
        with pytest.raises(ValueError, match=r"missing columns \['TIME', 'STATUS', 'REASON'\], unexpected columns \['WHEN'\]"):
            writer.write("failures", frame)
        with pytest.raises(ValueError, match="'visits' is not a table of run/1"):
            writer.write("visits", frame)


def test_a_temporary_run_lives_as_long_as_its_result(tables: dict[str, pd.DataFrame], manifest: Manifest) -> None:
    with RunWriter.temporary() as writer:
        writer.write("patients", tables["patients"])
        found = writer.finish(manifest)
    assert len(found.table("patients")) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "run/2"}, "'run/2' was written by a newer CytoTrial; this one reads up to run/1"),
        ({"schema": "protocol/1"}, "schema 'protocol/1' is not a run"),
        ({"complete": False}, "the run is not complete"),
        ({"seed": "one"}, "seed: Input should be a valid integer"),
    ],
)
def test_a_folder_that_cannot_be_trusted_is_refused(
    make_run: MakeRun, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = make_run(tmp_path / "run").folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunFolderError, match=message):
        load(tmp_path / "run")


def test_missing_foreign_and_damaged_folders_are_told_apart(make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no such run folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match=r"not a run folder: it has no manifest\.json"):
        load(tmp_path)
    found = make_run(tmp_path / "run")
    next((found.folder / "labs").iterdir()).write_bytes(b"not parquet")
    with pytest.raises(RunFolderError, match="table 'labs' cannot be read"):
        load(found.folder).table("labs")


def test_an_unknown_table_is_answered_with_the_nearest(result: Result) -> None:
    with pytest.raises(RunFolderError, match="Did you mean 'labs'"):
        result.table("lab")


def test_sql_sees_every_table(result: Result) -> None:
    found = result.query("select ARM, count(*) as n from doses where GIVEN > 0 group by ARM order by ARM")
    assert found.to_dict("list") == {"ARM": ["High", "Low"], "n": [12, 15]}
    assert len(result.query("select * from findings")) == 0


@pytest.mark.parametrize("sql", ["drop view labs", "copy labs to 'x.csv'", "select 1; select 2", "attach 'x.db'", ""])
def test_sql_that_is_not_one_select_is_refused(result: Result, sql: str) -> None:
    with pytest.raises(RunFolderError, match="expected exactly one SELECT"):
        result.query(sql)


def test_sql_reads_no_file_outside_the_run(result: Result, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(RunFolderError, match="Permission Error"):
        result.query(f"select * from read_csv('{tmp_path / 'secret.csv'}')")


def test_sql_mistakes_are_passed_on_in_the_words_of_the_engine(result: Result) -> None:
    with pytest.raises(RunFolderError, match="GIVN"):
        result.query("select GIVN from doses")


def test_folder_names_with_quotes_and_spaces_work(make_run: MakeRun, tmp_path: Path) -> None:
    found = make_run(tmp_path / "it's a run")
    assert len(found.query("select * from patients")) == 8
    assert len(found.table("patients")) == 8


def test_the_summary_is_plain_json_with_null_for_what_is_not_known(result: Result) -> None:
    summary = json.loads((result.folder / "summary.json").read_text())
    assert summary["notice"].startswith("SIMULATED")
    medians = {row["arm"]: row for row in summary["efficacy"] if row["endpoint"] == "overall survival, median"}
    assert medians["High"]["high"] is None
