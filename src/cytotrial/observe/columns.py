"""Columns of texts that repeat, for tables of millions of rows. No table is made here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cytotrial.observe.arrays import IntArray

CODES = (np.int8, np.int16, np.int32)  # the shortest that tells all texts apart


def texts(codes: npt.NDArray[np.integer], known: Sequence[str]) -> pd.Categorical[str]:
    """A column of texts, each kept once: millions of rows hold a few dozen of them.

    Args:
        codes: (rows,) the place in `known` of each row's text.
        known: the texts, which may stand twice.

    >>> list(texts(np.array([1, 0, 1]), ["lost", "given"]))
    ['given', 'lost', 'given']
    """
    distinct = {text: place for place, text in enumerate(dict.fromkeys(known))}
    kind = next(kind for kind in CODES if len(distinct) <= np.iinfo(kind).max)
    places: npt.NDArray[np.integer] = codes.astype(kind)
    if len(distinct) < len(known):
        places = np.array([distinct[text] for text in known], dtype=kind)[codes]
    return pd.Categorical.from_codes(places, pd.Index(list(distinct)), validate=False)


def same(text: str, rows: int) -> pd.Categorical[str]:
    """A column that says the same in every row.

    >>> list(same("oral", 2))
    ['oral', 'oral']
    """
    return texts(np.zeros(rows, dtype=np.int8), [text])


class Words:
    """Texts as they turn up, each with a number that stays; rounds keep the numbers, and a table makes texts of them.

    >>> words = Words()
    >>> first, later = words.numbers(["", "fever"]), words.numbers(["fever", "rash"])
    >>> first.tolist(), later.tolist(), list(words.column(later))
    ([0, 1], [1, 2], ['fever', 'rash'])
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def number(self, text: str) -> int:
        """The number of a text."""
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def text(self, number: int) -> str:
        """The text of a number."""
        return self._texts[number]

    def numbers(self, found: Iterable[str]) -> IntArray:
        """The numbers of texts, one each."""
        return np.fromiter((self.number(text) for text in found), dtype=np.int64)

    def column(self, numbers: IntArray) -> pd.Categorical[str]:
        """The column of a table that these numbers stand for, with the texts it has."""
        (some,) = np.nonzero(np.bincount(numbers, minlength=len(self._texts)))
        place = np.zeros(len(self._texts), dtype=np.int64)
        place[some] = np.arange(some.size)
        return texts(place[numbers], [self._texts[number] for number in some])


__all__ = ["Words", "same", "texts"]
