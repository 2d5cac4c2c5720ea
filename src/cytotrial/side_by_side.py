"""Several pieces of work on their way at once, finished in their order. It knows neither patients nor trials.

While the clinic, which is Python, sees one chunk of patients, the compiled integrator may move another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Generic, TypeVar

Item = TypeVar("Item")
Work = Callable[[Item, Callable[[float], None]], None]
Told = Callable[[Sequence[tuple[Item, float]]], None]

ANSWER_SECONDS = 0.1  # how often the main thread tells of progress and looks for an interrupt


@dataclass
class _Running(Generic[Item]):
    """A piece of work on its way, and how far it is, 0 to 1."""

    item: Item
    task: Future[None]
    fraction: float = 0.0


def side_by_side(items: Iterable[Item], work: Work[Item], *, at_once: int, told: Told[Item]) -> Generator[Item, None, None]:
    """The items in their order, each when its work is done.

    An item is taken only when there is room for its work, so no more than `at_once` are in memory. One at a time is done in the
    caller's thread. Closing the iterator, an error or an interrupt ends all work at its next word of progress.

    Args:
        items: what to work on.
        work: does it; it says how far it is by calling its second argument.
        at_once: how many.
        told: hears, in the caller's thread, of the items on their way and how far they are.

    >>> list(side_by_side([1, 2, 3], lambda item, tell: tell(1.0), at_once=2, told=lambda running: None))
    [1, 2, 3]
    """
    if at_once == 1:
        for item in items:
            work(item, lambda fraction, item=item: told([(item, fraction)]))  # type: ignore[misc]
            yield item
        return
    stop = Event()
    with ThreadPoolExecutor(at_once) as pool:
        running: deque[_Running[Item]] = deque()
        try:
            for item in items:
                running.append(_start(pool, item, work, stop))
                if len(running) == at_once:
                    yield _first_done(running, told)
            while running:
                yield _first_done(running, told)
        finally:
            stop.set()


def _start(pool: ThreadPoolExecutor, item: Item, work: Work[Item], stop: Event) -> _Running[Item]:
    def tell(fraction: float) -> None:
        if stop.is_set():
            raise CancelledError
        started.fraction = fraction

    started: _Running[Item] = _Running(item, Future())
    started.task = pool.submit(work, item, tell)
    return started


def _first_done(running: deque[_Running[Item]], told: Told[Item]) -> Item:
    """Waits for the first of those running, and takes it away."""
    while wait([running[0].task], timeout=ANSWER_SECONDS).not_done:
        told([(one.item, one.fraction) for one in running])
    done = running.popleft()
    done.task.result()
    told([(one.item, one.fraction) for one in (done, *running)])
    return done.item
