"""Calls over gRPC: bytes in, bytes out; nothing is encoded or decoded while the clock runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from types import MappingProxyType

import grpc.aio

from bench.harness.ports import CallFailed, Reply, Request

_Call = Callable[[bytes], Awaitable[Reply]]
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]


class GrpcConnection:
    """Channels to one or several servers, used in turn.

    streaming: the methods that are answered by a stream. headers: sent with each request.
    """

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
            return [message async for message in stream(body, metadata=self._metadata)]

        async def one(body: bytes) -> Reply:
            return (await unary(body, metadata=self._metadata),)

        return all_of if method in self._streaming else one


@asynccontextmanager
async def grpc_connected(
    addresses: Sequence[str],
    connections: int,
    *,
    streaming: frozenset[str] = frozenset(),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[GrpcConnection]:
    """So many connections to each address. They are made by the first calls."""
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, _OPTIONS))
            for _ in range(connections)
            for address in addresses
        ]
        yield GrpcConnection(channels, streaming, headers)
