"""The exceptions CytoTrial raises, and the `Problem` they are made of. Checks live where the input is read, not here.

CytoTrialError
├── InputError              what the user gave is wrong; nothing was simulated; exit status 2
│   ├── ProtocolError       a protocol, a regimen sentence or an option
│   ├── LibraryError        a file of the library: model, table, rule, evidence
│   └── RunFolderError      a run folder is missing, incomplete or cannot be written
└── SimulationError         the biology could not be advanced; exit status 3
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A position in the user's input: file, line, column (both from 1) and path inside the document."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        position = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (position, self.path) if part)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong: where, what, and what would have been right.

    `what` and `advice` are whole sentences; `advice` names the expectation, the nearest valid name or the next step.
    """

    place: Place
    what: str
    advice: str = ""

    def __str__(self) -> str:
        place = str(self.place)
        first = f"{place}: {self.what}" if place else self.what
        return f"{first}\n  {self.advice}" if self.advice else first


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name most like `name`, or None when nothing is close.

    >>> nearest("clearence", ["clearance", "volume"])
    'clearance'
    """
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, valid: Iterable[str], *, see: str = "") -> str:
    """Advice for an unknown name: the nearest valid one, else the list when it is short, and where all are listed.

    >>> did_you_mean("clearence", ["clearance"], see="`cytotrial show parameters` lists all.")
    "Did you mean 'clearance'? `cytotrial show parameters` lists all."
    """
    names = sorted(valid)
    match = nearest(name, names)
    if match:
        text = f"Did you mean '{match}'?"
    elif 0 < len(names) <= 12:
        text = "Expected one of: " + ", ".join(names) + "."
    else:
        text = ""
    return " ".join(part for part in (text, see) if part)


class CytoTrialError(Exception):
    """Anything CytoTrial reports to its user."""


class InputError(CytoTrialError):
    """What the user gave is wrong. Holds every `Problem` found, in the order of the input."""

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem(Place(), problems)]
        self.problems: tuple[Problem, ...] = tuple(dict.fromkeys(problems))
        super().__init__(self.render())

    def render(self) -> str:
        """All problems as the user sees them, one after the other, and their number."""
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        return "\n".join([*(str(problem) for problem in self.problems), f"{count} {noun}; nothing was simulated."])


class ProtocolError(InputError):
    """A protocol, a regimen sentence or an option is wrong."""


class LibraryError(InputError):
    """A file of the library is wrong: a model, a table, a rule, an evidence file."""


class RunFolderError(InputError):
    """A run folder is missing, incomplete, or cannot be written."""


class SimulationError(CytoTrialError):
    """The biology could not be advanced for any patient."""
