"""Published numbers beside simulated ones, one row each, inside the published interval or not. It fits nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from cytotrial.evidence.arm_tables import ArmTables, Simulated
from cytotrial.evidence.endpoints import simulate_endpoint
from cytotrial.evidence.setting import differences
from cytotrial.formats.evidence import EvidenceFile, Expectation
from cytotrial.naming import study_name
from cytotrial.results.context import Context
from cytotrial.results.folder import RunFolder
from cytotrial.results.proportions import CONFIDENCE, UNKNOWN, exact_proportion
from cytotrial.results.tables import readable
from cytotrial.units import UnitError, conversion


@dataclass(frozen=True)
class PublishedInterval:
    """The interval a published number is judged by, and where it comes from."""

    low: float
    high: float
    kind: str


NO_INTERVAL = PublishedInterval(math.nan, math.nan, "")

COLUMNS = [
    "study",
    "role",
    "arm",
    "endpoint",
    "term",
    "window",
    "among",
    "estimand",
    "denominator",
    "unit",
    "published",
    "published_low",
    "published_high",
    "interval",
    "published_n",
    "simulated",
    "simulated_low",
    "simulated_high",
    "simulated_n",
    "inside",
    "criteria",
    "verified",
    "where",
    "remark",
    "efficacy_row",
    "scheme",
    "graded",
    "differs",
    "cited",
]


def compare_with_published(run: RunFolder, context: Context, *, arms: Sequence[str]) -> pd.DataFrame:
    """Every expectation of the context's studies beside the run; `inside` (yes, no, -): the simulated value lies in the
    published interval.

    Columns: study, role, arm, endpoint, term, window, among (which patients alone, in words), estimand, denominator, unit,
    published, published_low, published_high, interval (what kind it is), published_n, simulated, simulated_low,
    simulated_high (95 %), simulated_n, inside, criteria, verified, where, remark (why there is no simulated value, among
    others), efficacy_row (the matching row of `efficacy()`), scheme (how the study reported side effects; `simulated` is
    then what it would report, `graded` all that was graded), differs (how the trial was run otherwise than this protocol),
    cited (the study as it is spoken of).
    """
    rows = []
    by_arm = {arm: ArmTables(run, arm, context=context) for arm in arms}
    for study in context.published:
        arm = _arm_of(study, arms)
        differs = "" if arm is None else "; ".join(differences(study, run.manifest.protocol, arm))
        scheme = context.schemes.get(study.reporting or "")
        cited = study_name(study.study, context.sources.get(study.source, {}))
        for expectation in study.expectations:
            if arm is None:
                found = Simulated(UNKNOWN, f"this run has no arm '{study.arm}'")
            else:
                found = simulate_endpoint(by_arm[arm], expectation, scheme=scheme, care=context.care_in_use)
            rows.append([*_row(study, arm, expectation, found), study.reporting, found.graded, differs, cited])
    frame = pd.DataFrame(
        {name: pd.Series([row[number] for row in rows], dtype=_dtype(name)) for number, name in enumerate(COLUMNS)}
    )
    return readable(frame)


def judging_interval(expectation: Expectation) -> PublishedInterval:
    """The interval a simulated value is held against.

    A published confidence interval, range or interquartile range as it stands; a standard error or deviation as mean +- z SE;
    for a proportion with n but no interval, the exact interval. Otherwise none.
    """
    stated = expectation.interval
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    if stated is None:
        return _interval_from_count(expectation)
    if stated.kind == "se":
        half = z * (stated.high - stated.low) / 2
        return PublishedInterval(expectation.value - half, expectation.value + half, "from se")
    if stated.kind == "sd":
        if not expectation.n:
            return NO_INTERVAL
        half = z * (stated.high - stated.low) / 2 / math.sqrt(expectation.n)
        return PublishedInterval(expectation.value - half, expectation.value + half, "from sd")
    return PublishedInterval(stated.low, stated.high, stated.kind)


def _interval_from_count(expectation: Expectation) -> PublishedInterval:
    if expectation.estimand != "proportion" or not expectation.n:
        return NO_INTERVAL
    try:
        share = expectation.value * conversion(expectation.unit, "1")
    except UnitError:
        return NO_INTERVAL
    count = round(share * expectation.n)
    if not 0 <= count <= expectation.n:
        return NO_INTERVAL
    exact = exact_proportion(count, expectation.n)
    scale = conversion("1", expectation.unit)
    return PublishedInterval(exact.low * scale, exact.high * scale, "exact, from n")


def _arm_of(study: EvidenceFile, arms: Sequence[str]) -> str | None:
    """The arm of the run that stands for the study's: the one of its name, or the only one."""
    if study.arm in arms:
        return study.arm
    return arms[0] if len(arms) == 1 else None


def _row(study: EvidenceFile, arm: str | None, expectation: Expectation, found: Simulated) -> list[object]:
    interval = judging_interval(expectation)
    # Simulated shares are fractions; the published number may be in percent.
    is_share = expectation.estimand in {"proportion", "rate"}
    scale = conversion("1", expectation.unit) if is_share and not math.isnan(found.estimate.value) else 1.0
    value, low, high = (part * scale for part in (found.estimate.value, found.estimate.low, found.estimate.high))
    known = not (math.isnan(value) or math.isnan(interval.low))
    inside = ("yes" if interval.low <= value <= interval.high else "no") if known else "-"
    return [
        study.study,
        study.role,
        arm,
        expectation.endpoint,
        expectation.term or expectation.level,
        expectation.window,
        "" if expectation.among is None else expectation.among.phrase().replace("_", " "),
        expectation.estimand,
        expectation.denominator,
        expectation.unit,
        expectation.value,
        interval.low,
        interval.high,
        interval.kind,
        expectation.n,
        value,
        low,
        high,
        found.estimate.n or None,
        inside,
        expectation.criteria_version,
        expectation.verified,
        expectation.where,
        found.remark,
        found.efficacy_row,
    ]


def _dtype(column: str) -> str:
    if column in {"published_n", "simulated_n"}:
        return "Int64"
    if column == "verified":
        return "bool"
    if column.startswith(("published", "simulated", "graded")):
        return "float64"
    return "string"
