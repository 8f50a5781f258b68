"""Answers from and for other nodes in traces: who was asked, what came of it, and on whose behalf one is given."""

from __future__ import annotations

import asyncio

import pytest

from cluster.invoker.answers import Answered, NoAnswer
from cluster.invoker.traced import TracedOwnAnswers, TracedOwners
from model.check import CheckAnswer, CheckRequest, Question, Verdict
from model.errors import NotFound
from model.snapshot import Snapshot
from model.tuples import EntityRef, SubjectRef
from telemetry.calls import Served, set_call
from telemetry.spans import current_span
from tests.support.traces import KeptTraces

QUESTION = Question(EntityRef("doc", "1"), "view", SubjectRef("user", "ann"))
REQUEST = CheckRequest("t1", (QUESTION,), 20)
ANSWERED = Answered((CheckAnswer(Verdict.ALLOWED, 1),), Snapshot.at_commit(1), "v1")


class FakeNode:
    """Owners and a node's own answers at once. fails_by: raised in place of an answer."""

    def __init__(self, fails_by: Exception | None = None) -> None:
        self._fails_by = fails_by
        self.traceparents: list[str] = []

    async def ask(self, address: str, request: CheckRequest, *, timeout_s: float, wants_evidence: bool) -> Answered:
        assert (address, request, timeout_s) == ("b:5000", REQUEST, 0.5)
        return await self.answer(request, wants_evidence=wants_evidence)

    async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
        assert request is REQUEST
        assert wants_evidence
        span = current_span()
        self.traceparents.append(span.traceparent if span else "")
        if self._fails_by:
            raise self._fails_by
        return ANSWERED


def ask(node: FakeNode) -> asyncio.Future[Answered]:
    return asyncio.ensure_future(TracedOwners(node).ask("b:5000", REQUEST, timeout_s=0.5, wants_evidence=True))


async def test_a_peer_is_asked_within_a_span_of_its_own() -> None:
    traces, node = KeptTraces(), FakeNode()
    with traces.call():
        assert await ask(node) is ANSWERED
    notes = {"network.peer.address": "b:5000", "ringward.questions": 1, "ringward.outcome": "answered"}
    assert traces.notes("peer.ask") == notes
    asked = traces.ended[0].get_span_context()
    assert asked
    assert node.traceparents == [f"00-{asked.trace_id:032x}-{asked.span_id:016x}-01"]


async def test_a_peer_that_gives_no_answer_is_a_failure_and_one_that_refuses_is_one_too() -> None:
    traces = KeptTraces()
    with traces.call() as call:
        assert call
        with pytest.raises(NoAnswer):
            await ask(FakeNode(NoAnswer("b:5000 is away")))
        with pytest.raises(NotFound):
            await ask(FakeNode(NotFound("no schema")))
    silent, refusing, whole = traces.ended
    assert silent.attributes
    assert silent.attributes["ringward.outcome"] == "no answer"
    assert silent.status.description == "b:5000 is away"
    assert refusing.status.description == "no schema"
    assert whole.status.is_unset


async def test_a_call_that_is_not_traced_is_asked_for_all_the_same() -> None:
    node = FakeNode()
    assert await ask(node) is ANSWERED
    assert node.traceparents == [""]


async def answer_for(call: Served | None, node: FakeNode, traces: KeptTraces) -> Answered:
    """As the peer's stream has it: in a task of its own."""

    async def answer() -> Answered:
        set_call(call)
        return await TracedOwnAnswers(node, traces.tracer, "me:5000").answer(REQUEST, wants_evidence=True)

    async with asyncio.TaskGroup() as group:
        answering = group.create_task(answer())
    return answering.result()


async def test_an_answer_for_a_traced_call_goes_on_with_its_trace() -> None:
    traces, node = KeptTraces(), FakeNode()
    asking = traces.begin()
    call = Served.elsewhere("r1", asking.traceparent, "vendor=a")
    assert await answer_for(call, node, traces) is ANSWERED
    (span,) = traces.ended
    context = span.get_span_context()
    assert context
    assert span.parent
    assert (f"{context.trace_id:032x}", f"{span.parent.span_id:016x}") == (asking.trace_id, asking.span_id)
    assert context.trace_state.to_header() == "vendor=a"
    assert traces.notes("peer.answer") == {"ringward.node": "me:5000"}


@pytest.mark.parametrize("call", [None, Served.elsewhere("r1", "", ""), Served.elsewhere("r1", "nonsense", "")])
async def test_an_answer_for_any_other_is_no_part_of_a_trace(call: Served | None) -> None:
    traces, node = KeptTraces(), FakeNode()
    assert await answer_for(call, node, traces) is ANSWERED
    assert not traces.ended
