"""Which transport carries gRPC: the native one where it was built, else grpc.aio."""

from __future__ import annotations

from importlib.util import find_spec

import structlog

from api.entrance import Entrance
from api.grpc_host import GrpcHost
from api.health import Health
from api.host import GrpcListener
from api.services import Services
from api.tls import ListenerTls
from model.errors import Misconfigured
from node.settings import GrpcTransport, NodeSettings

log = structlog.get_logger(__name__)

_HOW = "run make setup with a Rust toolchain at hand (https://rustup.rs)"


def grpc_host(
    settings: NodeSettings, services: Services, health: Health, entrance: Entrance, tls: ListenerTls | None
) -> GrpcListener:
    """A host that does not listen yet. Raises Misconfigured if the transport asked for is not here."""
    is_here = find_spec("ringward_native") is not None
    if not is_here and settings.grpc_transport is GrpcTransport.NATIVE:
        raise Misconfigured(f"server.grpc.transport is native, and the native transport was not built: {_HOW}")
    if not is_here and settings.grpc_transport is GrpcTransport.AUTO:
        log.info(f"gRPC is carried by grpcio; the native transport is faster and was not built: {_HOW}")
    if is_here and settings.grpc_transport is not GrpcTransport.GRPCIO:
        from api.native_host import NativeHost  # noqa: PLC0415 - a module that may not be here

        made: type[GrpcHost | NativeHost] = NativeHost
    else:
        made = GrpcHost
    return made(
        services,
        health,
        entrance,
        host=settings.host,
        port=settings.grpc_port,
        max_message_bytes=settings.max_message_bytes,
        tls=tls,
    )
