"""How one patient's integration stands, with a sentence for the user. Not an exception: the other patients go on."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The state of one patient's integration.

    >>> Status.TOO_MANY_STEPS.reason.split(":")[0]
    'More steps than allowed were needed'
    """

    OK = 0
    STEP_FLOOR = 1
    NOT_FINITE = 2
    TOO_MANY_STEPS = 3
    NO_STEADY_STATE = 4

    @property
    def reason(self) -> str:
        """What happened and what to try, in one sentence."""
        return _REASONS[self]


_REASONS = {
    Status.OK: "Integrated without difficulty.",
    Status.STEP_FLOOR: (
        "The step fell under its floor: the solution grows without bound or jumps within the equations; "
        "look for a runaway feedback at the patient's last time, or try a smaller rtol."
    ),
    Status.NOT_FINITE: (
        "A rate of change is not a finite number: look for a division by zero, or a logarithm or non-integer power "
        "of a quantity that became negative, at the patient's last time, and bound it with max(0, ...)."
    ),
    Status.TOO_MANY_STEPS: (
        "More steps than allowed were needed: the solution oscillates fast or the tolerance is too tight; "
        "raise max_steps, or raise rtol, and check the patient's parameters."
    ),
    Status.NO_STEADY_STATE: (
        "The patient has no start: the states that begin at their steady state did not come to rest; "
        "look for one that grows without bound or oscillates with the patient's parameters, or give a nearer guess."
    ),
}
