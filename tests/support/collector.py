"""A receiver of OTLP as collectors have it, over gRPC and HTTP, that keeps what it is sent; and can be a bad one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

import aiohttp.web
import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ("Collector", "Manner", "values_of")

_KINDS: Mapping[str, tuple[type[Any], type[Any], str]] = {
    "traces": (ExportTraceServiceRequest, ExportTraceServiceResponse, "trace.v1.TraceService"),
    "metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse, "metrics.v1.MetricsService"),
    "logs": (ExportLogsServiceRequest, ExportLogsServiceResponse, "logs.v1.LogsService"),
}


class Manner(Enum):
    """How a collector takes what it is sent. SILENT: it accepts and never answers. GARBAGE: and answers nonsense."""

    WELL = "well"
    SILENT = "silent"
    REFUSING = "refusing"
    BUSY = "busy"
    GARBAGE = "garbage"
    WEB_PAGE = "web page"
    PARTIAL = "partial"


class Collector:
    """One receiver, at ports of its own that stay the same when it stops and starts again."""

    def __init__(self) -> None:
        self.manner = Manner.WELL
        self.requests: list[Any] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.http_port = self.grpc_port = 0
        self._runner: aiohttp.web.AppRunner | None = None
        self._server: grpc.aio.Server | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Collector]:
        """It listens while the context lasts."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Listen."""
        app = aiohttp.web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._over_http)
        self._runner = aiohttp.web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = aiohttp.web.TCPSite(self._runner, "127.0.0.1", self.http_port)
        await site.start()
        self.http_port = self._runner.addresses[0][1]
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers(tuple(self._handlers()))
        self.grpc_port = self._server.add_insecure_port(f"127.0.0.1:{self.grpc_port}")
        await self._server.start()

    async def stop(self) -> None:
        """Be gone, also for those who wait for an answer."""
        if self._server and self._runner:
            await self._server.stop(None)
            await self._runner.cleanup()
            self._server = self._runner = None

    @property
    def spans(self) -> list[Span]:
        """All spans it was sent."""
        return [span for _, span in self.spans_by_service()]

    def spans_by_service(self) -> list[tuple[str, Span]]:
        """The same, each with the instance of the service that sent it."""
        return [
            (values_of(told.resource.attributes)["service.instance.id"], span)
            for request in self.requests
            if isinstance(request, ExportTraceServiceRequest)
            for told in request.resource_spans
            for scope in told.scope_spans
            for span in scope.spans
        ]

    @property
    def records(self) -> list[LogRecord]:
        """All events of logs it was sent."""
        return [
            record
            for request in self.requests
            if isinstance(request, ExportLogsServiceRequest)
            for told in request.resource_logs
            for scope in told.scope_logs
            for record in scope.log_records
        ]

    @property
    def metrics(self) -> list[dict[str, Metric]]:
        """Metrics by name, for each time they were sent."""
        return [
            {
                metric.name: metric
                for told in request.resource_metrics
                for scope in told.scope_metrics
                for metric in scope.metrics
            }
            for request in self.requests
            if isinstance(request, ExportMetricsServiceRequest)
        ]

    async def _over_http(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        body = await request.read()
        self.paths.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        kind = request.path.rpartition("/")[2]
        form = "application/x-protobuf"
        match self.manner:
            case Manner.SILENT:
                await asyncio.sleep(3600)
            case Manner.REFUSING:
                return aiohttp.web.Response(status=400, body=b"no")
            case Manner.BUSY:
                return aiohttp.web.Response(status=503)
            case Manner.GARBAGE:
                return aiohttp.web.Response(body=b"\xff\xff\xff", content_type=form)
            case Manner.WEB_PAGE:
                return aiohttp.web.Response(text="<html>", content_type="text/html")
        answer = self._taken(kind, body)
        return aiohttp.web.Response(body=answer.SerializeToString(), content_type=form)

    def _handlers(self) -> Iterator[grpc.GenericRpcHandler]:
        for kind, (_, _, service) in _KINDS.items():
            name = f"opentelemetry.proto.collector.{service}"
            handler: Any = grpc.unary_unary_rpc_method_handler(self._over_grpc(kind))  # stubs know blocking ones only
            yield grpc.method_handlers_generic_handler(name, {"Export": handler})

    def _over_grpc(self, kind: str) -> Any:
        async def export(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            self.paths.append(f"grpc:{kind}")
            self.headers.append({str(name): str(value) for name, value in context.invocation_metadata() or ()})
            match self.manner:
                case Manner.SILENT:
                    await asyncio.sleep(3600)
                case Manner.REFUSING:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
                case Manner.BUSY:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "later")
                case Manner.GARBAGE | Manner.WEB_PAGE:
                    return b"\xff\xff\xff"
            return self._taken(kind, body).SerializeToString()

        return export

    def _taken(self, kind: str, body: bytes) -> Message:
        asked, answered, _ = _KINDS[kind] if kind in _KINDS else _KINDS["traces"]
        self.requests.append(asked.FromString(body))
        if self.manner is Manner.PARTIAL and kind == "logs":
            told = ExportLogsPartialSuccess(rejected_log_records=1, error_message="one is too old")
            return ExportLogsServiceResponse(partial_success=told)
        answer: Message = answered()
        return answer


def values_of(attributes: Any) -> dict[str, Any]:
    """Attributes as a mapping. attributes: repeated KeyValue."""
    found: list[KeyValue] = list(attributes)
    return {item.key: getattr(item.value, item.value.WhichOneof("value") or "string_value") for item in found}
