"""What moves when members come, go and change their weight: as little as can be, and it is all told."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cluster.hashring.rebalance import flows, moves
from cluster.hashring.ring import SPACE, Ring, position_of
from cluster.member import Member
from tests.cluster.hashring.rings import ALL, equal_or_not, fleet, keys, names, owner_of_key_by_definition, ring_on

PROBES = [number.to_bytes(2, "big") for number in range(60)]


def test_moves_are_told_in_order_with_giver_and_taker() -> None:
    a, b, c = Member("a:1"), Member("b:1"), Member("c:1")
    before = ring_on({a: [100], b: [200]})
    after = ring_on({a: [100], b: [200], c: [50, 150]})
    assert list(moves(before, after)) == [
        (0, 50, "a:1", "c:1"),
        (101, 150, "b:1", "c:1"),
        (201, SPACE - 1, "a:1", "c:1"),
    ]


def test_nothing_moves_between_equal_rings() -> None:
    assert not list(moves(Ring.of(fleet(4)), Ring.of(reversed(fleet(4)))))


@settings(max_examples=20, deadline=None)
@given(one=equal_or_not, other=equal_or_not, asked=st.lists(keys, min_size=1, max_size=20))
def test_a_key_is_in_a_move_exactly_if_its_owner_changes(
    one: list[Member], other: list[Member], asked: list[bytes]
) -> None:
    before, after = Ring.of(one, known=ALL), Ring.of(other, known=ALL)
    told = list(moves(before, after))
    for key in asked:
        covering = [move[2:] for move in told if move.first <= position_of(key) <= move.last]
        owners = before.owner(key), after.owner(key)
        assert covering == ([owners] if owners[0] != owners[1] else [])


def test_flows_are_what_each_two_exchange() -> None:
    before, after = Ring.of(fleet(3)), Ring.of(fleet(5))
    exchanged = flows(before, after)
    newcomers = {member.address for member in fleet(5)[3:]}
    assert {taker for _, taker in exchanged} == newcomers
    for taker in newcomers:
        assert sum(part for pair, part in exchanged.items() if pair[1] == taker) == pytest.approx(after.shares()[taker])


class Changes(RuleBasedStateMachine):
    """Members come, go and change weight in any order; the model is the mapping of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[str, int] = {}
        self.ring = ALL

    @initialize(first=names, weight=st.integers(1, 100))
    def begin(self, first: str, weight: int) -> None:
        self.weights = {first: weight}
        self.ring = self.ring_now()

    @rule(address=names, weight=st.integers(1, 100))
    def join(self, address: str, weight: int) -> None:
        if address not in self.weights:
            self.weights[address] = weight
            self.change(takers={address})

    @precondition(lambda self: len(self.weights) > 1)
    @rule(choice=st.randoms(use_true_random=False))
    def leave(self, choice: Random) -> None:
        gone = choice.choice(sorted(self.weights))
        del self.weights[gone]
        self.change(givers={gone})

    @rule(choice=st.randoms(use_true_random=False), weight=st.integers(1, 100))
    def reweigh(self, choice: Random, weight: int) -> None:
        address = choice.choice(sorted(self.weights))
        is_heavier = weight > self.weights[address]
        self.weights[address] = weight
        self.change(**{"takers" if is_heavier else "givers": {address}})

    def change(self, givers: set[str] | None = None, takers: set[str] | None = None) -> None:
        before, self.ring = self.ring, self.ring_now()
        for giver, taker in flows(before, self.ring):
            assert givers is None or giver in givers
            assert takers is None or taker in takers

    def ring_now(self) -> Ring:
        return Ring.of([Member(address, weight=weight) for address, weight in self.weights.items()], known=self.ring)

    @invariant()
    def everybody_owns_a_part_in_proportion(self) -> None:
        if not self.weights:
            return
        whole, shares = sum(self.weights.values()), self.ring.shares()
        assert shares.keys() == self.weights.keys()
        for address, weight in self.weights.items():
            assert 0.85 < shares[address] * whole / weight < 1.15

    @invariant()
    def keys_are_owned_as_defined(self) -> None:
        for key in PROBES:
            assert self.ring.owner(key) == owner_of_key_by_definition(self.ring, key)


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=8, stateful_step_count=10, deadline=None)
