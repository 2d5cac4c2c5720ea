"""Without a drug tumours grow: the observed arm hardly ever responds, and no lesion starts under control."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytotrial.catalogue import Library
from cytotrial.engine.kernel import compile_model
from cytotrial.model.composition import compose
from cytotrial.protocol import read_protocol
from cytotrial.trial import run_trial

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")

PATIENTS = 2_000
# Spontaneous regression of renal lung metastases is the upper limit of what an undosed arm may show.
MOST_RESPONSES = {"renal_cell_carcinoma": 0.03, "melanoma": 0.01}
PROTOCOL = """
schema: protocol/1
title: {{en: Observation, fr: Observation}}
disease: {disease}
population: {{name: trials_1985_1993, size: {patients}}}
arms:
  - name: Observation
    support: none
scans: every 8 weeks
response: who_1979
follow_up: 48 weeks
"""


def observed(library: Library, folder: Path, disease: str, *, patients: int):
    """The result of an arm that nobody treats."""
    path = folder / "observation.yaml"
    path.write_text(PROTOCOL.format(disease=disease, patients=patients))
    return run_trial(read_protocol(path, library), library, keep=False)


@pytest.mark.slow
@pytest.mark.parametrize("disease", sorted(MOST_RESPONSES))
def test_an_observed_arm_hardly_ever_responds(library: Library, tmp_path: Path, disease: str) -> None:
    found = observed(library, tmp_path, disease, patients=PATIENTS).efficacy().set_index("endpoint")["value"]
    assert found["objective response"] < MOST_RESPONSES[disease]
    assert found["progressive disease"] > 0.5


@pytest.mark.parametrize("disease", sorted(MOST_RESPONSES))
def test_the_tumour_of_nearly_every_observed_patient_is_larger_a_year_later(
    library: Library, tmp_path: Path, disease: str
) -> None:
    courses = observed(library, tmp_path, disease, patients=40).table("trajectories").sort_values("TIME").groupby("ID")
    first, last = courses["tumour_diameter"].first(), courses["tumour_diameter"].last()
    assert (first > 0).all()
    assert (last > first).mean() > 0.95


@pytest.mark.parametrize("disease", sorted(MOST_RESPONSES))
def test_every_lesion_of_the_typical_patient_grows_before_treatment(library: Library, disease: str) -> None:
    biology = compose(library, drugs=[], disease=disease)
    covariates = {name: np.array([1.0]) for name in biology.covariates}
    covariates |= {"weight": np.array([78.0]), "height": np.array([173.0]), "age": np.array([52.0]), "female": np.array([0.0])}
    parameters = biology.parameter_values(covariates)
    initial = biology.initial_states(parameters)
    rates = compile_model(biology.system).derivatives(initial, parameters, biology.input_defaults()[None, :])[0]
    states = list(biology.system.states)
    sizes = {name: initial[0, states.index(name)] for name in states if "__sensitive_" in name}
    present = [name for name, size in sizes.items() if size > -20]
    assert 3 <= len(present) <= len(sizes)
    assert all(rates[states.index(name)] > 0 for name in present)
