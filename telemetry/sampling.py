"""Which calls are traced: decided by a look at a header and a random number, before anything is made for a trace.

Source: W3C Trace Context §3.2 (traceparent); OpenTelemetry, Tracing SDK, "Built-in samplers".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class Sampler(Enum):
    """How it is decided. PARENT: as whoever calls has decided, and by the ratio if it says nothing.

    RATIO: by the ratio alone, of a trace that began elsewhere by its id, so that all who share the ratio decide alike.
    """

    PARENT = "parent"
    RATIO = "ratio"
    ALWAYS = "always"
    NEVER = "never"


class TraceParent(NamedTuple):
    """The span of another process that a call is made for."""

    trace_id: int
    span_id: int
    is_sampled: bool

    @classmethod
    def parse(cls, text: str) -> TraceParent | None:
        """Read a ``traceparent``; None for what is none, which is to be treated as absent."""
        found = _TRACEPARENT.fullmatch(text)
        if found is None:
            return None
        version, trace_id, span_id, flags, rest = found.groups()
        parent = cls(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & 1))
        is_known = version != "ff" and (version != "00" or not rest)
        return parent if is_known and parent.trace_id and parent.span_id else None


class Start(NamedTuple):
    """A call is to be traced. parent: whose trace goes on here; None if one begins."""

    parent: TraceParent | None


class Sampling:
    """Decides. ratio: 0..1, of calls that come without a word. draw: gives random numbers, at least 0 and below 1."""

    __slots__ = ("_draw", "_follows", "_ratio")

    def __init__(self, sampler: Sampler, ratio: float, draw: Callable[[], float]) -> None:
        self._follows = sampler is Sampler.PARENT
        self._ratio = {Sampler.ALWAYS: 1.0, Sampler.NEVER: 0.0}.get(sampler, ratio)
        self._draw = draw

    def __repr__(self) -> str:
        return f"<Sampling of {self._ratio:g}{', as the caller says' if self._follows else ''}>"

    def start(self, traceparent: str | None) -> Start | None:
        """How to trace a call that came with this header; None not to."""
        if traceparent is None or (parent := TraceParent.parse(traceparent)) is None:
            return _ROOT if self._draw() < self._ratio else None
        if self._follows:
            return Start(parent) if parent.is_sampled else None
        return Start(parent) if parent.trace_id & _LOW_64 < self._ratio * 2**64 else None


_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LOW_64 = 2**64 - 1
_ROOT = Start(None)
