"""The handlers on grpc.aio: bytes in, bytes out, errors as statuses; with health and reflection beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from api import grpc_calls
from api.addresses import local_address, wanted_address
from api.entrance import Entrance
from api.grpc_calls import (
    HEALTH_SERVICE,
    REFLECTION_SERVICES,
    OnceForAll,
)
from api.health import Health
from api.services import Endpoint, Services, StreamEndpoint, UnaryEndpoint
from api.tls import ListenerTls
from model.errors import Unavailable
from transport.grpcio import handlers_of, options_of


class GrpcHost:
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
        self._server = grpc.aio.server(
            options=options_of(grpc_calls.bounds_of(max_message_bytes), least_ping_pause_s=_LEAST_PING_PAUSE_S)
        )
        handlers = {name: _handler(endpoint, entrance) for name, endpoint in services.endpoints.items()}
        self._server.add_generic_rpc_handlers(handlers_of(handlers))
        health_pb2_grpc.add_HealthServicer_to_server(health, self._server)
        _add_reflection(self._server, services, entrance)
        self._tls = tls
        self._host = host
        self._asked_port = port
        self._port = 0

    def __repr__(self) -> str:
        return f"<GrpcHost {self.address}>"

    @property
    def address(self) -> str:
        """Where clients on this machine reach the server, ``host:port``."""
        return local_address(self._host, self._port)

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address, if that is not possible."""
        wanted = wanted_address(self._host, self._asked_port)
        try:
            self._port = self._listen(wanted)
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {wanted}: the port is in use or not allowed") from error
        await self._server.start()

    def _listen(self, wanted: str) -> int:
        if self._tls is None:
            return self._server.add_insecure_port(wanted)
        return self._server.add_secure_port(wanted, self._tls.grpc_credentials())

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left."""
        await self._server.stop(grace_s)


_LEAST_PING_PAUSE_S = 10.0  # clients that ping each half minute are common, and would be cut off by the default


# The stubs know only the blocking forms of handlers, hence Any.
def _handler(endpoint: Endpoint, entrance: Entrance) -> Any:
    if isinstance(endpoint, StreamEndpoint):
        return grpc.unary_stream_rpc_method_handler(_stream(endpoint, entrance), response_serializer=OnceForAll())
    return grpc.unary_unary_rpc_method_handler(_unary(endpoint, entrance), response_serializer=_serialize)


def _unary(endpoint: UnaryEndpoint, entrance: Entrance) -> Any:
    async def call(raw: bytes, context: grpc.aio.ServicerContext[bytes, Message]) -> Message:
        try:
            return await grpc_calls.answer(endpoint, entrance, _Incoming(context), raw)
        except Exception as error:  # the edge: see _abort
            await _abort(context, endpoint.rpc.name, error)
        raise AssertionError("abort always raises")

    return call


def _stream(endpoint: StreamEndpoint, entrance: Entrance) -> Any:
    async def call(raw: bytes, context: grpc.aio.ServicerContext[bytes, Message]) -> None:
        try:
            await grpc_calls.pour(endpoint, entrance, _Incoming(context), raw, _GrpcOutlet(context))
        except Exception as error:  # the edge: see _abort
            await _abort(context, endpoint.rpc.name, error)

    return call


class _Incoming:
    """What grpc.aio knows of a call."""

    def __init__(self, context: grpc.aio.ServicerContext[bytes, Message]) -> None:
        self._context = context

    def header(self, name: str) -> str | None:
        value = next((value for key, value in self._context.invocation_metadata() or () if key == name), None)
        return value if isinstance(value, str) else None

    def time_left_s(self) -> float | None:
        return self._context.time_remaining()


class _GrpcOutlet:
    """Sends into one gRPC call. ``send`` returns once the message has passed HTTP/2's flow control, or nearly so.

    One that is given up is still delivered, before the status, if the client comes to read again.
    """

    def __init__(self, context: grpc.aio.ServicerContext[bytes, Message]) -> None:
        self._context = context

    async def open(self) -> None:
        await self._context.send_initial_metadata(())

    async def send(self, response: Message) -> None:
        await self._context.write(response)


async def _abort(context: grpc.aio.ServicerContext[bytes, Message], rpc: str, error: Exception) -> None:
    ending = grpc_calls.ending_of(rpc, error)
    details = (("grpc-status-details-bin", ending.details),) if ending.details else ()
    await context.abort(ending.code, ending.message, details)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _add_reflection(server: grpc.aio.Server, services: Services, entrance: Entrance) -> None:
    """Reflection as v1alpha and, message for message the same, as v1; for those who may ask."""
    names = (*services.names, HEALTH_SERVICE, *REFLECTION_SERVICES)
    servicer = reflection.aio.ReflectionServicer(names)
    handlers = {
        name: grpc.stream_stream_rpc_method_handler(
            _reflecting(servicer, name, entrance),
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=_serialize,
        )
        for name in (f"/{service}/ServerReflectionInfo" for service in REFLECTION_SERVICES)
    }
    server.add_generic_rpc_handlers(handlers_of(handlers))


def _reflecting(servicer: Any, rpc: str, entrance: Entrance) -> Any:
    async def call(
        requests: AsyncIterator[Message], context: grpc.aio.ServicerContext[bytes, Message]
    ) -> AsyncIterator[Message]:
        try:
            async with grpc_calls.admitted(rpc, entrance, _Incoming(context)):
                async for response in servicer.ServerReflectionInfo(requests, context):
                    yield response
        except Exception as error:  # the edge: see _abort
            await _abort(context, rpc, error)

    return call
