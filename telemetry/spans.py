"""Spans: what is done for a traced call, piece by piece. Who makes them is found in ``tracing.py``.

The span of what is being done travels with the context of the call, as its deadline does. There is none for a call that
is not traced, and whoever would add to it finds that out at the price of one look.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from enum import Enum
from types import TracebackType
from typing import Protocol

from model.errors import AuthzError

Note = str | int | float | bool


class SpanKind(Enum):
    """Which end of a conversation a span is. INTERNAL: of none."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span(Protocol):
    """One piece of work on behalf of a traced call."""

    @property
    def trace_id(self) -> str:
        """Of the whole trace: 32 hexadecimal digits."""

    @property
    def span_id(self) -> str:
        """Of this piece: 16 hexadecimal digits."""

    @property
    def traceparent(self) -> str:
        """How another process is told to go on from here. Source: W3C Trace Context §3.2."""

    @property
    def tracestate(self) -> str:
        """What others have added to the trace, handed on as it came; mostly empty. Source: W3C Trace Context §3.3."""

    def note(self, name: str, value: Note) -> None:
        """Add an attribute, or replace it."""

    def failed(self, reason: str) -> None:
        """Mark it as failed; the first reason stands."""

    def child(self, name: str, kind: SpanKind) -> Span:
        """Begin a piece of this piece."""

    def end(self) -> None:
        """It is done now."""


_span: ContextVar[Span | None] = ContextVar("span", default=None)

current_span: Callable[[], Span | None] = _span.get
"""The span of what is being done now; None for a call that is not traced."""

set_span = _span.set
"""Let what follows in this context be done for a span, or for none."""


def note(name: str, value: Note) -> None:
    """Add an attribute to what is being done now, if it is traced."""
    if (span := _span.get()) is not None:
        span.note(name, value)


class within:  # noqa: N801 - used like the function it would be as a generator, at a third of the cost
    """A context: what is done in it is done for the span, which ends with it, and fails by what is raised."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span | None) -> None:
        self._span = span

    def __enter__(self) -> Span | None:
        if self._span is not None:
            self._token = _span.set(self._span)
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._span is None:
            return
        _span.reset(self._token)
        if isinstance(error, Exception):
            self._span.failed(reason_of(error))
        elif error is not None:
            self._span.note("ringward.cancelled", True)
        self._span.end()


def child_span(name: str, kind: SpanKind = SpanKind.INTERNAL) -> within:
    """A context as a piece of what is being done now; nothing but a look if that is not traced."""
    parent = _span.get()
    return within(None if parent is None else parent.child(name, kind))


def reason_of(error: Exception) -> str:
    """What a trace says of an error: our own words, and of anybody else's only what sort it is."""
    return str(error) if isinstance(error, AuthzError) else type(error).__name__
