"""Members, and the definition of who owns a key, written down without any cleverness."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from fractions import Fraction

from hypothesis import strategies as st

from cluster.hashring.ring import SPACE, Ring, position_of
from cluster.member import Member

names = st.sampled_from([f"node-{number}:5000" for number in range(12)])
keys = st.binary(max_size=30)


ALL = Ring.of(Member(f"node-{number}:5000") for number in range(12))
"""Of everybody there is in properties; other rings take the points from here, which saves most of what they cost."""


def members(weights: st.SearchStrategy[int], largest: int = 6) -> st.SearchStrategy[list[Member]]:
    """Some with addresses of their own."""
    return st.lists(
        st.builds(Member, names, weight=weights), min_size=1, max_size=largest, unique_by=lambda member: member.address
    )


equal_or_not = st.one_of(members(st.just(1)), members(st.integers(1, 100)), members(st.sampled_from([1, 2])))


def fleet(many: int, pattern: str = "10.0.{0}.{1}:5000", weights: Iterable[int] = (1,)) -> list[Member]:
    """So many, numbered; weights are taken in turn."""
    taken = list(weights)
    return [
        Member(pattern.format(number // 250, number % 250), weight=taken[number % len(taken)]) for number in range(many)
    ]


def ring_on(points: dict[Member, list[int]]) -> Ring:
    """A ring whose members stand at chosen points."""
    stand_in = Ring((), {member.address: sorted(some) for member, some in points.items()}, array("Q"), (), array("Q"))
    return Ring.of(points, known=stand_in)


def owner_at(ring: Ring, position: int) -> str:
    """As the arcs have it."""
    return next(arc.owner for arc in ring.arcs() if arc.first <= position <= arc.last)


def owner_by_definition(ring: Ring, position: int) -> str:
    """Whose next point is nearest by distance over weight; then the lightest, then the first by address."""

    def score(member: Member) -> tuple[Fraction, int, str]:
        points = ring._points[member.address]
        place = bisect_left(points, position)
        point = points[place] if place < len(points) else points[0] + SPACE
        return Fraction(point - position, member.weight), member.weight, member.address

    return min(map(score, ring.members))[2]


def owner_of_key_by_definition(ring: Ring, key: bytes) -> str:
    return owner_by_definition(ring, position_of(key))
