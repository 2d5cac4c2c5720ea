"""The linter of a library: many small checks, all problems at once. It changes nothing and simulates nothing."""

from cytotrial.checks.linter import CHECKS, check_library
from cytotrial.model.finding import Finding, Level

__all__ = ["CHECKS", "Finding", "Level", "check_library"]
