"""summary.json: the answer of a run in one small document. It computes nothing that `Result` does not show."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cytotrial.results.result import Result
from cytotrial.results.tables import records


def summarise(result: Result) -> dict[str, Any]:
    """The answer as plain JSON values; null where something cannot be told (a median not reached, say)."""
    manifest = result.manifest
    return {
        "schema": "summary/1",
        "notice": manifest.notice,
        "arms": list(manifest.arms),
        "patients": manifest.patients,
        "failures": manifest.failures,
        "efficacy": _records(result.efficacy()),
        "between_arms": _records(result.between_arms()),
        "doses": _records(result.doses()),
        "reasons": _records(result.reasons()),
        "adverse_events": _records(result.adverse_events()),
        "as_reported": _records(result.as_reported()),
        "care": _records(result.care()),
        "care_in_use": _records(result.care_in_use()),
        "beside_published": _records(result.beside_published()),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in records(frame)]


def _plain(value: Any) -> Any:
    if value is pd.NA or value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if hasattr(value, "item") else value
