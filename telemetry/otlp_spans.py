"""Spans as bodies: in OTLP, and in Zipkin's JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, SpanKind, StatusCode

from telemetry.otlp_values import attributes_of, resource_of

_KINDS = {
    SpanKind.INTERNAL: SentSpan.SPAN_KIND_INTERNAL,
    SpanKind.SERVER: SentSpan.SPAN_KIND_SERVER,
    SpanKind.CLIENT: SentSpan.SPAN_KIND_CLIENT,
}
_SAMPLED = 0x1
_PARENT_MAY_BE_REMOTE = 0x100
_PARENT_IS_REMOTE = 0x200


def otlp_spans(resource: Mapping[str, str], version: str) -> Callable[[Sequence[ReadableSpan]], bytes]:
    """What makes the body of an ExportTraceServiceRequest. Half as dear as what OpenTelemetry's own exporter does."""
    source = resource_of(resource)
    scope = InstrumentationScope(name="ringward", version=version)

    def encode(spans: Sequence[ReadableSpan]) -> bytes:
        told = ScopeSpans(scope=scope, spans=list(map(_sent, spans)))
        request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=source, scope_spans=[told])])
        return request.SerializeToString()

    return encode


def zipkin_spans(service_name: str) -> Callable[[Sequence[ReadableSpan]], bytes]:
    """What makes a JSON array of spans, all of one service."""
    from opentelemetry.exporter.zipkin.json.v2 import JsonV2Encoder  # noqa: PLC0415 - with an HTTP client in its wake
    from opentelemetry.exporter.zipkin.node_endpoint import NodeEndpoint  # noqa: PLC0415

    encoder, endpoint = JsonV2Encoder(), NodeEndpoint()
    endpoint.service_name = service_name

    def encode(spans: Sequence[ReadableSpan]) -> bytes:
        return str(encoder.serialize(cast("Sequence[Span]", spans), endpoint)).encode()  # it reads, as we do

    return encode


def joined_arrays(bodies: Sequence[bytes]) -> bytes:
    """One JSON array of the items of several, none of them empty."""
    return b"[" + b",".join(body.strip()[1:-1] for body in bodies) + b"]"


def _sent(span: ReadableSpan) -> SentSpan:
    context, parent = span.get_span_context(), span.parent
    assert context, "a span that was recorded has a context"
    is_remote = parent is not None and parent.is_remote
    sent = SentSpan(
        trace_id=context.trace_id.to_bytes(16, "big"),
        span_id=context.span_id.to_bytes(8, "big"),
        trace_state=context.trace_state.to_header() if context.trace_state else "",
        parent_span_id=parent.span_id.to_bytes(8, "big") if parent is not None else b"",
        flags=_SAMPLED | _PARENT_MAY_BE_REMOTE | (_PARENT_IS_REMOTE if is_remote else 0),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        attributes=attributes_of(span.attributes or {}),
    )
    if span.status.status_code is StatusCode.ERROR:
        sent.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=span.status.description or ""))
    return sent
