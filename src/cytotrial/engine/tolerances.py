"""How accurately and how persistently to integrate. Not the method's coefficients: those are in `methods`."""

from __future__ import annotations

from dataclasses import dataclass

TIGHTEST_RTOL, LOOSEST_RTOL = 1e-10, 1e-2
"""What a run may ask for: below, rounding is of the size of the errors; above, failed patients and wrong cures appear."""


@dataclass(frozen=True)
class Tolerances:
    """Error control of one ensemble.

    Attributes:
        rtol: local error of a step allowed in any state, relative to its nominal plus its present size. The default keeps
            99 % of all values within 2e-5 of the exact solution of a stiff dosing model.
        max_steps: steps, accepted and rejected, that one patient may take in one `advance`.
        restart_step: first step, and first step after a patient's first events [h]; after later ones it is what was right
            before. A wrong guess costs one or two rejected steps.
        step_floor: a step that must be shorter than this has failed [h]; well above the spacing of numbers at 10 years.
    """

    rtol: float = 1e-4
    max_steps: int = 200_000
    restart_step: float = 0.02
    step_floor: float = 1e-10

    def __post_init__(self) -> None:
        for name in ("rtol", "max_steps", "restart_step", "step_floor"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"Tolerances.{name} is {value!r}; expected a number above 0.")
