"""Writes a run folder: Parquet parts as chunks finish, then the manifest; under a temporary name until complete."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pandas as pd

from cytotrial.errors import CytoTrialError, Place, Problem, RunFolderError
from cytotrial.formats.run import Manifest
from cytotrial.results.context import Context, context_to_json
from cytotrial.results.folder import CONNECTION_SETTINGS, CONTEXT, MANIFEST, REPORT, SCHEMA_FAMILY, SUMMARY
from cytotrial.results.result import Result
from cytotrial.results.summary import summarise
from cytotrial.results.tables import COLUMNS, DUCKDB_TYPES, PANDAS_TYPES, coded, empty

ROWS_PER_GROUP = 122_880  # DuckDB's own default: one row group of one thread
LEVEL = 1  # of compression: higher ones take half as long again and make measured values no smaller


class RunWriter:
    """Streams the tables of one run to `folder`; nothing is there before `finish`, nothing is left if it is not reached.

    Use it as a context manager:

        with RunWriter(folder) as writer:
            writer.write("patients", frame)
            result = writer.finish(manifest)
    """

    def __init__(self, folder: Path, *, replace: bool = False) -> None:
        """`replace` allows an existing run folder to be replaced; a folder that is not a run is never touched.

        Raises:
            RunFolderError: the folder exists, or its parent cannot be written.
        """
        self.folder = folder.absolute()
        self._replace = replace
        self._refuse_existing()
        self._partial = self.folder.with_name(f".{self.folder.name}.partial-{os.getpid()}")
        self._rows = dict.fromkeys(COLUMNS, 0)
        self._parts = dict.fromkeys(COLUMNS, 0)
        self._temporary: Path | None = None
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            if self._partial.exists():  # left by a killed process that had our number
                shutil.rmtree(self._partial)
            self._partial.mkdir()
        except OSError as failure:
            raise _cannot_write(self.folder, failure) from None
        self._connection = duckdb.connect(":memory:", config={**CONNECTION_SETTINGS, "threads": 1})

    @classmethod
    def temporary(cls) -> RunWriter:
        """A writer whose run lives in a temporary folder, for as long as the `Result` that `finish` returns."""
        parent = Path(tempfile.mkdtemp(prefix="cytotrial-"))
        writer = cls(parent / "run")
        writer._temporary = parent
        return writer

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Also on Ctrl-C, which is no Exception.
        self._connection.close()
        shutil.rmtree(self._partial, ignore_errors=True)
        if self._temporary is not None and not self.folder.exists():
            shutil.rmtree(self._temporary, ignore_errors=True)

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Appends the rows of `frame` to `table` as one part. A frame without rows writes nothing.

        Raises:
            ValueError: unknown table, or columns other than run/1 says.
            RunFolderError: no space, or no permission.
        """
        if table not in COLUMNS:
            raise ValueError(f"'{table}' is not a table of run/1: {', '.join(COLUMNS)}.")
        if len(frame):
            self._write_part(table, coded(table, frame))

    def finish(
        self, manifest: Manifest, *, context: Context | None = None, report: Callable[[Result], str] | None = None
    ) -> Result:
        """Writes manifest, context and summary, and gives the folder its name. Returns the run, open for reading.

        `report` gives the text of `report.html` from the run. The rows of each table and the number of failures in
        `manifest` are counted here, whatever it says.

        Raises:
            RunFolderError: the folder has appeared meanwhile, no space, or no permission.
        """
        for table, parts in self._parts.items():
            if parts == 0:
                self._write_part(table, empty(table))
        counted = manifest.model_copy(update={"complete": True, "tables": dict(self._rows), "failures": self._rows["failures"]})
        try:
            _write_json(self._partial / CONTEXT, context_to_json(context or Context()))
            _write_json(self._partial / MANIFEST, counted.model_dump(mode="json", by_alias=True))
            written = Result(self._partial)
            _write_json(self._partial / SUMMARY, summarise(written))
            if report is not None:
                (self._partial / REPORT).write_text(report(written), encoding="utf-8")
            self._refuse_existing()
            self._put_in_place()
        except OSError as failure:
            raise _cannot_write(self.folder, failure) from None
        result = Result(self.folder)
        if self._temporary is not None:
            weakref.finalize(result, shutil.rmtree, self._temporary, ignore_errors=True)
        return result

    def _write_part(self, table: str, frame: pd.DataFrame) -> None:
        path = self._partial / table / f"part-{self._parts[table]:05d}.parquet"
        columns = ", ".join(f"{_stored(name, column)} AS {_name(name)}" for name, column in frame.items())
        options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {LEVEL}, ROW_GROUP_SIZE {ROWS_PER_GROUP}"
        target = str(path).replace("'", "''")
        try:
            path.parent.mkdir(exist_ok=True)
            self._connection.register("frame", frame)
            self._connection.execute(f"COPY (SELECT {columns} FROM frame) TO '{target}' ({options})")
        except (OSError, duckdb.Error) as failure:
            raise _cannot_write(self.folder, failure) from None
        finally:
            self._connection.unregister("frame")
        self._parts[table] += 1
        self._rows[table] += len(frame)

    def _refuse_existing(self) -> None:
        if not self.folder.exists() or (self.folder.is_dir() and not any(self.folder.iterdir())):
            return
        place = Place(str(self.folder))
        if not _is_run(self.folder):
            advice = "Choose another folder; only a run folder can be replaced."
            raise RunFolderError([Problem(place, "exists and is not a run folder.", advice)])
        if not self._replace:
            raise RunFolderError(
                [Problem(place, "the run folder exists.", "Choose another folder, or replace it with `--force`.")]
            )

    def _put_in_place(self) -> None:
        if not self.folder.exists():
            self._partial.rename(self.folder)
            return
        # The old run goes only once the new one stands in its place.
        old = self.folder.with_name(f".{self.folder.name}.replaced-{os.getpid()}")
        self.folder.rename(old)
        self._partial.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)


def _is_run(folder: Path) -> bool:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and str(content.get("schema", "")).startswith(f"{SCHEMA_FAMILY}/")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _cannot_write(folder: Path, failure: OSError | duckdb.Error) -> CytoTrialError:
    reason = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure).strip().splitlines()[0]
    advice = "Check that the disk has space and that you may write there, or choose another folder."
    return RunFolderError([Problem(Place(str(folder)), f"the run cannot be written: {reason}.", advice)])


def _stored(name: object, column: pd.Series) -> str:
    """The expression for a column, with an explicit type: one that happens to be all missing must not change its type."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        # Categories are stored as the text they are, without spelling out every row; a column without any has no type.
        return _name(name) if len(column.dtype.categories) else f"CAST({_name(name)} AS {DUCKDB_TYPES['text']})"
    kinds = {PANDAS_TYPES[kind]: DUCKDB_TYPES[kind] for kind in PANDAS_TYPES}
    return f"CAST({_name(name)} AS {kinds[str(column.dtype)]})"


def _name(column: object) -> str:
    return '"' + str(column).replace('"', '""') + '"'
