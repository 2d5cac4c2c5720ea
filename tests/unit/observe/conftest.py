"""The shipped library as a folder: what the clinic sees is read from single files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def library() -> Path:
    return Path(__file__).parents[3] / "src" / "cytotrial" / "library"
