"""What a node says of itself when a peer asks who it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cluster.invoker.answers import NoAnswer
from cluster.member import Member


@dataclass(frozen=True, slots=True)
class Protocols:
    """The protocol numbers a node speaks with its peers, both ends included; at least 1."""

    lowest: int
    highest: int

    def common_with(self, other: Protocols) -> int | None:
        """The highest number both speak; None if there is none."""
        highest = min(self.highest, other.highest)
        return highest if highest >= max(self.lowest, other.lowest) else None

    def __str__(self) -> str:
        return str(self.lowest) if self.lowest == self.highest else f"{self.lowest} to {self.highest}"


PROTOCOLS = Protocols(1, 1)
"""What this release speaks. A release must speak the highest number of the one before, or no cluster can be renewed
node by node."""


class CardState(Enum):
    """Whether a node takes its part of the keys: not yet, now, or soon no longer."""

    JOINING = "joining"
    SERVING = "serving"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Card:
    """Who answers at an address. cluster: the digest of its cluster's name and key, equal where both are equal."""

    cluster: str
    protocols: Protocols
    member: Member
    state: CardState


class PeerRefused(NoAnswer):
    """There is a node, but we and it are not of one cluster or do not understand each other; the text says why.

    Asking again changes nothing until somebody changes what one of the two is told.
    """
