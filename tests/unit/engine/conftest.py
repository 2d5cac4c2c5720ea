"""Small systems written as text, compiled once per session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy

from cytotrial.engine import CompiledModel, compile_model
from cytotrial.engine.kernel import with_lanes
from cytotrial.engine.machine import host_machine
from cytotrial.model.system import OdeSystem, symbol


def write_system(
    equations: dict[str, str], *, parameters: str = "", inputs: str = "", observables: dict[str, str] | None = None
) -> OdeSystem:
    """A system of text equations; every nominal size is 1."""
    observables = observables or {}
    parameter_names, input_names = tuple(parameters.split()), tuple(inputs.split())
    names = {name: symbol(name) for name in (*equations, *parameter_names, *input_names)}
    read = lambda text: sympy.sympify(text, locals=names)  # noqa: E731
    return OdeSystem(
        states=tuple(equations),
        parameters=parameter_names,
        inputs=input_names,
        observables=tuple(observables),
        derivatives=tuple(read(text) for text in equations.values()),
        observations=tuple(read(text) for text in observables.values()),
        nominal=np.ones(len(equations)),
    )


@pytest.fixture(name="write_system")
def write_system_fixture() -> Callable[..., OdeSystem]:
    return write_system


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def compiled(cache_folder: Path) -> Callable[..., CompiledModel]:
    def build(equations: dict[str, str], *, lanes: int | None = None, **names: object) -> CompiledModel:
        machine = host_machine() if lanes is None else with_lanes(host_machine(), lanes)
        return compile_model(write_system(equations, **names), machine=machine, cache_folder=cache_folder)

    return build


DOSING = {
    "depot": "-ka*depot",
    "drug": "(rate + ka*depot)/volume - clearance/volume*drug - kon*drug*receptor + koff*bound",
    "receptor": "ksyn - kdeg*receptor - kon*drug*receptor + koff*bound",
    "bound": "kon*drug*receptor - koff*bound - kint*bound",
    "effect": "kout*(1 + emax*Max(bound, 0)**hill/(half**hill + Max(bound, 0)**hill)) - kout*effect",
    "cells": "growth*cells*(1 - cells/8)*effect - 0.01*cells**1.3",
}
DOSING_PARAMETERS = {
    **{"ka": 0.4, "volume": 6.0, "clearance": 11.0, "kon": 90.0, "koff": 0.9, "ksyn": 0.25, "kdeg": 0.25},
    **{"kint": 3.0, "kout": 0.2, "emax": 3.0, "hill": 1.7, "half": 0.1, "growth": 0.02},
}
DOSING_START = (0.0, 0.0, 1.0, 0.0, 1.0, 0.6)


@pytest.fixture
def dosing(compiled: Callable[..., CompiledModel]) -> Callable[..., CompiledModel]:
    def build(lanes: int | None = None) -> CompiledModel:
        observables = {"ratio": "bound/receptor", "size": "log(cells)"}
        return compiled(DOSING, lanes=lanes, parameters=" ".join(DOSING_PARAMETERS), inputs="rate", observables=observables)

    return build


@pytest.fixture
def dosing_patients() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    def draw(patients: int) -> tuple[np.ndarray, np.ndarray]:
        noise = np.exp(0.3 * np.random.default_rng(7).standard_normal((patients, len(DOSING_PARAMETERS))))
        return np.array(list(DOSING_PARAMETERS.values())) * noise, np.tile(DOSING_START, (patients, 1))

    return draw
