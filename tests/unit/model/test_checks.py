"""The linter over small broken libraries: each check finds its mistake, with file and line, and a sound library has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.catalogue import load_library
from cytotrial.checks import CHECKS, check_library
from cytotrial.errors import LibraryError
from cytotrial.model.consistency import CHECKS as MODEL_CHECKS

BODY = "physiology/body/body.ant"
BODY_MODULE = "physiology/body/module.yaml"
BODY_TABLE = "physiology/body/parameters.csv"
DRUG = "drugs/remedy/drug.yaml"
DRUG_TABLE = "drugs/remedy/parameters.csv"
RULES = "drugs/remedy/rules/careful.yaml"
EVIDENCE = "drugs/remedy/evidence/study2020.yaml"
POPULATION = "diseases/illness/population.yaml"
HEADER = "first,second,correlation,status\n"

LADDER = "grading/ladder.yaml"
LADDER_TEXT = """schema: response/1
title: {en: Ladder, fr: Échelle}
measure: levels
assessed: every 4 weeks
levels:
  - id: cool
    title: {en: cooled down, fr: refroidi}
    counts_as: CR
    when: {vital: thermometer, below: 37, unit: degC}
cases:
  - {case: cold, baseline: {thermometer: 39 degC}, charts: [{thermometer: 36 degC}], expect: [cool]}
source: {ref: study2020}
"""

MISTAKES = {
    "missing_schema_line": (
        DRUG,
        ("schema: drug/1\n", ""),
        r"drug\.yaml: the `schema:` line is missing\.\n  Expected `schema: drug/1`",
    ),
    "wrong_schema": (DRUG, ("schema: drug/1", "schema: rules/1"), r"drug\.yaml: `schema: rules/1` does not belong here"),
    "unreadable_file": (
        "grading/grades.yaml",
        ("terms:", "tems:"),
        r"grades\.yaml:4:1: tems: unknown key 'tems'\.\n  Did you mean 'terms'",
    ),
    "missing_file": (
        POPULATION,
        None,
        r"population\.yaml: no such file\.\n  Each folder under diseases/ has a population\.yaml",
    ),
    "unusable_name": ("protocols/My Trial.yaml", "schema: protocol/1\n", r"My Trial\.yaml: 'My Trial' cannot be a name"),
    "misplaced_file": (
        "drugs/remedy/parameter.csv",
        "name\n",
        r"parameter\.csv: nothing reads this file\.\n  Did you mean 'parameters\.csv'",
    ),
    "empty_text": (RULES, ("fr: Prudent", 'fr: ""'), r"careful\.yaml:2:\d+: title\.fr: the text in 'fr' is empty"),
    "unknown_source": (
        RULES,
        ("ref: study2020", "ref: study2021"),
        r"careful\.yaml:7:\d+: .*unknown source 'study2021'\.\n  Did you mean 'study2020'",
    ),
    "unknown_source_in_table": (
        DRUG_TABLE,
        (",measured,study2020", ",measured,studdy2020"),
        r"parameters\.csv:2: 'clearance' cites the unknown source",
    ),
    "broken_correlation_table": ("correlations.csv", HEADER + "a,b,1.5,assumed\n", r"correlations\.csv:2: correlation: '1\.5'"),
    "correlation_of_nothing": (
        "correlations.csv",
        HEADER + "body.k_warmth,body.spann,0.5,assumed\n",
        r"correlations\.csv:2: 'body\.spann' is no parameter",
    ),
    "repeated_correlation": (
        "correlations.csv",
        HEADER + "body.k_warmth,body.k_messenger,0.5,assumed\nbody.k_messenger,body.k_warmth,0.4,assumed\n",
        r"correlations\.csv:3: .* are correlated already, at library/correlations\.csv:2",
    ),
    "unknown_source_of_correlation": (
        "correlations.csv",
        HEADER + "body.k_warmth,body.k_messenger,0.5,measured\n",
        r"correlations\.csv:2: status is 'measured', but there is no source",
    ),
    "spread_without_status": (
        DRUG_TABLE,
        ("study2020,assumed", "study2020,"),
        r"parameters\.csv:2: the spread of 'clearance' has no spread_status",
    ),
    "unexplained_assumption": (
        DRUG_TABLE,
        ("volume,6,L,log,,assumed,,,invented for tests", "volume,6,L,log,,assumed,,,"),
        r"parameters\.csv:3: 'volume' is assumed",
    ),
    "route_into_nothing": (
        DRUG,
        ("infusion: infusion", "infusion: infusoin"),
        r"drug\.yaml:5:\d+: .*'infusoin' is no input of the module\.\n  Did you mean 'infusion'",
    ),
    "strength_without_amount": (
        DRUG,
        ("4.0e-6 nmol", "4.0e-6 L"),
        r"drug\.yaml:4:\d+: strengths\[0\]\.amount: 'L' cannot be converted to 'nmol'",
    ),
    "regimen_that_cannot_be_read": (
        "drugs/remedy/regimens.yaml",
        ("4 doses", "4 dozes"),
        r"regimens\.yaml:5:\d+: regimens\.weekly\.sentence: ",
    ),
    "unknown_monitoring_plan": (
        DRUG,
        ("routes:", "monitoring: strict\nroutes:"),
        r"drug\.yaml:5:\d+: monitoring: unknown monitoring plan 'strict'",
    ),
    "unknown_support_of_a_drug": (
        DRUG,
        ("routes:", "support: at_hme\nroutes:"),
        r"drug\.yaml:5:\d+: support: unknown supportive-care set 'at_hme'",
    ),
    "population_beyond_its_life_table": (
        POPULATION,
        ("    covariates:", "    life_table: nowhere\n    covariates:"),
        r"population\.yaml:5:\d+: .*life_table: unknown life table 'nowhere'",
    ),
    "disease_without_population": (
        "diseases/illness/disease.yaml",
        ("default_population: all", "default_population: al"),
        r"disease\.yaml:5:\d+: default_population: unknown population",
    ),
    "population_of_unknown_covariates": (
        POPULATION,
        ("unit: kg", "unit: cm"),
        r"population\.yaml:6:\d+: .*'cm' cannot be converted to 'kg'",
    ),
    "population_without_needed_covariates": (
        POPULATION,
        "schema: population/1\npopulations:\n  all: {title: {en: All, fr: Tous}, covariates: {}}\n",
        r"population\.yaml:3:\d+: populations\.all: the biology reads weight, which is not drawn",
    ),
    "population_that_sets_nothing": (
        POPULATION,
        ("    covariates:", "    set: {clearence: 3 L/h}\n    covariates:"),
        r"population\.yaml:5:\d+: .*unknown parameter 'clearence'",
    ),
    "implausible_limits": (
        POPULATION,
        ("populations:", "plausible:\n  - {finding: pulse, low: 1, high: 2, unit: '1'}\npopulations:"),
        r"population\.yaml:3:\d+: .*'pulse' is no observable",
    ),
    "broken_monitoring_plan": (
        "monitoring/standard.yaml",
        ("before each dose", "before every dose"),
        r"standard\.yaml:4:\d+: schedules\.doses\.when",
    ),
    "broken_ladder": (
        LADDER,
        LADDER_TEXT.replace("every 4 weeks", "every now and then"),
        r"ladder\.yaml:4:\d+: assessed: .*\n  Expected for example 'every 8 h'",
    ),
    "levels_of_missing_findings": (
        LADDER,
        LADDER_TEXT.replace("{vital: thermometer,", "{vital: thermometr,"),
        r"ladder\.yaml:9:\d+: .*nobody measures 'thermometr'.*\n  Did you mean 'thermometer'",
    ),
    "failing_level_case": (
        LADDER,
        LADDER_TEXT.replace("expect: [cool]", "expect: [none]"),
        r"ladder\.yaml:11:\d+: cases\[0\]: case 'cold' gave cool\.\n  Expected none",
    ),
    "levels_that_a_trial_cannot_show": (
        {
            LADDER: LADDER_TEXT.replace("thermometer", "pulse"),
            "protocols/trial.yaml": ("response: response", "response: ladder"),
        },
        None,
        r"trial\.yaml: response: 'ladder' asks about 'pulse', which nothing in this trial shows\.",
    ),
    "titles_of_two_levels": (
        LADDER,
        LADDER_TEXT.replace("en: cooled down", "en: Complete response"),
        r"ladder\.yaml:7:\d+: levels\[0\]\.title: 'complete response' is what all criteria report",
    ),
    "broken_rule_profile": (RULES, ("any absolute", "any absolut"), r"careful\.yaml:9:\d+: policy\[0\]\.when: "),
    "policy_that_never_matches": (
        RULES,
        ("when: any absolute,", "when: at least 3 absolute,"),
        r"careful\.yaml:9:\d+: .*can never be true: 1 criteria are absolute",
    ),
    "failing_case": (
        RULES,
        ("expect: [withhold, give]", "expect: [give, give]"),
        r"careful\.yaml:11:\d+: cases\[0\]: case 'heat withholds' gave withhold, give\.\n  Expected give, give",
    ),
    "rules_of_unknown_grades": (
        RULES,
        ("{vital: thermometer, at_least: 40, unit: degC}", "{grade: fevre, at_least: 3}"),
        r"careful\.yaml:6:\d+: .*no grading has the term 'fevre'\.\n  Did you mean 'fever'",
    ),
    "treatment_that_no_care_set_has": (
        RULES,
        ("then: withhold}", "then: treat with fan}"),
        r"careful\.yaml:9:\d+: .*no set of supportive care gives 'fan' when ordered",
    ),
    "care_of_unknown_inputs": (
        "support/standard.yaml",
        ("input: cooling", "input: coling"),
        r"standard\.yaml:4:\d+: care\.fan\.input: 'coling' is no input\.\n  Did you mean 'cooling'",
    ),
    "eligibility_of_missing_findings": (
        POPULATION,
        (
            "populations:",
            "eligibility:\n  fit: {title: {en: F, fr: F}, require: {x: {finding: pulse, at_most: 1}}}\npopulations:",
        ),
        r"population\.yaml:3:\d+: .*nobody measures 'pulse'",
    ),
    "plan_of_missing_observables": (
        "monitoring/standard.yaml",
        ("[thermometer,", "[pulse, thermometer,"),
        r"standard\.yaml:4:\d+: .*'pulse' is no observable; it is not measured",
    ),
    "grading_of_missing_findings": (
        "grading/grades.yaml",
        ("vital: thermometer", "vital: pulse"),
        r"grades\.yaml:9:\d+: .*nobody measures 'pulse'",
    ),
    "rules_of_missing_findings": (
        RULES,
        ("vital: thermometer", "vital: pulse"),
        r"careful\.yaml:6:\d+: .*nobody measures 'pulse'",
    ),
    "broken_protocol": ("protocols/trial.yaml", ("drug: remedy", "drug: remdy"), r"trial\.yaml:8:\d+: .*unknown drug 'remdy'"),
    "evidence_of_unknown_protocol": (
        EVIDENCE,
        ("arm: Treated", "arm: Treatd"),
        r"study2020\.yaml:6:\d+: arm: protocol 'trial' has no arm 'Treatd'\.\n  Did you mean 'Treated'",
    ),
    "evidence_under_another_name": (
        EVIDENCE,
        ("study: study2020", "study: study2019"),
        r"study2020\.yaml:2:\d+: study: study 'study2019' lies in study2020\.yaml",
    ),
    "evidence_that_contradicts_itself": (
        EVIDENCE,
        ("value: 0.2", "value: 20"),
        r"study2020\.yaml:9:\d+: .*20 is no proportion",
    ),
    "evidence_of_unknown_term": (
        EVIDENCE,
        ("estimand:", "term: Fevr, estimand:"),
        r"study2020\.yaml:9:\d+: .*nothing simulated is called 'Fevr'",
    ),
    "evidence_of_unknown_level": (
        {
            LADDER: LADDER_TEXT,
            "protocols/trial.yaml": ("response: response", "response: [response, ladder]"),
            EVIDENCE: ("endpoint: objective_response", "endpoint: level_rate, criteria: ladder, level: cold"),
        },
        None,
        r"study2020\.yaml:9:\d+: expectations\[0\]: unknown level 'cold'\.\n  Did you mean 'cool'",
    ),
    "evidence_among_nobody": (
        EVIDENCE,
        ("estimand:", "among: {finding: weigth, at_least: 70}, estimand:"),
        r"study2020\.yaml:9:\d+: expectations\[0\]\.among: 'weigth' is no covariate\.\n  Did you mean 'weight'",
    ),
    "evidence_of_unknown_setting": (
        EVIDENCE,
        ("expectations:", "setting: {rules: [carefull]}\nexpectations:"),
        r"study2020\.yaml:8:\d+: setting\.rules\[0\]: the library has no rules 'carefull'\.\n  Did you mean 'careful'",
    ),
    "reporting_of_unknown_term": (
        "reporting/table.yaml",
        "schema: reporting/1\ntitle: {en: T, fr: T}\nstatus: assumed\nsource: {ref: study2020}\nterms:\n  heat: {of: [fevr]}\n",
        r"table\.yaml:6:\d+: terms\.heat\.of\[0\]: no grading has the term 'fevr'\.\n  Did you mean 'fever'",
    ),
    "care_seen_in_nothing": (
        "monitoring/standard.yaml",
        (
            "schedules:",
            "care_in_use:\n  fan: {title: {en: F, fr: V}, seen_in: [{finding: thermometr, above: 1, unit: degC}]}\nschedules:",
        ),
        r"standard\.yaml:4:\d+: care_in_use\.fan\.seen_in\[0\]: 'thermometr' is not measured\.\n  Did you mean 'thermometer'",
    ),
    "plausibility_of_nothing": (
        "drugs/remedy/plausibility.yaml",
        "schema: plausibility/1\ncases:\n  x: {title: {en: X, fr: X}, regimen: none, observable: pulse,"
        " reading: maximum, window: [0 h, 2 h], low: 1, high: 2,"
        " unit: '1', source: {ref: study2020}}\n",
        r"plausibility\.yaml:3:\d+: cases\.x: 'pulse' is no observable",
    ),
    "plausibility_of_unknown_regimen": (
        "drugs/remedy/plausibility.yaml",
        "schema: plausibility/1\ncases:\n  x: {title: {en: X, fr: X}, regimen: remedy.dayly, observable: thermometer,"
        " reading: maximum,"
        " window: [0 h, 2 h], low: 1, high: 2, unit: degC, source: {ref: study2020}}\n",
        r"plausibility\.yaml:3:\d+: cases\.x\.regimen: .*\n  Expected drug\.regimen",
    ),
    "cannot_start": (
        BODY_MODULE,
        ("initial: warmth_at_rest", "initial: warmth_at_rest / 0"),
        r"illness/population\.yaml: .*warmth",
    ),
    "not_a_number": (
        BODY,
        ("thermometer := warmth", "thermometer := warmth * ln(0 / 1)"),
        r"body\.ant:7:1: observable 'thermometer' is not a finite number at rest",
    ),
    "not_at_rest": (
        BODY_MODULE,
        ("initial: warmth_at_rest", "initial: 38"),
        r"body/module\.yaml:4:11: states\.warmth: 'warmth' does not rest without a drug: it moves by -0\.",
    ),
    "rests_outside_its_range": (
        BODY_MODULE,
        ("unit: degC, nominal: 1", "unit: degC, range: {low: 0, high: 20}, nominal: 1"),
        r"body/module\.yaml:4:11: states\.warmth: 'warmth' leaves 0 to 20 degC in 3 patients, worst 3\d",
    ),
    "infusion_in_another_unit": (
        "drugs/remedy/module.yaml",
        ("infusion: {unit: nmol/h", "infusion: {unit: mg/h"),
        r"drug\.yaml:5:\d+: .*input 'infusion' has the unit mg/h",
    ),
    "state_without_rule": (
        "diseases/illness/illness.ant",
        "// nothing\n",
        r"illness/module\.yaml:4:11: states\.burden: state 'burden' has no rate rule",
    ),
    "unused_parameters": (
        DRUG_TABLE,
        ("half_level,", "spare,1,1,log,,assumed,,,x\nhalf_level,"),
        r"parameters\.csv:5: parameter 'spare' is not used",
    ),
    "no_steady_state": (
        {
            BODY_MODULE: ("initial: warmth_at_rest", "initial: steady"),
            BODY: ("(warmth_at_rest - warmth)", "(warmth_at_rest + warmth)"),
        },
        None,
        r"body/module\.yaml:4:\d+: states\.warmth: 'warmth' finds no steady state before any treatment in the typical patient",
    ),
    "starts_that_read_steady_ones": (
        {
            BODY_MODULE: ("initial: messenger_at_rest", "initial: steady"),
            "diseases/illness/module.yaml": ("initial: 0", "initial: 2 * messenger_level / level"),
            "diseases/illness/parameters.csv": "name,value,unit,status\ngrowth,0.001,1/h,assumed\nlevel,1,nmol/L,assumed\n",
        },
        None,
        r"illness/module\.yaml:4:\d+: .*'illness\.burden' reads 'messenger', which starts at its steady state",
    ),
    "unused_variables": (
        "drugs/remedy/remedy.ant",
        ("to_peak", "spare := level\nto_peak"),
        r"remedy\.ant:5:1: variable 'remedy\.spare' is not used",
    ),
    "unused_inputs": (
        "drugs/remedy/module.yaml",
        ("inputs:", "inputs:\n  spare: {unit: '1', title: {en: S, fr: S}}"),
        r"module\.yaml:7:\d+: inputs\.spare: input 'remedy\.spare' is not used",
    ),
    "pool_without_reaction": (
        BODY_MODULE,
        ("  messenger:", "  still: {unit: nmol, kind: pool, nominal: 1, initial: 0, title: {en: S, fr: S}}\n  messenger:"),
        r"body/module\.yaml:5:\d+: states\.still: no reaction changes pool 'still'",
    ),
    "powers_of_pools": (
        "drugs/remedy/remedy.ant",
        ("to_peak := level", "to_peak := level * (level / half_level) ^ 0.5"),
        r"remedy\.ant:5:41: a pool may fall a hair below zero",
    ),
}

ELSEWHERE = {
    "observable_without_definition",
    "circular_definitions",
    "circular_tables",
    "units_that_do_not_fit",
    "products_of_units",
    "powers_of_negatives",
    "libsbml_disagrees",
    "rules_that_contradict_themselves",
    "plausibility_without_its_drug",
}
"""Checks with tests of their own, in test_silent_failures, test_unit_check and test_exchange."""


@pytest.mark.parametrize("check", MISTAKES)
def test_each_check_finds_its_mistake(write_library: Callable[..., Path], check: str) -> None:
    path, change, message = MISTAKES[check]
    changes = path if isinstance(path, dict) else {path: change}
    findings = check_library(load_library(write_library(changes)))
    found = [str(finding.problem) for finding in findings if finding.check == check]
    assert found, f"found only {[finding.check for finding in findings]}"
    assert re.search(message, "\n".join(found)), "\n".join(found)


def test_every_check_has_a_test() -> None:
    names = {check.__name__ for check, _ in (*CHECKS, *MODEL_CHECKS)}
    assert names == MISTAKES.keys() | ELSEWHERE


def test_a_sound_library_has_no_findings(write_library: Callable[..., Path]) -> None:
    assert check_library(load_library(write_library())) == []


def test_a_hazard_ratio_of_a_covariate_that_is_not_drawn_is_named(write_library: Callable[..., Path]) -> None:
    after = "    after_progression: {median: 9 months, status: assumed, hazard_ratios: {wait: 2}}\n    covariates:"
    library = load_library(write_library({POPULATION: ("    covariates:", after)}))
    found = [str(finding.problem) for finding in check_library(library)]
    assert any(re.search("hazard_ratios.*'wait' is not drawn by this population.*weight", one, re.S) for one in found), found


PEOPLE = """schema: population/1
populations:
  all:
    title: {en: All, fr: Tous}
    life_table: here
    covariates: """
LIFE_TABLE = """schema: life_table/1
title: {en: Here, fr: Ici}
country: Here
year: 1990
status: assumed
source: {ref: study2020}
until: 100
rows: [{age: 18, male: 0.5, female: 0.4}]
"""


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (
            "{weight: {distribution: fixed, unit: kg, centre: 70, status: assumed}}",
            "needs 'age', which this population does not draw",
        ),
        (
            "{age: {distribution: normal, unit: y, centre: 50, spread: 9, status: assumed}}",
            "begins at age 18; younger patients may",
        ),
        ("{age: {distribution: fixed, unit: month, centre: 200, status: assumed}}", "begins at age 18; younger patients may"),
        (
            '{age: {distribution: choice, unit: y, values: {"17": 0.1, "60": 0.9}, status: assumed}}',
            "begins at age 18; younger",
        ),
    ],
)
def test_a_life_table_that_does_not_fit_whom_a_population_draws_is_named(
    write_library: Callable[..., Path], drawn: str, expected: str
) -> None:
    library = load_library(write_library({POPULATION: PEOPLE + drawn, "life_tables/here.yaml": LIFE_TABLE}))
    found = [finding for finding in check_library(library) if finding.check == "population_beyond_its_life_table"]
    assert any(re.search(expected, str(finding.problem), re.S) for finding in found), found


def test_a_life_table_that_knows_whomever_a_population_draws_is_sound(write_library: Callable[..., Path]) -> None:
    age = "age: {distribution: normal, unit: y, centre: 50, spread: 9, low: 18, status: assumed}"
    drawn = f"{{{age}, female: {{distribution: fixed, unit: '1', centre: 1, status: assumed}}}}"
    library = load_library(write_library({POPULATION: PEOPLE + drawn, "life_tables/here.yaml": LIFE_TABLE}))
    assert [one for one in check_library(library) if one.check == "population_beyond_its_life_table"] == []


def test_findings_can_be_asked_for_one_folder(write_library: Callable[..., Path]) -> None:
    root = write_library(
        {DRUG_TABLE: ("half_level,", "spare,1,1,log,,assumed,,,x\nhalf_level,"), BODY_TABLE: ("assumed,invented", "assumed,")}
    )
    library = load_library(root)
    assert [finding.check for finding in check_library(library, root / "drugs" / "remedy")] == ["unused_parameters"]


def test_a_folder_outside_the_library_is_an_error(write_library: Callable[..., Path], tmp_path: Path) -> None:
    library = load_library(write_library())
    with pytest.raises(LibraryError, match="not a folder of this library"):
        check_library(library, tmp_path)


def test_a_library_without_ports_is_reported_not_raised(write_library: Callable[..., Path]) -> None:
    findings = check_library(load_library(write_library({"interface.yaml": None})))
    assert any("interface.yaml" in finding.problem.place.file for finding in findings)
