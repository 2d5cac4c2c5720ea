"""Columns of texts that repeat, for tables of millions of rows. No table is made here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

MOST_SHORT_CODES = np.iinfo(np.int8).max


def texts(codes: npt.NDArray[np.integer], known: Sequence[str]) -> pd.Categorical[str]:
    """A column of texts, each kept once: millions of rows hold a few dozen of them.

    Args:
        codes: (rows,) the place in `known` of each row's text.
        known: the texts, which may stand twice.

    >>> list(texts(np.array([1, 0, 1]), ["lost", "given"]))
    ['given', 'lost', 'given']
    """
    distinct = pd.Index(list(dict.fromkeys(known)))
    places = distinct.get_indexer(pd.Index(known)).astype(np.int8 if distinct.size <= MOST_SHORT_CODES else np.int16)
    return pd.Categorical.from_codes(places[codes], distinct, validate=False)


__all__ = ["texts"]
