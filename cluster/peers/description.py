"""How it stands with a node, for people: who it is, whom it sees, what it has done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cluster.hashring.ring import Ring
from cluster.invoker.cache import CacheCounts
from cluster.invoker.routing import RoutingCounts
from cluster.member import Member
from cluster.membership.roll_call import RollCounts
from cluster.peers.card import Card
from cluster.peers.peer import PeerState


@dataclass(frozen=True, slots=True)
class Place:
    """A member and which part of the keys it owns, 0 to 1."""

    member: Member
    share_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """What a node has counted since it started. answered_for_peers: asks that came from other nodes."""

    cache: CacheCounts
    routing: RoutingCounts
    roll: RollCounts
    answered_for_peers: int


@dataclass(frozen=True, slots=True)
class Description:
    """How it stands with a node, as it says itself.

    is_zonal: each zone shares all keys among its own nodes. places: the members it sees, in order of address. refused:
    who answers and is kept out, and why. peers: those it asks.
    """

    card: Card
    is_zonal: bool
    places: tuple[Place, ...]
    refused: Mapping[str, str]
    counts: NodeCounts
    peers: tuple[PeerState, ...]

    @property
    def address(self) -> str:
        """Where peers reach it."""
        return self.card.member.address


@dataclass(frozen=True, slots=True)
class Silence:
    """A node that could not be asked, and why."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a question under a schema version: one, or one in each zone where zones share keys by themselves."""

    schema_version: str
    owners: tuple[Member, ...]


def rings_of(members: Iterable[Member], *, is_zonal: bool) -> tuple[Ring, ...]:
    """The rings members form: one, or one for each zone, in order of their names. Takes as long as ``Ring.of``."""
    by_zone: dict[str, list[Member]] = {}
    for member in members:
        by_zone.setdefault(member.zone if is_zonal else "", []).append(member)
    return tuple(Ring.of(by_zone[zone]) for zone in sorted(by_zone))


def places_of(members: Iterable[Member], *, is_zonal: bool) -> tuple[Place, ...]:
    """Each member with its share of its ring, in order of address. Takes as long as ``Ring.of``, and half as much."""
    rings = rings_of(members, is_zonal=is_zonal)
    shares = {address: share for ring in rings for address, share in ring.shares().items()}
    return tuple(Place(member, shares[member.address]) for member in sorted(m for ring in rings for m in ring.members))
