"""Rate, errors and duration of every RPC: how many calls, how they ended, how long they took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from enum import Enum

from telemetry.histogram import Exemplar, Histogram
from telemetry.spans import Span

_OK = "OK"

PresentSpan = Callable[[], Span | None]
"""The span of the present call, if it is traced."""


class RpcCalls:
    """The calls of one RPC that came by one transport. What is counted on the way is the least that tells the rest."""

    __slots__ = ("_begun", "_end", "_failures", "_span", "durations_s")

    def __init__(self, span: PresentSpan | None = None) -> None:
        self._span = span
        self._begun = 0
        self._failures: dict[str, int] = {}
        self.durations_s = Histogram()
        self._end = self._ended

    @property
    def begun(self) -> int:
        """How many calls have come."""
        return self._begun

    @property
    def in_progress(self) -> int:
        """How many of them have not ended yet."""
        return self._begun - self.durations_s.count

    @property
    def codes(self) -> Mapping[str, int]:
        """How many ended with each status, as far as any did."""
        good = self.durations_s.count - sum(self._failures.values())
        return {_OK: good, **self._failures} if good else dict(self._failures)

    def began(self, _call: object) -> Callable[[str, Exception | None, float], None]:
        """A call has come; gives what is to be called at its end, with its status, its error and the time it took."""
        self._begun += 1
        return self._end

    def _ended(self, code: str, _error: Exception | None, taken_s: float) -> None:
        self.durations_s.observe(taken_s)
        if code != _OK:
            self._failures[code] = self._failures.get(code, 0) + 1
        if self._span is not None and (span := self._span()) is not None:
            self.durations_s.illustrate(Exemplar(span.trace_id, taken_s, time.time()))


class CallMetrics:
    """The calls of all RPCs, by transport and full name without the slash. span: for exemplars, if there are any."""

    def __init__(self, span: PresentSpan | None = None) -> None:
        self._span = span
        self._calls: dict[tuple[str, str], RpcCalls] = {}

    def __repr__(self) -> str:
        return f"<CallMetrics of {len(self._calls)} RPCs>"

    def of(self, transport: Enum, rpc: str) -> RpcCalls:
        """Who counts the calls of an RPC, given by its full name, ``/base.v1.Permission/Check``."""
        place = str(transport.value), rpc.removeprefix("/")
        return self._calls.setdefault(place, RpcCalls(self._span))

    @property
    def seen(self) -> Mapping[tuple[str, str], RpcCalls]:
        """Those RPCs that were called, by transport and name."""
        return {place: calls for place, calls in self._calls.items() if calls.begun}
