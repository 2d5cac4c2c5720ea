"""The question of a trial: text or YAML in, frozen dataclasses out, errors with file, line and column. Simulates nothing.

regimen.py reads a regimen sentence; resolving.py reads a protocol file against the library; asking.py builds one in Python.
"""

from cytotrial.protocol.asking import protocol_from_arguments
from cytotrial.protocol.dosing import body_surface, dose_amount
from cytotrial.protocol.planned import PlannedDose
from cytotrial.protocol.protocol import Arm, Courses, Protocol, Treatment, with_overrides
from cytotrial.protocol.regimen import Regimen, parse_regimen
from cytotrial.protocol.resolving import find_protocol, read_protocol, resolve_protocol
from cytotrial.protocol.scans import ScanPlan
from cytotrial.protocol.untreated import with_untreated_arm

__all__ = [
    "Arm",
    "Courses",
    "PlannedDose",
    "Protocol",
    "Regimen",
    "ScanPlan",
    "Treatment",
    "body_surface",
    "dose_amount",
    "find_protocol",
    "parse_regimen",
    "protocol_from_arguments",
    "read_protocol",
    "resolve_protocol",
    "with_overrides",
    "with_untreated_arm",
]
