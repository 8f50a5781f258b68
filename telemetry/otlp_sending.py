"""Batches of one signal, put into words a few items at a time, posted, and the answer read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from telemetry.destinations import Destination, Signal, Wire
from telemetry.outbound import NotTaken

T = TypeVar("T")

Post = Callable[[bytes], Awaitable[bytes]]
"""Sends a body; what is answered. Raises NotTaken."""

_ITEMS_PER_TURN = 25  # some 30 µs each
_ANSWERS: dict[Signal, tuple[type[Any], str]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
}


class Sender(Generic[T]):
    """Sends batches, as ``Outbound`` wants it.

    encode: the body for some items. join: the body for all, of those for some; messages of protobuf may just be
    written one after the other.
    """

    def __init__(
        self,
        signal: Signal,
        post: Post,
        encode: Callable[[Sequence[T]], bytes],
        join: Callable[[Sequence[bytes]], bytes] = b"".join,
    ) -> None:
        self._signal = signal
        self._post = post
        self._encode = encode
        self._join = join

    async def __call__(self, batch: Sequence[T]) -> None:
        """Send a batch. Raises NotTaken."""
        bodies = []
        for start in range(0, len(batch), _ITEMS_PER_TURN):
            if start:
                await asyncio.sleep(0)
            bodies.append(self._encode(batch[start : start + _ITEMS_PER_TURN]))
        if answer := await self._post(self._join(bodies)):
            self._ensure_taken(answer)

    def _ensure_taken(self, answer: bytes) -> None:
        kind, rejected = _ANSWERS[self._signal]
        try:
            partial = kind.FromString(answer).partial_success
        except DecodeError as error:
            raise NotTaken("answered with what is no message of OTLP", may_come_again=False) from error
        items = getattr(partial, rejected)
        if items:
            reason = f"{items} were rejected: {partial.error_message[:200]}"
            raise NotTaken(reason, may_come_again=False, items=items)


@asynccontextmanager
async def post_to(signal: Signal, destination: Destination) -> AsyncIterator[Post]:
    """The way to a destination, kept open as long as the context lasts. An HTTP client is loaded only for HTTP."""
    if destination.wire is Wire.OTLP_GRPC:
        from telemetry.otlp_grpc import grpc_post  # noqa: PLC0415

        async with grpc_post(signal, destination) as post:
            yield post
    else:
        from telemetry.otlp_http import http_post  # noqa: PLC0415

        async with http_post(destination) as post:
            yield post
