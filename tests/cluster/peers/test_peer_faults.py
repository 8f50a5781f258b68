"""A peer that dies, stands still, does not read or is cut off costs its callers one patience, and nobody an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace

import grpc
import pytest
from structlog.testing import capture_logs

from cluster.invoker.answers import Answered, NoAnswer
from cluster.peers.breaker import BreakerState
from cluster.peers.card import PROTOCOLS
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.lines import Line
from cluster.peers.peers import Peers
from cluster.peers.wire_asks import ask_to_proto
from model.check import CheckRequest
from proto.dispatch.v1 import dispatch_pb2 as pb
from tests.cluster.peers.peer_process import peer_process
from tests.cluster.peers.proxy import Proxy
from tests.cluster.peers.two_nodes import KEY, QUICK, FakeOwn, answered, ask, asking, request, serving
from tests.support.eventually import eventually

PATIENCE_S = 0.8
AT_ONCE_S = 0.4  # on a machine that has other things to do

pytestmark = pytest.mark.usefixtures("carriers")


async def outcome(asked: Awaitable[Answered]) -> Answered | NoAnswer:
    try:
        return await asked
    except NoAnswer as none:
        return none


async def ask_many(peers: Peers, address: str, count: int, permission: str, timeout_s: float) -> list[object]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(outcome(ask(peers, address, request(permission, str(n)), timeout_s)))
            for n in range(count)
        ]
    return [task.result() for task in tasks]


def state_of(peers: Peers) -> BreakerState:
    return peers.states[0].breaker


async def is_answered(peers: Peers, address: str) -> bool:
    return isinstance(await outcome(ask(peers, address, timeout_s=PATIENCE_S)), Answered)


async def test_all_who_wait_for_a_peer_that_is_killed_hear_of_it_promptly() -> None:
    with peer_process() as there:
        async with asking() as peers:
            await ask(peers, there.address)
            waiting = asyncio.ensure_future(ask_many(peers, there.address, 500, "wait", timeout_s=60.0))
            await asyncio.sleep(0.1)
            began_s = time.monotonic()
            there.signal(signal.SIGKILL)
            assert all(isinstance(each, NoAnswer) for each in await waiting)
            assert time.monotonic() - began_s < 1.0
            began_s = time.monotonic()
            assert isinstance(await outcome(ask(peers, there.address)), NoAnswer)
            assert time.monotonic() - began_s < AT_ONCE_S


async def test_a_killed_peer_is_asked_again_once_it_is_back() -> None:
    async with asking() as peers:
        with peer_process() as there:
            await ask(peers, there.address)
            there.signal(signal.SIGKILL)
        with peer_process(there.port):
            await eventually(lambda: is_answered(peers, there.address))
            assert state_of(peers) is BreakerState.CLOSED


async def test_an_asking_peer_that_is_killed_leaves_no_work_and_no_noise_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = FakeOwn()

    async def is_at_work() -> bool:
        return own.began == 100

    async with serving(own) as here:
        with peer_process(asks=here.address) as there, capture_logs() as logs:
            await eventually(is_at_work)
            there.signal(signal.SIGKILL)
            await eventually(own.is_cancelled)
        own.may_answer.set()
        await asyncio.sleep(0.05)
        assert (own.cancelled, len(here.service._open)) == (100, 0)
    assert not logs
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


async def test_a_peer_that_stands_still_costs_one_patience_and_then_none_until_it_goes_on() -> None:
    doubted: list[str] = []
    with peer_process() as there:
        async with asking(doubts=doubted.append) as peers:
            await ask(peers, there.address)
            there.signal(signal.SIGSTOP)
            began_s = time.monotonic()
            outcomes = await ask_many(peers, there.address, 200, "view", PATIENCE_S)
            assert all(isinstance(each, NoAnswer) for each in outcomes)
            assert PATIENCE_S <= time.monotonic() - began_s < PATIENCE_S + AT_ONCE_S
            assert doubted == [there.address]
            for _ in range(20):
                began_s = time.monotonic()
                assert isinstance(await outcome(ask(peers, there.address)), NoAnswer)
                assert time.monotonic() - began_s < AT_ONCE_S
                await asyncio.sleep(0.05)
            assert doubted == [there.address]
            assert state_of(peers) is BreakerState.OPEN
            with pytest.raises(NoAnswer, match="has not answered within"):
                await peers.card_of(there.address)
            there.signal(signal.SIGCONT)
            await eventually(lambda: is_answered(peers, there.address))
            assert state_of(peers) is BreakerState.CLOSED


async def test_whoever_joins_late_is_let_go_with_the_first() -> None:
    with peer_process() as there:
        async with asking() as peers:
            await ask(peers, there.address)
            there.signal(signal.SIGSTOP)
            first = asyncio.ensure_future(outcome(ask(peers, there.address, timeout_s=PATIENCE_S)))
            await asyncio.sleep(PATIENCE_S / 2)
            began_s = time.monotonic()
            assert isinstance(await outcome(ask(peers, there.address, timeout_s=60.0)), NoAnswer)
            assert time.monotonic() - began_s < PATIENCE_S
            await first


async def test_a_peer_that_stood_still_before_it_was_first_asked() -> None:
    with peer_process() as there:
        there.signal(signal.SIGSTOP)
        async with asking() as peers:
            began_s = time.monotonic()
            assert isinstance(await outcome(ask(peers, there.address, timeout_s=PATIENCE_S)), NoAnswer)
            assert time.monotonic() - began_s < PATIENCE_S + AT_ONCE_S
            began_s = time.monotonic()
            assert isinstance(await outcome(ask(peers, there.address, timeout_s=PATIENCE_S)), NoAnswer)
            assert time.monotonic() - began_s < AT_ONCE_S


async def test_a_network_that_drops_everything_and_then_does_not() -> None:
    async with serving(FakeOwn()) as there, Proxy(there.address).running() as proxy, asking() as peers:
        assert await ask(peers, proxy.address) == answered(request())
        proxy.passes.clear()
        outcomes = await ask_many(peers, proxy.address, 50, "view", PATIENCE_S)
        assert all(isinstance(each, NoAnswer) for each in outcomes)
        began_s = time.monotonic()
        assert isinstance(await outcome(ask(peers, proxy.address)), NoAnswer)
        assert time.monotonic() - began_s < AT_ONCE_S
        proxy.passes.set()
        await eventually(lambda: is_answered(peers, proxy.address))
        assert proxy.connections > 1


async def test_a_peer_that_stands_still_costs_little_memory() -> None:
    """Each ask has 100 kB. What is not sent is bounded and goes when nobody waits for it any more."""
    settings = replace(
        QUICK, most_waiting_bytes=5_000_000, breaker=replace(QUICK.breaker, silence_s=60.0, strikes=10**9)
    )
    with peer_process() as there:
        async with asking(settings=settings) as peers:
            await ask(peers, there.address)
            there.signal(signal.SIGSTOP)
            conversation = peers._peers[there.address][0]._conversation
            assert conversation is not None
            for _ in range(5):
                async with asyncio.TaskGroup() as group:
                    for n in range(200):
                        asked = request(entity_id=f"{n}" * 50_000)
                        group.create_task(outcome(ask(peers, there.address, asked, timeout_s=0.1)))
                    await asyncio.sleep(0.05)
                    assert conversation._waiting_bytes <= 5_000_000
                assert conversation.in_flight == 0
                assert conversation._waiting_bytes == 0
            assert conversation._frames_written <= 5


async def test_an_asking_peer_that_does_not_read_is_not_read_and_costs_others_nothing() -> None:
    """It asks for answers of 10 kB, some of which gRPC takes before its window is full."""
    settings = replace(QUICK, most_asks=64)
    dialler = Dialler(Greeter("rude:1", KEY, PROTOCOLS), QUICK)
    sent = 0

    async def keep_asking(stream: Line) -> None:
        nonlocal sent
        has_room = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(stream.carry(lambda _: stream.hold(), has_room.set))
            for sent in range(1_000_000):
                asks = [wire_ask(request(entity_id="x"), sent * 64 + n, tenant="t" * 10_000) for n in range(64)]
                has_room.clear()
                if not stream.send(pb.Frame(asks=asks).SerializeToString()):
                    await has_room.wait()

    async def is_stuck() -> bool:
        before = sent
        await asyncio.sleep(0.2)
        assert await ask(peers, there.address) == answered(request())
        return sent == before

    async with (
        serving(FakeOwn(), settings=settings) as there,
        asking() as peers,
        dialler.conversing(there.address) as (rude_stream, _),
    ):
        rude = asyncio.ensure_future(keep_asking(rude_stream))
        await eventually(is_stuck)
        (answering,) = (each for each in there.service._open if each._ready)
        assert len(answering._ready) <= 3 * settings.most_asks
        rude.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rude


def wire_ask(asked: CheckRequest, ask_id: int, tenant: str) -> pb.Ask:
    message = ask_to_proto(replace(asked, tenant=tenant), wants_evidence=False)
    message.id, message.timeout_ms = ask_id, 60_000
    return message


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n", os.urandom(4_096), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff"],
)
async def test_garbage_at_the_port_harms_nobody(garbage: bytes) -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        waiting = asyncio.ensure_future(ask(peers, there.address, request("yield")))
        _, writer = await asyncio.open_connection("127.0.0.1", there.host.port)
        writer.write(garbage)
        await writer.drain()
        assert await waiting == answered(request("yield"))
        assert await ask(peers, there.address) == answered(request())
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_frame_of_garbage_ends_that_stream_alone() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        await ask(peers, there.address)
        said = await outcome(talk_nonsense(there.address))
        assert "INVALID_ARGUMENT, this is no frame" in str(said)
        assert peers.states[0].is_connected
        await ask(peers, there.address)


async def talk_nonsense(address: str) -> Answered:
    async with Dialler(Greeter("mad:1", KEY, PROTOCOLS), QUICK).conversing(address) as (stream, _):
        stream.send(b"\xff\xff\xff")
        await stream.carry(lambda _: None, lambda: None)
    raise AssertionError("it was understood")


async def test_a_listener_that_is_no_peer_port_is_said_so() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with asking() as peers:
        with pytest.raises(NoAnswer, match="is not the peer port of a node"):
            await peers.card_of(f"127.0.0.1:{port}")
        with pytest.raises(NoAnswer, match="is not the peer port of a node"):
            await ask(peers, f"127.0.0.1:{port}")
    await server.stop(0)


async def test_a_listener_that_says_nothing_costs_one_patience() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        async with asking() as peers:
            began_s = time.monotonic()
            assert isinstance(await outcome(ask(peers, address, timeout_s=PATIENCE_S)), NoAnswer)
            assert isinstance(await outcome(ask(peers, address, timeout_s=PATIENCE_S)), NoAnswer)
            assert time.monotonic() - began_s < PATIENCE_S + AT_ONCE_S
            with pytest.raises(NoAnswer, match=r"has not answered within 0\.5 s"):
                await peers.card_of(address)
