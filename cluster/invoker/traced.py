"""Answers from and for other nodes as spans: one trace tells of every node that a check touches.

Layers over the two ports that answers travel through between nodes.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from cluster.invoker.answers import Answered, NoAnswer, OwnAnswers, Owners
from model.check import CheckRequest
from telemetry.calls import current_call
from telemetry.spans import Span, SpanKind, child_span, current_span, within


class Resuming(Protocol):
    """Goes on with traces."""

    def resume(self, name: str, traceparent: str, *, tracestate: str) -> Span | None:
        """The first span here of what another node has decided to trace; None if its word cannot be read."""


class TracedOwners:
    """Fulfils ``Owners``: whom a check is passed on to, and what came of it."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    def __repr__(self) -> str:
        return f"<TracedOwners of {self._owners!r}>"

    def ask(
        self, address: str, request: CheckRequest, *, timeout_s: float, wants_evidence: bool
    ) -> Coroutine[Any, Any, Answered]:
        """See ``Owners``."""
        if current_span() is None:
            return self._owners.ask(address, request, timeout_s=timeout_s, wants_evidence=wants_evidence)
        return self._ask(address, request, timeout_s, wants_evidence=wants_evidence)

    async def _ask(self, address: str, request: CheckRequest, timeout_s: float, *, wants_evidence: bool) -> Answered:
        with child_span("peer.ask", SpanKind.CLIENT) as span:
            assert span, "only what is traced comes here"
            span.note("network.peer.address", address)
            span.note("ringward.questions", len(request.questions))
            try:
                answered = await self._owners.ask(address, request, timeout_s=timeout_s, wants_evidence=wants_evidence)
            except NoAnswer as reason:
                span.note("ringward.outcome", "no answer")
                span.failed(str(reason))
                raise
            span.note("ringward.outcome", "answered")
            return answered


class TracedOwnAnswers:
    """Fulfils ``OwnAnswers``: what this node answers its peers. me: its own address."""

    def __init__(self, own: OwnAnswers, traces: Resuming, me: str) -> None:
        self._own = own
        self._traces = traces
        self._me = me

    def __repr__(self) -> str:
        return f"<TracedOwnAnswers of {self._own!r}>"

    def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Coroutine[Any, Any, Answered]:
        """See ``OwnAnswers``."""
        call = current_call()
        answer = self._own.answer(request, wants_evidence=wants_evidence)
        if call is None or not call.traceparent:
            return answer
        return self._answer(answer, self._traces.resume("peer.answer", call.traceparent, tracestate=call.tracestate))

    async def _answer(self, answer: Coroutine[Any, Any, Answered], resumed: Span | None) -> Answered:
        with within(resumed) as span:
            if span:
                span.note("ringward.node", self._me)
            return await answer
