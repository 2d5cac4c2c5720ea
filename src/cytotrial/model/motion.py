"""The rates of change of a biology, evaluated as its files write them: for checks. Trials run the engine's compiled form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cytotrial.model.biology import Biology
from cytotrial.model.numeric import Values, evaluate
from cytotrial.model.order import evaluation_order


def quantities(biology: Biology, parameters: Values, states: Values, inputs: Values | None = None) -> dict[str, Values]:
    """Every symbol's value, (patients,) by flattened id; `inputs` (patients, inputs) are at their defaults where not given."""
    patients = parameters.shape[0]
    given = biology.input_defaults()[None, :].repeat(patients, axis=0) if inputs is None else inputs
    values: dict[str, Values] = biology.starts(parameters)
    for names, table in (
        (biology.system.parameters, parameters),
        (biology.system.states, states),
        (biology.system.inputs, given),
    ):
        values |= {name: table[:, index] for index, name in enumerate(names)}
    definitions = {name: part.expression for name, part in biology.draft.definitions.items()}
    for name in evaluation_order(definitions)[0]:
        values[name] = np.broadcast_to(evaluate(definitions[name], values), (patients,))
    return values


def rates_of_change(biology: Biology, values: Mapping[str, Values]) -> dict[str, Values]:
    """Each state's rate [its unit/h], (patients,), from `quantities`."""
    patients = next((value.shape for value in values.values()), (1,))
    rates = {name: np.zeros(patients) for name in biology.system.states}
    for rate in biology.draft.rates.values():
        rates[rate.state] = np.broadcast_to(evaluate(rate.expression, values), patients)
    for reaction in biology.draft.reactions.values():
        speed = evaluate(reaction.expression, values)
        for pool, stoichiometry in reaction.changes:
            rates[pool] = rates[pool] + stoichiometry * speed
    return rates
