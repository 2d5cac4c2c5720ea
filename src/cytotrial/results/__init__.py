"""The answer of a trial: tables, statistics, figures, and the run folder they live in."""

from cytotrial.results.context import Context, ParameterUsed
from cytotrial.results.result import Result, load
from cytotrial.results.store import RunWriter

__all__ = ["Context", "ParameterUsed", "Result", "RunWriter", "load"]
