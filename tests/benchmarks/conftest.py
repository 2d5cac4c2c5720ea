"""The benchmarks lie beside the package, not in it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

from cytotrial.model.system import OdeSystem, symbol

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

EQUATIONS = {
    "drug": "rate/volume - clearance/volume*drug - kon*drug*receptor + koff*bound",
    "receptor": "ksyn - kdeg*receptor - kon*drug*receptor + koff*bound",
    "bound": "kon*drug*receptor - koff*bound - 3*bound",
    "effect": "0.2*(1 + 3*Max(bound, 0)**hill/(0.1**hill + Max(bound, 0)**hill)) - 0.2*effect",
    "held": "0",
    "size": "0.01*size*log(100/size)*Piecewise((exp(-effect), effect > 1), (1, True))",
}
PARAMETERS = {
    **{"volume": 6.0, "clearance": 11.0, "kon": 90.0, "koff": 0.9, "ksyn": 0.25, "kdeg": 0.25, "hill": 1.7},
}
START = (0.1, 1.0, 0.0, 1.0, 2.0, 5.0)


@pytest.fixture
def system() -> OdeSystem:
    names = {name: symbol(name) for name in (*EQUATIONS, *PARAMETERS, "rate")}
    rates = tuple(sympy.sympify(text, locals=names) for text in EQUATIONS.values())
    observations = (names["drug"] * names["volume"],)
    return OdeSystem(tuple(EQUATIONS), tuple(PARAMETERS), ("rate",), ("amount",), rates, observations, np.ones(len(EQUATIONS)))


@pytest.fixture
def patients() -> tuple[np.ndarray, np.ndarray]:
    """Parameters and starts of ten patients."""
    noise = np.exp(0.3 * np.random.default_rng(3).standard_normal((10, len(PARAMETERS))))
    return np.array(list(PARAMETERS.values())) * noise, np.tile(START, (10, 1))
