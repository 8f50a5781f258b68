"""A real engine as the tests of what all engines must do ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Place:
    """Where one node stands towards the engine; each node gets a place of its own.

    url: what the node is told (``--distributed-address``). fall: end what falls with the node's machine, its agent
    say, leaving no time for a farewell; the node's process itself is killed by whoever started it.
    """

    url: str
    fall: Callable[[], None] = _nothing


class Engine(Protocol):
    """A running engine of one kind. Calls may block, so tests make them in threads.

    vanish_s: how long a killed announcer may stay in the views of others.
    """

    vanish_s: float

    def place(self, cluster: str) -> Place:
        """A place for one more node of the cluster of that name; clusters of other names share the engine."""

    def announce_nonsense(self, cluster: str) -> str:
        """Announce in that cluster, by the engine's own means, what is no member; what a warning has to name of it."""

    def stop(self) -> None:
        """Stop the engine as a crash does, for every place given so far."""

    def start(self) -> None:
        """Start it again where it was."""
