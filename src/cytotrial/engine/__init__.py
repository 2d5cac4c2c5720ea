"""The compiled ensemble integrator: many patients, one stiff system. It knows nothing of medicine, library or units.

Conventions inside: time is in hours; each quantity is in the unit its system declares; arrays are float64 and begin with
the patient, `(patients, ...)`. Parameters belong to a patient and never change; inputs are constant between events; events
are exact. Results are the same bits for any number of threads, lanes or patients, and for any order of patients.
"""

from cytotrial.engine.ensemble import Ensemble
from cytotrial.engine.events import EventKind, Events
from cytotrial.engine.kernel import CompiledModel, compile_extremes, compile_model
from cytotrial.engine.outputs import Outputs
from cytotrial.engine.sensitivity import Sensitivities, sensitivities
from cytotrial.engine.status import Status
from cytotrial.engine.steady import SteadyPart, SteadyStates, compile_steady_part, find_steady_states
from cytotrial.engine.tolerances import Tolerances

__all__ = [
    "CompiledModel",
    "Ensemble",
    "EventKind",
    "Events",
    "Outputs",
    "Sensitivities",
    "Status",
    "SteadyPart",
    "SteadyStates",
    "Tolerances",
    "compile_extremes",
    "compile_model",
    "compile_steady_part",
    "find_steady_states",
    "sensitivities",
]
