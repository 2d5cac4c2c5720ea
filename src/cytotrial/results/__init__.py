"""The answer of a trial: tables, statistics, figures, and the run folder they live in."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytotrial.results.context import Context as Context
    from cytotrial.results.context import ParameterUsed as ParameterUsed
    from cytotrial.results.result import Result as Result
    from cytotrial.results.result import load as load
    from cytotrial.results.store import RunWriter as RunWriter

# Read when first asked for: the statistics load pandas, SciPy and DuckDB, which a command that only names a run does not need.
_HOMES = {
    "Context": "cytotrial.results.context",
    "ParameterUsed": "cytotrial.results.context",
    "Result": "cytotrial.results.result",
    "RunWriter": "cytotrial.results.store",
    "load": "cytotrial.results.result",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cytotrial.results' has no attribute '{name}'. It has: {', '.join(sorted(_HOMES))}.")
    return getattr(importlib.import_module(_HOMES[name]), name)
