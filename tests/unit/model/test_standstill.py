"""What none of a trial's drugs can move is not integrated, and changes nothing for the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cytotrial.catalogue import Library, load_library
from cytotrial.model.composition import biology_of, compose, modules_of
from cytotrial.model.motion import quantities, rates_of_change
from cytotrial.model.standstill import standing_still

DEEPER = """schema: module/1
title: {en: "Deeper", fr: "Plus profond"}
states:
  first:
    unit: "1"
    nominal: 0.1
    initial: 0
    title: {en: "First", fr: "Premier"}
  second:
    unit: "1"
    nominal: 0.1
    initial: 1
    title: {en: "Second", fr: "Second"}
"""
EQUATIONS = (
    "first' = rate*(max(damping - 1, 0)^steepness/(1 + max(damping - 1, 0)^steepness) - first)\n"
    "second' = rate*(1 + first*warming - second)"
)
TABLE = (
    "name,value,unit,scale,between_sd,occasion_sd,low,high,prior_sd,status,source,where,spread_status,spread_source,note\n"
    "rate,0.1,1/h,log,,,,,,assumed,,,,,for the test\n"
    "steepness,1.5,1,linear,,,,,,assumed,,,,,for the test\n"
)


def _library(write_library: Callable[..., Path]) -> Library:
    root = write_library()
    folder = root / "physiology" / "deeper"
    folder.mkdir(parents=True)
    for name, text in (("module.yaml", DEEPER), ("deeper.ant", EQUATIONS), ("parameters.csv", TABLE)):
        (folder / name).write_text(text, encoding="utf-8")
    return load_library(root)


def test_states_that_only_an_absent_drug_moves_are_not_integrated(write_library: Callable[..., Path]) -> None:
    library = _library(write_library)
    without = compose(library, drugs=[], disease="illness")
    assert {"deeper__first", "deeper__second"} <= set(without.states)
    assert not {"deeper__first", "deeper__second"} & set(without.system.states)


def test_what_reads_a_state_that_stands_still_reads_its_start(write_library: Callable[..., Path]) -> None:
    without = compose(_library(write_library), drugs=[], disease="illness")
    parameters = without.parameter_values({"weight": np.array([70.0])})
    values = quantities(without, parameters, without.initial_states(parameters))
    assert [float(values[name][0]) for name in ("deeper__first", "deeper__second")] == [0.0, 1.0]


def test_pools_are_integrated_though_nothing_flows_into_them_before_a_dose(write_library: Callable[..., Path]) -> None:
    biology = compose(load_library(write_library()), drugs=["remedy"], disease="illness")
    pools = {name for name, part in biology.draft.states.items() if part.kind == "pool"}
    assert pools <= set(biology.system.states)


def test_no_state_of_the_shipped_library_that_is_left_out_could_have_moved(library: Library) -> None:
    """Their rates, evaluated as the files write them, are 0 wherever all other states and inputs are."""
    generator = np.random.default_rng(3)
    left_out = 0
    drugs = list(library.drugs)
    for number, disease in enumerate(library.diseases):
        biology = compose(library, drugs=[drugs[number % len(drugs)]], disease=disease)
        parameters = biology.parameter_values({name: np.full(4, 50.0) for name in biology.covariates})
        nominal = biology.system.nominal[None, :]
        states = biology.initial_states(parameters) + nominal * generator.uniform(0.0, 2.0, (4, nominal.size))
        inputs = generator.uniform(0.0, 1.0, (4, len(biology.inputs)))
        rates = rates_of_change(biology, quantities(biology, parameters, states, inputs))
        still = biology.states.keys() - set(biology.system.states)
        left_out += len(still)
        assert all((rates[name] == 0.0).all() for name in still)
    assert left_out > 0


def test_hazards_and_what_a_visit_sets_are_always_integrated(library: Library) -> None:
    for disease in library.diseases:
        draft = biology_of(library, modules_of(library, drugs=[], disease=disease)).draft
        kept = {event.hazard for event in draft.events.values()} | draft.extinctions().keys()
        assert not kept & standing_still(draft).keys()
