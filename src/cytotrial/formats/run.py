"""run/1: the manifest of a run folder. The tables beside it are Parquet; `docs/formats/run.md` lists their columns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytotrial.formats.base import Format


class Manifest(Format):
    """What a run is: protocol, versions, seed, hashes. The only place with a wall-clock time."""

    schema_: Literal["run/1"] = Field(alias="schema")
    complete: bool
    simulated: Literal[True] = True
    notice: str = Field(description="SIMULATED: no row of any table is a patient")
    protocol: dict[str, Any]
    protocol_text: str
    seed: int
    rtol: float = Field(default=1e-4, gt=0, description="error that one step of the integration may make, relative")
    patients: int
    arms: list[str]
    versions: dict[str, str]
    hashes: dict[str, str] = Field(description="of protocol, library, code and run")
    tables: dict[str, int] = Field(description="rows of each table")
    failures: int
    refused: dict[str, int] = Field(default={}, description="patients drawn but not plausible or eligible, by reason")
    created: str = Field(description="wall-clock time, ISO 8601")
    seconds: float
