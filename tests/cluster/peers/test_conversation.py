"""The asking end: what goes into which frame, and what is kept while the peer does not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from google.protobuf.message import DecodeError

from cluster.invoker.answers import NoAnswer
from cluster.peers.conversation import Asking, Conversation, TooLate
from cluster.peers.settings import FRAMES_AHEAD, PeerSettings
from cluster.peers.wire_asks import ask_to_proto, request_from_proto
from proto.dispatch.v1 import dispatch_pb2 as pb
from tests.cluster.peers.two_nodes import PATIENCE_S, request
from tests.cluster.peers.wire import Wire

SETTINGS = PeerSettings(most_asks=1000, most_asks_per_frame=4)


class AnsweringWire(Wire):
    """The stream as the asking end reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    async def frame(self) -> pb.Frame:
        """The next frame, which the peer then says it has taken up."""
        frame = await super().frame()
        self.taken += 1
        self.says(taken=self.taken)
        return frame


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def new(settings: PeerSettings = SETTINGS, clock: Clock | None = None) -> Conversation:
    return Conversation(settings, clock or Clock(), lambda: None)


@asynccontextmanager
async def over(wire: AnsweringWire, conversation: Conversation) -> AsyncIterator[None]:
    """The conversation runs while the context lasts; the peer ends it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(conversation.run(wire))
        yield
        wire.coming.put_nowait(None)


def put(conversation: Conversation, count: int = 1, *, padding: int = 0) -> list[Asking]:
    asks = [ask_to_proto(request(entity_id=f"{n}".zfill(padding)), wants_evidence=False) for n in range(count)]
    return [conversation.ask(ask, PATIENCE_S) for ask in asks]


def entities(frame: pb.Frame) -> list[str]:
    return [request_from_proto(ask).questions[0].entity.id for ask in frame.asks]


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_idle_stream_sends_at_once_and_what_came_together_goes_together() -> None:
    wire, conversation = AnsweringWire(), new()
    async with over(wire, conversation):
        put(conversation, 3)
        assert entities(await wire.frame()) == ["0", "1", "2"]
        put(conversation)
        assert entities(await wire.frame()) == ["0"]


async def test_what_is_asked_before_the_stream_stands_goes_into_the_first_frame() -> None:
    wire, conversation = AnsweringWire(), new()
    put(conversation, 2)
    async with over(wire, conversation):
        assert entities(await wire.frame()) == ["0", "1"]


async def test_what_comes_while_a_frame_is_written_goes_into_the_next_up_to_its_bound() -> None:
    wire, conversation = AnsweringWire(), new()
    wire.may_write.clear()
    async with over(wire, conversation):
        put(conversation)
        await turns()
        put(conversation, 6)
        wire.may_write.set()
        assert [len((await wire.frame()).asks) for _ in range(3)] == [1, 4, 2]


async def test_a_frame_is_bounded_in_bytes_and_takes_at_least_one_ask() -> None:
    wire, conversation = AnsweringWire(), new(replace(SETTINGS, most_frame_bytes=500))
    async with over(wire, conversation):
        put(conversation, 3, padding=200)
        assert [len((await wire.frame()).asks) for _ in range(2)] == [2, 1]
        put(conversation, 2, padding=1000)
        assert [len((await wire.frame()).asks) for _ in range(2)] == [1, 1]


async def test_answers_find_those_who_asked_in_any_order() -> None:
    wire, conversation = AnsweringWire(), new()
    async with over(wire, conversation):
        first, second = put(conversation, 2)
        ids = [ask.id for ask in (await wire.frame()).asks]
        wire.says(answers=[pb.Answer(id=ids[1], finding=b"b"), pb.Answer(id=ids[0], finding=b"a")], taken=1)
        answers = [await first.outcome, await second.outcome]
        assert [isinstance(answer, pb.Answer) and answer.finding for answer in answers] == [b"a", b"b"]
        assert conversation.in_flight == 0


async def test_only_so_many_frames_go_ahead_of_a_peer_that_takes_nothing_up() -> None:
    wire, conversation = AnsweringWire(), new()
    async with over(wire, conversation):
        for _ in range(FRAMES_AHEAD + 3):
            put(conversation)
            await turns()
        assert wire.written.qsize() == FRAMES_AHEAD
        for _ in range(FRAMES_AHEAD):
            await wire.frame()
        wire.says(taken=1)
        assert len((await wire.frame()).asks) == 3
        await turns()
        assert wire.written.empty()


async def test_there_is_room_for_so_many_asks_and_for_so_many_bytes() -> None:
    conversation = new(replace(SETTINGS, most_asks=3))
    asks = put(conversation, 3)
    with pytest.raises(NoAnswer, match="3 asks are in flight already"):
        put(conversation)
    conversation.give_up(asks[1])
    put(conversation)
    wide = new(replace(SETTINGS, most_waiting_bytes=2_500))
    put(wide, 2, padding=1_000)
    with pytest.raises(NoAnswer, match="2 asks are in flight already"):
        put(wide, padding=1_000)
    wide.end("over")


async def test_an_ask_that_is_too_large_does_not_travel() -> None:
    conversation = new(replace(SETTINGS, most_message_bytes=500))
    with pytest.raises(NoAnswer, match="bytes is too large to travel"):
        put(conversation, padding=500)
    assert conversation.in_flight == 0


async def test_one_that_is_given_up_before_it_was_sent_is_never_sent() -> None:
    wire, conversation = AnsweringWire(), new()
    gone, staying = put(conversation, 2)
    conversation.give_up(gone)
    async with over(wire, conversation):
        frame = await wire.frame()
        assert entities(frame) == ["1"]
        assert not frame.cancellations
    conversation.give_up(staying)


async def test_one_that_is_given_up_later_is_cancelled_by_the_next_frame() -> None:
    wire, conversation = AnsweringWire(), new()
    async with over(wire, conversation):
        (asking,) = put(conversation)
        (sent,) = (await wire.frame()).asks
        conversation.give_up(asking)
        conversation.give_up(asking)
        assert list((await wire.frame()).cancellations) == [sent.id]
        assert conversation.in_flight == 0
        wire.says(answers=[pb.Answer(id=sent.id)], taken=2)  # was on its way
        await turns()


async def test_the_time_left_is_that_when_the_frame_is_written() -> None:
    wire, conversation = AnsweringWire(), new()
    message = ask_to_proto(request(), wants_evidence=False)
    asking = conversation.ask(message, 0.2)
    await asyncio.sleep(0.05)
    async with over(wire, conversation):
        (sent,) = (await wire.frame()).asks
        assert 1 <= sent.timeout_ms <= 150
        assert isinstance(await asking.outcome, TooLate)


async def test_the_end_is_told_to_all_who_wait() -> None:
    wire, conversation = AnsweringWire(), new()
    async with over(wire, conversation):
        asked = put(conversation)
        await wire.frame()
        waiting = put(conversation)
        conversation.end("it is gone")
        for asking in (*asked, *waiting):
            outcome = await asking.outcome
            assert isinstance(outcome, NoAnswer)
            assert str(outcome) == "it is gone"


async def test_silence_is_counted_from_when_something_was_owed() -> None:
    clock, wire = Clock(), AnsweringWire()
    conversation = new(clock=clock)
    async with over(wire, conversation):
        clock.now_s += 1_000  # nobody asks
        put(conversation)
        clock.now_s += 2
        put(conversation)
        assert conversation.silent_s == 2
        wire.says(taken=1)
        await turns()
        assert conversation.silent_s == 0


async def test_farewells_go_both_ways() -> None:
    heard: list[str] = []
    wire, conversation = AnsweringWire(), Conversation(SETTINGS, Clock(), lambda: heard.append("farewell"))
    async with over(wire, conversation):
        conversation.say_farewell()
        assert (await wire.frame()).farewell
        put(conversation)
        assert not (await wire.frame()).farewell
        wire.says(farewell=True)
        await turns()
        assert heard == ["farewell"]
        assert conversation.has_heard_farewell


async def test_nonsense_ends_the_conversation() -> None:
    wire, conversation = AnsweringWire(), new()
    wire.coming.put_nowait(b"\xff\xff")
    with pytest.raises(DecodeError):
        await conversation.run(wire)


async def test_cancellations_do_not_pile_up_at_a_peer_that_does_not_read() -> None:
    wire, conversation = AnsweringWire(), new()
    async with over(wire, conversation):
        for _ in range(1_000):
            conversation.give_up(put(conversation)[0])
            (asking,) = put(conversation)
            await turns(3)
            conversation.give_up(asking)
        assert len(conversation._cancellations) <= FRAMES_AHEAD * SETTINGS.most_asks_per_frame
        assert conversation.in_flight == 0
        assert conversation._waiting_bytes == 0
