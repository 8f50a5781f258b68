"""Which of many is asked about next."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

Popularity = Literal["uniform", "zipf"]

_AT_ONCE = 1000


def picks(count: int, popularity: Popularity, chance: random.Random) -> Iterator[int]:
    """Endless numbers below count: all equally often, or the n-th as often as 1/n (Zipf's law with s = 1)."""
    weights = [1.0] * count if popularity == "uniform" else [1 / rank for rank in range(1, count + 1)]
    cumulative = list(accumulate(weights))
    while True:
        yield from chance.choices(range(count), cum_weights=cumulative, k=_AT_ONCE)
