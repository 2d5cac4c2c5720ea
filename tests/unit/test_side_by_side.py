"""Work done side by side: its order, how much at once, progress, errors and endings."""

from __future__ import annotations

from contextlib import closing
from threading import Lock, get_ident

import pytest

from cytotrial.side_by_side import side_by_side


def silent(running):
    """Hears of progress and keeps none of it."""


def test_items_come_in_their_order_whoever_is_done_first():
    def work(item, tell):
        for _ in range(1000 * (4 - item)):
            tell(0.5)

    assert list(side_by_side([0, 1, 2, 3], work, at_once=3, told=silent)) == [0, 1, 2, 3]


def test_no_more_items_are_taken_than_are_worked_on_at_once():
    taken, done = [], []

    def items():
        for item in range(6):
            taken.append(item)
            assert len(taken) - len(done) <= 2
            yield item

    for item in side_by_side(items(), lambda item, tell: tell(1.0), at_once=2, told=silent):
        done += [item]
    assert done == taken == list(range(6))


def test_one_at_a_time_is_done_by_the_caller_itself():
    seen = []
    assert list(side_by_side([1], lambda item, tell: seen.append(get_ident()), at_once=1, told=silent)) == [1]
    assert seen == [get_ident()]


def test_progress_is_told_in_the_callers_thread():
    heard = []
    told = lambda running: heard.append((get_ident(), [fraction for _, fraction in running]))  # noqa: E731
    assert list(side_by_side([1, 2], lambda item, tell: tell(1.0), at_once=2, told=told)) == [1, 2]
    assert {thread for thread, _ in heard} == {get_ident()}
    assert heard[-1][1] == [1.0]


def test_an_error_of_one_is_raised_and_ends_the_others():
    ended, lock = [], Lock()

    def work(item, tell):
        if item == 0:
            raise ValueError("no such patient")
        try:
            while True:
                tell(0.0)
        finally:
            with lock:
                ended.append(item)

    with pytest.raises(ValueError, match="no such patient"):
        list(side_by_side([0, 1], work, at_once=2, told=silent))
    assert ended == [1]


def test_closing_ends_the_work_on_its_way():
    def work(item, tell):
        while item:
            tell(0.0)

    with closing(side_by_side([0, 1, 2], work, at_once=2, told=silent)) as found:
        assert next(found) == 0
    assert list(found) == []
