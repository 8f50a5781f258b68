"""The handlers on the native transport: its thread terminates HTTP/2, TLS and gRPC's framing, this loop answers.

See ``transport/``, ``native/`` and docs/adr/0012-the-native-transport.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any, TypeVar

import ringward_native as native
from google.protobuf.message import DecodeError, Message
from grpc_reflection.v1alpha import reflection_pb2

from api import grpc_calls
from api.addresses import local_address, wanted_address
from api.edge import REFLECTION_SERVICES, Edge
from api.entrance import Entrance
from api.grpc_calls import OnceForAll
from api.observation import EdgeTransport
from api.reflection import reflection_servicer
from api.services import Endpoint, StreamEndpoint, UnaryEndpoint
from api.tls import ListenerTls
from model.errors import InvalidRequest
from transport.loop import Method, NativeLoop, Taken

M = TypeVar("M", bound=Message)

Serve = Callable[[Taken], Awaitable[None]]


class NativeHost:
    """One listening gRPC server, encrypted if ``tls`` is given; it shares ``loop``, if that is.

    ``address`` is known once started; port 0 in the settings picks a free one.
    """

    def __init__(
        self,
        edge: Edge,
        *,
        host: str,
        port: int,
        max_message_bytes: int,
        tls: ListenerTls | None = None,
        loop: NativeLoop | None = None,
    ) -> None:
        self._edge = edge
        bounds = grpc_calls.bounds_of(max_message_bytes)
        self._listening = (loop or NativeLoop()).listening(tuple(self._methods()), bounds)
        if tls is not None:
            tls.hand_on(self._listening.use_tls)
        self._host = host
        self._asked_port = port
        self._port = 0

    def __repr__(self) -> str:
        return f"<NativeHost {self.address} {self._listening}>"

    @property
    def address(self) -> str:
        """Where clients on this machine reach the server, ``host:port``."""
        return local_address(self._host, self._port)

    @property
    def connections(self) -> int | None:
        """How many clients are connected."""
        return self._listening.connections

    @property
    def refused(self) -> dict[str, int]:
        """How many connections and calls were refused before any handler heard of them, by why."""
        return self._listening.refused

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address, if that is not possible."""
        self._port = await self._listening.listen(wanted_address(self._host, self._asked_port))

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left."""
        await self._listening.close(grace_s)

    def _methods(self) -> Iterator[Method]:
        for endpoint, entrance in self._edge.guarded_endpoints():
            yield self._method(endpoint.rpc.name, _serving(endpoint, entrance))
        servicer = reflection_servicer(self._edge.names)
        for service in REFLECTION_SERVICES:
            name = f"/{service}/ServerReflectionInfo"
            yield self._method(name, self._reflecting(name, servicer), takes=native.STREAM_FROM_FIRST)

    def _reflecting(self, name: str, servicer: Any) -> Serve:
        async def serve(call: Taken) -> None:
            async with grpc_calls.admitted(name, self._edge.entrance, call.native), aclosing(_asked(call)) as asked:
                async for response in servicer.ServerReflectionInfo(asked, None):
                    await call.outbox.send(response.SerializeToString())
            call.native.finish()

        return serve

    def _method(self, name: str, serve: Serve, *, takes: int = native.ONE) -> Method:
        observed = self._edge.observation.of(EdgeTransport.GRPC, name)

        async def ended_well_or_not(call: Taken) -> None:
            with observed(call.native) as sighting:
                try:
                    await serve(call)
                except Exception as error:  # the edge: see ending_of
                    ending = grpc_calls.ending_of(name, error)
                    sighting.failed(ending.code, error)
                    call.native.fail(ending.code.value[0], ending.message, ending.details)

        return Method(name, ended_well_or_not, takes)


def _serving(endpoint: Endpoint, entrance: Entrance) -> Serve:
    if isinstance(endpoint, StreamEndpoint):
        return _pouring(endpoint, entrance)
    return _answering(endpoint, entrance)


def _answering(endpoint: UnaryEndpoint, entrance: Entrance) -> Serve:
    async def serve(call: Taken) -> None:
        response = await grpc_calls.answer(endpoint, entrance, call.native, _only(call))
        call.native.reply(response.SerializeToString())

    return serve


def _pouring(endpoint: StreamEndpoint, entrance: Entrance) -> Serve:
    serialize = OnceForAll()

    async def serve(call: Taken) -> None:
        await grpc_calls.pour(endpoint, entrance, call.native, _only(call), _Outlet(call, serialize))
        call.native.finish()

    return serve


def _only(call: Taken) -> bytes:
    assert call.message is not None, "a method that takes one message is not called without"
    return call.message


async def _asked(call: Taken) -> AsyncGenerator[Message]:
    raw = call.message
    while raw is not None and call.inbox:
        yield _parsed(reflection_pb2.ServerReflectionRequest, raw)
        raw = await call.inbox.next()


def _parsed(kind: type[M], raw: bytes) -> M:
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise InvalidRequest(f"the body is not a {kind.DESCRIPTOR.full_name} message") from error


class _Outlet:
    """Sends responses into one call, as ``Outbox`` does."""

    def __init__(self, call: Taken, serialize: OnceForAll) -> None:
        self._call = call
        self._serialize = serialize

    async def open(self) -> None:
        self._call.native.open()

    async def send(self, response: Message) -> None:
        await self._call.outbox.send(self._serialize(response))
