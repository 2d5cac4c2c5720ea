"""Random numbers that depend only on who, when and what for: Philox4x32-10 over arrays. No hidden state, no order.

A draw is a pure function of (seed, stream name, patient, minute, draw). It does not change when other draws are added,
when patients are simulated in another order, chunk or thread; twins in two arms meet the same noise at the same time.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

# Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3": multipliers, key increments, rounds.
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

MASK = np.uint64(0xFFFFFFFF)
HALF_WORD = np.uint64(32)


@lru_cache(maxsize=1024)
def _key(seed: int, stream: str) -> tuple[int, int]:
    digest = hashlib.blake2b(f"{seed}\x1f{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds of Philox4x32 on counters (..., 4) of 32-bit words held in uint64; returns words of the same shape."""
    first, second, third, fourth = (counter[..., word].astype(np.uint64) for word in range(4))
    left, right = key
    for _ in range(ROUNDS):
        product, other = MULTIPLIERS[0] * first, MULTIPLIERS[1] * third
        first, second, third, fourth = (
            (other >> HALF_WORD) ^ second ^ np.uint64(left),
            other & MASK,
            (product >> HALF_WORD) ^ fourth ^ np.uint64(right),
            product & MASK,
        )
        left, right = (left + KEY_INCREMENTS[0]) & 0xFFFFFFFF, (right + KEY_INCREMENTS[1]) & 0xFFFFFFFF
    return np.stack([first, second, third, fourth], axis=-1)


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
    patient = np.asarray(patient, dtype=np.uint64)
    minutes = np.broadcast_to(np.asarray(minute).astype(np.int64).astype(np.uint64), patient.shape)
    blocks = (draws + 1) // 2
    counter = np.empty((patient.size, blocks, 4), dtype=np.uint64)
    counter[..., 0] = (patient & MASK)[:, None]
    counter[..., 1] = (minutes & MASK)[:, None]
    counter[..., 2] = (minutes >> HALF_WORD)[:, None]
    counter[..., 3] = np.arange(blocks, dtype=np.uint64)[None, :]
    words = philox(counter, _key(seed, stream))
    pairs = (words[..., 0::2] << HALF_WORD) | words[..., 1::2]
    numbers: np.ndarray = ((pairs >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return numbers.reshape(patient.size, 2 * blocks)[:, :draws]


def normals(seed: int, stream: str, patient: np.ndarray, minute: np.ndarray | int, *, draws: int) -> np.ndarray:
    """Standard normal numbers by the inverse distribution function, shape (patients, draws); arguments as `uniforms`."""
    numbers: np.ndarray = ndtri(uniforms(seed, stream, patient, minute, draws=draws))
    return numbers
