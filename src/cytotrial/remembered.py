"""Remembers what a YAML text says, by its hash, because reading it with places is slow. A lost memory only costs time."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import platformdirs

SHORTEST = 2_000  # characters; reading a shorter text is faster than looking it up
VERSION = "1"  # of how texts become values


def recall(text: str) -> Any:
    """The plain value of a text read before, or None. Keys come back as text, as JSON has no others."""
    if len(text) < SHORTEST:
        return None
    try:
        return json.loads(_place(text).read_bytes())
    except (OSError, ValueError):
        return None


def remember(text: str, value: Any) -> None:
    """Keeps the plain value of a text, where it can be kept."""
    if len(text) < SHORTEST:
        return
    place = _place(text)
    partial = place.with_suffix(f".{os.getpid()}.partial")
    try:
        content = json.dumps(value)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(content, encoding="utf-8")
        partial.replace(place)
    except (OSError, TypeError, ValueError):
        return


def _place(text: str) -> Path:
    digest = hashlib.sha256(f"{VERSION}\n{text}".encode()).hexdigest()
    return platformdirs.user_cache_path("cytotrial") / "yaml" / f"{digest}.json"
