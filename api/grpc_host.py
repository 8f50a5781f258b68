"""The handlers on grpc.aio: bytes in, bytes out, errors as statuses; with health and reflection beside them."""

from __future__ import annotations

from typing import Any

import grpc
import structlog
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from api.errors import message_of, rich_status, status_of
from api.health import Health
from api.services import Endpoint, Services
from model.errors import AuthzError, StorageFailed, Unavailable

log = structlog.get_logger(__name__)

HEALTH_SERVICE = "grpc.health.v1.Health"
REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"


class GrpcHost:
    """One listening gRPC server. ``address`` is known once started; port 0 in the settings picks a free one."""

    def __init__(self, services: Services, health: Health, *, host: str, port: int, max_message_bytes: int) -> None:
        self._server = grpc.aio.server(options=_options(max_message_bytes))
        self._server.add_generic_rpc_handlers(_service_handlers(services))
        health_pb2_grpc.add_HealthServicer_to_server(health, self._server)
        _add_reflection(self._server, services)
        self._host = host
        self._asked_port = port
        self._port = 0

    def __repr__(self) -> str:
        return f"<GrpcHost {self.address}>"

    @property
    def address(self) -> str:
        """Where clients on this machine reach the server, ``host:port``."""
        return f"{_bracketed(self._host) or '127.0.0.1'}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address, if that is not possible."""
        wanted = f"{_bracketed(self._host) or '[::]'}:{self._asked_port}"
        try:
            self._port = self._server.add_insecure_port(wanted)
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {wanted}: the port is in use or not allowed") from error
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then cancel what is left."""
        await self._server.stop(grace_s)


def _options(max_message_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # two nodes on one port would each get half of the clients
    ]


def _service_handlers(services: Services) -> list[grpc.GenericRpcHandler]:
    by_service: dict[str, dict[str, grpc.RpcMethodHandler[bytes, Message]]] = {}
    for endpoint in services.endpoints.values():
        _, service, method = endpoint.method.split("/")
        handler: grpc.RpcMethodHandler[bytes, Message] = grpc.unary_unary_rpc_method_handler(
            _unary(endpoint), response_serializer=_serialize
        )
        by_service.setdefault(service, {})[method] = handler
    return [grpc.method_handlers_generic_handler(service, methods) for service, methods in by_service.items()]


def _unary(endpoint: Endpoint) -> Any:  # the stubs know only the blocking form of a handler
    async def call(raw: bytes, context: grpc.aio.ServicerContext[bytes, Message]) -> Message:
        try:
            return await endpoint.answer(endpoint.parse(raw))
        except AuthzError as error:
            await _abort(context, endpoint, error)
        except Exception:  # the edge: a bug must not show its traceback to a client
            log.exception("call failed", method=endpoint.method)
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")
        raise AssertionError("abort always raises")

    return call


async def _abort(context: grpc.aio.ServicerContext[bytes, Message], endpoint: Endpoint, error: AuthzError) -> None:
    if isinstance(error, StorageFailed):
        log.error("the store failed", method=endpoint.method, error=str(error))
    details = (("grpc-status-details-bin", rich_status(error).SerializeToString()),)
    await context.abort(status_of(error).grpc, message_of(error), details)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _add_reflection(server: grpc.aio.Server, services: Services) -> None:
    """Reflection as v1alpha and, message for message the same, as v1."""
    names = (*services.names, HEALTH_SERVICE, reflection.SERVICE_NAME, REFLECTION_V1)
    servicer = reflection.aio.ReflectionServicer(names)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=_serialize,
    )
    for name in (reflection.SERVICE_NAME, REFLECTION_V1):
        methods = {"ServerReflectionInfo": handler}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, methods)])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
