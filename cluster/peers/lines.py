"""Lines to peers: the stream a conversation is held on, by grpc.aio or by the native transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import grpc

from cluster.invoker.answers import NoAnswer
from cluster.peers.calls import Metadata
from cluster.peers.card import PeerRefused
from cluster.peers.channels import Channels
from cluster.peers.duplex import Duplex, Pumped
from cluster.peers.greeting import texts_of


class Line(Duplex, Protocol):
    """A stream to one peer. ``opened`` and ``carry`` raise PeerRefused or NoAnswer, saying why, once it has broken."""

    async def opened(self) -> Mapping[str, str]:
        """What the peer answers with before anything else."""


class Lines(Protocol):
    """Opens lines."""

    def open(self, address: str, rpc: str, metadata: Metadata) -> AbstractAsyncContextManager[Line]:
        """A line, for as long as the context lasts."""


class GrpcLines:
    """Over grpc.aio."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    @asynccontextmanager
    async def open(self, address: str, rpc: str, metadata: Metadata) -> AsyncIterator[Line]:
        """See Lines."""
        async with self._channels.to(address) as channel:
            call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(rpc)(metadata=tuple(metadata))
            try:
                yield _GrpcLine(address, call)
            finally:
                call.cancel()


class _GrpcLine(Pumped):
    def __init__(self, address: str, call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        super().__init__(self._read_one, self._write_one)
        self._address = address
        self._call = call

    async def opened(self) -> Mapping[str, str]:
        return await opening_of(self._address, self._call)

    async def _write_one(self, frame: bytes) -> None:
        try:
            await self._call.write(frame)
        except asyncio.InvalidStateError:
            pass  # it has ended: who reads learns why
        except grpc.aio.AioRpcError as error:
            raise failure_of(self._address, error.code(), error.details()) from error

    async def _read_one(self) -> bytes | None:
        try:
            frame = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise failure_of(self._address, error.code(), error.details()) from error
        return frame if isinstance(frame, bytes) else None


async def opening_of(address: str, call: grpc.aio.Call) -> Mapping[str, str]:
    """What a peer answers a call with before anything else. Raises PeerRefused or NoAnswer."""
    try:
        received = texts_of(await call.initial_metadata())
    except grpc.aio.AioRpcError as error:
        raise failure_of(address, error.code(), error.details()) from error
    if not received and (code := await call.code()) is not grpc.StatusCode.OK:  # then it was turned away
        raise failure_of(address, code, await call.details())
    return received


def failure_of(address: str, code: grpc.StatusCode, details: str | None) -> NoAnswer:
    """What a call that failed says of the peer."""
    match code:
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.FAILED_PRECONDITION:
            return PeerRefused(f"{address} refuses us: {details}")
        case grpc.StatusCode.UNIMPLEMENTED:
            return PeerRefused(f"{address} is not the peer port of a node")
        case _:
            return NoAnswer(f"{address} cannot be asked: {code.name}, {details}")
