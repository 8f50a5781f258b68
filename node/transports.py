"""Which transport carries gRPC, for clients and among nodes: the native one where it was built, else grpc.aio."""
# ruff: noqa: PLC0415 - modules that may not be here

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from api.edge import Edge
from api.grpc_host import GrpcHost
from api.host import GrpcListener
from api.identity import Identity
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

    from transport.loop import NativeLoop

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


@dataclass(frozen=True, slots=True)
class PeerTransport:
    """What carries the talk among nodes: the listener of the peer port, how peers are called, and what must run."""

    host: Callable[[PeerService], PeerListener]
    channels: Channels
    lines: Lines
    running: Callable[[], AbstractAsyncContextManager[None]]


class Transports:
    """What carries all gRPC of a node: one native transport for everything, or grpc.aio. Raises as ``chosen``."""

    def __init__(self, transport: GrpcTransport) -> None:
        self._loop: NativeLoop | None = None
        if chosen(transport) is GrpcTransport.NATIVE:
            from transport.loop import NativeLoop

            self._loop = NativeLoop()
        elif transport is GrpcTransport.AUTO:
            log.info(f"gRPC is carried by grpcio; the native transport is faster and was not built: {_HOW}")

    def clients(self, settings: NodeSettings, edge: Edge, tls: ListenerTls | None) -> GrpcListener:
        """The listener for clients, which does not listen yet."""
        made: Callable[..., GrpcListener] = GrpcHost
        if self._loop is not None:
            from api.native_host import NativeHost

            made = partial(NativeHost, loop=self._loop)
        return made(
            edge,
            host=settings.host,
            port=settings.grpc_port,
            max_message_bytes=settings.max_message_bytes,
            tls=tls,
        )

    def peers(
        self, settings: PeerSettings, cluster: ClusterSettings, listens_at: str, tls: ListenerTls | None
    ) -> PeerTransport:
        """The talk among nodes. Raises Misconfigured for certificates that cannot be used."""
        channels = Channels(settings, peer_credentials(cluster.tls), cluster.server_name)
        if self._loop is not None:
            from cluster.peers.native_host import NativePeerHost
            from cluster.peers.native_lines import NativeLines

            lines = NativeLines(settings, caller_tls(cluster), self._loop)
            encrypt = tls.hand_on if tls else None
            host = partial(NativePeerHost, settings=settings, listens_at=listens_at, encrypt=encrypt, loop=self._loop)
            return PeerTransport(host, channels, lines, lines.running)
        credentials = tls.grpc_credentials() if tls else None
        grpc_host = partial(PeerHost, settings=settings, listens_at=listens_at, credentials=credentials)
        return PeerTransport(grpc_host, channels, GrpcLines(channels), nullcontext)


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
