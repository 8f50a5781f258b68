"""What clients can tell of a transport, and must not: each behaves as the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from api.edge import Edge
from api.entrance import Entrance
from api.errors import message_of, rich_status
from api.grpc_calls import CALLS_PER_CONNECTION
from api.health import Health
from api.host import GrpcListener
from api.services import Rpc, Services, StreamEndpoint, UnaryEndpoint
from api.streams import Responses
from model.errors import InvalidRequest
from node.settings import GrpcTransport, NodeSettings
from node.transports import Transports
from proto.base.v1 import service_pb2 as pb
from tests.support import http2
from tests.support.eventually import eventually
from tests.support.http2 import Answer, Kind, connected

pytestmark = pytest.mark.both_transports

LIST = "/base.v1.Tenancy/List"
STREAM = "/base.v1.Permission/LookupEntityStream"
HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
LARGE_BYTES = 6 * 2**20
TIMEOUT_S = 20.0
MOST_BYTES = 100_000

Answering = Callable[[Message], Awaitable[Message]]
Streaming = Callable[[Message], Responses]


async def nothing(_: Message) -> Message:
    return pb.TenantListResponse()


async def endless(_: Message) -> Responses:
    while True:
        yield pb.PermissionLookupEntityStreamResponse(entity_id="x" * 30_000)


@asynccontextmanager
async def serving(
    transport: GrpcTransport, answer: Answering = nothing, stream: Streaming = endless
) -> AsyncIterator[GrpcListener]:
    """A listener with one call and one stream, which takes any message for a request."""

    async def ping() -> None: ...

    listing = Rpc.of(pb.DESCRIPTOR.services_by_name["Tenancy"].methods_by_name["List"])
    descriptor = pb.DESCRIPTOR.services_by_name["Permission"].methods_by_name["LookupEntityStream"]
    streaming = Rpc(STREAM, descriptor, pb.TenantListRequest)  # which an empty message is
    endpoints = (UnaryEndpoint(listing, answer), StreamEndpoint(streaming, stream))
    services = Services({endpoint.rpc.name: endpoint for endpoint in endpoints})
    settings = NodeSettings(
        host="127.0.0.1", grpc_port=0, grpc_transport=transport, max_message_bytes=MOST_BYTES, grace_s=0.1
    )
    host = Transports(settings.grpc_transport).clients(settings, Edge(services, Health(ping), Entrance()), None)
    await host.start()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield host
    finally:
        await host.stop(0.1)


def open_channel(host: GrpcListener, **options: int) -> grpc.aio.Channel:
    """A channel with a connection of its own, that takes messages of any size."""
    named = {"max_receive_message_length": -1, "use_local_subchannel_pool": 1, "enable_retries": 0, **options}
    return grpc.aio.insecure_channel(host.address, [(f"grpc.{name}", value) for name, value in named.items()])


async def answered(host: GrpcListener, *parts: bytes) -> Answer:
    """What a server says to the first stream of a new connection."""
    async with connected(host.address) as wire:
        await wire.send(http2.opened(), *parts)
        return await wire.answer(1)


# --- requests ---


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate], ids=["gzip", "deflate"])
async def test_compressed_requests_are_read(transport: GrpcTransport, compression: grpc.Compression) -> None:
    asked = []

    async def note(request: Message) -> Message:
        asked.append(request)
        return pb.TenantListResponse()

    async with serving(transport, note) as host, open_channel(host) as channel:
        requests = [pb.TenantListRequest(page_size=7), pb.TenantListRequest(continuous_token="x" * 10_000)]
        for request in requests:
            await ask(channel, LIST, request, compression=compression)
    assert asked == requests


async def ask(channel: grpc.aio.Channel, method: str, request: Message, **options: Any) -> bytes:
    call: Any = channel.unary_unary(method)
    return bytes(await call(request.SerializeToString(), **options))


async def test_what_the_transport_refuses_itself_is_counted() -> None:
    async with serving(GrpcTransport.NATIVE) as host:
        assert set(host.refused.values()) == {0}
        not_post = [(b":method", b"GET"), *http2.request(LIST)[1:]]
        await answered(host, http2.head(1, not_post, ends=True))
        await answered(host, http2.call(1, "/nobody/Knows", b""))
        await answered(
            host, http2.head(1, http2.request(LIST)), http2.data(1, b"\0" + (MOST_BYTES + 1).to_bytes(4, "big"))
        )
        await answered(host, http2.call(1, LIST, b"", (b"grpc-timeout", b"soon")))
        await answered(host, http2.call(1, LIST, b""))
        counted = {reason: count for reason, count in host.refused.items() if count}
        assert counted == {"not_grpc": 1, "unimplemented": 1, "too_large": 1, "malformed": 1}


async def test_a_compression_nobody_knows_is_refused(transport: GrpcTransport) -> None:
    async with serving(transport) as host:
        answer = await answered(host, http2.call(1, LIST, b"", (b"grpc-encoding", b"br")))
        code = grpc.StatusCode.UNIMPLEMENTED if transport is GrpcTransport.NATIVE else grpc.StatusCode.INTERNAL
        assert answer.code == code.value[0]


@pytest.mark.parametrize("text", [b"", b"abc", b"5", b"-1S", b"1s", b"1.5S"])
async def test_a_deadline_nobody_can_read_is_an_error(transport: GrpcTransport, text: bytes) -> None:
    async with serving(transport) as host:
        answer = await answered(host, http2.call(1, LIST, b"", (b"grpc-timeout", text)))
        assert answer.code == grpc.StatusCode.INTERNAL.value[0]
        assert "grpc-timeout" in answer.fields["grpc-message"]


@pytest.mark.parametrize("text", [b"99999999H", b"10S", b"99999999m", b"9999999u"])
async def test_deadlines_in_any_unit_are_kept(transport: GrpcTransport, text: bytes) -> None:
    async with serving(transport) as host:
        answer = await answered(host, http2.call(1, LIST, b"", (b"grpc-timeout", text)))
        assert answer.code == 0


@pytest.mark.parametrize("method", [HEALTH, REFLECTION])
async def test_what_is_no_message_of_health_or_reflection_is_no_bug_of_ours(
    transport: GrpcTransport, method: str
) -> None:
    reads_itself = transport is GrpcTransport.GRPCIO and method == REFLECTION
    code = grpc.StatusCode.INTERNAL if reads_itself else grpc.StatusCode.INVALID_ARGUMENT
    async with serving(transport) as host:
        answer = await answered(host, http2.call(1, method, b"\xff\xff"))
        assert answer.code == code.value[0]


async def test_metadata_beyond_the_bound_is_refused(transport: GrpcTransport) -> None:
    async with serving(transport) as host, open_channel(host) as channel:
        await ask(channel, LIST, pb.TenantListRequest(), metadata=(("x", "y" * 20_000),))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(channel, LIST, pb.TenantListRequest(), metadata=(("x", "y" * 40_000),))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await ask(channel, LIST, pb.TenantListRequest())


async def test_a_message_over_the_limit_is_refused_before_it_has_come(transport: GrpcTransport) -> None:
    async with serving(transport) as host:
        start = (MOST_BYTES + 1).to_bytes(4, "big")
        answer = await answered(host, http2.head(1, http2.request(LIST)), http2.data(1, b"\0" + start, ends=False))
        assert answer.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
        assert f"({MOST_BYTES + 1} vs. {MOST_BYTES})" in answer.fields["grpc-message"]


# --- answers ---


async def test_a_refusal_is_told_in_full(transport: GrpcTransport) -> None:
    error = InvalidRequest("é: 100 % \N{SNOWMAN}\n and\ta line")

    async def refuse(_: Message) -> Message:
        raise error

    async def refuse_later(_: Message) -> Responses:
        yield pb.PermissionLookupEntityStreamResponse(entity_id="1")
        raise error

    async with serving(transport, refuse, refuse_later) as host, open_channel(host) as channel:
        unary: Any = channel.unary_unary(LIST)
        stream: Any = channel.unary_stream(STREAM)
        for call in (unary(b""), stream(b"")):
            with pytest.raises(grpc.aio.AioRpcError) as told:
                async for _ in call if hasattr(call, "__aiter__") else once(call):
                    pass
            assert (told.value.code(), told.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, message_of(error))
            trailers: Any = told.value.trailing_metadata()
            assert dict(trailers)["grpc-status-details-bin"] == rich_status(error).SerializeToString()


async def once(call: Any) -> AsyncIterator[bytes]:
    yield await call


async def test_messages_of_any_size_are_answered(transport: GrpcTransport) -> None:
    async def large(_: Message) -> Message:
        return pb.TenantListResponse(continuous_token="x" * LARGE_BYTES)

    async def large_ones(_: Message) -> Responses:
        for _number in range(3):
            yield pb.PermissionLookupEntityStreamResponse(entity_id="x" * LARGE_BYTES)

    async with serving(transport, large, large_ones) as host, open_channel(host) as channel:
        assert len(await ask(channel, LIST, pb.TenantListRequest())) > LARGE_BYTES
        stream: Any = channel.unary_stream(STREAM)
        assert [len(raw) > LARGE_BYTES async for raw in stream(b"")] == [True] * 3


# --- streams and connections ---


async def test_a_slow_reader_holds_its_stream_back(transport: GrpcTransport) -> None:
    poured = 0

    async def pour(_: Message) -> Responses:
        nonlocal poured
        async for response in endless(_):
            poured += 1
            yield response

    async with serving(transport, stream=pour) as host, connected(host.address) as wire:
        await wire.send(http2.opened(), http2.call(1, STREAM, b""))
        await eventually(lambda: stays(lambda: poured))
        assert 0 < poured < 20  # of 30 kB: the client's window of 64 kB, and as much again
        before = poured
        grown = (100_000).to_bytes(4, "big")
        await wire.send(*(http2.frame(Kind.WINDOW_UPDATE, 0, stream, grown) for stream in (0, 1)))
        await eventually(lambda: stays(lambda: poured if poured >= before + 2 else 0))
        assert before + 2 <= poured <= before + 5


async def stays(count: Callable[[], int]) -> bool:
    """Whether a count that has begun stays for a while as it is."""
    before = count()
    await asyncio.sleep(0.1)
    return before == count() > 0


async def test_a_connection_has_so_many_calls_at_once(transport: GrpcTransport) -> None:
    begun = 0
    may_answer = asyncio.Event()

    async def wait(_: Message) -> Message:
        nonlocal begun
        begun += 1
        await may_answer.wait()
        return pb.TenantListResponse()

    async with serving(transport, wait) as host, connected(host.address) as wire:
        numbers = range(1, 2 * (CALLS_PER_CONNECTION + 10), 2)
        await wire.send(http2.opened(), *(http2.call(number, LIST, b"") for number in numbers))
        await eventually(lambda: stays(lambda: begun if begun >= CALLS_PER_CONNECTION else 0))
        assert begun == CALLS_PER_CONNECTION
        refused = [await wire.answer(number) for number in numbers[CALLS_PER_CONNECTION:]]
        refused_stream, enhance_your_calm = 7, 11
        code = refused_stream if transport is GrpcTransport.NATIVE else enhance_your_calm
        assert {answer.reset for answer in refused} == {code}
        may_answer.set()
        assert [(await wire.answer(number)).code for number in numbers[:CALLS_PER_CONNECTION]] == [0] * begun


async def test_calls_cancelled_before_they_were_seen_harm_no_others(transport: GrpcTransport) -> None:
    async with serving(transport) as host, connected(host.address) as wire:
        cancelled = (http2.call(number, LIST, b"") + http2.reset(number) for number in range(1, 801, 2))
        await wire.send(http2.opened(), *cancelled, http2.call(801, LIST, b""))
        assert (await wire.answer(801)).code == 0


# --- the end ---


async def test_a_server_that_stops_ends_what_is_running_and_takes_nothing_new(transport: GrpcTransport) -> None:
    begun, may_answer = asyncio.Event(), asyncio.Event()

    async def wait(_: Message) -> Message:
        begun.set()
        await may_answer.wait()
        return pb.TenantListResponse()

    async with serving(transport, wait) as host, open_channel(host) as channel, connected(host.address) as idle:
        await idle.send(http2.opened())
        await idle.until_settled()
        running = asyncio.ensure_future(ask(channel, LIST, pb.TenantListRequest()))
        await begun.wait()
        stopping = asyncio.ensure_future(host.stop(TIMEOUT_S))
        assert 0 in await idle.until_closed()
        with pytest.raises(ConnectionRefusedError):
            async with connected(host.address):
                pass
        await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)  # until it hears, it may still be answered
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(channel, LIST, pb.TenantListRequest())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        may_answer.set()
        assert await running == b""
        await stopping


async def test_a_call_that_does_not_end_in_time_is_told_so(transport: GrpcTransport) -> None:
    begun = asyncio.Event()

    async def wait(_: Message) -> Message:
        begun.set()
        await asyncio.Event().wait()
        return pb.TenantListResponse()

    async with serving(transport, wait) as host, open_channel(host) as channel:
        running = asyncio.ensure_future(ask(channel, LIST, pb.TenantListRequest()))
        await begun.wait()
        await host.stop(0.05)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await running
        assert ended.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


async def test_a_client_that_takes_nothing_holds_up_the_end_for_no_longer_than_the_grace(
    transport: GrpcTransport,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def pour(_: Message) -> Responses:
        begun.set()
        try:
            async for response in endless(_):
                yield response
        finally:
            ended.set()

    async with serving(transport, stream=pour) as host, connected(host.address) as wire:
        await wire.send(http2.opened(initial_window_size=0), http2.call(1, STREAM, b""))
        await begun.wait()
        async with asyncio.timeout(5):
            await host.stop(0.1)
            await ended.wait()


async def test_an_authority_that_is_none_is_refused_by_the_native_transport_alone(transport: GrpcTransport) -> None:
    """As C-core's client makes one of a target that lists addresses; its HTTP/2 library refuses it."""
    options = [("grpc.default_authority", "127.0.0.1:1,127.0.0.1:2")]
    async with serving(transport) as host, grpc.aio.insecure_channel(host.address, options) as channel:
        ask: Any = channel.unary_unary(LIST)
        call = ask(b"")
        code = await call.code()
    assert code is (grpc.StatusCode.OK if transport is GrpcTransport.GRPCIO else grpc.StatusCode.INTERNAL)
