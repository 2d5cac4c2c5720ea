"""Random numbers that depend only on who, when and what for: Philox4x32-10 over arrays. No hidden state, no order.

A draw is a pure function of (seed, stream name, patient, minute, draw). It does not change when other draws are added,
when patients are simulated in another order, chunk or thread; twins in two arms meet the same noise at the same time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

# Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3": multipliers, key increments, rounds.
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_INCREMENTS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
ROUNDS = 10

MASK = np.uint64(0xFFFFFFFF)
HALF_WORD = np.uint64(32)
AT_ONCE = 8192  # numbers whose words stay in the processor's cache


@lru_cache(maxsize=1024)
def _key(seed: int, stream: str) -> tuple[int, int]:
    digest = hashlib.blake2b(f"{seed}\x1f{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def philox(counter: Sequence[np.ndarray], key: tuple[np.ndarray | int, np.ndarray | int]) -> list[np.ndarray]:
    """Ten rounds of Philox4x32 on counters, four arrays of 32-bit words held in uint64; returns four such arrays.

    The two words of the key are numbers, or arrays that go with the counters.
    """
    first, second, third, fourth = (np.asarray(word, dtype=np.uint64) for word in counter)
    left, right = (np.asarray(word, dtype=np.uint64) for word in key)
    for _ in range(ROUNDS):
        product, other = MULTIPLIERS[0] * first, MULTIPLIERS[1] * third
        first, second, third, fourth = (
            (other >> HALF_WORD) ^ second ^ left,
            other & MASK,
            (product >> HALF_WORD) ^ fourth ^ right,
            product & MASK,
        )
        left, right = (left + KEY_INCREMENTS[0]) & MASK, (right + KEY_INCREMENTS[1]) & MASK
    return [first, second, third, fourth]


def uniforms(seed: int, stream: str, patient: np.ndarray, minute: np.ndarray | int, *, draws: int) -> np.ndarray:
    """Uniform numbers in (0, 1), shape (patients, draws), never 0 or 1.

    Args:
        seed: the trial's seed.
        stream: what the numbers are for; each name is its own stream.
        patient: (patients,) numbers of the patients.
        minute: (patients,) or one number: minutes since the first planned dose.
        draws: how many numbers per patient.

    >>> import numpy as np
    >>> bool((uniforms(1, "labs", np.arange(3), 0, draws=2)[1] == uniforms(1, "labs", np.array([1]), 0, draws=5)[0, :2]).all())
    True
    """
    return _drawn(_key(seed, stream), patient, minute, draws=draws)


def uniforms_of_streams(
    seed: int, streams: Sequence[str], patients: Sequence[np.ndarray], minutes: Sequence[np.ndarray], *, draws: int
) -> np.ndarray:
    """What `uniforms` gives for each stream and its own patients and minutes, one after the other: (all patients, draws).

    Many short streams in one go cost a tenth of as many calls.
    """
    keys = np.array([_key(seed, stream) for stream in streams], dtype=np.uint64).reshape(-1, 2)
    sizes = [part.size for part in patients]
    left, right = (np.repeat(word, sizes) for word in keys.T)
    return _drawn((left, right), np.concatenate(patients), np.concatenate(minutes), draws=draws)


def _drawn(
    key: tuple[np.ndarray | int, np.ndarray | int], patient: np.ndarray, minute: np.ndarray | int, *, draws: int
) -> np.ndarray:
    blocks = (draws + 1) // 2
    words = [np.asarray(word, dtype=np.uint64) for word in key]
    who = np.asarray(patient, dtype=np.uint64)
    when = np.broadcast_to(np.asarray(minute).astype(np.int64).astype(np.uint64), who.shape)
    rows = max(AT_ONCE // blocks, 1)
    numbers = np.empty((who.size, blocks, 2))
    for start in range(0, who.size, rows):
        some = slice(start, start + rows)
        minutes = np.repeat(when[some], blocks)
        counter = (
            np.repeat(who[some], blocks) & MASK,
            minutes & MASK,
            minutes >> HALF_WORD,
            np.tile(np.arange(blocks, dtype=np.uint64), who[some].size),
        )
        left, right = (np.repeat(word[some], blocks) if word.ndim else word for word in words)
        first, second, third, fourth = philox(counter, (left, right))
        drawn = numbers[some].reshape(-1, 2)
        for place, number in enumerate(((first << HALF_WORD) | second, (third << HALF_WORD) | fourth)):
            drawn[:, place] = ((number >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    result: np.ndarray = numbers.reshape(who.size, 2 * blocks)[:, :draws]
    return result


def normals(seed: int, stream: str, patient: np.ndarray, minute: np.ndarray | int, *, draws: int) -> np.ndarray:
    """Standard normal numbers by the inverse distribution function, shape (patients, draws); arguments as `uniforms`."""
    numbers: np.ndarray = ndtri(uniforms(seed, stream, patient, minute, draws=draws))
    return numbers
