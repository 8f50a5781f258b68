"""The listener of the peer port."""

from __future__ import annotations

import grpc

from cluster.peers.service import PeerService
from cluster.peers.settings import PeerSettings
from model.errors import Unavailable


class PeerHost:
    """One listening gRPC server for peers alone, outside all limits for clients.

    listens_at: ``host:port`` to bind; port 0 picks a free one. credentials: for encryption, ready to use.
    """

    def __init__(
        self,
        service: PeerService,
        settings: PeerSettings,
        *,
        listens_at: str,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._service = service
        self._server = grpc.aio.server(options=_options(settings))
        self._server.add_generic_rpc_handlers([service.rpcs()])
        self._listens_at = listens_at
        self._credentials = credentials
        self.port = 0

    def __repr__(self) -> str:
        return f"<PeerHost {self._listens_at} port {self.port}>"

    async def start(self) -> None:
        """Listen; ``port`` is known from then on. Raises Unavailable, naming the address, if that is not possible."""
        try:
            self.port = self._listen()
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {self._listens_at}: the port is in use or not allowed") from error
        await self._server.start()

    def _listen(self) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(self._listens_at)
        return self._server.add_secure_port(self._listens_at, self._credentials)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls and no new asks, answer those that came before within ``grace_s``, then end the rest."""
        self._service.leave()
        await self._server.stop(grace_s)


_STREAMS_PER_CONNECTION = 16  # a peer needs one, and some for cards and for warming up
_METADATA_BYTES = 8 * 1024
_PING_MS = 10_000  # a peer that is gone without a word gives back what it has asked this soon
_PONG_MS = 5_000
_LEAST_PING_PAUSE_MS = 5_000  # peers ping each ten seconds, and would be cut off by the default


def _options(settings: PeerSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_concurrent_streams", _STREAMS_PER_CONNECTION),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", _METADATA_BYTES),
        ("grpc.keepalive_time_ms", _PING_MS),
        ("grpc.keepalive_timeout_ms", _PONG_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _LEAST_PING_PAUSE_MS),
        ("grpc.max_receive_message_length", settings.most_received_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # two nodes on one port would each get half of the asks
    ]
