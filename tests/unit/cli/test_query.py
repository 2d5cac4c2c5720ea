"""`cytotrial query`: SQL over the tables of a run."""

from __future__ import annotations

import json
from pathlib import Path

COUNT = "select ACTION, count(*) as n from doses group by all order by n desc"


def test_the_answer_is_a_table_marked_as_simulated(call, run_folder: Path) -> None:
    shown = call("query", run_folder, COUNT)
    assert shown.exit_code == 0, shown.output
    assert "withhold" in shown.output
    assert "2 rows. SIMULATED" in shown.output


def test_json_is_one_object_for_each_row(call, run_folder: Path) -> None:
    shown = call("query", run_folder, COUNT, "--json")
    assert [json.loads(line) for line in shown.stdout.splitlines()] == [
        {"ACTION": "give", "n": 3},
        {"ACTION": "withhold", "n": 1},
    ]


def test_csv_has_a_header_and_nothing_else(call, run_folder: Path) -> None:
    assert call("query", run_folder, COUNT, "--csv").stdout == "ACTION,n\ngive,3\nwithhold,1\n"


def test_json_and_csv_exclude_each_other(call, run_folder: Path) -> None:
    shown = call("query", run_folder, COUNT, "--csv", "--json")
    assert shown.exit_code == 2
    assert "--json and --csv exclude each other." in shown.stderr


def test_a_wrong_query_is_an_input_error_without_a_traceback(call, run_folder: Path) -> None:
    shown = call("query", run_folder, "select * from dozes")
    assert shown.exit_code == 2
    assert "Tables: patients" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_folder_that_is_no_run_is_refused(call, tmp_path: Path) -> None:
    shown = call("query", tmp_path, COUNT)
    assert shown.exit_code == 2
    assert str(tmp_path) in shown.stderr.replace("\n", "")
