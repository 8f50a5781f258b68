"""Histograms that cost little to fill: what stands on the road of every call is read by no one but a scrape."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for how long answers take: from a check the cache answers to one nobody waits for any more."""


class Exemplar(NamedTuple):
    """One value that was counted, and the trace of where it came from. time_s: when, in Unix time."""

    trace_id: str
    value: float
    time_s: float


class Histogram:
    """Counts values by the least bound they do not exceed. bounds: rising; what exceeds all is counted too.

    exemplars: by the place of their bound, the newest of each. Used from one event loop.
    """

    __slots__ = ("_counts", "bounds", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        self._counts = [0] * (len(self.bounds) + 1)

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} values>"

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    @property
    def up_to(self) -> Sequence[int]:
        """How many values did not exceed each bound, in their order, and last how many there were."""
        return tuple(accumulate(self._counts))

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def illustrate(self, exemplar: Exemplar) -> None:
        """Keep where a value that was counted came from."""
        self.exemplars[bisect_left(self.bounds, exemplar.value)] = exemplar
