"""Who meets a criterion before treatment: the conditions of the rules, on values at rest. It draws nobody.

A patient at rest has no course of treatment, so conditions on grades, on what was given or on several measurements have no
meaning here and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.formats.conditions import Condition
from cytotrial.formats.interface import Covariate, Observable
from cytotrial.units import conversion

NEEDS_TREATMENT = ("grade", "given", "rise_over", "consecutive", "for_at_least")


def meets(
    condition: Condition, measured: Mapping[str, np.ndarray], *, ports: Mapping[str, Observable | Covariate]
) -> npt.NDArray[np.bool_]:
    """Whether each patient meets a condition (patients,); a value that is not a number meets nothing.

    Args:
        condition: the criterion.
        measured: (patients,) at rest, by finding; holds every finding of the condition.
        ports: unit and limits of normal of each finding.

    Raises:
        LibraryError: the condition speaks of what happens under treatment, or of a limit of normal that there is none of.
    """
    for joined, together in (("any", np.logical_or), ("all", np.logical_and)):
        parts = getattr(condition, joined)
        if parts is not None:
            result: npt.NDArray[np.bool_] = together.reduce([meets(part, measured, ports=ports) for part in parts])
            return result
    if condition.of is not None:
        met = np.sum([meets(part, measured, ports=ports) for part in condition.of], axis=0)
        return np.asarray(met >= (condition.at_least or 0.0), dtype=np.bool_)
    if condition.not_ is not None:
        return ~meets(condition.not_, measured, ports=ports)
    unusable = [name for name in NEEDS_TREATMENT if getattr(condition, name) is not None]
    if unusable:
        what = f"'{unusable[0]}' cannot be asked of a patient before treatment."
        raise LibraryError([Problem(Place(path="eligibility"), what, "Expected a comparison of a finding or a covariate.")])
    return _compare(condition, measured, ports)


def findings(condition: Condition) -> Iterator[str]:
    """The findings that a condition speaks of."""
    if condition.finding is not None:
        yield condition.finding
    for part in (*(condition.any or ()), *(condition.all or ()), *(condition.of or ()), condition.not_):
        if part is not None:
            yield from findings(part)


def _compare(
    condition: Condition, measured: Mapping[str, np.ndarray], ports: Mapping[str, Observable | Covariate]
) -> npt.NDArray[np.bool_]:
    name = condition.finding or ""
    value = measured[name]
    factor = _factor(condition, value, ports[name])
    met = np.ones(value.shape, dtype=np.bool_)
    for bound, test in (
        (condition.from_, np.greater_equal),
        (condition.at_least, np.greater_equal),
        (condition.above, np.greater),
        (condition.below, np.less),
        (condition.at_most, np.less_equal),
    ):
        if bound is not None:
            met &= test(value, bound * factor)
    return met


def _factor(condition: Condition, value: np.ndarray, port: Observable | Covariate) -> np.ndarray | float:
    """What the bounds of a comparison are multiplied by, in the unit of the port."""
    if condition.times is None:
        return conversion(condition.unit, port.unit) if condition.unit else 1.0
    if condition.times == "baseline":
        return value
    normal = port.normal if isinstance(port, Observable) else None
    limit = None if normal is None else (normal.upper if condition.times == "upper_normal" else normal.lower)
    if limit is None:
        what = f"'{condition.finding}' has no {condition.times.replace('_', ' limit of ')}."
        raise LibraryError([Problem(Place(path="eligibility"), what, "Write the limit with its unit.")])
    return limit
