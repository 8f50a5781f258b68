"""The handlers on grpc.aio: bytes in, bytes out, errors as statuses; with health and reflection beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection_pb2

from api import grpc_calls
from api.addresses import local_address, wanted_address
from api.edge import REFLECTION_SERVICES, Edge
from api.entrance import Entrance
from api.grpc_calls import OnceForAll
from api.observation import EdgeTransport, Observation, Sighting
from api.reflection import reflection_servicer
from api.services import Endpoint, StreamEndpoint, UnaryEndpoint
from api.tls import ListenerTls
from model.errors import Unavailable
from transport.grpcio import handlers_of, options_of


class GrpcHost:
    """One listening gRPC server, encrypted if ``tls`` is given.

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
    ) -> None:
        self._server = grpc.aio.server(
            options=options_of(grpc_calls.bounds_of(max_message_bytes), least_ping_pause_s=_LEAST_PING_PAUSE_S)
        )
        handlers = {
            endpoint.rpc.name: _handler(endpoint, entrance, edge.observation)
            for endpoint, entrance in edge.guarded_endpoints()
        }
        self._server.add_generic_rpc_handlers(handlers_of(handlers))
        _add_reflection(self._server, edge)
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

    @property
    def connections(self) -> int | None:
        """None: grpc.aio does not tell."""
        return None

    @property
    def refused(self) -> dict[str, int]:
        """Empty: grpc.aio does not tell."""
        return {}

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
def _handler(endpoint: Endpoint, entrance: Entrance, observation: Observation) -> Any:
    if isinstance(endpoint, StreamEndpoint):
        stream = _stream(endpoint, entrance, observation)
        return grpc.unary_stream_rpc_method_handler(stream, response_serializer=OnceForAll())
    return grpc.unary_unary_rpc_method_handler(_unary(endpoint, entrance, observation), response_serializer=_serialize)


def _unary(endpoint: UnaryEndpoint, entrance: Entrance, observation: Observation) -> Any:
    observed = observation.of(EdgeTransport.GRPC, endpoint.rpc.name)

    async def call(raw: bytes, context: grpc.aio.ServicerContext[bytes, Message]) -> Message:
        incoming = _Incoming(context)
        with observed(incoming) as sighting:
            try:
                return await grpc_calls.answer(endpoint, entrance, incoming, raw)
            except Exception as error:  # the edge: see _abort
                await _abort(context, sighting, endpoint.rpc.name, error)
            raise AssertionError("abort always raises")

    return call


def _stream(endpoint: StreamEndpoint, entrance: Entrance, observation: Observation) -> Any:
    observed = observation.of(EdgeTransport.GRPC, endpoint.rpc.name)

    async def call(raw: bytes, context: grpc.aio.ServicerContext[bytes, Message]) -> None:
        incoming = _Incoming(context)
        with observed(incoming) as sighting:
            try:
                await grpc_calls.pour(endpoint, entrance, incoming, raw, _GrpcOutlet(context))
            except Exception as error:  # the edge: see _abort
                await _abort(context, sighting, endpoint.rpc.name, error)

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


async def _abort(
    context: grpc.aio.ServicerContext[bytes, Message], sighting: Sighting, rpc: str, error: Exception
) -> None:
    ending = grpc_calls.ending_of(rpc, error)
    sighting.failed(ending.code, error)
    details = (("grpc-status-details-bin", ending.details),) if ending.details else ()
    await context.abort(ending.code, ending.message, details)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _add_reflection(server: grpc.aio.Server, edge: Edge) -> None:
    """Reflection as v1alpha and, message for message the same, as v1; for those who may ask."""
    servicer = reflection_servicer(edge.names)
    handlers = {
        name: grpc.stream_stream_rpc_method_handler(
            _reflecting(servicer, name, edge),
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=_serialize,
        )
        for name in (f"/{service}/ServerReflectionInfo" for service in REFLECTION_SERVICES)
    }
    server.add_generic_rpc_handlers(handlers_of(handlers))


def _reflecting(servicer: Any, rpc: str, edge: Edge) -> Any:
    observed = edge.observation.of(EdgeTransport.GRPC, rpc)

    async def call(
        requests: AsyncIterator[Message], context: grpc.aio.ServicerContext[bytes, Message]
    ) -> AsyncIterator[Message]:
        incoming = _Incoming(context)
        with observed(incoming) as sighting:
            try:
                async with grpc_calls.admitted(rpc, edge.entrance, incoming):
                    async for response in servicer.ServerReflectionInfo(requests, context):
                        yield response
            except Exception as error:  # the edge: see _abort
                await _abort(context, sighting, rpc, error)

    return call
