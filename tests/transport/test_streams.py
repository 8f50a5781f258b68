"""The messages of one stream, each way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from transport.streams import Inbox, Outbox


class Call:
    """Counts how often more was asked for; has room for so many messages."""

    def __init__(self, room: int = 0) -> None:
        self.asked = 0
        self.sent: list[bytes] = []
        self._room = room

    def ask(self) -> None:
        self.asked += 1

    def send(self, message: bytes) -> bool:
        self.sent.append(message)
        return len(self.sent) <= self._room


def of(call: Call) -> Any:
    return call


async def test_messages_are_asked_for_as_they_are_taken() -> None:
    call = Call()
    inbox = Inbox(of(call))
    ahead = call.asked
    for text in (b"a", b"b"):
        inbox.put(text)
    assert [await inbox.next(), await inbox.next()] == [b"a", b"b"]
    assert call.asked == ahead + 2
    waiting = asyncio.ensure_future(inbox.next())
    await asyncio.sleep(0)
    inbox.put(b"c")
    inbox.end()
    assert [await waiting, await inbox.next(), await inbox.next()] == [b"c", None, None]


async def test_a_sender_waits_for_room() -> None:
    call = Call(room=1)
    outbox = Outbox(of(call))
    await outbox.send(b"a")
    sending = asyncio.ensure_future(outbox.send(b"b"))
    await asyncio.sleep(0)
    assert not sending.done()
    outbox.has_room()
    await sending
    outbox.has_room()
    assert call.sent == [b"a", b"b"]


async def test_room_for_a_sender_that_has_just_given_up_is_nothing_to_trip_over() -> None:
    outbox = Outbox(of(Call()))
    sending = asyncio.ensure_future(outbox.send(b"a"))
    await asyncio.sleep(0)
    sending.cancel()
    outbox.has_room()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_message_for_a_reader_that_has_just_given_up_is_kept() -> None:
    inbox = Inbox(of(Call()))
    reading = asyncio.ensure_future(inbox.next())
    await asyncio.sleep(0)
    reading.cancel()
    inbox.put(b"a")
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await inbox.next() == b"a"


async def test_messages_are_handed_on_where_they_arrive_those_that_waited_first() -> None:
    call, taken = Call(), list[bytes]()
    inbox = Inbox(of(call))
    ahead = call.asked
    inbox.put(b"a")
    inbox.hand_on(taken.append, lambda: taken.append(b"the end"))
    inbox.put(b"b")
    assert taken == [b"a", b"b"]
    assert call.asked == ahead + 2
    inbox.end()
    assert taken[2:] == [b"the end"]


async def test_what_comes_while_nothing_is_handed_on_waits_and_no_more_is_asked_for() -> None:
    call, taken = Call(), list[bytes]()
    inbox = Inbox(of(call))
    inbox.hand_on(taken.append, lambda: taken.append(b"the end"))
    inbox.hold()
    before = call.asked
    inbox.put(b"a")
    inbox.put(b"b")
    inbox.end()
    assert (taken, call.asked) == ([], before)
    inbox.go_on()
    assert (taken, call.asked) == ([b"a", b"b", b"the end"], before + 2)


async def test_whoever_takes_a_message_may_want_no_more_for_now() -> None:
    taken = list[bytes]()

    def take(message: bytes) -> None:
        taken.append(message)
        inbox.hold()

    inbox = Inbox(of(Call()))
    for text in (b"a", b"b"):
        inbox.put(text)
    inbox.hand_on(take, lambda: None)
    assert taken == [b"a"]
    inbox.go_on()
    assert taken == [b"a", b"b"]


async def test_who_sends_without_waiting_is_told_of_room() -> None:
    told = list[int]()
    outbox = Outbox(of(Call(room=1)))
    outbox.tell(lambda: told.append(1))
    assert [outbox.put(b"a"), outbox.put(b"b")] == [True, False]
    outbox.has_room()
    assert told == [1]
