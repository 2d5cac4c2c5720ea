"""What all tests share: one library, a quiet terminal of known width, and hypothesis without deadlines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from cytotrial.catalogue import Library, load_library

ROOT = Path(__file__).resolve().parents[1]

# A shared machine may pause for longer than any deadline; examples are the same in every run.
settings.register_profile("cytotrial", deadline=None, derandomize=True)
settings.load_profile("cytotrial")


@pytest.fixture(autouse=True)
def _known_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped library."""
    return load_library()
