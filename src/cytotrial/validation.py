"""Protocols simulated in turn, every published number of their studies beside the simulated one. It fits and judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol.protocol import with_overrides
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.results.tables import readable
from cytotrial.trial import Progress, run_trial


def published_beside_simulated(
    protocols: Sequence[str],
    *,
    patients: int | None = None,
    library: Library | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> pd.DataFrame:
    """`Result.beside_published()` of every protocol, with a first column `protocol`.

    Args:
        protocols: shipped names or files; all shipped ones that name a study, where empty.
        patients: of each; the protocol's own number where None.
        library: another library than the shipped one.
        threads: workers of each run.
        progress: is told how far all of them are.

    Raises:
        ProtocolError, LibraryError, SimulationError: as `run_trial`.
    """
    shelf = library or load_library()
    plans = [read_protocol(find_protocol(name, shelf), shelf) for name in (protocols or shelf.protocols)]
    plans = [with_overrides(plan, patients=patients) for plan in plans if plan.compare_with or protocols]
    tell = progress or (lambda _: None)
    frames = []
    for number, plan in enumerate(plans):
        told = partial(_told, tell, plan.name, number, len(plans))
        result = run_trial(plan, shelf, threads=threads, progress=told, keep=False, brief=True)
        found = result.beside_published()
        found.insert(0, "protocol", plan.name)
        frames.append(found)
    return readable(pd.concat(frames, ignore_index=True)) if frames else pd.DataFrame(columns=["protocol", "role"])


def _told(tell: Callable[[Progress], None], name: str, number: int, count: int, progress: Progress) -> None:
    stage = f"{name}: {progress.stage}"
    tell(Progress(progress.arm, progress.done, progress.patients, (number + progress.fraction) / count, stage))
