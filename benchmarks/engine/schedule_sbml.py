"""The composed SBML with the schedule of doses as SBML events, for peers that read SBML. Not the composition itself."""

from __future__ import annotations

import libsbml
import numpy as np
from benchmarks.engine.task import Task

DOSE_RATE = "bench_dose_rate"


def sbml_with_schedule(task: Task) -> str:
    """SBML L3V2: values of the first patient; every change of an input is an event at its time; the rate is `DOSE_RATE`."""
    document = libsbml.readSBMLFromString(task.biology.sbml())
    model = document.getModel()
    for index, name in enumerate(task.system.parameters):
        if (parameter := model.getParameter(name)) is not None:
            parameter.setValue(float(task.parameters[0, index]))
    # The values below are a patient's own: what the tables compute them from is not needed any more.
    while model.getNumInitialAssignments():
        model.removeInitialAssignment(0)
    for index, name in enumerate(task.system.states):
        start = float(task.initial[0, index])
        if (species := model.getSpecies(name)) is not None:
            species.setInitialAmount(start)
        else:
            model.getParameter(name).setValue(start)
    for name in task.biology.covariates:
        if not model.getParameter(name).isSetValue() or np.isnan(model.getParameter(name).getValue()):
            model.getParameter(name).setValue(0.0)
    rate = model.createParameter()
    rate.setId(DOSE_RATE)
    rate.setConstant(True)
    rate.setValue(float(task.rates[0]))
    rate.setUnits(model.getParameter(task.system.inputs[task.infusion]).getUnits())
    for index, name in enumerate(task.system.inputs):
        parameter = model.getParameter(name)
        parameter.setConstant(bool(np.ptp(task.inputs[:, index]) == 0))
        first = task.inputs[0, index] * (task.rates[0] if index == task.infusion else 1.0)
        parameter.setValue(float(first))
    for segment in range(1, task.breaks.size):
        _add_event(model, task, segment)
    return str(libsbml.writeSBMLToString(document))


def _add_event(model: libsbml.Model, task: Task, segment: int) -> None:
    event = model.createEvent()
    event.setId(f"bench_break_{segment}")
    event.setUseValuesFromTriggerTime(True)
    trigger = event.createTrigger()
    trigger.setInitialValue(False)
    trigger.setPersistent(True)
    trigger.setMath(libsbml.parseL3Formula(f"time >= {float(task.breaks[segment])!r}"))
    for index in np.flatnonzero(task.inputs[segment] != task.inputs[segment - 1]):
        assignment = event.createEventAssignment()
        assignment.setVariable(task.system.inputs[index])
        value = float(task.inputs[segment, index])
        text = f"{value!r} * {DOSE_RATE}" if index == task.infusion else repr(value)
        assignment.setMath(libsbml.parseL3Formula(text))
