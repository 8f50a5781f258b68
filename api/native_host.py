"""The handlers on the native transport: its thread terminates HTTP/2, TLS and gRPC's framing, this loop answers.

What has come in lies in a queue whose descriptor becomes readable. It is emptied whole: calls that can be answered at
once are, and all others go on as tasks. See ``native/`` and docs/adr/0012-the-native-transport.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ringward_native as native
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_reflection.v1alpha import reflection, reflection_pb2

from api import grpc_calls
from api.addresses import local_address, wanted_address
from api.entrance import Entrance
from api.grpc_calls import (
    CALLS_PER_CONNECTION,
    HEALTH_CHECK,
    HEALTH_SERVICE,
    HEALTH_WATCH,
    METADATA_BYTES,
    PING_S,
    PONG_S,
    REFLECTION_SERVICES,
    OnceForAll,
)
from api.health import Health
from api.services import Services, StreamEndpoint, UnaryEndpoint
from api.tls import ListenerTls
from model.errors import Unavailable

_CONNECTIONS = 20_000
_CLOSING_S = 1.0  # for the last answers to leave, once nothing is under way

Serve = Callable[[native.Call, Any], Awaitable[None]]
"""Takes a call and its message, or the first of its messages, None if there is none."""


@dataclass(frozen=True, slots=True)
class _Method:
    """name: full. takes_stream: of requests."""

    name: str
    serve: Serve
    takes_stream: bool = False


class NativeHost:
    """One listening gRPC server, encrypted if ``tls`` is given.

    ``address`` is known once started; port 0 in the settings picks a free one.
    """

    def __init__(
        self,
        services: Services,
        health: Health,
        entrance: Entrance,
        *,
        host: str,
        port: int,
        max_message_bytes: int,
        tls: ListenerTls | None = None,
    ) -> None:
        self._entrance = entrance
        self._methods = tuple(self._methods_of(services, health))
        self._server = native.Server(
            [(method.name, method.takes_stream) for method in self._methods],
            max_message_bytes=max_message_bytes,
            max_metadata_bytes=METADATA_BYTES,
            max_connections=_CONNECTIONS,
            calls_per_connection=CALLS_PER_CONNECTION,
            ping_every_s=PING_S,
            pong_within_s=PONG_S,
        )
        if tls is not None:
            tls.hand_on(self._server.use_tls)
        self._host = host
        self._asked_port = port
        self._port = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._rooms: dict[int, asyncio.Future[None]] = {}
        self._requests: dict[int, asyncio.Queue[bytes | None]] = {}
        self._closed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<NativeHost {self.address} {self._server.connections} connections {len(self._tasks)} calls>"

    @property
    def address(self) -> str:
        """Where clients on this machine reach the server, ``host:port``."""
        return local_address(self._host, self._port)

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address, if that is not possible."""
        wanted = wanted_address(self._host, self._asked_port)
        try:
            self._port = self._server.listen(wanted)
        except OSError as error:
            raise Unavailable(f"cannot listen on {wanted}: the port is in use or not allowed") from error
        asyncio.get_running_loop().add_reader(self._server.fileno(), self._drain)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left."""
        self._server.refuse_new()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace_s)
        for task in self._tasks.values():
            task.cancel()
        try:
            async with asyncio.timeout(_CLOSING_S):
                await self._closed.wait()
        except TimeoutError:
            pass  # clients that do not hear
        asyncio.get_running_loop().remove_reader(self._server.fileno())
        await asyncio.to_thread(self._server.close)

    def _drain(self) -> None:
        for kind, subject, message in self._server.drain():
            if kind == native.BEGAN:
                self._begin(subject, message)
            elif kind == native.GONE:
                if task := self._tasks.get(subject):
                    task.cancel()
            elif kind == native.ROOM:
                if room := self._rooms.pop(subject, None):
                    room.set_result(None)
            elif kind == native.CLOSED:
                self._closed.set()
            elif requests := self._requests.get(subject):
                requests.put_nowait(message)

    def _begin(self, call: native.Call, message: object) -> None:
        method = self._methods[call.method]
        self._tasks[call.id] = asyncio.get_running_loop().create_task(self._serve(method, call, message))

    async def _serve(self, method: _Method, call: native.Call, message: object) -> None:
        try:
            await method.serve(call, message)
        except Exception as error:  # the edge: see ending_of
            ending = grpc_calls.ending_of(method.name, error)
            call.fail(ending.code.value[0], ending.message, ending.details)
        finally:
            del self._tasks[call.id]

    def _methods_of(self, services: Services, health: Health) -> Iterator[_Method]:
        for endpoint in services.endpoints.values():
            serve = self._pouring(endpoint) if isinstance(endpoint, StreamEndpoint) else self._answering(endpoint)
            yield _Method(endpoint.rpc.name, serve)
        yield from _health_methods(health, self._outlet)
        names = (*services.names, HEALTH_SERVICE, *REFLECTION_SERVICES)
        servicer = reflection.aio.ReflectionServicer(names)
        for service in REFLECTION_SERVICES:
            name = f"/{service}/ServerReflectionInfo"
            yield _Method(name, self._reflecting(name, servicer), takes_stream=True)

    def _answering(self, endpoint: UnaryEndpoint) -> Serve:
        async def serve(call: native.Call, message: bytes) -> None:
            response = await grpc_calls.answer(endpoint, self._entrance, call, message)
            call.reply(response.SerializeToString())

        return serve

    def _pouring(self, endpoint: StreamEndpoint) -> Serve:
        serialize = OnceForAll()

        async def serve(call: native.Call, message: bytes) -> None:
            await grpc_calls.pour(endpoint, self._entrance, call, message, self._outlet(call, serialize))
            call.finish()

        return serve

    def _reflecting(self, name: str, servicer: Any) -> Serve:
        async def serve(call: native.Call, message: bytes | None) -> None:
            outlet = self._outlet(call, OnceForAll())
            async with grpc_calls.admitted(name, self._entrance, call):
                async for response in servicer.ServerReflectionInfo(self._requests_of(call, message), None):
                    await outlet.send(response)
            call.finish()

        return serve

    async def _requests_of(self, call: native.Call, first: bytes | None) -> AsyncGenerator[Message]:
        """The requests of a call that streams them, each read when it is wanted."""
        requests: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._requests[call.id] = requests
        raw = first
        try:
            while raw is not None:
                yield reflection_pb2.ServerReflectionRequest.FromString(raw)
                call.ask()
                raw = await requests.get()
        finally:
            del self._requests[call.id]

    def _outlet(self, call: native.Call, serialize: OnceForAll) -> _NativeOutlet:
        return _NativeOutlet(call, serialize, self._rooms)


class _NativeOutlet:
    """Sends into one call. ``send`` returns once there is room for more, or nearly so.

    One that is given up is still delivered, before the status, if the client comes to read again.
    """

    def __init__(self, call: native.Call, serialize: OnceForAll, rooms: dict[int, asyncio.Future[None]]) -> None:
        self._call = call
        self._serialize = serialize
        self._rooms = rooms

    async def open(self) -> None:
        self._call.open()

    async def send(self, response: Message) -> None:
        if self._call.send(self._serialize(response)):
            return
        room = self._rooms[self._call.id] = asyncio.get_running_loop().create_future()
        try:
            await room
        finally:
            self._rooms.pop(self._call.id, None)


def _health_methods(health: Health, outlet: Callable[[native.Call, OnceForAll], _NativeOutlet]) -> Iterator[_Method]:
    async def check(call: native.Call, message: bytes) -> None:
        response = await health.Check(HealthCheckRequest.FromString(message), None)
        call.reply(response.SerializeToString())

    async def watch(call: native.Call, message: bytes) -> None:
        watched = outlet(call, OnceForAll())
        async for response in health.Watch(HealthCheckRequest.FromString(message), None):
            await watched.send(response)

    yield _Method(HEALTH_CHECK, check)
    yield _Method(HEALTH_WATCH, watch)
