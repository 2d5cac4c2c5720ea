"""What one treatment has given and held back so far, per patient. It decides nothing and holds no dose amounts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from cytotrial.manage.policy import DELAY, REDUCE, WITHHOLD
from cytotrial.observe.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from cytotrial.manage.rules import Decision


@dataclass(frozen=True)
class Ledger:
    """The state of one treatment, (patients,) each.

    `cycles` counts those begun in the current course, `courses` those begun. `fraction` is the patient's dose level as a
    fraction of the planned dose; it rises again only where a policy says so. `waited_hours` is how long the dose now due has
    been put off. `latched` (criteria, patients) are criteria met and not yet resolved; it is empty before the first decision.
    `moved_by` is the step of the policy that moved the dose by a level and has held since, -1 where none.
    """

    doses_in_cycle: IntArray
    doses_in_course: IntArray
    cycles: IntArray
    courses: IntArray
    withheld_in_a_row: IntArray
    fraction: FloatArray
    waited_hours: FloatArray
    latched: BoolArray
    moved_by: IntArray

    @classmethod
    def start(cls, patients: int, *, fraction: float = 1.0) -> Ledger:
        """The ledger before anything was given; `fraction` is the dose level that doses begin at."""
        zero = np.zeros(patients, dtype=np.int64)
        none = np.zeros((0, patients), dtype=np.bool_)
        return cls(zero, zero, zero, zero, zero, np.full(patients, fraction), np.zeros(patients), none, zero - 1)

    def of(self, rows: IntArray) -> Ledger:
        """The ledger of the patients at these positions."""
        return Ledger(*(getattr(self, field.name)[..., rows] for field in fields(self)))

    def begin_course(self, at: BoolArray) -> Ledger:
        """The ledger with a new course begun for patients `at`; its first cycle is begun apart."""
        return replace(
            self,
            courses=self.courses + at,
            cycles=np.where(at, 0, self.cycles),
            doses_in_course=np.where(at, 0, self.doses_in_course),
        )

    def begin_cycle(self, at: BoolArray) -> Ledger:
        """The ledger with a new cycle begun for patients `at`: doses and doses withheld in a row count from 0 again."""
        return replace(
            self,
            cycles=self.cycles + at,
            doses_in_cycle=np.where(at, 0, self.doses_in_cycle),
            withheld_in_a_row=np.where(at, 0, self.withheld_in_a_row),
            waited_hours=np.where(at, 0.0, self.waited_hours),
        )

    def after(self, decision: Decision) -> Ledger:
        """The ledger after a decision was carried out; patients without a dose due are left as they are."""
        given = decision.due & (decision.action <= REDUCE)
        withheld = decision.due & (decision.action == WITHHOLD)
        delayed = decision.due & (decision.action == DELAY)
        return replace(
            self,
            doses_in_cycle=self.doses_in_cycle + given,
            doses_in_course=self.doses_in_course + given,
            withheld_in_a_row=np.where(given, 0, self.withheld_in_a_row + withheld),
            fraction=np.where(decision.due, decision.level_fraction, self.fraction),
            waited_hours=np.where(
                delayed, self.waited_hours + decision.delay_hours, np.where(decision.due, 0.0, self.waited_hours)
            ),
            latched=decision.latched,
            moved_by=decision.moved_by.astype(np.int64),
        )
