"""Traces as the SDK records them: parents, attributes, failures, and no more of them than a trace may have."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind as SdkKind
from opentelemetry.trace import StatusCode

from model.errors import NotFound
from telemetry.sampling import Sampler, Sampling, Start, TraceParent
from telemetry.spans import (
    Span,
    SpanKind,
    child_span,
    current_span,
    note,
    set_span,
    within,
)
from telemetry.tracing import MOST_SPANS, Tracer

PARENT = TraceParent(0xABC, 0xDEF, is_sampled=True)


@pytest.fixture
def ended() -> list[ReadableSpan]:
    return []


@pytest.fixture
def tracer(ended: list[ReadableSpan]) -> Tracer:
    return Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {"service.name": "tests"}, "1.2", ended.append)


def ids(span: ReadableSpan) -> tuple[int, int, int | None]:
    """Trace, span and parent."""
    context = span.get_span_context()
    assert context
    return context.trace_id, context.span_id, span.parent.span_id if span.parent else None


def test_a_trace_begins_and_its_pieces_hang_together(tracer: Tracer, ended: list[ReadableSpan]) -> None:
    with within(tracer.begin("call", Start(None))) as call:
        assert call is current_span()
        with child_span("piece", SpanKind.CLIENT) as piece:
            assert piece is current_span()
            note("items", 3)
        note("code", "OK")
    assert current_span() is None

    inner, outer = ended
    trace, span, parent = ids(outer)
    assert parent is None
    assert ids(inner)[0] == trace
    assert ids(inner)[2] == span
    assert (inner.name, inner.kind, dict(inner.attributes or {})) == ("piece", SdkKind.CLIENT, {"items": 3})
    assert (outer.name, outer.kind, dict(outer.attributes or {})) == ("call", SdkKind.SERVER, {"code": "OK"})
    assert dict(outer.resource.attributes) == {"service.name": "tests"}


def test_a_trace_that_began_elsewhere_goes_on_with_its_state(tracer: Tracer, ended: list[ReadableSpan]) -> None:
    span = tracer.begin("call", Start(PARENT), tracestate="vendor=a,other=b")
    child = span.child("piece", SpanKind.INTERNAL)
    assert span.trace_id == f"{0xABC:032x}"
    assert child.traceparent == f"00-{0xABC:032x}-{child.span_id}-01"
    assert child.tracestate == span.tracestate == "vendor=a,other=b"
    span.end()
    assert ids(ended[0])[2] == 0xDEF


def test_what_is_no_tracestate_is_left_out(tracer: Tracer) -> None:
    assert tracer.begin("call", Start(PARENT), tracestate="===,\x00").tracestate == ""


def test_another_nodes_trace_is_resumed_if_its_word_can_be_read(tracer: Tracer) -> None:
    asking = tracer.begin("call", Start(None))
    resumed = tracer.resume("answer", asking.traceparent, tracestate=asking.tracestate)
    assert resumed
    assert resumed.trace_id == asking.trace_id
    assert tracer.resume("answer", "nonsense") is None


def test_what_is_raised_fails_the_span_in_our_words_alone(tracer: Tracer, ended: list[ReadableSpan]) -> None:
    with pytest.raises(NotFound), within(tracer.begin("ours", Start(None))):
        raise NotFound("no schema")
    with pytest.raises(KeyError), within(tracer.begin("theirs", Start(None))):
        raise KeyError("a password")
    assert [(span.status.status_code, span.status.description) for span in ended] == [
        (StatusCode.ERROR, "no schema"),
        (StatusCode.ERROR, "KeyError"),
    ]


def test_what_is_cancelled_has_not_failed(tracer: Tracer, ended: list[ReadableSpan]) -> None:
    with pytest.raises(asyncio.CancelledError), within(tracer.begin("call", Start(None))):
        raise asyncio.CancelledError
    assert ended[0].status.status_code is StatusCode.UNSET
    assert dict(ended[0].attributes or {}) == {"ringward.cancelled": True}


def test_without_a_trace_nothing_is_made(ended: list[ReadableSpan]) -> None:
    with child_span("piece") as piece:
        note("items", 3)
    assert piece is None
    assert current_span() is None
    assert not ended


async def test_a_span_travels_into_what_is_started_for_it_and_nowhere_else(tracer: Tracer) -> None:
    async def seen() -> Span | None:
        return current_span()

    async def call() -> Span | None:
        span = tracer.begin("call", Start(None))
        set_span(span)
        async with asyncio.TaskGroup() as group:
            found = group.create_task(seen())
        assert found.result() is span
        return span

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(call()) for _ in range(3)]
    assert len({call.result() for call in calls}) == 3
    assert await seen() is None


def test_a_trace_of_a_great_many_pieces_says_that_some_are_left_out(tracer: Tracer, ended: list[ReadableSpan]) -> None:
    with within(tracer.begin("call", Start(None))) as call:
        assert call
        for _ in range(MOST_SPANS + 10):
            with child_span("piece") as piece:
                assert piece
                piece.note("items", 1)
                with child_span("within") as within_it:
                    assert within_it
                    assert within_it.trace_id == call.trace_id
                last = piece.traceparent
        assert last == call.traceparent, "what is left out hands on what is not"
    assert len(ended) == MOST_SPANS
    assert (ended[-1].attributes or {})["ringward.spans_left_out"] is True
    with within(tracer.begin("next", Start(None))), child_span("piece"):
        pass
    assert len(ended) == MOST_SPANS + 2, "each trace has room of its own"


def test_attributes_are_cut_to_a_length(tracer: Tracer, ended: list[ReadableSpan]) -> None:
    with within(tracer.begin("call", Start(None))) as span:
        assert span
        span.note("id", "x" * 5_000)
        span.failed("y" * 5_000)
    assert (ended[0].attributes or {})["id"] == "x" * 1_000
    assert ended[0].status.description == "y" * 1_000


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, ended: list[ReadableSpan]) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    made = Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {"service.name": "tests"}, "1", ended.append)
    made.begin("call", Start(None)).end()
    assert dict(ended[0].resource.attributes) == {"service.name": "tests"}
