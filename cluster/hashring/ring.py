"""The ring: who owns which key, as a value that members alone decide.

The hash space is the numbers of 64 bits, closed to a circle. Every member stands on it at the same number of points,
wherever its address puts it. A key belongs to the member whose point comes next, where a member of weight w has a point
come w times as soon: what decides is distance divided by weight. Chances of being nearest are then in proportion to
weights, points cost the same whatever the weights, and what a member scores for a key depends on nobody else, so a
newcomer takes keys and moves none between others. Between equals this is plain consistent hashing.
Source: Karger et al., Consistent Hashing and Random Trees, 1997; Schindelhauer and Schomaker, Weighted Distributed
Hash Tables, 2005 (the linear method).

uhashring makes the points, for one member at a time. Its own continuum is not used: there the last to be added wins
where points meet, and weights multiply points, up to 100 times as many. What the choice costs and how well it balances:
docs/scaling.md, docs/adr/0009-the-ring-and-who-is-in-it.md.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from uhashring import HashRing
from xxhash import xxh3_64_intdigest

from cluster.member import Member

LARGEST_WEIGHT = 100
SPACE = 1 << 64
"""How many positions there are."""

_POINTS = 2_048
"""Of each member; its share then deviates by 1/sqrt(points) = 2.2 %, so one of 2000 rings of 100 has one 10 % off."""
_SORTED_AT_ONCE = 4_096  # points: sorting keeps all other threads waiting, for so many about a millisecond
_STRIP_BITS = 52
_STRIPS = SPACE >> _STRIP_BITS  # parts of the space with an index of their own: a lookup stays within few cache lines


class Arc(NamedTuple):
    """A stretch of the space that one member owns, first and last included."""

    first: int
    last: int
    owner: str


@dataclass(frozen=True, slots=True, repr=False)
class Ring:
    """Who owns which key; a change of membership makes a new Ring. Equal where the members are.

    members: in order of address, never empty, no address twice.
    """

    members: tuple[Member, ...]
    _points: Mapping[str, Sequence[int]] = field(compare=False)  # of each address, in order
    _ends: array[int] = field(compare=False)  # of the arcs, in order; the last is the end of the space
    _owners: Sequence[str] = field(compare=False)  # of the arcs
    _strips: array[int] = field(compare=False)  # the first arc that ends in each strip or later, and one more

    @classmethod
    def of(cls, members: Iterable[Member], known: Ring | None = None) -> Ring:
        """The ring of these, whatever their order. Raises ValueError for none, one address twice, or a weight outside.

        known: a ring to take the points of those from that it has. 100 members take some 0.35 s, a third of it if
        nearly all are known, and twice that or more if weights differ. So it belongs into a thread; no step of it keeps
        others waiting for much longer than the interpreter lets threads wait anyway.
        """
        ordered = tuple(sorted(members))
        _ensure_fit(ordered)
        had = {} if known is None else known._points  # noqa: SLF001 - one of us
        points = {member.address: had.get(member.address) or _points_of(member.address) for member in ordered}
        arcs = _arcs_of_equals if len({member.weight for member in ordered}) == 1 else _arcs_of_unequals
        ends, owners = arcs(ordered, points)
        return cls(ordered, points, ends, owners, _index(ends))

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"<Ring of {len(self.members)}: {', '.join(member.address for member in self.members[:3])}, …>"

    def owner(self, key: bytes) -> str:
        """The address of the member that owns a key."""
        position = xxh3_64_intdigest(key)
        strip = position >> _STRIP_BITS
        return self._owners[bisect_left(self._ends, position, self._strips[strip], self._strips[strip + 1])]

    def arcs(self) -> Iterator[Arc]:
        """The whole space in order, without gaps; neighbours may have the same owner."""
        first = 0
        for last, owner in zip(self._ends, self._owners, strict=True):
            if first <= last:  # the end of the space may be a point
                yield Arc(first, last, owner)
            first = last + 1

    def shares(self) -> Mapping[str, float]:
        """Which part of the space each member owns, exactly; together 1. Goes through all arcs."""
        owned = dict.fromkeys((member.address for member in self.members), 0)
        first = 0
        for last, owner in zip(self._ends, self._owners, strict=True):
            owned[owner] += last - first + 1
            first = last + 1
        return {address: positions / SPACE for address, positions in owned.items()}


def position_of(key: bytes) -> int:
    """Where a key lies; the same on every machine, for all time: XXH3 of 64 bits, without a seed."""
    return xxh3_64_intdigest(key)


def _ensure_fit(members: Sequence[Member]) -> None:
    if not members:
        raise ValueError("a ring has members")
    for one, other in pairwise(members):
        if one.address == other.address:
            raise ValueError(f"two members at {one.address}")
    for member in members:
        if not 1 <= member.weight <= LARGEST_WEIGHT:
            raise ValueError(f"the weight of {member.address} is {member.weight}, not 1 to {LARGEST_WEIGHT}")


def _points_of(address: str) -> Sequence[int]:
    """In order. Takes 1 to 2 ms."""
    continuum = HashRing([address], vnodes=_POINTS, hash_fn=lambda point: xxh3_64_intdigest(point.encode()))
    return array("Q", sorted(continuum.ring))


def _arcs_of_equals(members: Sequence[Member], points: Mapping[str, Sequence[int]]) -> tuple[array[int], list[str]]:
    """Ends and owners: each point ends an arc that is its member's. Where points meet it is the first address's."""
    ends, owners = array("Q"), list[str]()
    for low, high in _parts(points):
        owner_at: dict[int, str] = {}
        for member in reversed(members):
            owner_at.update(dict.fromkeys(_between(points[member.address], low, high), member.address))
        ends_here = sorted(owner_at)
        ends.extend(ends_here)
        owners.extend(map(owner_at.__getitem__, ends_here))
    ends.append(SPACE - 1)
    owners.append(owners[0])
    return ends, owners


def _arcs_of_unequals(members: Sequence[Member], points: Mapping[str, Sequence[int]]) -> tuple[array[int], list[str]]:
    """Ends and owners, found on the way from the highest point to the lowest.

    Whoever is nearest to the end of the space is known from the lowest point of each member, a space further up.
    """
    sweep = _Sweep()
    for point in sorted(((points[m.address][0] + SPACE, m.weight, m.address) for m in members), reverse=True):
        sweep.meet(*point)
    sweep.begin()
    for low, high in reversed(_parts(points)):
        here = [(point, m.weight, m.address) for m in members for point in _between(points[m.address], low, high)]
        for point in sorted(here, reverse=True):
            sweep.meet(*point)
    sweep.descend(-1)
    sweep.ends.reverse()
    sweep.owners.reverse()
    return sweep.ends, sweep.owners


class _Claim(NamedTuple):
    """A point that owns, or may yet own, what lies before it. overtaken_at: where the claim beneath it gets ahead."""

    position: int
    weight: int
    owner: str
    overtaken_at: int


_NEVER = -1  # below every position


class _Sweep:
    """Who owns what lies before the points met so far, which come from high to low; of equal ones, the heavier first.

    The stack holds the claims that own the place reached or may own a lower one: the owner on top, and beneath each
    claim the one that will overtake it. Such is heavier: the further away both are, the less its greater distance
    counts. A new point is at distance zero, so it owns at once, and claims not heavier than it are done for good.
    ends and owners: of arcs, from high to low.
    """

    def __init__(self) -> None:
        self.ends = array("Q")
        self.owners: list[str] = []
        self._stack: list[_Claim] = []

    def begin(self) -> None:
        """Descend to the end of the space: from here on arcs are kept."""
        self.descend(SPACE - 1)
        self._end(SPACE - 1)

    def meet(self, position: int, weight: int, owner: str) -> None:
        """Descend to a point, which owns from there on."""
        self.descend(position)
        stack = self._stack
        while stack and stack[-1].weight <= weight:
            stack.pop()
        overtaken_at = _NEVER
        while stack and (overtaken_at := _overtaking(position, weight, stack[-1])) <= stack[-1].overtaken_at:
            stack.pop()  # is overtaken before it could overtake
        stack.append(_Claim(position, weight, owner, overtaken_at if stack else _NEVER))
        self._end(position)

    def descend(self, position: int) -> None:
        """Let claims overtake each other down to just above a position."""
        stack = self._stack
        while stack and stack[-1].overtaken_at > position:
            overtaken_at = stack.pop().overtaken_at
            self._end(overtaken_at)

    def _end(self, position: int) -> None:
        """From here downwards the top of the stack owns; what ended at the same position owned nothing."""
        if position >= SPACE:
            return
        if self.ends and self.ends[-1] == position:
            self.ends.pop()
            self.owners.pop()
        self.ends.append(position)
        self.owners.append(self._stack[-1].owner)


def _overtaking(position: int, weight: int, heavier: _Claim) -> int:
    """The highest position that is nearer to a heavier claim further up than to this one, by distance over weight."""
    return (position * heavier.weight - heavier.position * weight - 1) // (heavier.weight - weight)


def _parts(points: Mapping[str, Sequence[int]]) -> Sequence[tuple[int, int]]:
    """Cuts the space, from low up to high, into parts with few enough points to sort at once."""
    many = sum(map(len, points.values())) // _SORTED_AT_ONCE + 1
    bounds = [SPACE * part // many for part in range(many + 1)]
    return tuple(pairwise(bounds))


def _between(points: Sequence[int], low: int, high: int) -> Sequence[int]:
    return points[bisect_left(points, low) : bisect_left(points, high)]


def _index(ends: array[int]) -> array[int]:
    """For each strip the first arc that ends in it or later; one more, past the last arc, for the end of the last."""
    return array("Q", (bisect_left(ends, strip << _STRIP_BITS) for strip in range(_STRIPS + 1)))
