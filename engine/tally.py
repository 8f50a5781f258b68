"""What evaluations cost, counted."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.histogram import Histogram

_FEW = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 50)
_MANY = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 20_000, 100_000)


@dataclass(slots=True)
class Tally:
    """What one evaluation has taken so far. reads: batches; entities_read: the reads within them."""

    rounds: int = 0
    reads: int = 0
    entities_read: int = 0


class Tallies:
    """The tallies of many evaluations, each sort of cost by itself."""

    def __init__(self) -> None:
        self.rounds = Histogram(_FEW)
        self.reads = Histogram(_FEW)
        self.entities_read = Histogram(_MANY)

    def __repr__(self) -> str:
        return f"<Tallies of {self.rounds.count} evaluations>"

    def add(self, tally: Tally) -> None:
        """Count an evaluation that has ended, well or not."""
        self.rounds.observe(tally.rounds)
        self.reads.observe(tally.reads)
        self.entities_read.observe(tally.entities_read)
