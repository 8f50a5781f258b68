"""When a client's time is up its call ends on the server too: the work stops and everything it holds is let go."""
# ruff: noqa: ASYNC110 - what is waited for has no event of its own

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from api.edge import Edge
from api.entrance import Entrance
from api.health import Health
from api.limits import LimitSettings
from api.services import Rpc, Services, StreamEndpoint, UnaryEndpoint
from api.streams import Responses
from node.settings import GrpcTransport, NodeSettings
from node.transports import Transports
from proto.base.v1 import service_pb2 as pb
from tests.support.client import tuple_message

TIMEOUT_S = 10.0
Use = Callable[[grpc.aio.Channel, float | None], Coroutine[Any, Any, None]]
ROW = tuple_message("doc:1#view@user:ann")
UNARY = pb.TenantListRequest()
STREAM = pb.PermissionLookupEntityRequest(
    tenant_id="t1",
    metadata=pb.PermissionLookupEntityRequestMetadata(depth=3),
    entity_type="doc",
    permission="view",
    subject=ROW.subject,
)

pytestmark = pytest.mark.both_transports


class Work:
    """Handlers that work for ever, in a task of their own, and tell what becomes of it."""

    def __init__(self, *, responses_first: int = 0) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self._responses_first = responses_first

    async def answer(self, _: Message) -> Message:
        await self._work()
        raise AssertionError("it ends by cancellation alone")

    async def answers(self, _: Message) -> Responses:
        for _number in range(self._responses_first):
            yield pb.PermissionLookupEntityStreamResponse(entity_id="1")
        await self._work()

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(3600))
                self.begun.set()
        finally:
            self.ended.set()


@asynccontextmanager
async def serving(work: Work, entrance: Entrance, transport: GrpcTransport) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server with one call and one stream."""

    async def ping() -> None: ...

    listing = pb.DESCRIPTOR.services_by_name["Tenancy"].methods_by_name["List"]
    streaming = pb.DESCRIPTOR.services_by_name["Permission"].methods_by_name["LookupEntityStream"]
    endpoints = (UnaryEndpoint(Rpc.of(listing), work.answer), StreamEndpoint(Rpc.of(streaming), work.answers))
    services = Services({endpoint.rpc.name: endpoint for endpoint in endpoints})
    settings = NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport)
    host = Transports(settings.grpc_transport).clients(settings, Edge(services, Health(ping), entrance), None)
    await host.start()
    try:
        async with asyncio.timeout(TIMEOUT_S), grpc.aio.insecure_channel(host.address) as channel:
            yield channel
    finally:
        await host.stop(0.1)


async def call(channel: grpc.aio.Channel, timeout_s: float | None) -> None:
    ask: Any = channel.unary_unary("/base.v1.Tenancy/List")
    await ask(UNARY.SerializeToString(), timeout=timeout_s)


async def stream(channel: grpc.aio.Channel, timeout_s: float | None) -> None:
    ask: Any = channel.unary_stream("/base.v1.Permission/LookupEntityStream")
    async for _ in ask(STREAM.SerializeToString(), timeout=timeout_s):
        pass


@pytest.mark.parametrize("responses_first", [0, 3])
@pytest.mark.parametrize("use", [call, stream], ids=["call", "stream"])
async def test_a_deadline_that_passes_stops_the_work_and_gives_back_the_place(
    use: Use, responses_first: int, transport: GrpcTransport
) -> None:
    entrance = Entrance(None, LimitSettings(calls_at_once=1, streams_at_once=1))
    work = Work(responses_first=responses_first)
    async with serving(work, entrance, transport) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await use(channel, 0.2)
        assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await work.ended.wait()
        assert work.begun.is_set()
        while " 1 of 1 " in repr(entrance):
            await asyncio.sleep(0)


@pytest.mark.parametrize("use", [call, stream], ids=["call", "stream"])
async def test_a_client_that_gives_up_stops_the_work(use: Use, transport: GrpcTransport) -> None:
    work = Work()
    async with serving(work, Entrance(), transport) as channel:
        task = asyncio.ensure_future(use(channel, None))
        await work.begun.wait()
        assert not work.ended.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await work.ended.wait()


async def test_a_client_that_vanishes_stops_the_work(transport: GrpcTransport) -> None:
    work = Work()
    async with serving(work, Entrance(), transport) as channel:
        task = asyncio.ensure_future(stream(channel, None))
        await work.begun.wait()
        await channel.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        await work.ended.wait()
