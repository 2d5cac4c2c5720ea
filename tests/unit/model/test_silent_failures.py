"""What Antimony accepts silently, and every other mistake of text, names and owners: caught with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.catalogue import load_library
from cytotrial.errors import LibraryError
from cytotrial.model.composition import compose

BODY = "physiology/body/body.ant"
BODY_TABLE = "physiology/body/parameters.csv"
BODY_MODULE = "physiology/body/module.yaml"
DRUG = "drugs/remedy/remedy.ant"
DRUG_TABLE = "drugs/remedy/parameters.csv"
DRUG_MODULE = "drugs/remedy/module.yaml"
PORTS = "interface.yaml"

MISTAKES = {
    "an undefined symbol in a rate": (
        DRUG,
        ("infusion\n", "infusionn\n"),
        r"remedy\.ant:1:22: 'infusionn' is not defined in module 'remedy' and is no port\.\n  Did you mean 'infusion'\?",
    ),
    "a private symbol of another module": (
        DRUG,
        ("release * effect", "release * effect * body__k_warmth / body__k_warmth"),
        r"remedy\.ant:6:45: 'body__k_warmth' is private to a module",
    ),
    "a parameter given nothing": (
        BODY,
        ("thermometer := warmth", "k_warmth =\nthermometer := warmth"),
        r"body\.ant:7:1: 'k_warmth =' is given nothing",
    ),
    "a variable given nothing": (DRUG, ("level := centre / volume", "level :="), r"remedy\.ant:3:1: 'level' is given nothing"),
    "a value in an equation file": (
        BODY,
        ("thermometer := warmth", "k_warmth = 2\nthermometer := warmth"),
        r"body\.ant:7:1: 'k_warmth = 2' sets a value",
    ),
    "a second rate rule in one file": (
        DRUG,
        ("to_peak := level", "to_peak := level\neffect' = -k_effect * effect"),
        r"remedy\.ant:6:1: 'effect' has a rate rule already, at library/drugs/remedy/remedy\.ant:4:1",
    ),
    "a second rate rule in another file": (
        "drugs/remedy/second.ant",
        "effect' = -k_effect * effect\n",
        r"second\.ant:1:1: 'effect' has a rate rule already, at library/drugs/remedy/remedy\.ant:4:1",
    ),
    "a rate rule on a shared state by a non-owner": (
        DRUG,
        ("to_peak := level", "to_peak := level\nwarmth' = warmth * k_effect"),
        r"remedy\.ant:6:1: 'warmth' is shared: module 'body' owns it, and only the owner writes its rate rule",
    ),
    "a rate rule on a pool": (
        DRUG,
        ("J_infuse: -> centre; infusion", "centre' = infusion"),
        r"remedy\.ant:1:1: 'centre' is a pool, which only reactions change\.\n  Write a reaction",
    ),
    "a rate rule for an undeclared state": (
        DRUG,
        ("effect' =", "effct' ="),
        r"remedy\.ant:4:1: 'effct' has a rate rule but is no declared state\.\n  Did you mean 'effect'\?",
    ),
    "a state without a rule": (
        "diseases/illness/illness.ant",
        "// nothing grows\n",
        r"illness/module\.yaml:4:11: states\.burden: state 'burden' has no rate rule",
    ),
    "a reaction on a state": (
        DRUG,
        ("-> messenger;", "-> warmth;"),
        r"remedy\.ant:6:15: 'warmth' is a state, which only its owner's rate rule changes",
    ),
    "a reaction on an unknown pool": (
        DRUG,
        ("-> messenger;", "-> mesenger;"),
        r"remedy\.ant:6:15: 'mesenger' is no pool\.\n  Did you mean 'messenger'\?",
    ),
    "a term for an unknown drive": (
        DRUG,
        ("to_peak :=", "to_peek :="),
        r"remedy\.ant:5:1: 'to_peek' is a term for an unknown drive\.\n  Did you mean 'peak'\?",
    ),
    "two terms of one module for one drive": (
        DRUG,
        ("to_peak := level", "to_peak := level\nto_peak := 2 * level"),
        r"remedy\.ant:6:1: 'to_peak' is defined already, at library/drugs/remedy/remedy\.ant:5:1",
    ),
    "an assignment to a drive": (
        DRUG,
        ("to_peak :=", "peak :="),
        r"remedy\.ant:5:1: 'peak' is a drive and cannot be assigned\.\n  Write 'to_peak := ",
    ),
    "an assignment to a shared pool": (
        DRUG,
        ("to_peak := level", "to_peak := level\nmessenger := centre"),
        r"remedy\.ant:6:1: 'messenger' is a pool and cannot be assigned\.\n  Write a reaction",
    ),
    "two owners of an observable": (
        DRUG,
        ("to_peak := level", "to_peak := level\nmessenger_level := level"),
        r"remedy\.ant:6:1: 'messenger_level' is defined already, by module 'body' at library/physiology/body/body\.ant:8:1",
    ),
    "a variable defined twice": (
        DRUG,
        ("to_peak := level", "to_peak := level\nlevel := centre / volume"),
        r"remedy\.ant:6:1: 'level' is defined already, at library/drugs/remedy/remedy\.ant:3:1",
    ),
    "a variable called like a parameter": (
        DRUG,
        ("to_peak := level", "to_peak := level\nclearance := level"),
        r"remedy\.ant:6:1: 'clearance' is defined already, at library/drugs/remedy/parameters\.csv:2",
    ),
    "a parameter that hides a port": (
        DRUG_TABLE,
        ("half_level,", "warmth,0.5,degC,log,,assumed,,,\nhalf_level,"),
        r"parameters\.csv:5: the parameter 'warmth' hides the state of that name",
    ),
    "a state that hides a covariate": (
        DRUG_MODULE,
        ("  effect:", "  weight:"),
        r"module\.yaml:5:11: states\.weight: state 'weight' hides the covariate",
    ),
    "a variable that hides an input": (
        DRUG,
        ("to_peak := level", "to_peak := level\ncooling := 1"),
        r"remedy\.ant:6:1: 'cooling' is an input and cannot be assigned",
    ),
    "two owners of a shared pool": (
        DRUG_MODULE,
        ("inputs:", "  messenger: {unit: nmol, kind: pool, nominal: 1, initial: 0, title: {en: M, fr: M}}\ninputs:"),
        r"remedy/module\.yaml:6:14: states\.messenger: 'messenger' is owned by module 'body' already",
    ),
    "a shared state in another unit than its port": (
        BODY_MODULE,
        ("warmth: {unit: degC", "warmth: {unit: mmHg"),
        r"body/module\.yaml:4:11: states\.warmth: 'warmth' has the unit degC in interface\.yaml, but mmHg here",
    ),
    "a shared pool owned as a state": (
        BODY_MODULE,
        ("messenger: {unit: nmol, kind: pool", "messenger: {unit: nmol, kind: state"),
        r"body/module\.yaml:5:14: states\.messenger: 'messenger' is a pool in interface\.yaml, but is owned here as a state",
    ),
    "a name that flattens ambiguously": (
        DRUG_TABLE,
        ("half_level,", "half__level,"),
        r"parameters\.csv:5: 'half__level' contains '__', which joins module and name",
    ),
    "a name that Antimony reads otherwise": (
        DRUG_TABLE,
        ("half_level,", "time,"),
        r"parameters\.csv:5: 'time' is a word of the language",
    ),
    "the clock": (
        DRUG,
        ("release * effect", "release * effect * time"),
        r"remedy\.ant:6:45: 'time' is not part of the dialect",
    ),
    "an event": (
        DRUG,
        ("to_peak := level", "to_peak := level\nat (centre > 1): centre = 0"),
        r"remedy\.ant:6:1: 'at' is not part of the dialect",
    ),
    "a model around the statements": (
        DRUG,
        ("J_infuse", "model remedy\nJ_infuse"),
        r"remedy\.ant:1:1: 'model' is not part of the dialect",
    ),
    "an import": (DRUG, ("J_infuse", 'import "x.ant"\nJ_infuse'), r"remedy\.ant:1:1: 'import' is not part of the dialect"),
    "a delay": (DRUG, ("release * effect", "release * delay(effect, 2)"), r"remedy\.ant:6:36: unknown function 'delay'"),
    "two statements on a line": (
        DRUG,
        ("to_peak := level", "to_peak := level; x := 2"),
        r"remedy\.ant:5:17: a second statement on the line",
    ),
    "a parenthesis that is not closed": (
        DRUG,
        ("level := centre / volume", "level := (centre / volume"),
        r"remedy\.ant:3:10: a parenthesis is opened here and never closed\.\n1 problem",
    ),
    "a parenthesis too many": (
        DRUG,
        ("level := centre / volume", "level := centre / volume)"),
        r"remedy\.ant:3:25: a parenthesis closes that was not opened",
    ),
    "a reaction without a rate": (
        DRUG,
        ("J_infuse: -> centre; infusion", "J_infuse: -> centre"),
        r"remedy\.ant:1:1: the reaction has no rate",
    ),
    "a reaction that changes nothing": (
        DRUG,
        ("J_infuse: -> centre;", "J_infuse: -> ;"),
        r"remedy\.ant:1:1: the reaction changes nothing",
    ),
    "two reactions of one name": (DRUG, ("J_clear:", "J_infuse:"), r"remedy\.ant:2:1: reaction 'J_infuse' is defined already"),
    "a piecewise without otherwise": (
        DRUG,
        (", level > 0, 0)", ", level > 0)"),
        r"remedy\.ant:4:23: piecewise has 2 arguments, so one case has no value",
    ),
    "equality in a condition": (DRUG, ("level > 0,", "level == 0,"), r"remedy\.ant:4:59: unexpected '=='"),
    "an operator too many": (DRUG, ("release * effect", "release * * effect"), r"remedy\.ant:6:36: unexpected '\*'"),
    "a term that is read": (
        DRUG,
        ("release * effect", "release * effect * to_peak"),
        r"remedy\.ant:6:45: 'to_peak' is a term and cannot be read\.\n  Read the drive 'peak'",
    ),
    "a circle of definitions": (
        BODY,
        ("to_damping := 1 /", "to_damping := gain /"),
        r"body\.ant:2:1: circular definition: body\.gain -> damping -> body\.to_damping -> body\.gain\.",
    ),
    "a circle of formulas": (
        BODY_TABLE,
        ("volume_per_weight,0.06,", "volume_per_weight,= volume / weight,"),
        r"parameters\.csv:\d+: circular formula: body\.volume\w* -> body\.volume\w* -> body\.volume",
    ),
    "a guess beside a start": (
        DRUG_MODULE,
        ("initial: 0, title: {en: Effect", "initial: 0, guess: 1, title: {en: Effect"),
        r"module\.yaml:5:.*'effect' has a start, and needs no guess\.\n  Write `initial: steady`",
    ),
    "a start of unknown names": (
        BODY_MODULE,
        ("initial: messenger_at_rest", "initial: messanger_at_rest"),
        r"body/module\.yaml:5:.*'messanger_at_rest' is not defined.*\n  Did you mean 'messenger_at_rest'",
    ),
    "a formula of unknown names": (
        BODY_TABLE,
        ("= level_at_rest * volume,", "= level_at_rest * volum,"),
        r"parameters\.csv:7: 'volum' is not defined.*\n  Did you mean 'volume'",
    ),
    "a second file of ports": (
        PORTS,
        ("states:\n", "states:\n  cooling: {unit: degC, title: {en: C, fr: C}}\n"),
        r"interface\.yaml:\d+:\d+: inputs\.cooling: 'cooling' is already a port, under states",
    ),
    "an observable without a definition": (
        DRUG_MODULE,
        ("inputs:", "observables:\n  remedy_level: {unit: nmol/L, group: lab, code: REM, title: {en: R, fr: R}}\ninputs:"),
        r"module\.yaml:7:17: observables\.remedy_level: observable 'remedy_level' is declared, but not defined",
    ),
    "an extinction without a value": (
        "diseases/illness/module.yaml",
        ("at_rest: false", "at_rest: false, extinct_below: 1"),
        r"module\.yaml:4:11: states\.burden: 'burden' needs both extinct_below and extinct",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_silent_failure_is_an_error_with_file_and_line(write_library: Callable[..., Path], mistake: str) -> None:
    path, change, message = MISTAKES[mistake]
    library = load_library(write_library({path: change}))
    with pytest.raises(LibraryError, match=message):
        compose(library, drugs=["remedy"], disease="illness")


def test_a_port_that_nobody_owns_matters_only_to_who_reads_it(write_library: Callable[..., Path]) -> None:
    orphan = ("pools:\n", "pools:\n  orphan: {unit: nmol, title: {en: O, fr: O}}\n")
    library = load_library(write_library({PORTS: orphan}))
    assert "orphan" not in compose(library, drugs=["remedy"], disease="illness").states


def test_reading_a_port_that_nobody_owns_is_an_error(write_library: Callable[..., Path]) -> None:
    orphan = ("pools:\n", "pools:\n  orphan: {unit: nmol, title: {en: O, fr: O}}\n")
    changes = {PORTS: orphan, DRUG: ("level := centre / volume", "level := orphan / volume")}
    with pytest.raises(LibraryError, match=r"remedy\.ant:3:10: pool 'orphan' has no owner in this composition"):
        compose(load_library(write_library(changes)), drugs=["remedy"], disease="illness")


def test_all_mistakes_of_all_files_come_at_once(write_library: Callable[..., Path]) -> None:
    changes = {
        DRUG: ("infusion\n", "infusionn\n"),
        BODY: ("thermometer := warmth", "thermometer := warmht"),
        DRUG_TABLE: ("clearance,16,", "clearance,,"),
    }
    with pytest.raises(LibraryError) as caught:
        compose(load_library(write_library(changes)), drugs=["remedy"], disease="illness")
    files = {problem.place.file.rsplit("/", 1)[-1] for problem in caught.value.problems}
    assert files >= {"remedy.ant", "body.ant", "parameters.csv"}


def test_an_unknown_drug_names_the_nearest(write_library: Callable[..., Path]) -> None:
    with pytest.raises(LibraryError, match=r"unknown drug 'remdy'\.\n  Did you mean 'remedy'\? `cytotrial show drugs`"):
        compose(load_library(write_library()), drugs=["remdy"], disease="illness")


def test_an_unknown_disease_names_the_nearest(write_library: Callable[..., Path]) -> None:
    with pytest.raises(LibraryError, match=r"unknown disease 'ilness'\.\n  Did you mean 'illness'\?"):
        compose(load_library(write_library()), drugs=[], disease="ilness")
