"""Spans in OTLP's words: every field where a reader of traces looks for it."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from telemetry.otlp_spans import joined_arrays, otlp_spans
from telemetry.sampling import Start, TraceParent
from telemetry.spans import SpanKind, within
from tests.support.collector import values_of
from tests.support.traces import KeptTraces

PARENT = TraceParent(0xABC, 0xDEF, is_sampled=True)


@pytest.fixture
def traces() -> KeptTraces:
    return KeptTraces()


def sent(traces: KeptTraces) -> list[SentSpan]:
    body = otlp_spans({"service.name": "shop"}, "1.2")(traces.ended)
    (told,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert values_of(told.resource.attributes) == {"service.name": "shop"}
    (scope,) = told.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("ringward", "1.2")
    return list(scope.spans)


def test_who_belongs_to_whom(traces: KeptTraces) -> None:
    with within(traces.tracer.begin("call", Start(PARENT), tracestate="vendor=a")) as call:
        assert call
        call.child("piece", SpanKind.CLIENT).end()
        call.child("other", SpanKind.INTERNAL).end()
    piece, other, whole = sent(traces)
    assert {span.trace_id for span in (piece, other, whole)} == {(0xABC).to_bytes(16, "big")}
    assert whole.parent_span_id == (0xDEF).to_bytes(8, "big")
    assert piece.parent_span_id == other.parent_span_id == whole.span_id
    assert [span.name for span in (piece, other, whole)] == ["piece", "other", "call"]
    kinds = [SentSpan.SPAN_KIND_CLIENT, SentSpan.SPAN_KIND_INTERNAL, SentSpan.SPAN_KIND_SERVER]
    assert [span.kind for span in (piece, other, whole)] == kinds
    assert [span.flags for span in (piece, other, whole)] == [0x101, 0x101, 0x301], "sampled; whose parent is remote"
    assert [span.trace_state for span in (piece, other, whole)] == ["vendor=a"] * 3


def test_where_a_trace_begins_there_is_no_parent(traces: KeptTraces) -> None:
    traces.begin().end()
    (span,) = sent(traces)
    assert (span.parent_span_id, span.trace_state) == (b"", "")
    assert len(span.span_id) == 8


def test_how_long_it_took_and_what_is_known_of_it(traces: KeptTraces) -> None:
    with traces.call() as call:
        assert call
        call.note("text", "größer")
        call.note("plain", "a")
        call.note("number", 2**40)
        call.note("share", 0.5)
        call.note("is_so", True)
    (span,) = sent(traces)
    assert 1_600_000_000_000_000_000 < span.start_time_unix_nano <= span.end_time_unix_nano
    notes = {"text": "größer", "plain": "a", "number": 2**40, "share": 0.5, "is_so": True}
    assert values_of(span.attributes) == notes


def test_only_what_failed_has_a_status(traces: KeptTraces) -> None:
    traces.begin().end()
    failed = traces.begin()
    failed.failed("first")
    failed.failed("second")
    failed.end()
    well, badly = (span.status for span in sent(traces))
    assert well == Status()
    assert badly == Status(code=Status.STATUS_CODE_ERROR, message="first")


def test_arrays_are_joined_item_by_item() -> None:
    assert joined_arrays([b"[1, 2]", b" [3]\n"]) == b"[1, 2,3]"
