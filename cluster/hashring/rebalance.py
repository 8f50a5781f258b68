"""What a change of members moves: which part of the space, from whom, to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cluster.hashring.ring import SPACE, Ring


class Move(NamedTuple):
    """A stretch of the space that changes hands; first and last included."""

    first: int
    last: int
    giver: str
    taker: str


def moves(before: Ring, after: Ring) -> Iterator[Move]:
    """Every position that another member owns now, in order; nothing between equal rings.

    Whether one key moves is told faster by asking both rings.
    """
    olds, news = before.arcs(), after.arcs()
    old, new = next(olds), next(news)
    first = 0
    while True:
        last = min(old.last, new.last)
        if old.owner != new.owner:
            yield Move(first, last, old.owner, new.owner)
        first = last + 1
        if first == SPACE:
            return
        if old.last == last:
            old = next(olds)
        if new.last == last:
            new = next(news)


def flows(before: Ring, after: Ring) -> Mapping[tuple[str, str], float]:
    """The share of the space that goes from giver to taker, for each two between whom anything moves."""
    positions: defaultdict[tuple[str, str], int] = defaultdict(int)
    for move in moves(before, after):
        positions[move.giver, move.taker] += move.last - move.first + 1
    return {pair: moved / SPACE for pair, moved in positions.items()}
