"""Watch, as its clients see it over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest

from api.rpc.watch import WatchSettings, response_of
from model.snapshot import Snapshot, decode_snap_token, encode_snap_token
from model.tuples import RelationTuple
from node.node import open_node
from node.settings import GarbageCollection, GrpcTransport, NodeSettings
from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from storage.base import Change, Commit, Operation
from storage.sqlite import SqliteStorage
from tests.api.conftest import SCHEMA
from tests.support.client import TENANT, Client, explanation, tuple_message

TIMEOUT_S = 20.0
OFTEN_S = 0.05
SIGNS = {base.DataChange.OPERATION_CREATE: "+", base.DataChange.OPERATION_DELETE: "-"}


pytestmark = pytest.mark.both_transports


@pytest.fixture
def node_settings(transport: GrpcTransport) -> NodeSettings:
    watch = WatchSettings(enabled=True)
    return NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport, grace_s=0.1, watch=watch)


class Watcher:
    """One stream, as a client reads it."""

    def __init__(self, channel: grpc.aio.Channel, snap_token: str = "", tenant: str = TENANT) -> None:
        self.call: Any = channel.unary_stream(
            "/base.v1.Watch/Watch",
            request_serializer=pb.WatchRequest.SerializeToString,
            response_deserializer=pb.WatchResponse.FromString,
        )(pb.WatchRequest(tenant_id=tenant, snap_token=snap_token))

    async def next(self) -> pb.WatchResponse:
        async with asyncio.timeout(TIMEOUT_S):
            response: pb.WatchResponse = await self.call.read()
        return response

    async def changes(self) -> list[str]:
        return texts(await self.next())

    async def end(self) -> grpc.aio.AioRpcError:
        """The status with which the stream ends, whatever comes before."""
        _, ended = await self.rest()
        return ended

    async def rest(self) -> tuple[list[pb.WatchResponse], grpc.aio.AioRpcError]:
        """What still comes, and the status with which the stream ends."""
        seen = []
        while True:
            try:
                seen.append(await self.next())
            except grpc.aio.AioRpcError as ended:
                return seen, ended


@asynccontextmanager
async def watching(channel: grpc.aio.Channel, snap_token: str = "", tenant: str = TENANT) -> AsyncIterator[Watcher]:
    """A stream that stands; what is written from now on comes."""
    watcher = Watcher(channel, snap_token, tenant)
    async with asyncio.timeout(TIMEOUT_S):
        await watcher.call.initial_metadata()
    yield watcher
    watcher.call.cancel()


def texts(response: pb.WatchResponse) -> list[str]:
    """``+`` for what was created and ``-`` for what was deleted; attributes without their values."""
    return [SIGNS[change.operation] + item_text(change) for change in response.changes.data_changes]


def item_text(change: base.DataChange) -> str:
    if change.WhichOneof("type") == "tuple":
        row = change.tuple
        return f"{row.entity.type}:{row.entity.id}#{row.relation}@{row.subject.type}:{row.subject.id}"
    integer = base.IntegerValue()
    change.attribute.value.Unpack(integer)
    return f"{change.attribute.entity.type}:{change.attribute.entity.id}${change.attribute.attribute}={integer.data}"


async def delete(client: Client, entity_id: str) -> str:
    where = base.TupleFilter(entity=base.EntityFilter(type="doc", ids=[entity_id]))
    request = pb.DataDeleteRequest(tenant_id=TENANT, tuple_filter=where, attribute_filter=base.AttributeFilter())
    return str((await client.call("Data.Delete", request)).snap_token)


async def turns_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


# --- what is told ---


async def test_each_transaction_is_one_message_in_order_tuples_first(channel: grpc.aio.Channel, client: Client) -> None:
    async with watching(channel) as watcher:
        tokens = [await client.write("doc:b#viewer@user:1", "doc:a#viewer@user:1", attributes=["doc:a$size|integer:1"])]
        tokens.append(await client.write(attributes=["doc:a$size|integer:2"]))
        tokens.append(await delete(client, "b"))
        tokens.append(await client.write("doc:a#viewer@user:1"))
        messages = [await watcher.next() for _ in tokens]
    assert [texts(message) for message in messages] == [
        ["+doc:b#viewer@user:1", "+doc:a#viewer@user:1", "+doc:a$size=1"],
        ["-doc:a$size=1", "+doc:a$size=2"],
        ["-doc:b#viewer@user:1"],
        [],
    ]
    assert [message.changes.snap_token for message in messages] == tokens


async def test_nothing_of_other_tenants_is_told(channel: grpc.aio.Channel, client: Client) -> None:
    await client.write_schema(SCHEMA, "t2")
    async with watching(channel) as watcher, watching(channel, tenant="t2") as other:
        await client.write("doc:a#viewer@user:1", tenant="t2")
        await client.write("doc:b#viewer@user:1")
        assert await watcher.changes() == ["+doc:b#viewer@user:1"]
        assert await other.changes() == ["+doc:a#viewer@user:1"]


async def test_a_tenant_never_written_to_is_watched_like_any_other(channel: grpc.aio.Channel, client: Client) -> None:
    async with watching(channel, tenant="new") as watcher:
        await client.write_schema(SCHEMA, "new")
        await client.write("doc:a#viewer@user:1", tenant="new")
        assert await watcher.changes() == ["+doc:a#viewer@user:1"]


async def test_a_message_of_many_changes_is_made_in_turns() -> None:
    rows = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(1000)]
    commit = Commit(Snapshot.at_commit(7), [Change(Operation.CREATE, row) for row in rows])
    making, turns = asyncio.ensure_future(response_of(commit)), 0
    while not making.done():
        turns += 1
        await asyncio.sleep(0)
    response = making.result()
    assert [change.tuple.entity.id for change in response.changes.data_changes] == [str(i) for i in range(1000)]
    assert turns >= 5


# --- where it begins ---


async def test_a_stream_without_a_token_begins_when_it_stands(channel: grpc.aio.Channel, client: Client) -> None:
    await client.write("doc:before#viewer@user:1")
    for i in range(20):
        async with watching(channel) as watcher:
            await client.write(f"doc:{i}#viewer@user:1")
            assert await watcher.changes() == [f"+doc:{i}#viewer@user:1"]


async def test_every_token_leads_to_all_that_came_after_it_while_writers_go_on(
    channel: grpc.aio.Channel, client: Client
) -> None:
    writes = 150  # more than a tail keeps

    async def write() -> None:
        for i in range(writes):
            await client.write(f"doc:{i}#viewer@user:1")

    async def follow(token: str, many: int) -> list[tuple[str, list[str]]]:
        async with watching(channel, token) as watcher:
            messages = [await watcher.next() for _ in range(many)]
        return [(message.changes.snap_token, texts(message)) for message in messages]

    start = await client.write()
    async with asyncio.timeout(TIMEOUT_S * 2), asyncio.TaskGroup() as group:
        group.create_task(write())
        first = group.create_task(follow(start, writes))
        resumed = []
        async with watching(channel, start) as watcher:
            for seen in range(1, writes + 1):
                token = (await watcher.next()).changes.snap_token
                if seen % 10 == 0:
                    resumed.append((seen, group.create_task(follow(token, writes - seen))))
    whole = first.result()
    assert [changes for _, changes in whole] == [[f"+doc:{i}#viewer@user:1"] for i in range(writes)]
    for seen, task in resumed:
        assert task.result() == whole[seen:]


async def test_the_contracts_short_form_of_a_token_is_accepted(channel: grpc.aio.Channel, client: Client) -> None:
    await client.write("doc:a#viewer@user:1")
    async with watching(channel, "AAAAAAAAAAA=") as watcher:  # transaction 0 in 8 bytes
        assert await watcher.changes() == ["+doc:a#viewer@user:1"]


@pytest.mark.parametrize("token", ["nonsense", encode_snap_token(Snapshot.at_commit(99))])
async def test_a_token_that_cannot_be_ours_is_refused(channel: grpc.aio.Channel, token: str) -> None:
    refusal = await Watcher(channel, token).end()
    assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "snap token" in explanation(refusal)


async def test_a_token_behind_the_horizon_is_refused_and_says_so(node_settings: NodeSettings) -> None:
    often = GarbageCollection(window_s=0.0, interval_s=0.01, timeout_s=TIMEOUT_S)
    settings = replace(node_settings, database=replace(node_settings.database, garbage_collection=often))
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        old = await client.write("doc:a#viewer@user:1")
        await client.write("doc:b#viewer@user:1")
        async with asyncio.timeout(TIMEOUT_S):
            while await is_watchable(channel, old):
                pass
        refusal = await Watcher(channel, old).end()
    assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "too old" in explanation(refusal)


async def is_watchable(channel: grpc.aio.Channel, token: str) -> bool:
    watcher = Watcher(channel, token)
    try:
        await watcher.next()
    except grpc.aio.AioRpcError:
        return False
    watcher.call.cancel()
    return True


async def test_a_node_that_does_not_serve_it_says_how_to_switch_it_on(node_settings: NodeSettings) -> None:
    settings = replace(node_settings, watch=WatchSettings())
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        refusal = await Watcher(channel).end()
    assert (refusal.code(), refusal.details()) == (grpc.StatusCode.UNIMPLEMENTED, "ERROR_CODE_NOT_IMPLEMENTED")
    assert "service.watch.enabled" in explanation(refusal)


# --- while nothing happens ---


async def test_an_idle_stream_brings_young_tokens(node_settings: NodeSettings) -> None:
    settings = replace(node_settings, watch=WatchSettings(enabled=True, heartbeat_interval_s=OFTEN_S))
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write_schema(SCHEMA, "t2")
        async with watching(channel) as watcher:
            heartbeat = await watcher.next()
            assert texts(heartbeat) == []
            elsewhere = await client.write("doc:a#viewer@user:1", tenant="t2")
            while heartbeat.changes.snap_token != elsewhere:
                heartbeat = await watcher.next()
            await client.write("doc:b#viewer@user:1")
            told = await watcher.next()
            while not (changes := texts(told)):
                told = await watcher.next()
            assert changes == ["+doc:b#viewer@user:1"]
        async with watching(channel, heartbeat.changes.snap_token) as watcher:
            assert await watcher.changes() == ["+doc:b#viewer@user:1"]


# --- how it ends ---


async def test_a_client_that_leaves_leaves_nothing_behind(node_settings: NodeSettings) -> None:
    async with open_node(node_settings) as node:
        async with grpc.aio.insecure_channel(node.grpc_address) as channel:
            await Client(channel).write_schema(SCHEMA)
            before = asyncio.all_tasks()
            for _ in range(3):
                async with watching(channel), watching(channel) as watcher, watching(channel, tenant="t2"):
                    await Client(channel).write("doc:a#viewer@user:1")
                    await watcher.next()
            async with watching(channel):
                pass
        await turns_until(lambda: len(asyncio.all_tasks() - before) <= 1)  # gRPC's own, which waits for the next call
        names = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before}  # type: ignore[union-attr]
        assert names <= {"AioServer._request_call"}


async def test_a_client_that_stops_reading_is_told_where_to_go_on(node_settings: NodeSettings) -> None:
    settings = replace(node_settings, watch=WatchSettings(enabled=True, stall_timeout_s=OFTEN_S * 4))
    rows = [tuple_message(f"doc:{i}{'x' * 100}#viewer@user:{'y' * 100}{i}") for i in range(1000)]
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        start = await client.write()
        async with watching(channel, start) as watcher:
            for number in range(30):  # some 9 MB, far more than the transport buffers
                for row in rows:
                    row.entity.id = f"{number}-{row.entity.id}"[:60]
                request = pb.DataWriteRequest(tenant_id=TENANT, metadata=pb.DataWriteRequestMetadata(), tuples=rows)
                await client.call("Data.Write", request)
            await asyncio.sleep(settings.watch.stall_timeout_s * 3)  # reads nothing for so long
            messages, ended = await watcher.rest()
        seen = [message.changes.snap_token for message in messages]
        assert ended.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "has taken no message for 0.2 s" in explanation(ended)
        token = explanation(ended).rpartition(" ")[2]
        assert 0 < len(seen) < 30
        assert token in seen[-2:]  # the last one taken; another may have been under way
        place = seen.index(token) + 1
        async with watching(channel, token) as watcher:
            rest = [(await watcher.next()).changes.snap_token for _ in range(30 - place)]
        numbers = [decode_snap_token(text).xmax for text in (*seen[:place], *rest)]
        assert numbers == [*range(decode_snap_token(start).xmax + 1, decode_snap_token(start).xmax + 31)]


async def test_a_stalled_client_that_leaves_leaves_nothing_behind(node_settings: NodeSettings) -> None:
    settings = replace(node_settings, watch=WatchSettings(enabled=True, stall_timeout_s=OFTEN_S))
    async with open_node(settings) as node:
        async with grpc.aio.insecure_channel(node.grpc_address) as channel:
            client = Client(channel)
            await client.write_schema(SCHEMA)
            before = asyncio.all_tasks()
            async with watching(channel):
                for number in range(100):  # some 9 MB
                    await client.write(*(f"doc:{number}-{n}#viewer@user:{'y' * 60}" for n in range(700)))
                await asyncio.sleep(OFTEN_S * 3)  # reads nothing for so long
        await turns_until(lambda: len(asyncio.all_tasks() - before) <= 1)  # gRPC's own, which waits for the next call


async def test_one_slow_client_holds_nobody_up(channel: grpc.aio.Channel, client: Client) -> None:
    async with watching(channel), watching(channel) as fast:
        for i in range(200):
            await client.write(*(f"doc:{i}-{n}#viewer@user:{'y' * 60}" for n in range(50)))
            assert len(await fast.changes()) == 50


async def test_a_node_that_stops_ends_its_streams_at_once_and_says_where_to_go_on(node_settings: NodeSettings) -> None:
    async with asyncio.timeout(TIMEOUT_S), AsyncExitStack() as clients:
        running = AsyncExitStack()
        node = await running.enter_async_context(open_node(replace(node_settings, grace_s=TIMEOUT_S * 2)))
        channel = await clients.enter_async_context(grpc.aio.insecure_channel(node.grpc_address))
        client = Client(channel)
        await client.write_schema(SCHEMA)
        watchers = [await clients.enter_async_context(watching(channel, tenant=tenant)) for tenant in ("t1", "t2")]
        token = await client.write("doc:a#viewer@user:1")
        assert (await watchers[0].next()).changes.snap_token == token
        await running.aclose()  # far shorter than the grace
        for watcher, explained in zip(watchers, (token, "go on from the snap token"), strict=True):
            ended = await watcher.end()
            assert ended.code() is grpc.StatusCode.UNAVAILABLE
            assert "the node is stopping" in explanation(ended)
            assert explained in explanation(ended)


async def test_a_store_that_fails_ends_the_stream_without_its_words(
    channel: grpc.aio.Channel, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> list[Commit]:
        raise RuntimeError("secret words")

    async with watching(channel) as watcher:
        monkeypatch.setattr(SqliteStorage, "commits_since", fail)
        await client.write("doc:a#viewer@user:1")
        ended = await watcher.end()
    assert (ended.code(), ended.details()) == (grpc.StatusCode.INTERNAL, "internal error")
