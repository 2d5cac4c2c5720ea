"""Reads parameters.csv and correlations.csv row by row, with the line of each. Does not know whether a name is used."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.formats.module import CORRELATION_COLUMNS, PARAMETER_COLUMNS, CorrelationRow, ParameterRow
from cytotrial.model.numeric import evaluate
from cytotrial.model.syntax import DialectError, names_in, parse_expression

Row = TypeVar("Row", bound=BaseModel)

NEEDED_PARAMETER_COLUMNS = ("name", "value", "unit", "status")
NEEDED_CORRELATION_COLUMNS = ("first", "second", "correlation", "status")


@dataclass(frozen=True)
class ParameterTable:
    """The rows of a parameters.csv, the line of each, and what is wrong with the table."""

    rows: tuple[ParameterRow, ...]
    lines: dict[str, int]
    problems: tuple[Problem, ...]


def read_parameters(path: Path, shown_as: str | None = None) -> ParameterTable:
    """The parameters of a module; `shown_as` is the file's name in messages. A missing file is an empty table."""
    file = shown_as or str(path)
    problems: list[Problem] = []
    rows: list[ParameterRow] = []
    lines: dict[str, int] = {}
    for line, cells in _records(path, file, PARAMETER_COLUMNS, NEEDED_PARAMETER_COLUMNS, problems):
        row = _parameter(cells, Place(file, line), problems)
        if row is None:
            continue
        if row.name in lines:
            problems.append(Problem(Place(file, line), f"parameter '{row.name}' has a row already, in line {lines[row.name]}."))
            continue
        lines[row.name] = line
        rows.append(row)
        problems.extend(_contradictions(row, Place(file, line, path=row.name)))
    return ParameterTable(tuple(rows), lines, tuple(problems))


def read_correlations(path: Path, shown_as: str | None = None) -> tuple[list[tuple[CorrelationRow, int]], list[Problem]]:
    """The rows of a correlations.csv with their lines, and what is wrong with the table."""
    file = shown_as or str(path)
    problems: list[Problem] = []
    found: list[tuple[CorrelationRow, int]] = []
    for line, cells in _records(path, file, CORRELATION_COLUMNS, NEEDED_CORRELATION_COLUMNS, problems):
        row = _validated(CorrelationRow, cells, Place(file, line), problems)
        if row is not None:
            found.append((row, line))
    return found, problems


def _records(
    path: Path, file: str, columns: Sequence[str], needed: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row's line and its cells that are not empty."""
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problems.append(Problem(Place(file), "the file is not UTF-8 text."))
        return
    reader = csv.reader(text.splitlines(keepends=True))
    header = [cell.strip() for cell in next(reader, [])]
    for index, column in enumerate(header):
        if column not in columns:
            problems.append(Problem(Place(file, 1), f"unknown column '{column}'.", did_you_mean(column, columns)))
        elif column in header[:index]:
            problems.append(Problem(Place(file, 1), f"column '{column}' stands twice."))
    problems.extend(Problem(Place(file, 1), f"column '{column}' is missing.") for column in needed if column not in header)
    if len(problems) > 0:
        return
    for cells in reader:
        line = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            advice = "A comma inside a text needs quotes around the text."
            problems.append(Problem(Place(file, line), f"the row has {len(cells)} cells, the header {len(header)}.", advice))
            continue
        yield line, {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}


def _parameter(cells: dict[str, Any], place: Place, problems: list[Problem]) -> ParameterRow | None:
    name = cells.get("name", "")
    if "value" not in cells:
        problems.append(Problem(place, f"parameter '{name}' has no value.", "Expected a number, or '= formula'."))
        return None
    value = cells["value"]
    try:
        cells["value"] = _arithmetic(value, place) if value.startswith("=") else float(value)
    except DialectError as error:
        problems.append(Problem(error.problem.place, f"formula of '{name}': {error.problem.what}", error.problem.advice))
        return None
    except ValueError:
        problems.append(Problem(place, f"value '{value}' of '{name}' is not a number.", "Expected a number, or '= formula'."))
        return None
    if isinstance(cells["value"], float) and not math.isfinite(cells["value"]):
        problems.append(Problem(place, f"value '{value}' of '{name}' is not finite."))
        return None
    return _validated(ParameterRow, cells, place, problems)


def _arithmetic(formula: str, place: Place) -> float | str:
    """The number that a formula without names amounts to in the row's unit, such as '= 0.06/24'; any other formula as it is."""
    tree = parse_expression(formula[1:].strip(), Place(place.file, place.line, 0))
    return formula if any(names_in(tree)) else float(f"{float(evaluate(tree, {})):.15g}")


def _validated(model: type[Row], cells: dict[str, Any], place: Place, problems: list[Problem]) -> Row | None:
    try:
        return model.model_validate(cells)
    except ValidationError as failure:
        for item in failure.errors(include_url=False):
            column = str(item["loc"][0]) if item["loc"] else ""
            here = Place(place.file, place.line, path=column)
            if item["type"] == "missing":
                problems.append(Problem(here, f"'{column}' is empty."))
                continue
            message = str(item["ctx"]["error"]) if item["type"] == "value_error" else item["msg"]
            what, _, advice = message.partition("\n")
            problems.append(Problem(here, f"'{item['input']}': {what}" if item["type"] != "value_error" else what, advice))
        return None


def _contradictions(row: ParameterRow, place: Place) -> Iterator[Problem]:
    """What no row may say, whatever the library."""
    varies = row.between_sd > 0 or row.occasion_sd > 0
    if row.low is not None and row.high is not None and row.low > row.high:
        yield Problem(place, f"low {row.low:g} is above high {row.high:g}.")
    if isinstance(row.value, str):
        if varies:
            yield Problem(place, "a formula cannot vary between patients.", "Let a parameter inside the formula vary.")
        return
    if row.low is not None and row.value < row.low:
        yield Problem(place, f"value {row.value:g} is below low {row.low:g}.")
    if row.high is not None and row.value > row.high:
        yield Problem(place, f"value {row.value:g} is above high {row.high:g}.")
    if varies and row.scale == "log" and row.value <= 0:
        yield Problem(
            place, f"value {row.value:g} cannot vary on a logarithmic scale.", "Expected a value above 0, or scale linear."
        )
    if varies and row.scale == "logit" and not 0 < row.value < 1:
        yield Problem(place, f"value {row.value:g} cannot vary on a logit scale.", "Expected a value between 0 and 1.")
    if row.status in ("measured", "derived") and not row.source:
        yield Problem(
            place, f"status is '{row.status}', but there is no source.", "Name a key of sources.yaml, or say 'assumed'."
        )
