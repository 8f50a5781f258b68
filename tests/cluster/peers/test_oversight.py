"""What people ask of a node over its peer port: all of it arrives as it was said, and refusals too."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cluster.invoker.cache import CacheCounts
from cluster.invoker.routing import RoutingCounts
from cluster.member import Member
from cluster.membership.roll_call import RollCounts
from cluster.peers.breaker import BreakerState
from cluster.peers.card import PROTOCOLS, Card, CardState
from cluster.peers.description import Description, NodeCounts, Ownership, Silence, places_of, rings_of
from cluster.peers.oversight import DistantOversight
from cluster.peers.oversight_rpcs import oversight_rpcs
from cluster.peers.peer import PeerState
from cluster.peers.wire_oversight import descriptions_from_proto
from model.check import Question
from model.errors import NotFound
from model.tuples import EntityRef, SubjectRef
from proto.dispatch.v1 import dispatch_pb2 as pb

QUESTION = Question(EntityRef("doc", "1"), "view", SubjectRef("group", "g", "member"), ("10", "x"))
MEMBERS = (Member("a:1", "east", 1, "1.0"), Member("b:1", "east", 3, "1.1"), Member("c:1", "west", 2, ""))


def description(member: Member) -> Description:
    """One in which no two figures are equal, so that none can stand for another."""
    return Description(
        card=Card("digest", PROTOCOLS, member, CardState.LEAVING),
        is_zonal=True,
        places=places_of(MEMBERS, is_zonal=True),
        refused={"d:1": "another key", "e:1": "an old one"},
        counts=NodeCounts(
            CacheCounts(11, 12, 13, 14), RoutingCounts(21, 22, 23, 24), RollCounts(31, 32, 33), answered_for_peers=41
        ),
        peers=(PeerState("b:1", True, BreakerState.HALF_OPEN, 51, 52, 53, 54, 55, "it broke"),),
    )


class FakeOversight:
    """Says what it was asked, or what it was told to say."""

    def __init__(self) -> None:
        self.drained: list[str] = []
        self.asked: list[tuple[str, str, Question]] = []

    async def describe(self, *, with_others: bool) -> Sequence[Description | Silence]:
        others: list[Description | Silence] = [description(MEMBERS[2]), Silence("b:1", "nobody there")]
        return [description(MEMBERS[0]), *(others if with_others else [])]

    async def owners(self, tenant: str, schema_version: str, question: Question) -> Ownership:
        if tenant == "none":
            raise NotFound("tenant 'none' has no schema")
        self.asked.append((tenant, schema_version, question))
        return Ownership("v7", MEMBERS[1:])

    async def drain(self, address: str) -> None:
        if address == "nobody:1":
            raise NotFound("nobody:1 is none of the members")
        self.drained.append(address)


class Wired(DistantOversight):
    """Asks what answers in this process, byte for byte as over a wire."""

    def __init__(self, oversight: FakeOversight) -> None:
        self._rpcs = oversight_rpcs(oversight)

    async def _told(self, rpc: str, request: bytes, *, thinking_s: float) -> bytes:  # noqa: ARG002
        return await self._rpcs[rpc](request)


async def test_descriptions_arrive_whole_the_asked_node_first_and_the_others_in_order() -> None:
    wired = Wired(FakeOversight())
    assert await wired.describe(with_others=False) == [description(MEMBERS[0])]
    assert await wired.describe(with_others=True) == [
        description(MEMBERS[0]),
        Silence("b:1", "nobody there"),
        description(MEMBERS[2]),
    ]


async def test_a_question_arrives_whole_and_so_do_its_owners() -> None:
    oversight = FakeOversight()
    assert await Wired(oversight).owners("t1", "v1", QUESTION) == Ownership("v7", MEMBERS[1:])
    assert oversight.asked == [("t1", "v1", QUESTION)]


async def test_a_drain_names_the_node() -> None:
    oversight = FakeOversight()
    await Wired(oversight).drain("b:1")
    await Wired(oversight).drain("")
    assert oversight.drained == ["b:1", ""]


async def test_what_a_node_refuses_is_raised_where_it_was_asked() -> None:
    wired = Wired(FakeOversight())
    with pytest.raises(NotFound, match="tenant 'none' has no schema"):
        await wired.owners("none", "", QUESTION)
    with pytest.raises(NotFound, match="nobody:1 is none of the members"):
        await wired.drain("nobody:1")


def test_an_answer_without_any_description_is_none() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        descriptions_from_proto(pb.DescribeResponse())


def test_shares_are_of_the_cluster_or_of_each_zone() -> None:
    together = {place.member: place.share_ratio for place in places_of(MEMBERS, is_zonal=False)}
    assert sum(together.values()) == pytest.approx(1)
    assert together[MEMBERS[1]] == pytest.approx(1 / 2, rel=0.15)
    apart = {place.member: place.share_ratio for place in places_of(MEMBERS, is_zonal=True)}
    assert apart[MEMBERS[2]] == pytest.approx(1)
    assert apart[MEMBERS[0]] + apart[MEMBERS[1]] == pytest.approx(1)
    assert list(apart) == list(MEMBERS)


def test_zones_that_share_keys_by_themselves_have_a_ring_each() -> None:
    assert [len(ring) for ring in rings_of(MEMBERS, is_zonal=True)] == [2, 1]
    assert [len(ring) for ring in rings_of(reversed(MEMBERS), is_zonal=False)] == [3]
