"""A small sound library to break in tests: two shared files of ports and sources, a body, a remedy and an illness."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

SOUND = Path(__file__).parent / "model" / "sound_library"

Change = str | tuple[str, str] | None
WriteLibrary = Callable[..., Path]


@pytest.fixture
def write_library(tmp_path: Path) -> WriteLibrary:
    """Writes the sound library with changes by path: a text replaces a file, a pair replaces a part of it, None removes it."""

    def write(changes: Mapping[str, Change] | None = None) -> Path:
        root = tmp_path / "library"
        shutil.copytree(SOUND, root)
        for name, change in (changes or {}).items():
            path = root / name
            if change is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            text = change if isinstance(change, str) else _replaced(path.read_text(encoding="utf-8"), *change)
            path.write_text(text, encoding="utf-8")
        return root

    return write


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the sound library has no '{old}'"
    return text.replace(old, new)
