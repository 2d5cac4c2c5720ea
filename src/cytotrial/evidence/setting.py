"""How a published trial was run otherwise than the protocol beside it, in words. It judges no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytotrial.formats.evidence import EvidenceFile

WORDS: Mapping[str, str] = {
    "regimen": "regimen",
    "rules": "rules",
    "support": "supportive care",
    "population": "population",
    "eligibility": "eligibility",
    "grading": "grading of side effects",
    "response": "response criteria",
}


def differences(study: EvidenceFile, protocol: Mapping[str, Any], arm: str) -> list[str]:
    """Each difference between the setting of a study and an arm of a protocol/1, such as 'rules: trial a, here b'.

    What the study does not say is no difference. Statements of the study that no name can express come last, as written.
    """
    here = _setting_of(protocol, arm)
    found = []
    for key, words in WORDS.items():
        theirs: Sequence[str] = getattr(study.setting, key)
        ours = here.get(key, [])
        if theirs and ours and not set(theirs) <= set(ours):
            found.append(f"{words}: trial {' or '.join(theirs)}, here {' and '.join(ours)}")
    return [*found, *study.setting.differs]


def _several(written: Any) -> list[str]:
    """One name or several, as written."""
    return [str(name) for name in (written if isinstance(written, list) else [written]) if name]


def _setting_of(protocol: Mapping[str, Any], arm: str) -> dict[str, list[str]]:
    """What a protocol says of one arm under the keys of a study's setting; several names where the arm has several drugs."""
    written: Mapping[str, Any] = next((one for one in protocol.get("arms", ()) if one.get("name") == arm), {})
    treatments = written.get("treatments", ())
    supports = [treatment.get("support") or written.get("support") for treatment in treatments]
    return {
        "regimen": [str(treatment["regimen"]) for treatment in treatments],
        "rules": [str(treatment.get("rules")) for treatment in treatments],
        "support": [str(support) for support in dict.fromkeys(supports) if support],
        "population": [str(protocol["population"]["name"])] if protocol.get("population") else [],
        "eligibility": [str(protocol["eligibility"])] if protocol.get("eligibility") else [],
        "grading": [str(protocol["grading"])] if protocol.get("grading") else [],
        "response": _several(protocol.get("response")),
    }
