"""Traces: the spans of ``spans.py`` as OpenTelemetry's SDK records them.

The SDK is loaded with this module, so only by a node that traces. Whether a call is traced is decided before the SDK
hears of it (``sampling.py``): a span it would drop costs as much as all else that is done for a cached answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import SpanKind as SdkKind
from opentelemetry.trace import Tracer as SdkTracer

from telemetry.sampling import Sampling, Start, TraceParent
from telemetry.spans import Note, Span, SpanKind

MOST_SPANS = 500
"""Of one trace in one process; what is done beyond them is left out."""

_KINDS = {
    SpanKind.INTERNAL: SdkKind.INTERNAL,
    SpanKind.SERVER: SdkKind.SERVER,
    SpanKind.CLIENT: SdkKind.CLIENT,
}
_MOST_CHARACTERS = 1_000  # of an attribute: ids, messages, none of them a payload
_LIMITS = SpanLimits(
    max_span_attributes=64,
    max_event_attributes=16,
    max_link_attributes=16,
    max_events=16,
    max_links=16,
    max_span_attribute_length=_MOST_CHARACTERS,
    max_attribute_length=_MOST_CHARACTERS,
)


class Tracer:
    """Begins traces. resource: attributes of this process, in every span. ended: gets each span once it is done."""

    def __init__(
        self, sampling: Sampling, resource: Mapping[str, str], version: str, ended: Callable[[ReadableSpan], None]
    ) -> None:
        # Everything is said here: what is left open the SDK reads from the environment.
        provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource(dict(resource)), shutdown_on_exit=False, span_limits=_LIMITS
        )
        provider.add_span_processor(_Handing(ended))
        self._sdk = provider.get_tracer("ringward", version)
        self.sampling = sampling

    def __repr__(self) -> str:
        return f"<Tracer {self.sampling}>"

    def begin(self, name: str, start: Start, *, tracestate: str = "") -> Span:
        """The first span of a trace in this process."""
        context = Context() if start.parent is None else _context_of(start.parent, tracestate)
        return _Recorded(self._sdk, self._sdk.start_span(name, context, SdkKind.SERVER), _Room())

    def resume(self, name: str, traceparent: str, *, tracestate: str = "") -> Span | None:
        """The first span here of what another node has decided to trace; None if its word cannot be read."""
        parent = TraceParent.parse(traceparent)
        return None if parent is None else self.begin(name, Start(parent), tracestate=tracestate)


class _Room:
    """How many more spans a trace may have in this process: a long list is looked for in thousands of rounds."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_SPANS


class _Recorded:
    """Fulfils ``Span``."""

    __slots__ = ("_has_failed", "_notes", "_room", "_sdk", "_span")

    def __init__(self, sdk: SdkTracer, span: SdkSpan, room: _Room) -> None:
        self._sdk = sdk
        self._span = span
        self._room = room
        self._notes: dict[str, Note] = {}
        self._has_failed = False

    def __repr__(self) -> str:
        return f"<span {self.traceparent}>"

    @property
    def trace_id(self) -> str:
        return format(self._span.get_span_context().trace_id, "032x")

    @property
    def span_id(self) -> str:
        return format(self._span.get_span_context().span_id, "016x")

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

    @property
    def tracestate(self) -> str:
        return self._span.get_span_context().trace_state.to_header()

    def note(self, name: str, value: Note) -> None:
        self._notes[name] = value

    def failed(self, reason: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._span.set_status(Status(StatusCode.ERROR, reason[:_MOST_CHARACTERS]))

    def child(self, name: str, kind: SpanKind) -> Span:
        self._room.left -= 1
        if self._room.left <= 0:
            self.note("ringward.spans_left_out", True)
            return _Unrecorded(self)
        context = set_span_in_context(self._span, Context())
        return _Recorded(self._sdk, self._sdk.start_span(name, context, _KINDS[kind]), self._room)

    def end(self) -> None:
        self._span.set_attributes(self._notes)  # all at once: one by one they cost more than the span itself
        self._span.end()


class _Unrecorded:
    """Fulfils ``Span`` for a piece that is left out; what it leads to elsewhere is a piece of what is not."""

    __slots__ = ("_recorded",)

    def __init__(self, recorded: Span) -> None:
        self._recorded = recorded

    @property
    def trace_id(self) -> str:
        return self._recorded.trace_id

    @property
    def span_id(self) -> str:
        return self._recorded.span_id

    @property
    def traceparent(self) -> str:
        return self._recorded.traceparent

    @property
    def tracestate(self) -> str:
        return self._recorded.tracestate

    def note(self, name: str, value: Note) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass

    def child(self, name: str, kind: SpanKind) -> Span:  # noqa: ARG002 - a port
        return self

    def end(self) -> None:
        pass


class _Handing(SpanProcessor):
    """Hands on what is done."""

    def __init__(self, ended: Callable[[ReadableSpan], None]) -> None:
        self._ended = ended

    def on_end(self, span: ReadableSpan) -> None:
        self._ended(span)


def _context_of(parent: TraceParent, tracestate: str) -> Context:
    state = TraceState.from_header([tracestate]) if tracestate else None
    remote = SpanContext(parent.trace_id, parent.span_id, True, TraceFlags(TraceFlags.SAMPLED), state)
    return set_span_in_context(NonRecordingSpan(remote), Context())
