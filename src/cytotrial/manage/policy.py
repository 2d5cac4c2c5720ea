"""The phrases of a policy, read: what must hold, and what is then done. No patient appears here."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytotrial.errors import did_you_mean
from cytotrial.units import UnitError, hours

# In order of severity: where several treatments decide for one patient, the largest code wins.
GIVE, TREAT, REDUCE, DELAY, WITHHOLD, STOP_CYCLE, STOP_COURSE, STOP_DRUG = (np.int8(code) for code in range(8))
ACTIONS = ("give", "treat", "reduce", "delay", "withhold", "stop cycle", "stop course", "stop drug")

TRIGGER_PHRASES = (
    "any absolute",
    "any relative",
    "at least 3 relative",
    "criterion <id>",
    "withheld 3 times in a row",
    "otherwise",
)
ACTION_PHRASES = (
    "give",
    "withhold",
    "delay <duration>",
    "reduce to <level>",
    "reduce one level",
    "reduce one level or stop drug",
    "withhold and reduce one level",
    "withhold and reduce one level or stop drug",
    "raise one level",
    "raise one level at each dose",
    "reduce one level at each dose",
    "treat with <intervention>",
    "stop cycle",
    "stop course",
    "stop drug",
)


@dataclass(frozen=True)
class Trigger:
    """What must hold for a step of a policy.

    `level`: at least `number` criteria of the level are met; `criterion`: that one is; `withheld`: the last `number` doses
    were; `always`: no condition.
    """

    kind: Literal["level", "criterion", "withheld", "always"]
    name: str = ""
    number: int = 1


@dataclass(frozen=True)
class Action:
    """What is done: a code, and what the action needs: a level, a time [h], an intervention.

    `levels_down`: by how many levels of the ladder the dose goes down from now on, below 0 up. `at_each_dose`: again at each
    dose while the step holds, as in a titration; else once. `or_stop`: where there is no lower level, the drug is stopped.
    """

    code: np.int8
    level: str = ""
    hours: float = 0.0
    intervention: str = ""
    levels_down: int = 0
    at_each_dose: bool = False
    or_stop: bool = False


@dataclass(frozen=True)
class Step:
    """One step of a policy, with the words it was read from."""

    text: str
    trigger: Trigger
    action: Action


def read_trigger(text: str, criteria: Collection[str]) -> Trigger:
    """The condition of a step.

    >>> read_trigger("at least 3 relative", [])
    Trigger(kind='level', name='relative', number=3)

    Raises:
        ValueError: no phrase a policy knows, or an unknown criterion; the second line is advice.
    """
    phrase = " ".join(text.split())
    if phrase == "otherwise":
        return Trigger("always")
    if match := re.fullmatch(r"any (absolute|relative|note)", phrase):
        return Trigger("level", match[1])
    if match := re.fullmatch(r"at least ([1-9]\d*) (absolute|relative|note)", phrase):
        return Trigger("level", match[2], int(match[1]))
    if match := re.fullmatch(r"withheld ([1-9]\d*) times in a row", phrase):
        return Trigger("withheld", number=int(match[1]))
    if match := re.fullmatch(r"criterion (\S+)", phrase):
        if match[1] not in criteria:
            raise ValueError(f"unknown criterion '{match[1]}'.\n{did_you_mean(match[1], criteria)}")
        return Trigger("criterion", match[1])
    raise ValueError(f"'{text}' is not a condition of a policy.\n{did_you_mean(phrase, TRIGGER_PHRASES)}")


def read_action(text: str, levels: Collection[str]) -> Action:
    """The action of a step.

    >>> read_action("delay 1 week", []).hours
    168.0

    Raises:
        ValueError: no action a policy knows, an unknown level, or not a duration; the second line is advice.
    """
    phrase = " ".join(text.split())
    plain = {"give": GIVE, "withhold": WITHHOLD, "stop cycle": STOP_CYCLE, "stop course": STOP_COURSE, "stop drug": STOP_DRUG}
    if phrase in plain:
        return Action(plain[phrase])
    if match := re.fullmatch(r"delay (.+)", phrase):
        try:
            wait = hours(match[1])
        except UnitError as error:
            raise ValueError(f"{error}\nExpected for example 'delay 1 week'.") from None
        if wait <= 0:
            raise ValueError(f"'{text}' has no length.\nExpected for example 'delay 1 week'.")
        return Action(DELAY, hours=wait)
    if match := re.fullmatch(r"reduce to (\S+)", phrase):
        if match[1] not in levels:
            raise ValueError(
                f"unknown dose level '{match[1]}'.\n{did_you_mean(match[1], levels) or 'The profile has no levels.'}"
            )
        return Action(REDUCE, level=match[1])
    if match := re.fullmatch(r"(withhold and )?reduce one level( at each dose)?( or stop drug)?", phrase):
        code = WITHHOLD if match[1] else REDUCE
        return Action(code, levels_down=1, at_each_dose=bool(match[2]), or_stop=bool(match[3]))
    if match := re.fullmatch(r"raise one level( at each dose)?", phrase):
        return Action(GIVE, levels_down=-1, at_each_dose=bool(match[1]))
    if match := re.fullmatch(r"treat with ([a-z][a-z0-9_]*)", phrase):
        return Action(TREAT, intervention=match[1])
    raise ValueError(f"'{text}' is not an action.\n{did_you_mean(phrase, ACTION_PHRASES)}")


def action_text(action: Action) -> str:
    """The action in words.

    >>> action_text(Action(DELAY, hours=168.0))
    'delay 168 h'
    """
    again = " at each dose" * action.at_each_dose
    if action.levels_down < 0:
        return f"raise one level{again}"
    if action.levels_down > 0:
        return f"{'withhold and ' * bool(action.code == WITHHOLD)}reduce one level{again}{' or stop drug' * action.or_stop}"
    detail = {DELAY: f" {action.hours:g} h", REDUCE: f" to {action.level}", TREAT: f" with {action.intervention}"}
    return ACTIONS[action.code] + detail.get(action.code, "")
