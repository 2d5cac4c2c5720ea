"""How a trial's answer moves when parameters of the biology do: whole trials of the same patients, one parameter moved in each.

Doses that are withheld, patients who leave and the luck of each patient are in it. The slopes of a state or observable of
each patient, with the doses held, are `engine.sensitivities`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from cytotrial.catalogue import Library
from cytotrial.errors import Place, Problem, ProtocolError
from cytotrial.model.biology import Biology
from cytotrial.protocol.protocol import Protocol, with_overrides
from cytotrial.replicates import trial_answers
from cytotrial.trial import Prepared, Progress, prepare, run_trial
from cytotrial.units import parse_quantity

SHARE = 0.1  # of a parameter's value: smaller moves fewer patients over a limit than chance would
COLUMNS = ("parameter", "arm", "endpoint", "unit", "lower", "value", "higher")


def trial_sensitivities(
    protocol: Protocol,
    library: Library,
    *,
    to: Sequence[str],
    share: float = SHARE,
    threads: int | None = None,
    rtol: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> pd.DataFrame:
    """A trial's answer with each parameter at `1 - share` and `1 + share` times its value, beside that of the trial as it is.

    All trials have the same seed, so the same patients with the same luck: what differs is the parameter's doing. Where it
    varies between patients, the centre is moved and everybody with it. An answer is one number of the whole trial; it
    moves in jumps of one patient, so take as many patients as the question needs.

    Args:
        protocol: the question.
        library: drugs, diseases, rules.
        to: parameters, as `set:` of a protocol names them.
        share: by which part of its value a parameter is moved; above 0, below 1.
        threads: workers of each trial.
        rtol: error that one step of the integration may make, relative.
        progress: is told how far all of them are.

    Returns:
        A row for each parameter, arm and endpoint, with the columns `COLUMNS`.

    Raises:
        ProtocolError: `share` out of range, an unknown parameter, one without a value of its own, or a value out of its limits.
        SimulationError, LibraryError: as `run_trial`.
    """
    if not 0 < share < 1:
        raise ProtocolError([Problem(Place(path="share"), f"{share:g} is not possible.", "Expected above 0 and below 1.")])
    tell = progress or (lambda _: None)
    prepared = prepare(protocol, library, tell=lambda stage: tell(Progress("", 0, protocol.patients, 0.0, stage)))
    settings = {name: _moved(protocol, prepared.biology, name, share) for name in to}
    asked = [protocol, *(with_overrides(protocol, set={name: text}) for name in to for text in settings[name])]
    answers = []
    for number, one in enumerate(asked):
        told = partial(_told, tell, number, len(asked))
        answers.append(_answers(one, library, prepared, threads=threads, rtol=rtol, progress=told))
    rows = pd.MultiIndex.from_frame(answers[0][["arm", "endpoint"]])
    values = [answer.set_index(["arm", "endpoint"])["value"].reindex(rows).to_numpy() for answer in answers]
    parts = [
        answers[0].assign(parameter=name, lower=values[1 + 2 * index], higher=values[2 + 2 * index])
        for index, name in enumerate(to)
    ]
    return pd.concat(parts)[list(COLUMNS)].reset_index(drop=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _moved(protocol: Protocol, biology: Biology, name: str, share: float) -> tuple[str, str]:
    """The settings of a parameter moved down and up, from what the protocol sets or the table says."""
    full = biology.resolve(name)
    parameter = biology.parameters[full]
    written = next((value for key, value in protocol.set.items() if biology.resolve(key) == full), None)
    value = parameter.value if written is None else parse_quantity(written, parameter.unit)
    if value is None or value == 0:
        what = f"'{name}' is 0 or has no value of its own, so no part of it can be taken."
        raise ProtocolError([Problem(Place(path="to"), what, "Set a value in the protocol, or choose another parameter.")])
    low, high = (f"{value * factor!r} {parameter.unit}" for factor in (1 - share, 1 + share))
    return low, high


def _answers(
    protocol: Protocol,
    library: Library,
    prepared: Prepared,
    *,
    threads: int | None,
    rtol: float | None,
    progress: Callable[[Progress], None],
) -> pd.DataFrame:
    """The answers of one trial."""
    result = run_trial(
        *(protocol, library), threads=threads, progress=progress, keep=False, prepared=prepared, brief=True, rtol=rtol
    )
    return trial_answers(result)


def _told(tell: Callable[[Progress], None], number: int, count: int, progress: Progress) -> None:
    stage = f"trial {number + 1} of {count}: {progress.stage}"
    tell(Progress(progress.arm, progress.done, progress.patients, (number + progress.fraction) / count, stage))
