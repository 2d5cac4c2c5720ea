"""The tables of run/1: their columns and types, the same on every version of pandas. Not how they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

Kind = Literal["text", "id", "count", "number", "single"]

# The type a column has in a frame and in Parquet. A `count` may be missing (unknown is not zero); an `id` may not.
PANDAS_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"text": "string", "id": "int64", "count": "Int64", "number": "float64", "single": "float32"}
)
DUCKDB_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"text": "VARCHAR", "id": "BIGINT", "count": "BIGINT", "number": "DOUBLE", "single": "FLOAT"}
)


def _columns(**kinds: str) -> Mapping[str, Kind]:
    found: dict[str, Kind] = {}
    for kind in PANDAS_TYPES:
        found.update(dict.fromkeys(kinds.get(kind, "").split(), kind))
    order = kinds["order"].split()
    return MappingProxyType({name: found[name] for name in order})


COLUMNS: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "patients": _columns(text="ARM", id="ID", order="ARM ID"),
        "inputs": _columns(
            text="ARM TARGET KIND UNIT WHAT", id="ID", number="TIME VALUE", order="ARM ID TIME TARGET KIND VALUE UNIT WHAT"
        ),
        "doses": _columns(
            text="ARM DRUG UNIT ROUTE ACTION REASON",
            id="ID",
            count="COURSE CYCLE DOSE",
            number="TIME PLANNED GIVEN DURATION",
            order="ARM ID TIME DRUG COURSE CYCLE DOSE PLANNED GIVEN UNIT ROUTE DURATION ACTION REASON",
        ),
        "decisions": _columns(
            text="ARM DRUG ACTION POLICY CRITERIA SOURCE",
            id="ID",
            count="COURSE CYCLE DOSE",
            number="TIME",
            order="ARM ID TIME DRUG COURSE CYCLE DOSE ACTION POLICY CRITERIA SOURCE",
        ),
        "findings": _columns(
            text="ARM CRITERION LEVEL", id="ID", count="MET", number="TIME", order="ARM ID TIME CRITERION LEVEL MET"
        ),
        "labs": _columns(
            text="ARM PARAMCD NAME AVALU", id="ID", number="TIME AVAL", order="ARM ID TIME PARAMCD NAME AVAL AVALU"
        ),
        "vitals": _columns(
            text="ARM PARAMCD NAME AVALU", id="ID", number="TIME AVAL", order="ARM ID TIME PARAMCD NAME AVAL AVALU"
        ),
        "adverse_events": _columns(
            text="ARM TERM SOC VERSION",
            id="ID",
            count="GRADE COURSE CYCLE",
            number="ASTTM AENTM TIME_WORST",
            order="ARM ID TERM SOC GRADE ASTTM AENTM TIME_WORST COURSE CYCLE VERSION",
        ),
        "responses": _columns(
            text="ARM OVERALL BEST LEVEL REACHED CRITERIA",
            id="ID",
            number="TIME SIZE CHANGE NADIR",
            order="ARM ID TIME SIZE CHANGE NADIR OVERALL BEST LEVEL REACHED CRITERIA",
        ),
        "survival": _columns(
            text="ARM PARAMCD EVNTDESC CAUSE",
            id="ID",
            count="CNSR",
            number="AVAL",
            order="ARM ID PARAMCD AVAL CNSR EVNTDESC CAUSE",
        ),
        "trajectories": _columns(text="ARM", id="ID", number="TIME", order="ARM ID TIME"),
        "failures": _columns(text="ARM STATUS REASON", id="ID", number="TIME", order="ARM ID TIME STATUS REASON"),
    }
)

# Columns a writer may leave out; they are then missing throughout.
OPTIONAL: frozenset[str] = frozenset({"BEST", "LEVEL", "REACHED", "CAUSE"})

# Tables that carry further columns of the user's model: parameters of patients, observables of trajectories.
OPEN_TABLES: Mapping[str, Kind] = MappingProxyType({"patients": "number", "trajectories": "single"})


def column_kinds(table: str, columns: list[str]) -> dict[str, Kind]:
    """The kind of every column of `table` that is present in `columns`, and of its further columns.

    Raises:
        ValueError: a declared column is missing, or one is not declared and the table takes no further ones.
    """
    declared = COLUMNS[table]
    missing = [name for name in declared if name not in columns and name not in OPTIONAL]
    extra = [name for name in columns if name not in declared]
    if missing or (extra and table not in OPEN_TABLES):
        raise ValueError(
            f"table '{table}': missing columns {missing}, unexpected columns {extra if table not in OPEN_TABLES else []}."
        )
    return {**declared, **dict.fromkeys(extra, OPEN_TABLES.get(table, "number"))}


def typed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the types of `table`, the same on every version of pandas.

    Text is `string`, a count that may be missing `Int64`. A further column of `patients` that holds text stays text.
    """
    return _with_types(table, frame, text=PANDAS_TYPES["text"])


def coded(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """As `typed`, but texts are categories: millions of rows hold a few dozen texts, and are quicker to store and count."""
    return _with_types(table, frame, text="category")


def _with_types(table: str, frame: pd.DataFrame, *, text: str) -> pd.DataFrame:
    types: dict[Kind, str] = {**PANDAS_TYPES, "text": text}
    columns = {}
    for name, kind in column_kinds(table, list(frame.columns)).items():
        column = frame[name] if name in frame else pd.Series(pd.NA, index=frame.index)
        is_text = name not in COLUMNS[table] and name in frame and not pd.api.types.is_numeric_dtype(column)
        wanted = pd.api.types.pandas_dtype(types["text" if is_text else kind])
        # Most columns of a long table have their type already, and would be copied all the same.
        is_there = isinstance(column.dtype, pd.CategoricalDtype) if wanted == "category" else column.dtype == wanted
        columns[name] = column if is_there else column.astype(wanted)
    return pd.DataFrame(columns, copy=False)


def empty(table: str) -> pd.DataFrame:
    """`table` without rows, with its columns and types.

    >>> list(empty("survival").columns)
    ['ARM', 'ID', 'PARAMCD', 'AVAL', 'CNSR', 'EVNTDESC', 'CAUSE']
    """
    return pd.DataFrame({name: pd.Series(dtype=PANDAS_TYPES[kind]) for name, kind in COLUMNS[table].items()})


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame for users: text columns as `string`, so that they look and behave alike on every version of pandas."""
    text = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.astype(dict.fromkeys(text, "string")).reset_index(drop=True)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain mappings from column to value."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
