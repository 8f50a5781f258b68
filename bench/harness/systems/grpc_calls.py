"""Calls over gRPC: bytes in, bytes out; nothing is encoded or decoded while the clock runs.

By the client of our native transport where it was built, which takes a tenth of the CPU that grpc.aio does: at a
thousand requests a second a load generator on grpc.aio makes them wait a millisecond for itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from itertools import cycle
from types import MappingProxyType
from typing import TYPE_CHECKING

import grpc.aio

from bench.harness.ports import CallFailed, Connection, Reply, Request
from transport.bounds import Bounds

if TYPE_CHECKING:
    import ringward_native as native

    from transport.loop import NativeLoop

_Call = Callable[[bytes], Awaitable[Reply]]
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
_BOUNDS = Bounds(
    message_bytes=2**30, metadata_bytes=2**20, connections=0, calls_per_connection=0, ping_s=60.0, pong_s=20.0
)
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


def grpc_connected(
    addresses: Sequence[str],
    connections: int,
    *,
    streaming: frozenset[str] = frozenset(),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> AbstractAsyncContextManager[Connection]:
    """So many connections to each address, used in turn; they are made by the first calls.

    streaming: the methods that are answered by a stream. headers: sent with each request.
    """
    if find_spec("ringward_native") is not None:
        return _by_native(addresses, connections, headers)
    return _by_grpcio(addresses, connections, streaming, headers)


@asynccontextmanager
async def _by_native(
    addresses: Sequence[str], connections: int, headers: Mapping[str, str]
) -> AsyncIterator[NativeConnection]:
    from transport.loop import NativeLoop  # noqa: PLC0415 - it may not be here

    loop = NativeLoop()
    loop.use()
    try:
        channels = [loop.channel(address, _BOUNDS) for _ in range(connections) for address in addresses]
        yield NativeConnection(loop, channels, headers)
    finally:
        await loop.leave()


class NativeConnection:
    """Channels of the native transport."""

    def __init__(self, loop: NativeLoop, channels: Sequence[native.Channel], headers: Mapping[str, str]) -> None:
        self._loop = loop
        self._channels = cycle(channels)
        self._metadata = tuple(headers.items())

    async def call(self, request: Request) -> Reply:
        """Send, once, and wait for the whole reply. Raises CallFailed."""
        channel = next(self._channels)
        messages, code, text = await self._loop.ask(channel, request.method, request.body, self._metadata)
        if code:
            raise CallFailed(_CODES.get(code, str(code)), text)
        return tuple(messages)


class GrpcConnection:
    """Channels of grpc.aio."""

    def __init__(
        self, channels: Sequence[grpc.aio.Channel], streaming: frozenset[str], headers: Mapping[str, str]
    ) -> None:
        self._channels = channels
        self._streaming = streaming
        self._metadata = tuple(headers.items())
        self._calls: dict[str, Iterator[_Call]] = {}

    async def call(self, request: Request) -> Reply:
        """Send, once, and wait for the whole reply. Raises CallFailed."""
        if (calls := self._calls.get(request.method)) is None:
            calls = self._calls[request.method] = cycle([self._made(each, request.method) for each in self._channels])
        try:
            return await next(calls)(request.body)
        except grpc.aio.AioRpcError as error:
            raise CallFailed(error.code().name, error.details() or "") from error

    def _made(self, channel: grpc.aio.Channel, method: str) -> _Call:
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method)
        unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)

        async def all_of(body: bytes) -> Reply:
            return tuple([message async for message in stream(body, metadata=self._metadata)])

        async def one(body: bytes) -> Reply:
            return (await unary(body, metadata=self._metadata),)

        return all_of if method in self._streaming else one


@asynccontextmanager
async def _by_grpcio(
    addresses: Sequence[str], connections: int, streaming: frozenset[str], headers: Mapping[str, str]
) -> AsyncIterator[GrpcConnection]:
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, _OPTIONS))
            for _ in range(connections)
            for address in addresses
        ]
        yield GrpcConnection(channels, streaming, headers)
