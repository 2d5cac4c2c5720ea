"""Protocols simulated in turn, every published number of their studies beside the simulated one. It fits and judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol.protocol import Protocol, with_overrides
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.results.tables import readable
from cytotrial.run_record import default_folder, run_hash
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
    plans = planned(protocols, shelf, patients=patients)
    return joined(list(one_by_one(plans, shelf, threads=threads, progress=progress)))


def planned(protocols: Sequence[str], library: Library, *, patients: int | None = None) -> list[Protocol]:
    """The protocols of that name, or all shipped ones that name a study where none is named, each of so many patients.

    Raises:
        ProtocolError: what is wrong with one of them, before anything is simulated.
    """
    plans = [read_protocol(find_protocol(name, library), library) for name in (protocols or library.protocols)]
    return [with_overrides(plan, patients=patients) for plan in plans if plan.compare_with or protocols]


def one_by_one(
    plans: Sequence[Protocol],
    library: Library,
    *,
    keep: Path | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """The comparison of one protocol after the other, each with a first column `protocol`, as they are done.

    `keep` is a folder in which every run stays, with its report: what lies there complete already is not simulated again, so
    that a validation that was stopped goes on where it was.
    """
    tell = progress or (lambda _: None)
    for number, plan in enumerate(plans):
        told = partial(_told, tell, plan.name, number, len(plans))
        if keep is None:
            result = run_trial(plan, library, threads=threads, progress=told, keep=False, brief=True)
        else:
            folder = keep / default_folder(plan, run_hash(plan, library)).name
            result = run_trial(plan, library, folder=folder, threads=threads, progress=told)
        found = result.beside_published()
        found.insert(0, "protocol", plan.name)
        yield found


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The comparisons of several protocols in one frame; without rows where there is none."""
    return readable(pd.concat(frames, ignore_index=True)) if frames else pd.DataFrame(columns=["protocol", "role"])


def inside_by_study(table: pd.DataFrame) -> pd.DataFrame:
    """One row per role, protocol and study: numbers, how many have an interval and a simulated value (judged), inside."""
    keys = ["role", "protocol", "study"]
    flags = table.assign(judged=table["inside"] != "-", inside=table["inside"] == "yes")
    counted = flags.groupby(keys, sort=False).agg(
        numbers=("judged", "size"), judged=("judged", "sum"), inside=("inside", "sum")
    )
    return readable(counted.reset_index())


def _told(tell: Callable[[Progress], None], name: str, number: int, count: int, progress: Progress) -> None:
    stage = f"{name} ({number + 1} of {count}): {progress.stage}"
    tell(Progress(progress.arm, progress.done, progress.patients, (number + progress.fraction) / count, stage))
