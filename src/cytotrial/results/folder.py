"""Reads a run folder: its manifest, its tables, SQL over them. It computes no statistics and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from pydantic import ValidationError

from cytotrial.errors import Place, Problem, RunFolderError, did_you_mean
from cytotrial.formats.run import Manifest
from cytotrial.results.tables import COLUMNS, coded, empty, readable, typed

MANIFEST = "manifest.json"
CONTEXT = "context.json"
SUMMARY = "summary.json"
REPORT = "report.html"
SCHEMA_FAMILY = "run"
NEWEST_SCHEMA = 1
CONNECTION_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class RunFolder:
    """A complete run folder, open for reading. Tables are read when first asked for and kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._kept = lru_cache(maxsize=None)(self._read)
        self._connected = lru_cache(maxsize=1)(self._views)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run, arms in the order of the protocol, then patients; times in hours.

        Raises:
            RunFolderError: there is no table of that name; the nearest is named.
        """
        if name not in COLUMNS:
            problem = Problem(Place(str(self.folder)), f"a run has no table '{name}'.", did_you_mean(name, COLUMNS))
            raise RunFolderError([problem])
        return typed(name, self.coded(name))

    def coded(self, name: str) -> pd.DataFrame:
        """As `table`, but texts are categories in alphabetical order: long tables are counted from these."""
        # What the caller changes is the caller's alone: pandas copies on write.
        return self._kept(name).copy(deep=False)

    def of_patient(self, name: str, *, arm: str, patient: int) -> pd.DataFrame:
        """The rows of a table about one patient of an arm, as `table` has them: no more is read than that."""
        sql = f"SELECT * FROM {_column(name)} WHERE ARM = {_quoted(arm)} AND ID = {patient:d}"
        with self._connected().cursor() as connection:
            return typed(name, connection.execute(sql).df())

    def columns(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of a table, texts as categories; rows as they are stored."""
        chosen = ", ".join(map(_column, columns))
        with self._connected().cursor() as connection:
            return _fetched(connection, f"(SELECT {chosen} FROM {_column(name)})", _texts_of(name))

    def query(self, sql: str) -> pd.DataFrame:
        """What a SELECT over the tables returns. Every table is a view of its name; no other file can be read or written.

        Raises:
            RunFolderError: it is not one SELECT statement, or DuckDB refuses it; its message is passed on.
        """
        place = Place("query")
        with self._connected().cursor() as connection:
            try:
                statements = connection.extract_statements(sql)
                if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                    advice = "For example: select ARM, count(*) from doses where GIVEN > 0 group by ARM"
                    raise RunFolderError([Problem(place, "expected exactly one SELECT statement.", advice)])
                return readable(connection.execute(statements[0]).df())
            except duckdb.Error as failure:
                advice = "Tables: " + ", ".join(COLUMNS) + "."
                raise RunFolderError([Problem(place, str(failure).strip(), advice)]) from None

    def measured(self, names: Collection[str]) -> pd.DataFrame:
        """The rows of labs and vitals of some findings by name or code, without regard to capitals, as `coded` has them.

        Both tables are long, and most questions ask for few findings.
        """
        wanted = ", ".join(_quoted(name.casefold()) for name in sorted(names)) or "NULL"
        columns = ", ".join(COLUMNS["labs"])
        parts = [
            f"SELECT {columns} FROM {table} WHERE lower(NAME) IN ({wanted}) OR lower(PARAMCD) IN ({wanted})"
            for table in ("labs", "vitals")
        ]
        with self._connected().cursor() as connection:
            found = _fetched(connection, f"({' UNION ALL '.join(parts)})", _texts_of("labs"))
        return self._in_order(_in_words(coded("labs", found)))

    def context(self) -> dict[str, Any]:
        """What was known beside the tables: published studies, parameters, sources, calendars. Empty when not stored."""
        path = self.folder / CONTEXT
        if not path.is_file():
            return {}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def parts(self, name: str) -> list[str]:
        """The Parquet files of a table, in the order they were written."""
        return sorted(str(path) for path in (self.folder / name).glob("part-*.parquet"))

    def _read(self, name: str) -> pd.DataFrame:
        parts = self.parts(name)
        if not parts:
            return _in_words(coded(name, empty(name)))
        with duckdb.connect(":memory:", config=CONNECTION_SETTINGS) as connection:
            try:
                source = f"read_parquet([{', '.join(map(_quoted, parts))}], union_by_name = true)"
                frame = _fetched(connection, source, _texts_of(name))
            except duckdb.Error as failure:
                raise self._damaged(name, failure) from None
        return self._in_order(_in_words(coded(name, frame)))

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        arm_order = {arm: number for number, arm in enumerate(self.manifest.arms)}
        # The order of rows must not depend on how patients were cut into chunks.
        arm = frame["ARM"].map(arm_order).astype("float64").to_numpy()
        order = np.lexsort((frame["ID"].to_numpy(), arm))
        return frame if (np.diff(order) == 1).all() else frame.take(order).reset_index(drop=True)

    def _damaged(self, name: str, failure: duckdb.Error) -> RunFolderError:
        what = f"table '{name}' cannot be read: {str(failure).strip().splitlines()[0]}"
        return RunFolderError([Problem(Place(str(self.folder)), what, "The folder is damaged; run the trial again.")])

    def _views(self) -> duckdb.DuckDBPyConnection:
        """A connection that sees the tables as views, and no other file."""
        connection = duckdb.connect(":memory:", config=CONNECTION_SETTINGS)
        for name in COLUMNS:
            parts = self.parts(name)
            if parts:
                listed = ", ".join(map(_quoted, parts))
                try:
                    connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], union_by_name = true)')
                except duckdb.Error as failure:
                    raise self._damaged(name, failure) from None
        folder = _quoted(str(self.folder.resolve()) + "/")
        connection.execute(f"SET allowed_directories = [{folder}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a complete run folder.

    Raises:
        RunFolderError: no such folder, not a run, not complete, damaged, or written by a newer version.
    """
    place = Place(str(folder))
    if not folder.is_dir():
        raise RunFolderError([Problem(place, "no such run folder.", "`cytotrial run PROTOCOL` makes one and prints its path.")])
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        advice = "Expected a folder made by `cytotrial run`; a name ending in '.partial-<number>' is a run that did not finish."
        raise RunFolderError([Problem(place, f"not a run folder: it has no {MANIFEST}.", advice)]) from None
    except (OSError, ValueError) as failure:
        raise RunFolderError([Problem(Place(str(path)), f"cannot be read: {failure}.", "Run the trial again.")]) from None
    schema = content.get("schema") if isinstance(content, dict) else None
    family, _, version = str(schema).partition("/")
    if family != SCHEMA_FAMILY or not version.isdigit():
        raise RunFolderError([Problem(Place(str(path)), f"schema '{schema}' is not a run.", "Expected `schema: run/1`.")])
    if int(version) > NEWEST_SCHEMA:
        what = f"'{schema}' was written by a newer CytoTrial; this one reads up to run/{NEWEST_SCHEMA}."
        raise RunFolderError([Problem(Place(str(path)), what, "Upgrade CytoTrial to read it.")])
    if content.get("complete") is not True:
        raise RunFolderError([Problem(place, "the run is not complete.", "Run the trial again.")])
    try:
        return Manifest.model_validate(content)
    except ValidationError as failure:
        problems = [
            Problem(
                Place(str(path), path=".".join(str(part) for part in item["loc"])), f"{item['msg']}.", "Run the trial again."
            )
            for item in failure.errors(include_url=False)
        ]
        raise RunFolderError(problems) from None


def _texts_of(table: str) -> frozenset[str]:
    return frozenset(name for name, kind in COLUMNS[table].items() if kind == "text")


def _fetched(connection: duckdb.DuckDBPyConnection, source: str, texts: Collection[str]) -> pd.DataFrame:
    """The rows of a source, its texts as categories: millions of rows hold a few dozen texts, and each is fetched once."""
    names = [str(name) for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    found = [name for name in names if name in texts]
    lists = ", ".join(f'list(DISTINCT "{name}")' for name in found)
    values = connection.execute(f"SELECT {lists} FROM {source}").fetchone() or ()
    known = {
        name: sorted(text for text in of_column or () if text is not None)
        for name, of_column in zip(found, values, strict=True)
    }
    columns = [
        f'CAST("{name}" AS ENUM({", ".join(map(_quoted, known[name]))})) AS "{name}"' if known.get(name) else _column(name)
        for name in names
    ]
    return connection.execute(f"SELECT {', '.join(columns)} FROM {source}").df()


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with categories that have an order, as texts have; those without any come unordered."""
    unordered = [name for name, kind in frame.dtypes.items() if isinstance(kind, pd.CategoricalDtype) and not kind.ordered]
    return frame.assign(**{str(name): frame[name].cat.as_ordered() for name in unordered})


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
