"""Sends messages over gRPC. Source: OTLP specification, "OTLP/gRPC Response"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from telemetry.destinations import Destination, Signal
from telemetry.outbound import NotTaken

_METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_MAY_COME_AGAIN = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class GrpcPost:
    """Calls one method with bytes."""

    def __init__(self, channel: grpc.aio.Channel, signal: Signal, destination: Destination) -> None:
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHODS[signal])
        self._metadata = tuple(destination.headers.items())

    async def __call__(self, body: bytes) -> bytes:
        """What is answered. Raises NotTaken."""
        try:
            return await self._call(body, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            raise NotTaken(f"{code.name}, {error.details()}", may_come_again=code in _MAY_COME_AGAIN) from error


@asynccontextmanager
async def grpc_post(signal: Signal, destination: Destination) -> AsyncIterator[GrpcPost]:
    """Calls over a connection that is kept as long as the context lasts."""
    async with _channel(destination) as channel:
        yield GrpcPost(channel, signal, destination)


def _channel(destination: Destination) -> grpc.aio.Channel:
    if destination.is_encrypted:
        return grpc.aio.secure_channel(destination.address, grpc.ssl_channel_credentials(), options=_OPTIONS)
    return grpc.aio.insecure_channel(destination.address, options=_OPTIONS)


_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 500), ("grpc.max_reconnect_backoff_ms", 10_000))
