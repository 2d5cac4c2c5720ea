"""Every plausibility case of the library, simulated: the value lies in its range. The ranges are the library's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cytotrial.catalogue import Library, load_library
from cytotrial.evidence.plausibility import Case, Verdict, check_plausibility, plausibility_cases

CASES = plausibility_cases(load_library())


@pytest.fixture(scope="module")
def verdict_on(library: Library) -> Callable[[Case], Verdict]:
    """The verdict on a case; all are simulated once, when the first is asked for."""
    verdicts: dict[str, Verdict] = {}

    def find(case: Case) -> Verdict:
        if not verdicts:
            verdicts.update(
                (verdict.case.title, verdict) for verdict in check_plausibility(library, plausibility_cases(library))
            )
        return verdicts[case.title]

    return find


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_what_is_simulated_lies_in_the_range_of_its_source(case: Case, verdict_on: Callable[[Case], Verdict]) -> None:
    verdict = verdict_on(case)
    assert verdict.is_inside, str(verdict)
