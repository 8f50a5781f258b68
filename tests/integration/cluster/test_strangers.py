"""Nodes that are listed and do not belong, and one whose clock is wrong: each answers rightly all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cluster.invoker.answers import Answered
from cluster.invoker.warm_up import KeptAnswer
from cluster.member import Member
from cluster.peers.card import Card, CardState, Protocols
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.greeting import Greeter
from cluster.peers.host import PeerHost
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.check import CheckRequest
from tests.integration.cluster.fleet import KEY, ClusterNode, Fleet, fleet_of
from tests.integration.cluster.load import load_on
from tests.integration.cluster.test_faults import addresses
from tests.support.faketime import SetClock, set_clock

_HOUR_S = 3600


@pytest.fixture
def clock() -> Iterator[SetClock]:
    with set_clock() as made:
        yield made


@pytest.fixture
def odd_fleet(database_uri: str, tmp_path: Path, clock: SetClock) -> Iterator[Fleet]:
    """Two nodes, one that has another key, and one with a clock of its own."""
    option = f"--database-uri={database_uri}"
    nodes = [ClusterNode(name, tmp_path, option) for name in "ab"]
    stranger = ClusterNode("s", tmp_path, option, key="another key")
    skewed = ClusterNode("t", tmp_path, option, environment=clock.environment)
    with fleet_of([*nodes, stranger, skewed]) as fleet:
        yield fleet
        assert not fleet.troubles()


async def test_a_node_with_another_key_is_kept_out_by_both_sides_and_answers_rightly_by_itself(
    odd_fleet: Fleet,
) -> None:
    for name in "abs":
        odd_fleet[name].start()
    for name, members in (("a", 2), ("b", 2), ("s", 1)):
        await odd_fleet[name].serves(members=members)
    async with load_on(addresses(odd_fleet, "abs")) as load:
        await load.goes_on("a", "b", "s", more=100)
        for name in "ab":
            refused = await odd_fleet[name].tells("a node is kept out", peer=odd_fleet["s"].address)
            assert "different cluster keys" in refused["reason"]
        await odd_fleet["s"].tells("a node is kept out", peer=odd_fleet["a"].address)
        assert [odd_fleet[name].members for name in "abs"] == [2, 2, 1]
    load.ensure_exact()
    assert "another key" not in odd_fleet["a"].log.read_text(encoding="utf-8")


async def test_while_a_nodes_clock_jumps_by_hours_it_stays_in_the_ring_and_every_answer_is_right(
    odd_fleet: Fleet, clock: SetClock
) -> None:
    for name in "abt":
        odd_fleet[name].start()
    for name in "abt":
        await odd_fleet[name].serves(members=3)
    async with load_on(addresses(odd_fleet, "abt")) as load:
        for ahead_s in (_HOUR_S, -_HOUR_S, 24 * _HOUR_S, 0):
            clock.set(ahead_s)
            await load.goes_on("a", "b", "t", more=30)
        assert [odd_fleet[name].members for name in "abt"] == [3, 3, 3]
    load.ensure_exact()


async def test_a_node_of_another_protocol_is_kept_out_and_asked_nothing(fleet: Fleet) -> None:
    newer = Protocols(2, 3)
    address = fleet["d"].address
    key = ClusterKey(KEY)
    card = Card(key.digest, newer, Member(address), CardState.SERVING)
    service = PeerService(
        _Unasked(),
        Greeter(address, key, newer),
        PeerSettings(),
        card=lambda: card,
        hears_farewell=lambda _: None,
        gives=_nothing,
    )
    host = PeerHost(service, PeerSettings(), listens_at=f"127.0.0.1:{fleet['d'].peer_port}")
    async with load_on(addresses(fleet)) as load:
        await host.start()
        try:
            for name in "abc":
                refused = await fleet[name].tells("a node is kept out", peer=address)
                assert "speaks 2 to 3" in refused["reason"]
            await load.goes_on("a", "b", "c")
            assert [fleet[name].members for name in "abc"] == [3, 3, 3]
        finally:
            await host.stop(0)
    load.ensure_exact()


class _Unasked:
    async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
        raise AssertionError(f"{request} with evidence {wants_evidence} was asked of whoever is not in the ring")


async def _nothing(_newcomer: Member, _most: int) -> Sequence[KeptAnswer]:
    return []
