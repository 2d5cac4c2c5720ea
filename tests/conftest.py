"""What all tests share: one library, a quiet terminal of known width, and hypothesis without deadlines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from cytotrial.catalogue import Library, load_library

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "src" / "cytotrial" / "library"

# A shared machine may pause for longer than any deadline; examples are the same in every run.
settings.register_profile("cytotrial", deadline=None, derandomize=True)
settings.load_profile("cytotrial")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what a smaller library cannot show: tests that name files of the library say so with `needs`."""
    for item in items:
        missing = [name for marker in item.iter_markers("needs") for name in marker.args if not (LIBRARY / name).exists()]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"the library has no {', '.join(missing)}"))


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
