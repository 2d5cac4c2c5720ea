"""parameters.csv row by row: every contradiction has its line, and arithmetic without names is a number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cytotrial.model.table import read_parameters

HEADER = "name,value,unit,scale,between_sd,low,high,status,source\n"

WRONG = {
    "no value": ("k,,1/h,log,,,,assumed,\n", r"t\.csv:2: parameter 'k' has no value"),
    "not a number": ("k,abc,1/h,log,,,,assumed,\n", r"t\.csv:2: value 'abc' of 'k' is not a number"),
    "NaN": ("k,nan,1/h,log,,,,assumed,\n", r"t\.csv:2: value 'nan' of 'k' is not finite"),
    "infinite arithmetic": ("k,= 1/0,1/h,log,,,,assumed,\n", r"t\.csv:2: value '= 1/0' of 'k' is not finite"),
    "a broken formula": ("k,= 2 *,1/h,log,,,,assumed,\n", r"t\.csv:2:\d+: formula of 'k': the expression ends too early"),
    "low above high": ("k,2,1/h,log,,3,1,assumed,\n", r"t\.csv:2: k: low 3 is above high 1"),
    "below low": ("k,2,1/h,log,,3,4,assumed,\n", r"t\.csv:2: k: value 2 is below low 3"),
    "above high": ("k,5,1/h,log,,3,4,assumed,\n", r"t\.csv:2: k: value 5 is above high 4"),
    "a varying zero": ("k,0,1/h,log,0.3,,,assumed,\n", r"value 0 cannot vary on a logarithmic scale"),
    "a share outside 0 to 1": ("k,1,1,logit,0.3,,,assumed,\n", r"value 1 cannot vary on a logit scale"),
    "a varying formula": ("k,2,1/h,log,,,,assumed,\nj,= 2*k,1/h,log,0.3,,,derived,\n", r"t\.csv:3: j: a formula cannot vary"),
    "measured by nobody": ("k,2,1/h,log,,,,measured,\n", r"t\.csv:2: k: status is 'measured', but there is no source"),
    "twice": ("k,2,1/h,log,,,,assumed,\nk,3,1/h,log,,,,assumed,\n", r"t\.csv:3: parameter 'k' has a row already, in line 2"),
    "an unknown status": ("k,2,1/h,log,,,,guessed,\n", r"t\.csv:2: status: 'guessed'"),
    "a comma without quotes": ("k,2,1/h,log,,,,assumed,a,b\n", r"t\.csv:2: the row has 10 cells, the header 9"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_every_contradiction_of_a_row_has_its_line(tmp_path: Path, mistake: str) -> None:
    rows, message = WRONG[mistake]
    path = tmp_path / "t.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    problems = "\n".join(str(problem) for problem in read_parameters(path, "t.csv").problems)
    assert re.search(message, problems), problems


def test_unknown_columns_name_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("name,value,unti,status\nk,2,1/h,assumed\n", encoding="utf-8")
    problems = read_parameters(path, "t.csv").problems
    assert str(problems[0]) == "t.csv:1: unknown column 'unti'.\n  Did you mean 'unit'?"
    assert problems[1].what == "column 'unit' is missing."


def test_arithmetic_without_names_is_a_number_in_the_unit_of_the_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + "k,= 0.0071*60,1/h,log,0.3,0.1,1,assumed,\nj,= 2*k,1/h,log,,,,derived,\n", encoding="utf-8")
    table = read_parameters(path)
    assert not table.problems
    assert [row.value for row in table.rows] == [0.426, "= 2*k"]
    assert table.lines == {"k": 2, "j": 3}


def test_a_missing_table_is_an_empty_one(tmp_path: Path) -> None:
    table = read_parameters(tmp_path / "absent.csv")
    assert table.rows == ()
    assert table.problems == ()
