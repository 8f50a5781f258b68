"""Servers of grpc.aio: their handlers from full names, and their options from bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc

from transport.bounds import Bounds


def handlers_of(methods: Mapping[str, Any]) -> list[grpc.GenericRpcHandler]:
    """Handlers by the full name of their method, ``/package.Service/Method``, as a server takes them."""
    by_service: dict[str, dict[str, Any]] = {}
    for name, handler in methods.items():
        _, service, method = name.split("/")
        by_service.setdefault(service, {})[method] = handler
    return [grpc.method_handlers_generic_handler(service, handlers) for service, handlers in by_service.items()]


def options_of(bounds: Bounds, *, least_ping_pause_s: float) -> list[tuple[str, int]]:
    """What a server is told, which has no bound for connections.

    least_ping_pause_s: clients that ping more often are cut off.
    """
    return [
        ("grpc.max_concurrent_streams", bounds.calls_per_connection),
        ("grpc.max_metadata_size", bounds.metadata_bytes),
        ("grpc.absolute_max_metadata_size", bounds.metadata_bytes),
        ("grpc.keepalive_time_ms", round(bounds.ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(bounds.pong_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", round(least_ping_pause_s * 1000)),
        ("grpc.max_receive_message_length", bounds.message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # two nodes on one port would each get half of the clients
    ]
