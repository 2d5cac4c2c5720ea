"""What enters the biology: what is set, added and called off in one round, as the ensemble hears of it and as it is kept."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cytotrial.engine import EventKind
from cytotrial.entries import Entries

IDS = np.array([11, 12])
BOTH = np.array([0, 1])
START = np.zeros(2)


class Listener:
    """Stands for an ensemble: keeps what it is told, and how far each patient has come [h]."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []
        self.time = np.array([100.0, 5.0])

    def cancel_inputs(self, cancelled: np.ndarray) -> None:
        self.told.append(("cancel", cancelled.copy()))

    def schedule(self, events) -> None:
        self.told.append(("schedule", events))


@pytest.fixture
def ensemble() -> Listener:
    return Listener()


@pytest.fixture
def entries(ensemble: Listener) -> Entries:
    port = SimpleNamespace(unit="nmol/h")
    names = SimpleNamespace(inputs=("drug__infusion", "ward"), states=("drug__depot",))
    biology = SimpleNamespace(
        system=names, inputs=dict.fromkeys(names.inputs, port), states={"drug__depot": SimpleNamespace(unit="nmol")}
    )
    return Entries(ensemble, biology, IDS)


def test_the_ensemble_is_told_of_a_round_at_once_in_the_order_given(entries, ensemble):
    entries.set(1, BOTH, time=START, value=1.0, what="care")
    entries.add(0, np.array([1]), time=np.zeros(1), value=np.array([36.0]), what="dose")
    entries.hand_over()
    ((word, events),) = ensemble.told
    assert word == "schedule"
    assert events.patient.tolist() == [0, 1, 1]
    assert events.kind.tolist() == [EventKind.SET_INPUT, EventKind.SET_INPUT, EventKind.ADD_TO_STATE]
    assert events.target.tolist() == [1, 1, 0]
    assert events.value.tolist() == [1.0, 1.0, 36.0]


def test_a_round_without_entries_tells_the_ensemble_nothing(entries, ensemble):
    entries.set(1, np.array([], dtype=np.int64), time=np.zeros(0), value=1.0, what="care")
    entries.call_off(1, np.array([], dtype=np.int64), time=np.zeros(0))
    entries.hand_over()
    assert ensemble.told == []
    assert entries.table().empty


def test_what_is_called_off_in_its_own_round_never_reaches_the_ensemble(entries, ensemble):
    entries.set(1, BOTH, time=START + 9.0, value=0.0, what="care")
    entries.call_off(1, np.array([0]), time=np.zeros(1))
    entries.set(1, np.array([0]), time=np.array([12.0]), value=0.0, what="care")
    entries.hand_over()
    (_, cancelled), (_, events) = ensemble.told
    assert cancelled.tolist() == [[False, True], [False, False]]
    assert list(zip(events.patient.tolist(), events.time.tolist(), strict=True)) == [(1, 9.0), (0, 12.0)]


def test_a_round_is_handed_over_once(entries, ensemble):
    entries.set(1, BOTH, time=START, value=1.0, what="care")
    entries.call_off(0, BOTH, time=START)
    entries.hand_over()
    entries.hand_over()
    assert [word for word, _ in ensemble.told] == ["cancel", "schedule"]


def test_the_record_leaves_out_what_was_called_off_or_lies_beyond_the_end_of_a_patient(entries):
    entries.set(1, BOTH, time=START, value=1.0, what="care")
    entries.set(1, BOTH, time=START + 50.0, value=0.0, what="care")
    entries.call_off(1, np.array([0]), time=np.array([3.0]))
    entries.set(1, np.array([0]), time=np.array([60.0]), value=0.0, what="care")
    entries.set(0, np.array([0]), time=np.array([50.0]), value=2.0, what="dose")
    table = entries.table()
    assert table[["ID", "TIME", "TARGET", "VALUE"]].to_numpy().tolist() == [
        [11, 0.0, "ward", 1.0],
        [12, 0.0, "ward", 1.0],
        [11, 60.0, "ward", 0.0],
        [11, 50.0, "drug.infusion", 2.0],
    ]
    assert set(table["UNIT"]) == {"nmol/h"}


def test_a_cure_is_on_record_and_not_told_to_the_ensemble_again(entries, ensemble):
    entries.note_cure("drug__depot", np.array([1]), time=np.array([2.0]), value=0.0)
    entries.hand_over()
    assert ensemble.told == []
    assert entries.table()[["ID", "TARGET", "KIND", "UNIT", "WHAT"]].to_numpy().tolist() == [
        [12, "drug.depot", "set", "nmol", "cure"]
    ]
