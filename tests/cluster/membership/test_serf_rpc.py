"""The connection to an agent, its bytes arriving as badly as a network may bring them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import msgpack
import pytest

from cluster.membership.serf_rpc import SerfRpc, connected
from model.errors import Unavailable
from tests.support.loopback import serving
from tests.support.processes import free_port
from tests.support.serf import OwnAgent, serf_agents

REPLY_S = 5.0


@pytest.fixture(scope="module")
def agent() -> Iterator[OwnAgent]:
    with serf_agents() as agents:
        yield agents.new()


async def test_an_agent_is_asked_and_told(agent: OwnAgent) -> None:
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc:
        assert await rpc.own_name() == agent.name
        await rpc.tag({"colour": "red", "zone": "a b\N{SNOWMAN}"})
        [own] = await rpc.members(name=agent.name)
        assert own.tags == {"role": "db", "colour": "red", "zone": "a b\N{SNOWMAN}"}
        await rpc.untag(["colour", "zone", "absent"])
        [own] = await rpc.members(name=agent.name)
        assert own.tags == {"role": "db"}


@pytest.mark.parametrize("value", ["plain", "a.b", "a b", "a+(b)[c]\\", "^$", "\N{SNOWMAN}"])
async def test_a_tag_is_looked_for_as_it_is(agent: OwnAgent, value: str) -> None:
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc:
        await rpc.tag({"colour": value})
        assert len(await rpc.members(tag=("colour", value))) == 1
        assert not await rpc.members(tag=("colour", value.replace(value[0], "x", 1)))
        assert not await rpc.members(tag=("colour", value[:-1]))


async def test_many_ask_at_once(agent: OwnAgent) -> None:
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(rpc.members(name=agent.name)) for _ in range(50)]
        assert {task.result()[0].name for task in asked} == {agent.name}


async def test_bytes_may_come_one_by_one(agent: OwnAgent) -> None:
    async with trickling(agent.rpc_port) as port, connected("127.0.0.1", port, auth="", reply_s=REPLY_S) as rpc:
        assert (await rpc.members())[0].name == agent.name


async def test_news_come_between_replies(agent: OwnAgent) -> None:
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc:
        await rpc.follow()
        await rpc.tag({"colour": "blue"})
        async with asyncio.timeout(REPLY_S):
            await rpc.news(60.0)
        assert (await rpc.members())[0].tags["colour"] == "blue"


async def test_waiting_for_news_has_an_end(agent: OwnAgent) -> None:
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc, asyncio.timeout(REPLY_S):
        await rpc.news(0.01)
        await rpc.stay(0.01)


async def test_a_reply_that_comes_too_late_disturbs_nobody() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(head(1))  # the handshake
        await reader.read(1000)
        await reader.read(1000)
        writer.write(head(2) + msgpack.packb({"Members": [member("late")]}))
        writer.write(head(3) + msgpack.packb({"Members": [member("timely")]}))
        await reader.read(1000)

    async with serving(answer) as port, connected("127.0.0.1", port, auth="", reply_s=0.2) as rpc:
        with pytest.raises(Unavailable, match=r"no answer to members-filtered within 0\.2 s"):
            await rpc.members()
        assert [found.name for found in await rpc.members()] == ["timely"]


async def test_one_refusal_does_not_cost_the_connection(agent: OwnAgent) -> None:
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc:
        with pytest.raises(Unavailable, match=r"it refused tags: .*limit"):
            await rpc.tag({"colour": "x" * 1000})
        with pytest.raises(Unavailable, match="it refused nonsense"):
            await rpc.ask("nonsense")
    async with connected("127.0.0.1", agent.rpc_port, auth="", reply_s=REPLY_S) as rpc:
        with pytest.raises(Unavailable, match="it refused join"):
            await rpc.join("127.0.0.1:1", within_s=REPLY_S)
        assert await rpc.own_name() == agent.name


@pytest.mark.parametrize(
    "body",
    [{}, {"Members": 1}, {"Members": [1]}, {"Members": [{"Name": "a"}]}, {"Members": [{"Name": "a", "Tags": 1}]}],
)
async def test_a_reply_of_another_form_is_no_agents(body: dict[str, object]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(head(1))
        await reader.read(1000)
        writer.write(head(2) + msgpack.packb(body))
        await reader.read(1000)

    async with serving(answer) as port, connected("127.0.0.1", port, auth="", reply_s=REPLY_S) as rpc:
        with pytest.raises(Unavailable, match="this is no serf agent"):
            await rpc.members()


async def test_all_who_wait_learn_that_the_connection_was_lost() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(head(1))
        await reader.read(1000)

    async with serving(answer) as port, connected("127.0.0.1", port, auth="", reply_s=60.0) as rpc:
        asked = [rpc.members(), rpc.own_name(), rpc.news(60.0), rpc.stay(60.0)]
        async with asyncio.timeout(REPLY_S):
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 4
        with pytest.raises(Unavailable, match="closed the connection"):
            await rpc.members()


async def test_nobody_there_is_unavailable() -> None:
    port = free_port()
    with pytest.raises(Unavailable, match="nobody listens"):
        async with connected("127.0.0.1", port, auth="", reply_s=REPLY_S):
            pass


def test_a_connection_tells_its_state() -> None:
    rpc = SerfRpc(REPLY_S)
    assert repr(rpc) == "<SerfRpc open, 0 requests waiting>"
    rpc.lose("closed")
    rpc.lose("again")
    assert repr(rpc) == "<SerfRpc closed, 0 requests waiting>"


def head(number: int) -> bytes:
    return bytes(msgpack.packb({"Seq": number, "Error": ""}))


def member(name: str) -> dict[str, object]:
    return {"Name": name, "Addr": b"\x7f\xff\xfe\x01", "Status": "alive", "Tags": {}}


@asynccontextmanager
async def trickling(port: int) -> AsyncIterator[int]:
    """The same server, whose bytes come one by one."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while byte := await reader.read(1):
                writer.write(byte)
                await writer.drain()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pass_on(reader, before))
                group.create_task(pass_on(behind, writer))
        finally:
            before.close()

    async with serving(answer) as own_port:
        yield own_port
