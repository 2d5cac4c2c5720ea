"""Our grades against a published, machine-readable table of laboratory grades (pharmaverse admiral, CTCAE v5.0 and v6.0).

The table lies beside the repository and is not shipped; without it these tests are skipped.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.formats import GradingFile, InterfaceFile
from cytotrial.formats.interface import Noise, Observable
from cytotrial.observe.conditions import leaves
from cytotrial.observe.grading import Grader
from cytotrial.observe.history import History
from cytotrial.observe.observe import Chart
from cytotrial.observe.plan import Finding, Moment, MonitoringPlan
from cytotrial.reading import read_yaml
from cytotrial.units import conversion, split_quantity

ROOT = Path(__file__).parents[2]
TABLES = {version: ROOT.parent / "shared" / "data" / "ctcae" / f"lab_grades_{version}.json" for version in ("v5", "v6")}
LIBRARY = ROOT / "src" / "cytotrial" / "library" / "grading"
GRADINGS = {version: read_yaml(LIBRARY / f"ctcae_{version}.yaml", GradingFile).content for version in TABLES}
PORTS = read_yaml(ROOT / "tests" / "unit" / "observe" / "ports.yaml", InterfaceFile).content.observables

pytestmark = pytest.mark.skipif(
    not all(table.exists() for table in TABLES.values()), reason="the published grading tables are not beside the repository"
)

# Findings that we measure by mass and the published tables by amount of substance (standard atomic weights).
MOLAR_MASS = {"glucose": "180.156 g/mol", "magnesium": "24.305 g/mol", "corrected_calcium": "40.078 g/mol"}
# Our glucose is a fasting one; the published tables split the entry.
SPLIT = {"Hyperglycemia": "Hyperglycemia (Fasting)"}


def entries() -> list[tuple[str, str, dict[str, str]]]:
    """Our terms that have a published entry, with it, of every version: all of them, none is left out."""
    found = []
    for version, table in TABLES.items():
        if not table.exists():
            return []
        published = {entry["TERM"]: entry for entry in json.loads(table.read_text(encoding="utf-8"))}
        named = {key: SPLIT.get(term.term, term.term) for key, term in GRADINGS[version].terms.items()}
        found += [(version, key, published[name]) for key, name in named.items() if name in published]
    return found


def finding_of(version: str, key: str) -> str:
    names = {leaf.finding for condition in GRADINGS[version].terms[key].grades.values() for leaf in leaves(condition)}
    assert len(names) == 1
    return str(names.pop())


def plan_with(name: str, port: Observable) -> MonitoringPlan:
    finding = Finding(
        name=name,
        observable=name,
        statistic="value",
        unit=port.unit,
        factor=1.0,
        per_hours=None,
        moments=(Moment("any"),),
        noise=Noise(),
        normal=port.normal,
        valid_hours=1.0,
        missing=0.0,
        group=port.group,
        code=port.code,
        title=port.title,
    )
    return MonitoringPlan(port.title, {name: finding})


def to_published_unit(name: str, unit: str, entry: dict[str, str]) -> float:
    """The factor from our unit to that of the published entry, through the molar mass where that counts molecules."""
    theirs = entry.get("UNIT_CHECK", unit).replace("MMOL", "mmol")
    if name in MOLAR_MASS:
        mass, per = split_quantity(MOLAR_MASS[name])
        return conversion(f"{unit} / ({per})", theirs) / mass
    return conversion(unit, theirs)


def limits_written_twice(entry: dict[str, str], factor: float) -> list[tuple[float, float]]:
    """The limits that the published entry writes by mass and, rounded, by amount: both in our unit.

    A reading between the two has the one grade by mass and the other by amount; the pair must agree within its rounding.
    """
    pairs = set()
    for grade in "1234":
        text = entry.get(f"GRADE_{grade}", "")
        masses, amounts = (re.findall(rf"([\d.]+)\s*{unit}", text) for unit in ("mg/dL", "mmol/L"))
        if masses:
            pairs.add((masses[0], amounts[0].rstrip("0")))
    for mass, amount in pairs:
        half_a_digit = 0.5 * 10.0 ** -len(amount.partition(".")[2])
        assert abs(float(mass) * factor - float(amount)) < half_a_digit
    return [(float(mass), float(amount) / factor) for mass, amount in sorted(pairs)]


def published_grade(entry: dict[str, str], **values: Any) -> int | None:
    """The grade of the published entry: its R expressions, read in their order; None for not known."""
    for part in ("NA", "4", "3", "2", "1"):
        for expression, grade in re.findall(
            r"(.+?)\s*~\s*(NA_character_|\"\d\")(?:,\s*|$)", entry.get(f"GRADE_{part}_CODE", "")
        ):
            text = re.sub(r"signif\(((?:[^()]|\([^()]*\))*?),\s*signif_dig\)", r"significant(\1)", expression)
            text = text.replace("is.na(", "isnan(").replace("BNRIND %in% high_indicator", "is_high")
            text = text.replace("BNRIND %in% low_indicator", "is_low")
            text = text.replace("&", " and ").replace("|", " or ").replace("!", " not ")
            scope = {"significant": lambda x: float(f"{x:.15g}"), "isnan": math.isnan, **values}
            if eval(text, {"__builtins__": {}}, scope):
                return None if grade.startswith("NA") else int(grade.strip('"'))
    return 0


@pytest.mark.parametrize(("version", "key", "entry"), entries(), ids=[f"{version}-{key}" for version, key, _ in entries()])
def test_grades_agree_with_the_published_table_on_a_full_grid(version: str, key: str, entry: dict[str, str]) -> None:
    name = finding_of(version, key)
    port = PORTS[name]
    lower, upper = port.normal.lower or math.nan, port.normal.upper or math.nan
    to_published = to_published_unit(name, port.unit, entry)
    twice = limits_written_twice(entry, to_published) if name in MOLAR_MASS else []
    scale = upper if "ANRHI" in entry["VAR_CHECK"] or math.isnan(lower) else lower
    baselines = [round(scale * part, 3) for part in (0.2, 0.5, 0.9, 1.0, 1.2, 2.5)]
    limits = {scale, *(bound * factor for bound in baselines for factor in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0))}
    limits |= {scale * factor for factor in (1.5, 3.0, 6.0, 10.0)} | {0.1, 0.2, 0.5, 0.8, 1, 1.5, 2, 3, 8, 10, 25, 50, 75}
    limits |= {2.5, 4, 5.5, 6, 7, 20, 100, 120, 129, 130, 150, 155, 160}
    near = {round(limit * part, 6) for limit in limits for part in (0.999, 1.0, 1.001)}
    near |= {round(limit * part, 6) for pair in twice for limit in pair for part in (0.999, 1.001)}
    values = sorted(near | {round(scale * step / 50, 6) for step in range(1, 1000, 7)})
    values = [value for value in values if not any(min(pair) <= value <= max(pair) for pair in twice)]
    grid = list(itertools.product(baselines, values))
    plan = plan_with(name, port)
    history = History(plan, len(grid))
    everyone = np.ones(len(grid), dtype=bool)
    for time, column in ((0.0, 0), (24.0, 1)):
        now = np.full(len(grid), time)
        readings = {name: np.array([pair[column] for pair in grid])}
        history.add(Chart(now, everyone, everyone & (time == 0), now, readings))
    ours = Grader.from_file(GRADINGS[version], plan).grade(history)[key]
    theirs = [
        published_grade(
            entry,
            AVAL=value * to_published,
            ANRLO=lower * to_published,
            ANRHI=upper * to_published,
            BASE=baseline * to_published,
            is_high=baseline > upper,
            is_low=baseline < lower,
        )
        for baseline, value in grid
    ]
    wrong = [(pair, int(our), their) for pair, our, their in zip(grid, ours, theirs, strict=True) if our != their]
    assert wrong == []
    assert set(theirs) >= {0, *GRADINGS[version].terms[key].grades}


def test_the_tables_cover_every_laboratory_term_we_grade_by_limits_of_normal() -> None:
    named = {(version, key) for version, key, _ in entries()}
    always = {"creatinine_increased", "blood_bilirubin_increased", "neutrophil_count_decreased", "anaemia", "hypoalbuminaemia"}
    always |= {"acidosis", "hypomagnesaemia", "hypermagnesaemia", "hypocalcaemia", "hypercalcaemia"}
    assert named >= {(version, key) for version in TABLES for key in always} | {("v6", "hyperglycaemia")}


def test_both_versions_grade_the_same_terms() -> None:
    assert GRADINGS["v5"].terms.keys() == GRADINGS["v6"].terms.keys()


def test_a_value_not_measured_has_no_grade() -> None:
    for version, key, entry in entries():
        name = finding_of(version, key)
        plan = plan_with(name, PORTS[name])
        assert Grader.from_file(GRADINGS[version], plan).grade(History(plan, 1))[key].tolist() == [-1]
        missing = {"AVAL": math.nan, "ANRLO": 1.0, "ANRHI": 1.0, "BASE": 1.0, "is_high": False, "is_low": False}
        assert published_grade(entry, **missing) is None
