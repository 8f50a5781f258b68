"""Serf agents that run already: what becomes of their tags, and of a connection that goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from cluster.member import Member
from cluster.membership import serf_rpc
from cluster.membership.serf import SerfMembership
from cluster.membership.serf_settings import settings_of
from cluster.membership.urls import EngineUrl
from model.errors import Unavailable
from tests.cluster.membership.watching import PATIENCE_S, announced, following, wait_for_members, wait_until
from tests.support.loopback import serving
from tests.support.serf import OwnAgent, OwnAgents, serf_agents

ANN = Member("10.0.0.1:5000", zone="a", weight=3, release="0.1.0")
BEN = Member("10.0.0.2:5000")
SECRET = "open-sesame"


@pytest.fixture
def agents() -> Iterator[OwnAgents]:
    with serf_agents() as agents:
        yield agents


async def test_an_agent_keeps_the_tags_of_others(agents: OwnAgents) -> None:
    agent = agents.new()
    one = SerfMembership.of(agent.url())

    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        assert agent.tags()["role"] == "db"
        assert agent.tags()["ringward_address"] == ANN.address

    assert agent.tags() == {"role": "db"}


async def test_agents_without_our_tags_are_nobody(agents: OwnAgents) -> None:
    agent, _ = agents.new(), agents.new()

    async with aclosing(SerfMembership.of(agent.url()).views()) as views:
        assert await anext(views) == frozenset()


async def test_tags_that_others_delete_are_set_again(agents: OwnAgents) -> None:
    agent = agents.new()
    with capture_logs() as events:
        async with announced(SerfMembership.of(agent.url()), ANN):
            await wait_until(lambda: "ringward" in agent.tags())
            agent.command("tags", "-delete", "ringward")
            await wait_until(lambda: "ringward" in agent.tags())

    assert "our tags were changed by others" in [event["event"] for event in events]


async def test_who_comes_after_us_to_an_agent_keeps_its_tags(agents: OwnAgents) -> None:
    agent = agents.new()
    one = SerfMembership.of(agent.url())

    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        agent.command("tags", "-set", f"ringward_address={BEN.address}")

    assert agent.tags()["ringward_address"] == BEN.address


async def test_each_side_of_split_gossip_sees_itself_until_they_are_joined(agents: OwnAgents) -> None:
    left, right = agents.new(), agents.new(is_alone=True)
    one, other = SerfMembership.of(left.url()), SerfMembership.of(right.url())

    async with announced(one, ANN), announced(other, BEN):
        await wait_for_members(one, ANN)
        await wait_for_members(other, BEN)
        left.command("join", right.gossip)
        await wait_for_members(one, ANN, BEN)
        await wait_for_members(other, ANN, BEN)


async def test_a_flapping_agent_is_told_as_often_as_seen_and_found_in_the_end(agents: OwnAgents) -> None:
    steady, flapping = agents.new(), agents.new()
    one, other = SerfMembership.of(steady.url()), SerfMembership.of(flapping.url())

    async with announced(one, ANN):
        await wait_for_members(one, ANN)
        async with following(one) as views:
            for _ in range(3):
                announcing = asyncio.create_task(other.announce(BEN))
                await wait_for_members(one, ANN, BEN)
                flapping.stop()
                with pytest.raises(Unavailable):
                    await announcing
                flapping.start()
            await wait_until(lambda: views[-1] == {ANN})
            async with announced(other, BEN):
                await wait_until(lambda: views[-1] == {ANN, BEN})

    assert all({ANN} <= view <= {ANN, BEN} for view in views)
    assert all(before != after for before, after in pairwise(views))


@pytest.mark.parametrize("key", ["", "&auth=wrong", f"&auth={SECRET}x"])
async def test_an_agent_that_wants_another_key_is_unavailable(agents: OwnAgents, key: str) -> None:
    agent = agents.new(auth=SECRET)
    one = SerfMembership.of(f"serf://127.0.0.1:{agent.rpc_port}?cluster=c{key}")

    with pytest.raises(Unavailable, match="uthenticat") as told:
        await anext(one.views())
    assert SECRET not in str(told.value)
    with pytest.raises(Unavailable, match="uthenticat"):
        await one.announce(ANN)


async def test_an_agent_with_our_key_is_asked(agents: OwnAgents) -> None:
    one = SerfMembership.of(agents.new(auth=SECRET).url())

    async with announced(one, ANN):
        await wait_for_members(one, ANN)


async def test_an_agent_that_leaves_the_others_is_lost(agents: OwnAgents) -> None:
    agent = agents.new()
    one = SerfMembership.of(agent.url())
    announcing = asyncio.create_task(one.announce(ANN))
    await wait_for_members(one, ANN)

    await asyncio.to_thread(agent.command, "leave")

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable):
            await announcing


async def test_an_agent_that_says_nothing_more_is_lost(agents: OwnAgents) -> None:
    agent = agents.new()
    one = impatient(agent)

    async with asyncio.timeout(PATIENCE_S), aclosing(one.views()) as views:
        assert await anext(views) == frozenset()
        with agent.frozen():
            with pytest.raises(Unavailable, match="no answer to members-filtered"):
                await anext(views)
            with pytest.raises(Unavailable, match="no answer to handshake"):
                await anext(one.views())


def impatient(agent: OwnAgent) -> SerfMembership:
    return SerfMembership(replace(settings_of(EngineUrl.parse(agent.url())), reply_s=0.5, look_again_s=0.1))


async def test_what_no_event_told_is_seen_at_the_next_look(agents: OwnAgents, monkeypatch: pytest.MonkeyPatch) -> None:
    one = impatient(agents.new())
    monkeypatch.setattr(serf_rpc, "_EVENTS", "user:never")

    async with following(one) as views, announced(one, ANN):
        await wait_until(lambda: bool(views) and views[-1] == {ANN})


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x82\xa3Seq\x01\xa5Error",
        b"\x82\xa3Seq\xc0\xa5Error\xa0",
        b"\x81\xa7Members\x90",
        b"\xdf\xff\xff\xff\xff",
        b"\xc1" * 100,
        b"\x93" * 2000,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"",
    ],
)
async def test_what_is_no_agent_is_unavailable(said: bytes) -> None:
    async with talking_nonsense(said) as port:
        one = SerfMembership.of(f"serf://127.0.0.1:{port}")
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(Unavailable, match=rf"serf://127\.0\.0\.1:{port}: "):
                await anext(one.views())
            with pytest.raises(Unavailable):
                await one.announce(ANN)


@asynccontextmanager
async def talking_nonsense(said: bytes) -> AsyncIterator[int]:
    """A port where whoever comes is told this, and then no more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)

    async with serving(talk) as port:
        yield port
