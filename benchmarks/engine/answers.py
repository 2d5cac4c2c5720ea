"""What the tolerance does to a trial's answer, and the size of a model to a step. It measures the project, no peers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cytotrial.catalogue import load_library
from cytotrial.engine.assembly import assemble
from cytotrial.engine.machine import host_machine
from cytotrial.engine.methods import RODAS5P
from cytotrial.model.composition import compose
from cytotrial.protocol.protocol import with_overrides
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

_DOSE = ["ARM", "ID", "DRUG", "COURSE", "CYCLE", "DOSE"]
_PATIENT = ["ARM", "ID"]
_FUNCTION = re.compile(r"^define [^@]*@(\w+)\([^\n]*\n(.*?)^}", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Changed:
    """How an answer at a tolerance differs from that at the tightest: parts of all doses planned, and of all patients."""

    rtol: float
    doses: float
    patients_with_other_doses: float
    patients_with_other_response: float


@dataclass(frozen=True)
class Size:
    """The composition of a protocol: its states, entries of the matrix that are not always zero, and operations of a step."""

    protocol: str
    states: int
    entries: int
    operations: int


def changed_answers(protocol_name: str, *, patients: int, rtols: Sequence[float], tightest: float) -> list[Changed]:
    """The managed trial at several tolerances beside the same at the tightest."""
    library = load_library()
    protocol = with_overrides(read_protocol(find_protocol(protocol_name, library), library), patients=patients)
    exact = run_trial(protocol, library, keep=False, brief=True, rtol=tightest)
    return [changed(run_trial(protocol, library, keep=False, brief=True, rtol=rtol), exact, rtol=rtol) for rtol in rtols]


def changed(found: Result, exact: Result, *, rtol: float) -> Changed:
    """The differences between two runs of one question."""
    actions = [result.table("doses").set_index(_DOSE)["ACTION"] for result in (found, exact)]
    together = pd.concat(actions, axis=1, keys=["found", "exact"])
    other = together["found"].fillna("") != together["exact"].fillna("")
    best = [
        result.table("responses").sort_values("TIME", kind="stable").groupby(_PATIENT)["BEST"].last()
        for result in (found, exact)
    ]
    responses = pd.concat(best, axis=1, keys=["found", "exact"]).fillna("")
    return Changed(
        rtol,
        float(other.mean()),
        float(other.groupby(_PATIENT).any().mean()),
        float((responses["found"] != responses["exact"]).mean()),
    )


def step_sizes(protocols: Sequence[str]) -> list[Size]:
    """The models of several protocols, as the engine's own program of a step counts them: no clock has a part in it."""
    library, found = load_library(), []
    for name in protocols:
        protocol = read_protocol(find_protocol(name, library), library)
        system = compose(library, drugs=protocol.drugs, disease=protocol.disease).system
        text, shape = assemble(system, RODAS5P, lanes=host_machine().lanes)
        lengths = {part: body.count("\n") for part, body in _FUNCTION.findall(text)}
        operations = lengths["first_stage"] + (shape.stages - 1) * lengths["later_stage"]
        found.append(Size(name, shape.states, shape.matrix, operations))
    return found
