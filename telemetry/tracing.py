"""Traces: the spans of ``spans.py``, and what OpenTelemetry's SDK calls a readable span once one has ended.

The SDK is loaded with this module, so only by a node that traces. Of it we use what a span is once it is done, for that
is what encoders read; its recorder takes five times as long as ours, for processors, links, events, locks that nobody
here needs. Whether a call is traced is decided before any of this (``sampling.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time_ns
from typing import NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.trace import SpanKind as SdkKind

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
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NO_STATE = TraceState()
_NOT_FAILED = Status(StatusCode.UNSET)


class Tracer:
    """Begins traces. resource: attributes of this process, in every span. ended: gets each span once it is done."""

    def __init__(
        self, sampling: Sampling, resource: Mapping[str, str], version: str, ended: Callable[[ReadableSpan], None]
    ) -> None:
        scope = InstrumentationScope("ringward", version)
        self._source = _Source(Resource(dict(resource)), scope, RandomIdGenerator(), ended)
        self.sampling = sampling

    def __repr__(self) -> str:
        return f"<Tracer {self.sampling}>"

    def begin(self, name: str, start: Start, *, tracestate: str = "") -> Span:
        """The first span of a trace in this process."""
        if start.parent is None:
            trace = _Trace(self._source, self._source.ids.generate_trace_id(), _NO_STATE)
            return _Recorded(trace, name, SpanKind.SERVER, None)
        state = TraceState.from_header([tracestate]) if tracestate else _NO_STATE
        remote = SpanContext(start.parent.trace_id, start.parent.span_id, True, _SAMPLED, state)
        return _Recorded(_Trace(self._source, remote.trace_id, state), name, SpanKind.SERVER, remote)

    def resume(self, name: str, traceparent: str, *, tracestate: str = "") -> Span | None:
        """The first span here of what another node has decided to trace; None if its word cannot be read."""
        parent = TraceParent.parse(traceparent)
        return None if parent is None else self.begin(name, Start(parent), tracestate=tracestate)


class _Source(NamedTuple):
    """Where spans come from, what numbers them, and who gets them."""

    resource: Resource
    scope: InstrumentationScope
    ids: RandomIdGenerator
    ended: Callable[[ReadableSpan], None]


class _Trace:
    """What the spans of one trace share in this process.

    room: how many more there may be, for a long list is looked for in thousands of rounds.
    """

    __slots__ = ("_state", "_trace_id", "room", "source")

    def __init__(self, source: _Source, trace_id: int, state: TraceState) -> None:
        self.source = source
        self.room = MOST_SPANS
        self._trace_id = trace_id
        self._state = state

    def next_context(self) -> SpanContext:
        return SpanContext(self._trace_id, self.source.ids.generate_span_id(), False, _SAMPLED, self._state)


class _Recorded:
    """Fulfils ``Span``."""

    __slots__ = ("_context", "_kind", "_name", "_notes", "_parent", "_since_ns", "_status", "_trace")

    def __init__(self, trace: _Trace, name: str, kind: SpanKind, parent: SpanContext | None) -> None:
        self._trace = trace
        self._name = name
        self._kind = kind
        self._parent = parent
        self._context = trace.next_context()
        self._notes: dict[str, Note] = {}
        self._status = _NOT_FAILED
        self._since_ns = time_ns()

    def __repr__(self) -> str:
        return f"<span {self.traceparent}>"

    @property
    def trace_id(self) -> str:
        return format(self._context.trace_id, "032x")

    @property
    def span_id(self) -> str:
        return format(self._context.span_id, "016x")

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

    @property
    def tracestate(self) -> str:
        return self._context.trace_state.to_header()

    def note(self, name: str, value: Note) -> None:
        self._notes[name] = value[:_MOST_CHARACTERS] if isinstance(value, str) else value

    def failed(self, reason: str) -> None:
        if self._status is _NOT_FAILED:
            self._status = Status(StatusCode.ERROR, reason[:_MOST_CHARACTERS])

    def child(self, name: str, kind: SpanKind) -> Span:
        self._trace.room -= 1
        if self._trace.room <= 0:
            self.note("ringward.spans_left_out", True)
            return _Unrecorded(self)
        return _Recorded(self._trace, name, kind, self._context)

    def end(self) -> None:
        source = self._trace.source
        source.ended(
            ReadableSpan(
                self._name,
                self._context,
                self._parent,
                source.resource,
                self._notes,
                kind=_KINDS[self._kind],
                status=self._status,
                start_time=self._since_ns,
                end_time=time_ns(),
                instrumentation_scope=source.scope,
            )
        )


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
