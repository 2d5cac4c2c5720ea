"""A number in the population file of a disease, read and written by its place. It knows no era and no search."""

from __future__ import annotations

import re
from pathlib import Path

AFTER_PROGRESSION = "after_progression: median"  # the one place that is not a parameter of `set`


def number_in(root: Path, disease: str, population: str, name: str) -> float:
    """The number that a population has there, in the unit that the file writes.

    Args:
        root: of a library.
        disease: whose population file.
        population: of that file.
        name: a parameter that `set` sets, or `AFTER_PROGRESSION`.

    Raises:
        SystemExit: the file says no such number, a line to each.
    """
    found = _place(population, name).search(_file(root, disease).read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f"{_file(root, disease)}: {population} has no line with a number of '{name}'.")
    return float(found[2])


def set_number_in(root: Path, disease: str, population: str, name: str, value: float) -> None:
    """Writes another number there; nothing else of the file changes."""
    path = _file(root, disease)
    text = path.read_text(encoding="utf-8")
    path.write_text(_place(population, name).sub(rf"\g<1>{value:g}", text, count=1), encoding="utf-8")


def _place(population: str, name: str) -> re.Pattern[str]:
    below = "median" if name == AFTER_PROGRESSION else re.escape(name)
    block = rf"{'after_progression' if name == AFTER_PROGRESSION else 'set'}:\n(?:      .*\n)*?      {below}"
    return re.compile(rf"(?m)(^  {population}:\n(?:    .*\n)*?    {block}: )([\d.]+)")


def _file(root: Path, disease: str) -> Path:
    return root / "diseases" / disease / "population.yaml"
