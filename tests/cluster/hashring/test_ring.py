"""Who owns what: by the definition, the same everywhere, in proportion to weights."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.hashring.rebalance import flows
from cluster.hashring.ring import _SORTED_AT_ONCE, SPACE, Ring, _parts, position_of
from cluster.member import Member
from tests.cluster.hashring.rings import (
    ALL,
    equal_or_not,
    fleet,
    keys,
    members,
    owner_at,
    owner_by_definition,
    owner_of_key_by_definition,
    ring_on,
)

SIZES = [3, 4, 7, 10, 30, 100]
POSITIONS = [6767959357737183604, 7560002147292413988, 6308944828343680899]
OWNERS_AMONG_EQUALS = "212311433432"
OWNERS_AMONG_UNEQUALS = "212222222222"
SAMPLE = [number.to_bytes(4, "big") for number in range(20_000)]


@settings(max_examples=40, deadline=None)
@given(some=equal_or_not, asked=st.lists(keys, min_size=1, max_size=50))
def test_a_key_belongs_to_the_nearest_point_by_distance_over_weight(some: list[Member], asked: list[bytes]) -> None:
    ring = Ring.of(some, known=ALL)
    assert [ring.owner(key) for key in asked] == [owner_of_key_by_definition(ring, key) for key in asked]


near_both_ends = st.one_of(st.integers(0, 40), st.integers(SPACE - 40, SPACE - 1))


@settings(max_examples=150, deadline=None)
@given(
    points=st.dictionaries(
        st.builds(Member, st.sampled_from("abcdef"), weight=st.sampled_from([1, 1, 2, 3, 7])),
        st.lists(near_both_ends, min_size=1, max_size=6, unique=True),
        min_size=1,
        max_size=5,
    ).filter(lambda points: len({member.address for member in points}) == len(points))
)
def test_where_points_meet_or_lie_close_the_definition_still_decides(points: dict[Member, list[int]]) -> None:
    ring = ring_on(points)
    for position in (*range(60), *range(SPACE - 60, SPACE), SPACE // 2):
        assert owner_at(ring, position) == owner_by_definition(ring, position)


def test_where_two_members_stand_at_one_point_the_first_address_owns_whoever_came_first() -> None:
    one, other = Member("a:1"), Member("b:1")
    for points in ({one: [5], other: [5, 9]}, {other: [5, 9], one: [5]}):
        assert [owner_at(ring_on(points), position) for position in (4, 5, 6)] == ["a:1", "a:1", "b:1"]


@settings(max_examples=10, deadline=None)
@given(some=equal_or_not, shuffling=st.randoms(use_true_random=False), asked=st.lists(keys, max_size=30))
def test_equal_member_sets_give_equal_owners_whatever_the_order(
    some: list[Member], shuffling: Random, asked: list[bytes]
) -> None:
    shuffled = list(some)
    shuffling.shuffle(shuffled)
    grown = Ring.of(shuffled[:1])
    for size in range(2, len(shuffled) + 1):
        grown = Ring.of(shuffled[:size], known=grown)
    at_once = Ring.of(frozenset(some))
    assert grown == at_once
    assert hash(grown) == hash(at_once)
    assert [grown.owner(key) for key in asked] == [at_once.owner(key) for key in asked]
    assert list(grown.arcs()) == list(at_once.arcs())


def test_owners_are_the_same_on_every_machine_for_all_time() -> None:
    equals = Ring.of(fleet(5))
    unequals = Ring.of(fleet(5, weights=(1, 2, 50)))
    asked = [f"t1\0v1\0document\0{number}\0view\0user\0ann\0".encode() for number in range(12)]
    assert [position_of(key) for key in asked[:3]] == POSITIONS
    assert "".join(equals.owner(key).split(":")[0][-1] for key in asked) == OWNERS_AMONG_EQUALS
    assert "".join(unequals.owner(key).split(":")[0][-1] for key in asked) == OWNERS_AMONG_UNEQUALS


def test_owners_do_not_depend_on_the_seed_of_a_process() -> None:
    program = (
        "from cluster.hashring.ring import Ring; from cluster.member import Member\n"
        "ring = Ring.of({Member(f'n{n}:5000', weight=1 + n % 2) for n in range(6)})\n"
        "print([ring.owner(bytes([n])) for n in range(100)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


@pytest.mark.parametrize("pattern", ["10.0.{0}.{1}:5000", "ringward-{0}-{1}.ringward.default.svc.cluster.local:5000"])
def test_shares_are_equal_within_a_tenth_at_3_to_100_members(pattern: str) -> None:
    ring = None
    for size in SIZES:
        ring = Ring.of(fleet(size, pattern), known=ring)
        assert all(0.9 <= share * size <= 1.1 for share in ring.shares().values()), size


@pytest.mark.parametrize("weights", [(1, 2), (1, 4, 8), (1, 100), tuple(range(1, 101, 9))])
def test_shares_are_in_proportion_to_weights_within_a_tenth(weights: tuple[int, ...]) -> None:
    ring = None
    for size in (3, 10, 100):
        some = fleet(size, weights=weights)
        ring = Ring.of(some, known=ring)
        whole = sum(member.weight for member in some)
        shares = ring.shares()
        assert all(0.9 <= shares[member.address] * whole / member.weight <= 1.1 for member in some), size


@settings(max_examples=15, deadline=None)
@given(some=equal_or_not)
def test_shares_are_those_of_the_arcs_which_cover_the_space_once(some: list[Member]) -> None:
    ring = Ring.of(some, known=ALL)
    arcs = list(ring.arcs())
    assert arcs[0].first == 0
    assert arcs[-1].last == SPACE - 1
    assert all(one.last + 1 == other.first for one, other in pairwise(arcs))
    for address, share in ring.shares().items():
        assert share == sum(arc.last - arc.first + 1 for arc in arcs if arc.owner == address) / SPACE
    assert sum(ring.shares().values()) == pytest.approx(1)


def test_shares_are_what_keys_meet() -> None:
    ring = Ring.of(fleet(5, weights=(1, 3)))
    owners = [ring.owner(key) for key in SAMPLE]
    for address, share in ring.shares().items():
        assert owners.count(address) / len(SAMPLE) == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("weights", [(1,), (1, 5)])
def test_a_newcomer_takes_its_part_and_moves_nothing_between_others(weights: tuple[int, ...]) -> None:
    for size in (3, 20):
        before, newcomer = Ring.of(fleet(size, weights=weights)), Member("newcomer:5000")
        after = Ring.of([*before.members, newcomer])
        exchanged = flows(before, after)
        assert set(exchanged) == {(member.address, newcomer.address) for member in before.members}
        assert sum(exchanged.values()) <= 1.2 / sum(member.weight for member in after.members)


def test_known_points_are_taken_over_and_only_unknown_ones_made(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Ring.of(fleet(3))
    made: list[str] = []

    def noted(address: str) -> list[int]:
        made.append(address)
        return [len(made)]

    monkeypatch.setattr("cluster.hashring.ring._points_of", noted)
    Ring.of([*fleet(2), Member("new:1", weight=3)], known=known)
    assert made == ["new:1"]


def test_what_is_sorted_at_once_is_bounded_whatever_the_size() -> None:
    points = {member.address: Ring.of([member])._points[member.address] for member in fleet(30)}
    parts = _parts(points)
    whole = [point for some in points.values() for point in some]
    assert (parts[0][0], parts[-1][1]) == (0, SPACE)
    assert all(sum(low <= point < high for point in whole) < 1.2 * _SORTED_AT_ONCE for low, high in parts)


@settings(max_examples=8, deadline=None)
@given(some=members(st.integers(1, 100)))
def test_rings_differ_when_their_members_do(some: list[Member]) -> None:
    ring = Ring.of(some, known=ALL)
    assert ring != Ring.of([*some, Member("another:1")], known=ALL)
    assert ring != Ring.of([Member(some[0].address, weight=some[0].weight % 100 + 1), *some[1:]], known=ALL)
    assert len(ring) == len(some)
    assert list(ring.members) == sorted(some)


def test_a_ring_of_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="a ring has members"):
        Ring.of([])


def test_one_address_stands_on_the_ring_once() -> None:
    with pytest.raises(ValueError, match="two members at a:1"):
        Ring.of([Member("a:1"), Member("b:1"), Member("a:1", zone="z")])


@pytest.mark.parametrize("weight", [0, -1, 101])
def test_a_weight_outside_its_bounds_is_a_mistake(weight: int) -> None:
    with pytest.raises(ValueError, match=f"the weight of a:1 is {weight}, not 1 to 100"):
        Ring.of([Member("a:1", weight=weight)])
