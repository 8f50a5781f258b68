"""Connections to peers by grpc.aio."""

from __future__ import annotations

import grpc

from cluster.peers.settings import PING_S, PONG_S, PeerSettings


class Channels:
    """Makes a channel of its own for each call.

    credentials: for an encrypted peer port, ready to use. server_name: what peers' certificates are made out to, if not
    to their addresses.
    """

    def __init__(
        self, settings: PeerSettings, credentials: grpc.ChannelCredentials | None = None, server_name: str = ""
    ) -> None:
        self._credentials = credentials
        self._options = _options(settings, server_name)

    def to(self, address: str) -> grpc.aio.Channel:
        """A channel; the caller closes it."""
        if self._credentials is None:
            return grpc.aio.insecure_channel(address, self._options)
        return grpc.aio.secure_channel(address, self._credentials, self._options)


def _options(settings: PeerSettings, server_name: str) -> list[tuple[str, int | str]]:
    named = [("grpc.ssl_target_name_override", server_name)] if server_name else []
    return [
        *named,
        ("grpc.use_local_subchannel_pool", 1),  # an attempt must not wait out the back-off of the one before
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.keepalive_time_ms", round(PING_S * 1000)),
        ("grpc.keepalive_timeout_ms", round(PONG_S * 1000)),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", settings.most_received_bytes),
        ("grpc.max_send_message_length", -1),
    ]
