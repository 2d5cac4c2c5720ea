"""The Python API: a trial asked for in a few lines. What happens inside is in `trial.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytotrial.catalogue import Library, load_library
from cytotrial.errors import Place, Problem, ProtocolError
from cytotrial.protocol import find_protocol, protocol_from_arguments, read_protocol, with_overrides
from cytotrial.protocol.protocol import Protocol
from cytotrial.trial import Progress, run_trial

if TYPE_CHECKING:
    from cytotrial.results.result import Result


class Trial:
    """A trial that can be run.

    >>> Trial("hd_il2_rcc", patients=20).protocol.patients
    20
    """

    def __init__(
        self,
        question: str | Path | Protocol,
        *,
        disease: str | None = None,
        patients: int | None = None,
        seed: int | None = None,
        set: Mapping[str, str | float] | None = None,  # noqa: A002 (the word of the file and of the command line)
        library: Library | None = None,
        **asked: Any,
    ) -> None:
        """A trial from a regimen sentence, a shipped protocol, a protocol file, or a `Protocol`.

        Args:
            question: with `disease`, a regimen sentence that names its drug, or 'drug.regimen'; without, a protocol.
            disease: a disease of the library.
            patients: how many; the protocol's, or 200, where absent.
            seed: of the random numbers; the protocol's, or 1, where absent.
            set: parameters to override, with units, e.g. {'clearance': '268 mL/min'}.
            library: another library than the shipped one.
            asked: with `disease`: rules, population, eligibility, courses, support, scans, follow_up, grading, response,
                compare_with.

        Raises:
            ProtocolError: everything that is wrong with the question.
        """
        self.library = library or load_library()
        if disease is not None:
            given = {"patients": patients, "seed": seed, "set": set, **asked}
            given = {name: value for name, value in given.items() if value is not None}
            self.protocol = protocol_from_arguments(str(question), self.library, disease=disease, **given)
            return
        if asked:
            names = ", ".join(sorted(asked))
            advice = "A protocol says these itself; change its file, or ask with a regimen sentence and a disease."
            raise ProtocolError([Problem(Place(path=names), "goes with `disease` only.", advice)])
        if not isinstance(question, Protocol):
            question = read_protocol(find_protocol(str(question), self.library), self.library)
        self.protocol = with_overrides(question, patients=patients, seed=seed, set=set)

    def run(
        self,
        folder: Path | str | None = None,
        *,
        threads: int | None = None,
        progress: Callable[[Progress], None] | None = None,
        replace: bool = False,
        rtol: float | None = None,
    ) -> Result:
        """The answer. It is kept in `folder`, or, where that is None, for as long as the result lives.

        `rtol` is the error that one step of the integration may make, relative; 1e-4 unless given.

        Raises:
            ProtocolError, LibraryError, RunFolderError, SimulationError: as `cytotrial.trial.run_trial`.
        """
        return run_trial(
            self.protocol,
            self.library,
            folder=Path(folder) if folder is not None else None,
            threads=threads,
            progress=progress,
            replace=replace,
            keep=folder is not None,
            rtol=rtol,
        )

    def calendar(self) -> list[str]:
        """The doses of each arm as a calendar, line by line."""
        return [
            line
            for arm in self.protocol.arms
            for treatment in arm.treatments
            for line in (f"{arm.name}: {treatment.drug}", *treatment.regimen.calendar())
        ]


def check(question: str | Path, *, library: Library | None = None) -> Protocol:
    """The protocol of a file or a shipped name, once it is found right; nothing is simulated.

    Raises:
        ProtocolError: everything that is wrong with it.
    """
    shelf = library or load_library()
    return read_protocol(find_protocol(str(question), shelf), shelf)
