"""CytoTrial simulates cytokine therapy of cancer: virtual patients, seen and managed by a virtual clinic.

    import cytotrial as ct

    trial = ct.Trial(
        "aldesleukin 600000 IU/kg iv over 15 min every 8 h, 14 doses, repeat after 9 d rest, 2 cycles",
        disease="renal_cell_carcinoma", patients=255, rules="consensus2014", seed=1,
    )
    result = trial.run()
    result.efficacy()

For research and teaching; not a medical device.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytotrial.api import Trial as Trial
    from cytotrial.api import check as check
    from cytotrial.catalogue import load_library as load_library
    from cytotrial.errors import CytoTrialError as CytoTrialError
    from cytotrial.errors import InputError as InputError
    from cytotrial.errors import LibraryError as LibraryError
    from cytotrial.errors import ProtocolError as ProtocolError
    from cytotrial.errors import RunFolderError as RunFolderError
    from cytotrial.errors import SimulationError as SimulationError
    from cytotrial.protocol import parse_regimen as parse_regimen
    from cytotrial.results.result import Result as Result
    from cytotrial.results.result import load as load

# Where each public name lives; read when first asked for, so that `import cytotrial` is instant.
_HOMES = {
    "Trial": "cytotrial.api",
    "check": "cytotrial.api",
    "load_library": "cytotrial.catalogue",
    "CytoTrialError": "cytotrial.errors",
    "InputError": "cytotrial.errors",
    "LibraryError": "cytotrial.errors",
    "ProtocolError": "cytotrial.errors",
    "RunFolderError": "cytotrial.errors",
    "SimulationError": "cytotrial.errors",
    "parse_regimen": "cytotrial.protocol",
    "Result": "cytotrial.results.result",
    "load": "cytotrial.results.result",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 (the names stand in _HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cytotrial' has no attribute '{name}'. It has: {', '.join(__all__)}.")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
