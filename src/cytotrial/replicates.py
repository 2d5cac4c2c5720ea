"""A trial again and again, with other patients each time: the spread of its answer, and how often it would succeed.

Every replicate is a whole trial of its own seed. It estimates nothing within a trial; that is done in `results`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from cytotrial.catalogue import Library
from cytotrial.errors import Place, Problem, ProtocolError, RunFolderError, did_you_mean
from cytotrial.protocol.protocol import Protocol, with_overrides
from cytotrial.results.adverse_events import ANY_TERM
from cytotrial.results.proportions import Estimate, exact_proportion
from cytotrial.results.result import Result
from cytotrial.results.tables import readable
from cytotrial.run_record import NOTICE
from cytotrial.trial import Prepared, Progress, prepare, run_trial

FEWEST, MOST = 2, 100_000
SEVERE_EVENT = "adverse event of grade 3 or more"
QUANTILES = {"p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
TABLE_FILE, SPREAD_FILE, ANSWER_FILE = "replicates.csv", "spread.csv", "replicates.json"
_CRITERION = re.compile(
    r"^\s*(?:(?P<arm>[^:]+):)?\s*(?P<endpoint>[^<>=]+?)\s*(?P<sign>>=|<=|>|<)\s*(?P<value>[-+0-9.eE]+)\s*(?P<percent>%?)\s*$"
)
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda x, y: x >= y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    "<": lambda x, y: x < y,
}


@dataclass(frozen=True)
class Criterion:
    """When a trial counts as a success: an endpoint of `Result.efficacy()` or of `between` compared with a number."""

    text: str
    arm: str | None
    endpoint: str
    sign: str
    value: float

    def is_met(self, value: float) -> bool:
        """Whether a value meets it; one that cannot be told (a median not reached) does not."""
        return _SIGNS[self.sign](value, self.value)


@dataclass(frozen=True)
class Replicates:
    """`table`: seed, arm, endpoint, unit, value of each whole trial; `asked` trials were to be made, `made` were."""

    protocol: Protocol
    table: pd.DataFrame
    asked: int
    success: Criterion | None
    reached: tuple[bool, ...] = field(default=())

    @property
    def made(self) -> int:
        """How many trials were completed."""
        return int(self.table["seed"].nunique())

    def spread(self) -> pd.DataFrame:
        """One row per arm and endpoint: arm, endpoint, unit, trials (with a value), mean, sd, p05, p25, median, p75, p95."""
        groups = self.table.groupby(["arm", "endpoint", "unit"], sort=False)["value"]
        found = groups.agg(trials="count", mean="mean", sd="std")
        for name, share in QUANTILES.items():
            found[name] = groups.quantile(share)
        return readable(found.reset_index())

    def probability_of_success(self) -> Estimate | None:
        """The share of trials that met the criterion, exact 95 % interval; None without a criterion."""
        return exact_proportion(sum(self.reached), len(self.reached)) if self.success else None

    def write(self, folder: Path) -> None:
        """Writes replicates.csv, spread.csv and replicates.json to a new folder.

        Raises:
            RunFolderError: the folder exists and is not empty, or cannot be written.
        """
        place = Place(str(folder))
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunFolderError([Problem(place, "exists and is not empty.", "Choose another folder.")])
        chance = self.probability_of_success()
        answer = {
            "schema": "replicates/1",
            "notice": NOTICE,
            "protocol": self.protocol.to_yaml(),
            "first_seed": self.protocol.seed,
            "asked": self.asked,
            "made": self.made,
            "success": self.success.text if self.success else None,
            "probability_of_success": None if chance is None else [chance.value, chance.low, chance.high],
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.table.to_csv(folder / TABLE_FILE, index=False, lineterminator="\n")
            self.spread().to_csv(folder / SPREAD_FILE, index=False, lineterminator="\n")
            (folder / ANSWER_FILE).write_text(json.dumps(answer, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as failure:
            raise RunFolderError([Problem(place, f"cannot be written: {failure.strerror}.")]) from None


def run_replicates(
    protocol: Protocol,
    library: Library,
    *,
    count: int,
    success: str | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    rtol: float | None = None,
) -> Replicates:
    """`count` whole trials with seeds from the protocol's on. Ctrl-C ends it with the trials made so far, if two were.

    Args:
        protocol: the question.
        library: drugs, diseases, rules.
        count: how many trials.
        success: a criterion such as 'objective response >= 14 %' or 'High: complete response > 0.05'; of the first arm.
        threads: workers of each trial.
        progress: is told how far all of them are.
        rtol: error that one step of the integration may make, relative.

    Raises:
        ProtocolError: the count is out of range, or the criterion cannot be read or names what a trial has not.
        SimulationError, LibraryError: as `run_trial`.
        KeyboardInterrupt: Ctrl-C before two trials were made.
    """
    if not FEWEST <= count <= MOST:
        raise ProtocolError([Problem(Place(path="replicates"), f"{count} is not possible.", f"Expected {FEWEST} to {MOST}.")])
    criterion = read_criterion(success) if success else None
    tell = progress or (lambda _: None)
    prepared = prepare(protocol, library, tell=lambda stage: tell(Progress("", 0, protocol.patients, 0.0, stage)))
    frames: list[pd.DataFrame] = []
    reached: list[bool] = []
    try:
        for number in range(count):
            one = with_overrides(protocol, seed=protocol.seed + number)
            answers = _one_trial(one, library, prepared, threads, partial(_told, tell, number, count), rtol=rtol)
            if criterion is not None:
                reached.append(criterion.is_met(_value_of(criterion, answers)))
            frames.append(answers.assign(seed=one.seed))
    except KeyboardInterrupt:
        if len(frames) < FEWEST:
            raise
    table = pd.concat(frames, ignore_index=True)[["seed", "arm", "endpoint", "unit", "value"]]
    return Replicates(protocol, readable(table), count, criterion, tuple(reached[: len(frames)]))


def read_criterion(text: str) -> Criterion:
    """The criterion in a text such as 'objective response >= 0.14' or 'High-dose bolus: complete response > 5 %'.

    >>> read_criterion("objective response >= 14 %").value
    0.14

    Raises:
        ProtocolError: it cannot be read.
    """
    found = _CRITERION.match(text)
    try:
        value = float(found["value"]) / (100 if found["percent"] else 1) if found else None
    except ValueError:
        value = None
    if found is None or value is None:
        advice = "Expected ENDPOINT, a sign and a number, for example 'objective response >= 14 %'."
        raise ProtocolError([Problem(Place(path="success"), f"'{text}' is not a criterion.", advice)])
    arm = found["arm"].strip() if found["arm"] else None
    return Criterion(text.strip(), arm, found["endpoint"].strip(), found["sign"], value)


def trial_answers(result: Result) -> pd.DataFrame:
    """What one trial found, a number each: efficacy, severe adverse events, and arms against each other."""
    efficacy = result.efficacy()[["arm", "endpoint", "unit", "value"]]
    events = result.adverse_events()
    severe = events[events["term"] == ANY_TERM]
    risk = pd.DataFrame({"arm": severe["arm"], "value": severe["grade_3_or_more_percent"] / 100})
    between = result.between_arms()
    against = pd.DataFrame(
        {
            "arm": between["arm"],
            "endpoint": between["endpoint"] + ", " + between["measure"] + " against " + between["against"],
            "value": between["value"],
        }
    )
    parts = [efficacy, risk.assign(endpoint=SEVERE_EVENT, unit="1"), against.assign(unit="1")]
    return readable(pd.concat([part for part in parts if len(part)], ignore_index=True))


def _one_trial(
    protocol: Protocol,
    library: Library,
    prepared: Prepared,
    threads: int | None,
    progress: Callable[[Progress], None],
    *,
    rtol: float | None,
) -> pd.DataFrame:
    result = run_trial(
        *(protocol, library), threads=threads, progress=progress, keep=False, prepared=prepared, brief=True, rtol=rtol
    )
    return trial_answers(result)


def _value_of(criterion: Criterion, answers: pd.DataFrame) -> float:
    arms = list(dict.fromkeys(answers["arm"]))
    arm = criterion.arm or arms[0]
    if arm not in arms:
        raise ProtocolError([Problem(Place(path="success"), f"this trial has no arm '{arm}'.", did_you_mean(arm, arms))])
    rows = answers[answers["arm"] == arm].set_index("endpoint")["value"]
    if criterion.endpoint not in rows.index:
        names = [str(name) for name in rows.index]
        advice = did_you_mean(criterion.endpoint, names, see=f"Endpoints of a trial: {'; '.join(names)}.")
        raise ProtocolError([Problem(Place(path="success"), f"a trial has no endpoint '{criterion.endpoint}'.", advice)])
    return float(rows.loc[criterion.endpoint])


def _told(tell: Callable[[Progress], None], number: int, count: int, progress: Progress) -> None:
    fraction = (number + progress.fraction) / count
    tell(Progress("", progress.done, progress.patients, fraction, f"trial {number + 1} of {count}"))
