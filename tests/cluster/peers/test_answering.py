"""The answering end: asks run side by side, answers leave together, and nothing is done that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from structlog.testing import capture_logs

from cluster.invoker.answers import Answered
from cluster.peers.answering import Answering
from cluster.peers.settings import PeerSettings
from cluster.peers.wire_answers import outcome_from_proto
from cluster.peers.wire_asks import ask_to_proto
from model.check import CheckRequest
from model.errors import LimitExceeded, SnapshotExpired, Unavailable
from proto.dispatch.v1 import dispatch_pb2 as pb
from telemetry.calls import Served, current_call
from tests.cluster.peers.two_nodes import PATIENCE_S, FakeOwn, answered, request
from tests.cluster.peers.wire import Wire
from tests.support.eventually import eventually

SETTINGS = PeerSettings(most_asks=8, most_asks_per_frame=4)


@asynccontextmanager
async def over(wire: Wire, answering: Answering) -> AsyncIterator[None]:
    """The stream stands while the context lasts; the peer ends it."""
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(answering.run())
        yield
        wire.coming.put_nowait(None)


def new(wire: Wire, own: FakeOwn, settings: PeerSettings = SETTINGS) -> Answering:
    return Answering(own, wire, settings, lambda: None)


def an_ask(ask_id: int, permission: str = "view", timeout_ms: int = 10_000, **fields: Any) -> pb.Ask:
    ask = ask_to_proto(request(permission, str(ask_id)), wants_evidence=False)
    ask.MergeFrom(pb.Ask(id=ask_id, timeout_ms=timeout_ms, **fields))
    return ask


def ids(frame: pb.Frame) -> list[int]:
    return [answer.id for answer in frame.answers]


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_answers_that_took_a_turn_of_the_loop_at_most_leave_in_one_frame_as_they_came() -> None:
    wire = Wire()
    async with over(wire, new(wire, FakeOwn())):
        wire.says(an_ask(3), an_ask(1), an_ask(2, "yield"), an_ask(4))
        frame = await wire.frame()
        assert ids(frame) == [3, 1, 4, 2]
        assert frame.taken == 1
        assert outcome_from_proto(frame.answers[0]) == answered(request("view", "3"))


async def test_one_that_takes_long_holds_up_no_other() -> None:
    wire, own = Wire(), FakeOwn()
    async with over(wire, new(wire, own)):
        wire.says(an_ask(1, "wait"), an_ask(2))
        assert ids(await wire.frame()) == [2]
        wire.says(an_ask(3))
        assert ids(await wire.frame()) == [3]
        own.may_answer.set()
        assert ids(await wire.frame()) == [1]


async def test_what_was_taken_up_is_told_soon_though_nothing_is_ready() -> None:
    wire, own = Wire(), FakeOwn()
    async with over(wire, new(wire, own)):
        wire.says(an_ask(1, "wait"))
        await turns()
        assert wire.written.empty()
        wire.says(an_ask(2, "wait"))
        frame = await wire.frame()
        assert (frame.taken, ids(frame)) == (2, [])


async def test_a_frame_is_bounded_in_answers_and_in_bytes() -> None:
    wire = Wire()
    async with over(wire, new(wire, FakeOwn())):
        wire.says(*(an_ask(n) for n in range(1, 7)))
        assert [len(ids(await wire.frame())) for _ in range(2)] == [4, 2]
    narrow = Wire()
    async with over(narrow, new(narrow, FakeOwn(), replace(SETTINGS, most_frame_bytes=1))):
        narrow.says(an_ask(1), an_ask(2))
        assert [len(ids(await narrow.frame())) for _ in range(2)] == [1, 1]


async def test_a_cancelled_ask_is_stopped_and_not_answered() -> None:
    wire, own = Wire(), FakeOwn()
    async with over(wire, new(wire, own)):
        wire.says(an_ask(1, "wait"), an_ask(2, "wait"))
        await turns()
        wire.says(cancellations=[1, 99])
        await turns()
        assert own.cancelled == 1
        own.may_answer.set()
        while not (answered := ids(await wire.frame())):  # a word that the frames were taken up may come first
            pass
        assert answered == [2]


async def test_an_ask_cancelled_in_the_frame_that_brings_it_back_to_back_never_begins() -> None:
    wire, own = Wire(), FakeOwn()
    answering = new(wire, own)
    async with over(wire, answering):
        async with asyncio.TaskGroup() as group:
            answering._take(group, pb.Frame(asks=[an_ask(1)]).SerializeToString())
            answering._take(group, pb.Frame(cancellations=[1]).SerializeToString())
        await turns()
        assert own.began == 0
        assert repr(answering) == "<Answering 0 asks, 0 answers ready>"


async def test_an_ask_whose_time_is_over_is_stopped() -> None:
    wire, own = Wire(), FakeOwn()
    async with over(wire, new(wire, own)):
        wire.says(an_ask(1, "wait", timeout_ms=1))
        await eventually(own.is_cancelled)


async def test_the_end_of_the_stream_stops_everything() -> None:
    wire, own = Wire(), FakeOwn()
    async with over(wire, new(wire, own)):
        wire.says(*(an_ask(n, "wait") for n in range(5)))
        await turns()
    assert (own.began, own.cancelled) == (5, 5)


async def test_errors_are_answers() -> None:
    wire = Wire()
    async with over(wire, new(wire, FakeOwn(error=SnapshotExpired("too old")))):
        wire.says(an_ask(1))
        outcome = outcome_from_proto((await wire.frame()).answers[0])
        assert isinstance(outcome, SnapshotExpired)


async def test_a_bug_is_logged_here_and_told_as_unavailable() -> None:
    wire = Wire()
    with capture_logs() as logs:
        async with over(wire, new(wire, FakeOwn(error=ZeroDivisionError("secret")))):
            wire.says(an_ask(1))
            outcome = outcome_from_proto((await wire.frame()).answers[0])
    assert isinstance(outcome, Unavailable)
    assert str(outcome) == "internal error"
    assert [entry["event"] for entry in logs] == ["an ask failed"]


async def test_an_ask_that_cannot_be_read_fails_alone() -> None:
    wire = Wire()
    with capture_logs():
        async with over(wire, new(wire, FakeOwn())):
            wire.says(an_ask(1, request=b"\xff"), an_ask(2))
            failed, fine = (await wire.frame()).answers
    assert isinstance(outcome_from_proto(failed), Unavailable)
    assert isinstance(outcome_from_proto(fine), Answered)


async def test_more_asks_than_there_is_room_for_are_turned_away_at_once() -> None:
    wire, own = Wire(), FakeOwn()
    async with over(wire, new(wire, own)):
        wire.says(*(an_ask(n, "wait") for n in range(1, 10)))
        frame = await wire.frame()
        assert ids(frame) == [9]
        assert isinstance(outcome_from_proto(frame.answers[0]), LimitExceeded)
        assert own.began == 8


async def test_a_peer_that_does_not_read_is_not_read_either() -> None:
    wire, own = Wire(), FakeOwn()
    answering = new(wire, own)
    wire.may_write.clear()
    async with over(wire, answering):
        for n in range(100):
            wire.says(an_ask(2 * n), an_ask(2 * n + 1))
        await turns(500)
        assert len(answering._ready) <= 2 * SETTINGS.most_asks
        assert wire.coming.qsize() > 80
        wire.may_write.set()
        answers = 0
        while answers < 200:
            answers += len((await wire.frame()).answers)


async def test_an_answer_that_is_too_large_or_cannot_be_told_is_not_sent() -> None:
    class Own(FakeOwn):
        async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
            sent = await super().answer(request, wants_evidence=wants_evidence)
            return replace(sent, schema_version="v" * 100 if request.questions[0].entity.id == "1" else "\udc00")

    wire = Wire()
    async with over(wire, new(wire, Own(), replace(SETTINGS, most_message_bytes=100))):
        wire.says(an_ask(1), an_ask(2))
        large, untellable = map(outcome_from_proto, (await wire.frame()).answers)
    assert isinstance(large, Unavailable)
    assert "too large to travel" in str(large)
    assert isinstance(untellable, Unavailable)


async def test_what_the_asking_node_calls_the_request_is_bound_for_that_ask_alone() -> None:
    seen: list[Served | None] = []
    wire = Wire()
    own = FakeOwn(noticed=lambda _: seen.append(current_call()))
    async with over(wire, new(wire, own)):
        wire.says(an_ask(1, request_id="r1", traceparent="00-ab-cd-01"), an_ask(2), an_ask(3, request_id="r3"))
        await wire.frame()
    named = [(call.request_id, call.traceparent) for call in seen if call]
    assert named == [("r1", "00-ab-cd-01"), ("", ""), ("r3", "")]


async def test_leaving_answers_what_was_asked_and_nothing_new_then_ends_the_stream() -> None:
    wire, own = Wire(), FakeOwn()
    answering = new(wire, own)
    async with over(wire, answering):
        wire.says(an_ask(1, "wait"))
        await turns()
        answering.leave()
        assert (await wire.frame()).farewell
        wire.says(an_ask(2))
        (refused,) = (await wire.frame()).answers
        assert isinstance(outcome_from_proto(refused), Unavailable)
        own.may_answer.set()
        assert ids(await wire.frame()) == [1]
        await answering._is_over.wait()


async def test_leaving_waits_for_no_ask_that_was_given_up() -> None:
    wire, own = Wire(), FakeOwn()
    answering = new(wire, own)
    async with over(wire, answering):
        wire.says(an_ask(1, "wait"))
        await turns()
        answering.leave()
        wire.says(cancellations=[1])
        await answering._is_over.wait()


async def test_a_farewell_is_heard() -> None:
    heard: list[str] = []
    wire = Wire()
    async with over(wire, Answering(FakeOwn(), wire, SETTINGS, lambda: heard.append("farewell"))):
        wire.says(farewell=True)
        await turns()
    assert heard == ["farewell"]


async def test_nonsense_ends_the_stream() -> None:
    wire = Wire()
    wire.coming.put_nowait(b"\xff\xff")
    with pytest.raises(DecodeError):
        await new(wire, FakeOwn()).run()
