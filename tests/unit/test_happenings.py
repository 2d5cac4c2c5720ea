"""What happens by chance between visits, from cumulative hazards."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.errors import Place
from cytotrial.happenings import MOST_BETWEEN_VISITS, Happenings
from cytotrial.model.parts import ChanceEvent
from cytotrial.population.streams import uniforms

SEED = 7
IDS = np.arange(1, 4)
EVERYBODY = np.arange(3)
CERTAIN = 1e6  # a hazard that nobody's lot withstands


def event(name: str, *, recurs: bool = False, fatal: bool = False) -> ChanceEvent:
    return ChanceEvent(name, f"module__{name}", recurs, 24.0, fatal, None, name.title(), "General", name, Place(path=name))


def lots(name: str, number: int) -> np.ndarray:
    """The hazard that the event of this number takes, after the one before it, (patients,)."""
    return -np.log(uniforms(SEED, f"event:{name}", IDS, np.full(3, number), draws=1)[:, 0])


def advance(happenings: Happenings, *hazards: float, hours: float = 10.0, moved: np.ndarray = EVERYBODY) -> None:
    """A first visit at these hours, after 0, with these cumulative hazards, one per event."""
    columns = np.repeat(np.array(hazards)[:, None], moved.size, axis=1)
    happenings.advance(columns, np.zeros(3), np.full(3, hours), moved)


def seen(happenings: Happenings, name: str, now: float = 10.0) -> list[float]:
    return happenings.findings(np.zeros(3), np.full(3, now))[name].tolist()


def test_an_event_happens_when_the_hazard_passes_the_patients_lot_and_only_then():
    happenings = Happenings([event("stroke")], seed=SEED, ids=IDS)
    hazard = float(np.median(lots("stroke", 0)))
    advance(happenings, hazard)
    assert seen(happenings, "stroke") == (lots("stroke", 0) <= hazard).astype(float).tolist()


def test_the_time_of_an_event_is_the_share_of_the_hazard_it_took():
    happenings = Happenings([event("stroke")], seed=SEED, ids=IDS)
    advance(happenings, CERTAIN, hours=8.0)
    ends = happenings.end_of(happenings.events[0])
    assert ends == pytest.approx(8.0 * lots("stroke", 0) / CERTAIN + 24.0, rel=1e-12)


def test_who_did_not_come_to_a_visit_is_left_as_before():
    happenings = Happenings([event("stroke")], seed=SEED, ids=IDS)
    advance(happenings, CERTAIN, moved=np.array([1]))
    assert seen(happenings, "stroke") == [0.0, 1.0, 0.0]


def test_a_recurring_event_draws_the_next_lot_and_any_other_happens_once():
    happenings = Happenings([event("fall", recurs=True), event("stroke")], seed=SEED, ids=IDS)
    twice = float((lots("fall", 0) + lots("fall", 1)).max())
    advance(happenings, twice, CERTAIN)
    later = float(np.max(twice + lots("fall", 2) + lots("fall", 3)))
    happenings.advance(np.full((2, 3), [[later], [2 * CERTAIN]]), np.full(3, 100.0), np.full(3, 200.0), EVERYBODY)
    since = happenings.findings(np.full(3, 100.0), np.full(3, 200.0))
    assert since["fall"].tolist() == [1.0] * 3
    assert since["stroke"].tolist() == [0.0] * 3


def test_an_event_that_recurs_without_end_is_counted_up_to_a_limit():
    happenings = Happenings([event("fall", recurs=True)], seed=SEED, ids=IDS)
    advance(happenings, CERTAIN)
    taken = sum(lots("fall", number) for number in range(MOST_BETWEEN_VISITS))
    assert happenings.end_of(happenings.events[0]) == pytest.approx(10.0 * taken / CERTAIN + 24.0, rel=1e-9)


def test_the_first_fatal_event_is_the_death():
    happenings = Happenings([event("sepsis", fatal=True), event("stroke", fatal=True)], seed=SEED, ids=IDS)
    advance(happenings, CERTAIN, CERTAIN)
    first = np.where(lots("sepsis", 0) <= lots("stroke", 0), "Sepsis", "Stroke")
    assert happenings.deaths()["TERM"].tolist() == first.tolist()
    assert happenings.death_time == pytest.approx(10.0 * np.minimum(lots("sepsis", 0), lots("stroke", 0)) / CERTAIN)


def test_a_biology_without_events_lets_nothing_happen():
    happenings = Happenings([], seed=SEED, ids=IDS)
    happenings.advance(np.zeros((0, 3)), np.zeros(3), np.ones(3), EVERYBODY)
    assert happenings.findings(np.zeros(3), np.ones(3)) == {}
    assert happenings.deaths().empty
