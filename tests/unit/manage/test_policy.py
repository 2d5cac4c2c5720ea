"""The phrases of a policy."""

from __future__ import annotations

import pytest

from cytotrial.manage.policy import (
    DELAY,
    GIVE,
    REDUCE,
    STOP_CYCLE,
    STOP_DRUG,
    TREAT,
    WITHHOLD,
    Action,
    Trigger,
    action_text,
    read_action,
    read_trigger,
)


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("any absolute", Trigger("level", "absolute")),
        ("any  relative", Trigger("level", "relative")),
        ("at least 3 relative", Trigger("level", "relative", 3)),
        ("criterion creatinine", Trigger("criterion", "creatinine")),
        ("withheld 3 times in a row", Trigger("withheld", number=3)),
        ("otherwise", Trigger("always")),
    ],
)
def test_every_condition_of_the_format_is_read(text: str, trigger: Trigger) -> None:
    assert read_trigger(text, ["creatinine"]) == trigger


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("give", Action(GIVE)),
        ("withhold", Action(WITHHOLD)),
        ("delay 1 week", Action(DELAY, hours=168.0)),
        ("reduce to half", Action(REDUCE, level="half")),
        ("reduce one level", Action(REDUCE, levels_down=1)),
        ("withhold and reduce one level or stop drug", Action(WITHHOLD, levels_down=1, or_stop=True)),
        ("raise one level", Action(GIVE, levels_down=-1)),
        ("raise one level at each dose", Action(GIVE, levels_down=-1, at_each_dose=True)),
        ("reduce one level at each dose or stop drug", Action(REDUCE, levels_down=1, at_each_dose=True, or_stop=True)),
        ("treat with dexamethasone", Action(TREAT, intervention="dexamethasone")),
        ("stop cycle", Action(STOP_CYCLE)),
        ("stop drug", Action(STOP_DRUG)),
    ],
)
def test_every_action_of_the_format_is_read(text: str, action: Action) -> None:
    assert read_action(text, ["half"]) == action


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("any absolut", "not a condition of a policy.\nDid you mean 'any absolute'"),
        ("at least three relative", "Did you mean 'at least 3 relative'"),
        ("at least 0 relative", "not a condition"),
        ("criterion creatinin", "unknown criterion 'creatinin'.\nDid you mean 'creatinine'"),
    ],
)
def test_a_condition_that_cannot_be_read_names_the_nearest(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_trigger(text, ["creatinine"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("withold", "'withold' is not an action.\nDid you mean 'withhold'"),
        ("stop cycel", "Did you mean 'stop cycle'"),
        ("delay soon", "'soon' is not a quantity"),
        ("delay 0 h", "has no length"),
        ("reduce to quarter", "unknown dose level 'quarter'.\nExpected one of: half"),
    ],
)
def test_an_action_that_cannot_be_read_names_the_nearest(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_action(text, ["half"])


def test_severity_follows_the_order_of_the_format() -> None:
    assert GIVE < TREAT < REDUCE < DELAY < WITHHOLD < STOP_CYCLE < STOP_DRUG


def test_actions_are_written_as_they_are_read() -> None:
    ladder = (
        "reduce one level",
        "withhold and reduce one level or stop drug",
        "raise one level",
        "raise one level at each dose",
        "withhold and reduce one level at each dose",
    )
    for text in ("give", "delay 168 h", "reduce to half", "treat with dexamethasone", "stop course", *ladder):
        assert action_text(read_action(text, ["half"])) == text
