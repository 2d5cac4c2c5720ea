"""Rows of output times: where the compiled code writes them, and what a caller is given. Nothing is integrated here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outputs:
    """States at output times, one row per patient and time, ordered by patient, then time.

    Attributes:
        patient: (rows,) whose row it is.
        time: (rows,) when [h].
        states: (rows, states), those asked for; at an event's time the value before the event.
        inputs: (rows, inputs) in force until that time.
        whole: the rows of the patients of whom all states were asked for, with all of them; None where nobody was.
    """

    patient: np.ndarray
    time: np.ndarray
    states: np.ndarray
    inputs: np.ndarray
    whole: Outputs | None = None


class RowPlan:
    """Where each patient's rows lie: states of the wholly asked first, then of the others; inputs in order of patients."""

    def __init__(self, counts: np.ndarray, *, states: int, asked: Sequence[int] | None, whole: np.ndarray | None) -> None:
        """Places for so many rows.

        Args:
            counts: (patients,) output times of each.
            states: of the system.
            asked: places of the states that rows hold; all where None.
            whole: (patients,) whose rows hold all states nevertheless; nobody's where None.
        """
        everything = np.arange(states)
        chosen = everything if asked is None else np.array(asked, dtype=np.int64)
        self._is_whole = np.zeros(counts.size, dtype=bool) if whole is None or asked is None else whole
        self._counts = counts
        self._asked = chosen.size
        # Those asked for stand in front, so that a row with all states begins like any other.
        self._columns = np.concatenate([chosen, np.setdiff1d(everything, chosen)])
        self._width = np.where(self._is_whole, states, chosen.size)
        numbers = counts * self._width
        of_whole = np.where(self._is_whole, numbers, 0)
        before = np.where(
            self._is_whole, np.cumsum(of_whole) - of_whole, of_whole.sum() + np.cumsum(numbers - of_whole) - numbers
        )
        self._place = before.astype(np.int64)
        self._first = np.cumsum(counts) - counts
        self._states = np.empty(int(numbers.sum()))  # rows that nobody reaches are left out in the end: none is read unwritten

    def arrays(self, inputs: int) -> Mapping[str, np.ndarray]:
        """The fields of the context that rows are written by."""
        self._inputs = np.empty((int(self._counts.sum()), inputs))
        return {
            "row_first": self._first,
            "row_place": self._place,
            "row_width": self._width,
            "row_columns": self._columns,
            "rows_states": self._states,
            "rows_inputs": self._inputs,
        }

    def outputs(self, times: np.ndarray, first: np.ndarray, written: np.ndarray) -> Outputs:
        """The rows that were written.

        Args:
            times: all output times.
            first: (patients,) the first of them that is each patient's.
            written: (patients,) rows that each has.
        """
        patient = np.repeat(np.arange(self._counts.size), self._counts)
        within = np.arange(patient.size) - self._first[patient]
        kept = within < written[patient]
        time = times[first[patient] + within] if times.size else np.empty(0)
        in_whole = self._is_whole[patient]
        rows = int(np.count_nonzero(in_whole))
        all_states = self._columns.size
        front = self._states[: rows * all_states].reshape(rows, all_states)
        rest = self._states[rows * all_states :].reshape(patient.size - rows, self._asked)
        states, whole = rest, None
        if rows:
            states = np.empty((patient.size, self._asked))
            states[in_whole], states[~in_whole] = front[:, : self._asked], rest
            in_order = front[:, np.argsort(self._columns)]
            some = kept[in_whole]
            whole = Outputs(*(part[some] for part in (patient[in_whole], time[in_whole], in_order, self._inputs[in_whole])))
        if kept.all():
            return Outputs(patient, time, states, self._inputs, whole)
        return Outputs(patient[kept], time[kept], states[kept], self._inputs[kept], whole)


__all__ = ["Outputs", "RowPlan"]
