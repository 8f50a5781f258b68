"""Which transport carries gRPC, for clients and among nodes: the native one where it was built, else grpc.aio."""
# ruff: noqa: PLC0415 - modules that may not be here

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from api.entrance import Entrance
from api.grpc_host import GrpcHost
from api.health import Health
from api.host import GrpcListener
from api.identity import Identity
from api.services import Services
from api.tls import ListenerTls
from cluster.peers.channels import Channels
from cluster.peers.host import PeerHost, PeerListener
from cluster.peers.lines import GrpcLines, Lines
from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.errors import Misconfigured
from node.distant import peer_credentials
from node.settings import ClusterSettings, GrpcTransport, NodeSettings

if TYPE_CHECKING:
    from ringward_native import CallerTls

    from api.native_host import NativeHost

log = structlog.get_logger(__name__)

_HOW = "run make setup with a Rust toolchain at hand (https://rustup.rs)"


def chosen(transport: GrpcTransport) -> GrpcTransport:
    """NATIVE or GRPCIO. Raises Misconfigured if the one asked for is not here."""
    if transport is GrpcTransport.GRPCIO:
        return transport
    is_here = find_spec("ringward_native") is not None
    if transport is GrpcTransport.NATIVE and not is_here:
        raise Misconfigured(f"server.grpc.transport is native, and the native transport was not built: {_HOW}")
    return GrpcTransport.NATIVE if is_here else GrpcTransport.GRPCIO


def grpc_host(
    settings: NodeSettings, services: Services, health: Health, entrance: Entrance, tls: ListenerTls | None
) -> GrpcListener:
    """The listener for clients, which does not listen yet. Raises as ``chosen``."""
    made: type[GrpcHost | NativeHost] = GrpcHost
    if chosen(settings.grpc_transport) is GrpcTransport.NATIVE:
        from api.native_host import NativeHost

        made = NativeHost
    elif settings.grpc_transport is GrpcTransport.AUTO:
        log.info(f"gRPC is carried by grpcio; the native transport is faster and was not built: {_HOW}")
    return made(
        services,
        health,
        entrance,
        host=settings.host,
        port=settings.grpc_port,
        max_message_bytes=settings.max_message_bytes,
        tls=tls,
    )


@dataclass(frozen=True, slots=True)
class PeerTransport:
    """What carries the talk among nodes: the listener of the peer port, how peers are called, and what must run."""

    host: Callable[[PeerService], PeerListener]
    channels: Channels
    lines: Lines
    running: Callable[[], AbstractAsyncContextManager[None]]


def peer_transport(
    transport: GrpcTransport, settings: PeerSettings, cluster: ClusterSettings, listens_at: str, tls: ListenerTls | None
) -> PeerTransport:
    """What is made of the settings. Raises as ``chosen``, and Misconfigured for certificates that cannot be used."""
    channels = Channels(settings, peer_credentials(cluster.tls), cluster.server_name)
    if chosen(transport) is GrpcTransport.NATIVE:
        from cluster.peers.native_host import NativePeerHost
        from cluster.peers.native_lines import NativeLines

        native_lines = NativeLines(settings, caller_tls(cluster))
        encrypt = tls.hand_on if tls else None
        return PeerTransport(
            lambda service: NativePeerHost(service, settings, listens_at=listens_at, encrypt=encrypt),
            channels,
            native_lines,
            native_lines.running,
        )
    credentials = tls.grpc_credentials() if tls else None
    return PeerTransport(
        lambda service: PeerHost(service, settings, listens_at=listens_at, credentials=credentials),
        channels,
        GrpcLines(channels),
        nullcontext,
    )


def caller_tls(cluster: ClusterSettings) -> CallerTls | None:
    """What the native transport calls encrypted peer ports with. Raises Misconfigured for what cannot be used."""
    from ringward_native import CallerTls

    if cluster.tls is None:
        return None
    identity = Identity.read(cluster.tls)
    assert identity.client_ca is not None, "a cluster's TLS has a CA"
    try:
        return CallerTls(identity.client_ca, identity.cert, identity.key, cluster.server_name)
    except ValueError as error:
        raise Misconfigured(f"cannot use the certificate {cluster.tls.cert}: {error}") from error
