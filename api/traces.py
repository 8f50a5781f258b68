"""The edge as the first span of a trace: which RPC it was, and how it ended. What it was about: ``described.py``."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from grpc import StatusCode

from api.observation import CallHead, EdgeTransport, Ended
from telemetry.calls import Served, current_call
from telemetry.sampling import Sampling, Start
from telemetry.spans import Span, reason_of, set_span

OUR_FAULT = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Statuses by which a span counts as failed; others are the client's. Source: OpenTelemetry conventions for gRPC."""


class Traces(Protocol):
    """Begins traces."""

    @property
    def sampling(self) -> Sampling:
        """Which calls are traced."""

    def begin(self, name: str, start: Start, *, tracestate: str) -> Span:
        """The first span of a trace in this process."""


class CallTraces:
    """Begins a span for each call that is to be traced; fulfils ``Observer``."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def of(self, transport: EdgeTransport, rpc: str) -> RpcTraces:
        """See ``Observer``."""
        return RpcTraces(self._traces, transport, rpc)


class RpcTraces:
    """The calls of one RPC; fulfils ``RpcObserver``."""

    def __init__(self, traces: Traces, transport: EdgeTransport, rpc: str) -> None:
        self._traces = traces
        self._start = traces.sampling.start
        self._name = rpc.removeprefix("/")
        service, _, method = self._name.rpartition("/")
        self._notes = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": method,
            "ringward.transport": transport.value,
        }

    def began(self, call: CallHead) -> Ended | None:
        """See ``RpcObserver``."""
        start = self._start(call.header("traceparent"))
        return None if start is None else self._traced(call, start)

    def _traced(self, call: CallHead, start: Start) -> Ended:
        tracestate = (call.header("tracestate") or "") if start.parent else ""
        span = self._traces.begin(self._name, start, tracestate=tracestate)
        for name, value in self._notes.items():
            span.note(name, value)
        if given := _given_id(current_call()):
            span.note("ringward.request_id", given)
        set_span(span)
        return partial(_ended, span)


def _ended(span: Span, code: str, error: Exception | None, _taken_s: float) -> None:
    number: int = StatusCode[code].value[0]
    span.note("rpc.grpc.status_code", number)
    if error is not None and code not in OUR_FAULT:
        span.note("ringward.refusal", reason_of(error))
    if code in OUR_FAULT:
        span.failed(code if error is None else f"{code}: {reason_of(error)}")
    set_span(None)
    span.end()


def _given_id(call: Served | None) -> str:
    return call.given_id if call else ""
