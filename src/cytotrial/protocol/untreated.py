"""Adds the arm nobody treats to a protocol: the same patients, seen as the others are. It changes no other arm."""

from __future__ import annotations

from dataclasses import replace

from cytotrial.errors import Place, Problem, ProtocolError
from cytotrial.formats.protocol import Arm as WrittenArm
from cytotrial.protocol.protocol import Arm, Protocol

UNTREATED = "Untreated"


def with_untreated_arm(protocol: Protocol) -> Protocol:
    """The protocol with a further twin arm without treatment, last; the same protocol where one is there already.

    Raises:
        ProtocolError: arms are randomised (a further arm would take patients from the others), or the name is taken.
    """
    if any(not arm.treatments for arm in protocol.arms):
        return protocol
    if protocol.design != "twins":
        advice = "Twins share patients, so that a further arm changes no other: write `design: twins`."
        raise ProtocolError([Problem(Place(path="design"), "an untreated arm needs twins; these are randomised.", advice)])
    if UNTREATED in {arm.name for arm in protocol.arms}:
        raise ProtocolError([Problem(Place(path="arms"), f"an arm is called '{UNTREATED}' already.", "Give it another name.")])
    arms = (*protocol.arms, Arm(UNTREATED, (), protocol.arms[0].support))
    entry = WrittenArm(name=UNTREATED, treatments=[], support=protocol.file.arms[0].support)
    file = protocol.file.model_copy(update={"arms": [*protocol.file.arms, entry]})
    changed = replace(protocol, arms=arms, file=file)
    return replace(changed, source_text=changed.to_yaml())
