"""The native transport by itself: what it does with clients that say too little, hold too much, or are too many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from model.errors import Unavailable
from tests.support import http2
from tests.support.eventually import eventually
from tests.support.http2 import Kind, Wire, connected
from transport.bounds import Bounds
from transport.loop import Listening, Method, NativeLoop, Taken

ASK = "/test/Ask"
POUR = "/test/Pour"
TALK = "/test/Talk"
TIMEOUT_S = 20.0
SOON_S = 0.1
BOUNDS = Bounds(
    message_bytes=2**20, metadata_bytes=2**15, connections=100, calls_per_connection=10, ping_s=60, pong_s=20
)


async def echo(taken: Taken) -> None:
    taken.native.reply(taken.message or b"")


async def pour(taken: Taken) -> None:
    while True:
        await taken.outbox.send(bytes(10_000))


async def talk(taken: Taken) -> None:
    assert taken.inbox
    while (message := await taken.inbox.next()) is not None:
        await taken.outbox.send(message)
    taken.native.finish()


@asynccontextmanager
async def listening(
    bounds: Bounds = BOUNDS, answer: Callable[[Taken], Awaitable[None]] = echo
) -> AsyncIterator[tuple[Listening, str]]:
    """A listener, and its address."""
    methods = (Method(ASK, answer), Method(POUR, pour), Method(TALK, talk, takes=2))
    server = NativeLoop().listening(methods, bounds)
    address = f"127.0.0.1:{await server.listen('127.0.0.1:0')}"
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield server, address
    finally:
        await server.close(0)


async def asked(wire: Wire, stream: int, body: bytes) -> bytes:
    """What the echo answers."""
    await wire.send(http2.call(stream, ASK, body))
    answer = await wire.answer(stream)
    assert answer.code == 0
    return answer.body[5:]


# --- the connection ---


async def test_whoever_does_not_answer_a_ping_is_hung_up_on() -> None:
    async with (
        listening(replace(BOUNDS, ping_s=SOON_S, pong_s=SOON_S)) as (_, address),
        connected(address) as quick,
        connected(address) as dead,
    ):
        await quick.send(http2.opened())
        await dead.send(http2.opened(), http2.call(1, TALK, b""))
        dead.answers = False
        closed = asyncio.ensure_future(dead.until_closed())
        stream = 1
        while not closed.done():
            assert await asked(quick, stream, b"still here") == b"still here"
            stream += 2
            await quick.take()


async def test_connections_beyond_the_bound_are_closed_at_once() -> None:
    async with listening(replace(BOUNDS, connections=3)) as (server, address), AsyncExitStack() as clients:
        held = [await clients.enter_async_context(connected(address)) for _ in range(3)]
        for wire in held:
            await wire.send(http2.opened())
            assert await asked(wire, 1, b"a") == b"a"
        assert server.connections == 3
        async with connected(address) as refused:
            assert await refused.until_closed() == []
        held[0].writer.transport.abort()

        async def is_served() -> bool:
            async with connected(address) as wire:
                try:
                    await wire.send(http2.opened())
                    return await asked(wire, 1, b"b") == b"b"
                except ConnectionError:
                    return False

        await eventually(is_served)


async def test_a_name_with_several_addresses_is_listened_to_at_all_of_them() -> None:
    first, second = (NativeLoop().listening((Method(ASK, echo),), BOUNDS) for _ in range(2))
    port = await first.listen("localhost:0")
    try:
        async with connected(f"localhost:{port}") as wire:
            await wire.send(http2.opened())
            assert await asked(wire, 1, b"a") == b"a"
        with pytest.raises(Unavailable, match=f"cannot listen on localhost:{port}: the port is in use"):
            await second.listen(f"localhost:{port}")
    finally:
        await first.close(0)


async def test_whoever_has_said_nothing_yet_does_not_hold_up_the_end() -> None:
    async with listening() as (server, address), connected(address), connected(address) as half:
        await half.send(http2.PREFACE[:10])
        await eventually(lambda: has_connections(server, 2))
        before_s = time.monotonic()
        await server.close(TIMEOUT_S)
        assert time.monotonic() - before_s < 0.9  # those who must still take their answers have a second


async def has_connections(server: Listening, count: int) -> bool:
    return server.connections == count


# --- calls ---


async def test_a_request_that_ends_inside_a_message_is_no_end() -> None:
    async with listening() as (_, address), connected(address) as wire:
        whole = http2.message(b"hello")
        await wire.send(http2.opened(), http2.head(1, http2.request(TALK)), http2.data(1, whole + whole[:7]))
        answer = await wire.answer(1)
        assert answer.code == 13


async def test_of_a_request_of_one_message_there_is_one() -> None:
    async with listening() as (_, address), connected(address) as wire:
        one = http2.message(b"a")
        wrong = {b"": 13, one[:3]: 13, one[:5]: 13, one + one[:2]: 13, one + one: 12, b"\2" + one[1:]: 13}
        await wire.send(http2.opened())
        for number, (body, code) in enumerate(wrong.items()):
            stream = 2 * number + 1
            await wire.send(http2.head(stream, http2.request(ASK)), http2.data(stream, body))
            assert (await wire.answer(stream)).code == code, body


async def test_what_is_no_call_is_refused_with_a_line() -> None:
    async with listening() as (_, address), connected(address) as wire:
        got = [(b":method", b"GET"), *http2.request(ASK)[1:]]
        web = [(name, b"application/json" if name == b"content-type" else text) for name, text in http2.request(ASK)]
        await wire.send(http2.opened(), http2.head(1, got, ends=True), http2.head(3, web), http2.data(3, b"{}"))
        for stream, status in ((1, "405"), (3, "415")):
            answer = await wire.answer(stream)
            assert answer.fields[":status"] == status
            assert b"speaks gRPC" in answer.body


async def test_large_messages_come_whole_through_any_window() -> None:
    async with listening() as (_, address), connected(address) as wire:
        await wire.send(http2.opened(initial_window_size=1_000))
        body = bytes(range(256)) * 400
        await wire.send(http2.head(1, http2.request(ASK)))
        await wire.pour(1, http2.message(body))
        answer = http2.Answer()
        while "grpc-status" not in answer.fields:
            taken = await wire.take()
            if taken.kind == Kind.DATA:
                answer.body += taken.payload
                grown = len(taken.payload).to_bytes(4, "big")
                await wire.send(*(http2.frame(Kind.WINDOW_UPDATE, 0, stream, grown) for stream in (0, 1)))
            elif taken.kind == Kind.HEADERS and taken.flags & http2.END_STREAM:
                answer = await wire.answer(1)
        assert (answer.code, answer.body[5:] == body) == (0, True)


# --- what is held ---


async def test_answers_that_nobody_takes_are_bounded_over_all_connections() -> None:
    body = bytes(2**20 - 100)
    async with listening(replace(BOUNDS, calls_per_connection=1_000)) as (_, address), AsyncExitStack() as clients:
        good = await clients.enter_async_context(connected(address))
        await good.send(http2.opened())
        hogs = [await clients.enter_async_context(connected(address)) for _ in range(3)]
        try:
            for hog in hogs:
                await hog.send(http2.opened(initial_window_size=0))
                for number in range(150):  # in all 450 MB, of which 256 MB may wait
                    stream = 2 * number + 1
                    await hog.send(http2.head(stream, http2.request(ASK)))
                    await hog.pour(stream, http2.message(body))
        except ConnectionError:
            pass  # one of them was hung up on while it asked
        assert await asked(good, 1, b"and others are served") == b"and others are served"
        ends = [asyncio.ensure_future(hog.until_closed()) for hog in hogs]
        await asyncio.wait(ends, timeout=1)
        assert any(end.done() for end in ends)
        for end in ends:
            end.cancel()


async def test_a_call_that_was_made_ends_with_the_transport() -> None:
    async with listening() as (_, address):
        caller = NativeLoop()
        caller.use()
        made = caller.call(caller.channel(address, BOUNDS), TALK)
        await made.outbox.send(b"first")
        assert await made.inbox.next() == b"first"
        await caller.leave()
        assert await made.inbox.next() is None
        assert made.ended.result()[0] == 1


async def test_one_transport_serves_several_ports_and_calls_and_runs_until_the_last_has_left() -> None:
    async def shout(taken: Taken) -> None:
        taken.native.reply((taken.message or b"").upper())

    loop = NativeLoop()
    first = loop.listening((Method(ASK, echo), Method(TALK, talk, takes=2)), BOUNDS)
    second = loop.listening((Method(ASK, shout),), BOUNDS)
    one, other = [f"127.0.0.1:{await each.listen('127.0.0.1:0')}" for each in (first, second)]
    loop.use()
    made = loop.call(loop.channel(one, BOUNDS), TALK)
    async with asyncio.timeout(TIMEOUT_S), connected(one) as quiet, connected(other) as loud:
        await quiet.send(http2.opened())
        await loud.send(http2.opened())
        assert await asked(quiet, 1, b"a") == b"a"
        assert await asked(loud, 1, b"a") == b"A"
        assert (first.connections, second.connections) == (2, 1)
        await second.close(0)
        await made.outbox.send(b"still here")
        assert await made.inbox.next() == b"still here"
        assert await asked(quiet, 3, b"b") == b"b"
    await first.close(0)
    assert await made.inbox.next() is None
    await loop.leave()
    loop.use()  # it can be used again
    await loop.leave()


# --- calls that are made ---


async def test_calls_on_one_channel_share_its_connection_and_are_answered_each_for_itself() -> None:
    async def answer(taken: Taken) -> None:
        if taken.message == b"no":
            taken.native.fail(5, "there is none", b"")
        else:
            taken.native.reply((taken.message or b"") * 2)

    async with listening(answer=answer) as (server, address), calling() as loop:
        channel = loop.channel(address, BOUNDS)
        assert await loop.ask(channel, ASK, b"a") == ([b"aa"], 0, "")  # what the server allows is known from then on
        asks = [loop.ask(channel, ASK, b"%d" % number) for number in range(30)]  # more than may be at once
        answers = await asyncio.gather(*asks)
        assert answers == [([b"%d%d" % (number, number)], 0, "") for number in range(30)]
        assert await loop.ask(channel, ASK, b"no") == ([], 5, "there is none")
        messages, code, _ = await loop.ask(channel, "/test/Nothing", b"")
        assert (messages, code) == ([], 12)
        assert server.connections == 1
        large = bytes(100_000)
        assert await loop.ask(channel, ASK, large) == ([large * 2], 0, "")


async def test_a_channel_whose_connection_has_broken_connects_anew() -> None:
    async with calling() as loop:
        first = loop.listening((Method(ASK, echo),), BOUNDS)
        port = await first.listen("127.0.0.1:0")
        channel = loop.channel(f"127.0.0.1:{port}", BOUNDS)
        assert await loop.ask(channel, ASK, b"a") == ([b"a"], 0, "")
        await first.close(0)
        _, code, text = await loop.ask(channel, ASK, b"b")
        assert code == 14, text
        second = loop.listening((Method(ASK, echo),), BOUNDS)
        await second.listen(f"127.0.0.1:{port}")
        assert await loop.ask(channel, ASK, b"c") == ([b"c"], 0, "")
        await second.close(0)


async def test_who_stops_waiting_for_an_answer_has_the_server_told() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(_: Taken) -> None:
        began.set()
        try:
            await asyncio.sleep(TIMEOUT_S)
        except asyncio.CancelledError:
            ended.set()
            raise

    async with listening(answer=wait) as (_, address), calling() as loop:
        asking = asyncio.ensure_future(loop.ask(loop.channel(address, BOUNDS), ASK, b""))
        await began.wait()
        asking.cancel()
        await ended.wait()
        with pytest.raises(asyncio.CancelledError):
            await asking


@asynccontextmanager
async def calling() -> AsyncIterator[NativeLoop]:
    """A transport that makes calls."""
    loop = NativeLoop()
    loop.use()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield loop
    finally:
        await loop.leave()
