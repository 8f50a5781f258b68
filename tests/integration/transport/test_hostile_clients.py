"""Clients that break the rules or ask too much: others are served, memory is bounded, statuses are clear."""

from __future__ import annotations

import asyncio
import resource
import ssl
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import grpc
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.program import read_until, started
from tests.integration.transport.conftest import MOST_GROWTH_MB, Victim
from tests.support import http2
from tests.support.certificates import Files, issue
from tests.support.http2 import END_HEADERS, Kind, Wire, connected

LIST = "/base.v1.Tenancy/List"
WELL_BEGUN = http2.opened() + http2.head(1, http2.request(LIST))
IDLE = 5_000
REFUSALS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNIMPLEMENTED)

frames = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def hung_up(wire: Wire, patience_s: float = 15) -> bool:
    """Whether the server closes, all that it still says read and thrown away."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            with suppress(ConnectionError):
                while await wire._reader.read(2**16):
                    pass
            return True
    return False


async def is_answered(victim: Victim, within_s: float = 2.0) -> bool:
    """Whether a new client gets its answer."""
    async with asyncio.timeout(within_s), connected(victim.address) as wire:
        await wire.send(http2.opened(), http2.call(1, LIST, b""))
        return (await wire.answer(1)).code == 0


# --- frames ---


def any_frame() -> st.SearchStrategy[bytes]:
    kinds = st.sampled_from([*Kind]) | st.integers(0, 255)
    return st.builds(http2.frame, kinds, st.integers(0, 255), st.integers(0, 9), st.binary(max_size=64))


@frames
@given(sent=st.lists(any_frame(), max_size=12), tail=st.binary(max_size=20))
async def test_any_frames_harm_nobody_else(victim: Victim, sent: list[bytes], tail: bytes) -> None:
    async with connected(victim.address) as wire:
        with suppress(ConnectionError, TimeoutError):
            await wire.send(WELL_BEGUN, *sent, tail)
            async with asyncio.timeout(0.02):
                await wire.until_closed()


@frames
@given(
    body=st.binary(max_size=64), cuts=st.lists(st.integers(0, 40), max_size=5), encoding=st.sampled_from([b"gzip", b""])
)
async def test_any_bytes_in_messages_are_answered(
    victim: Victim, body: bytes, cuts: list[int], encoding: bytes
) -> None:
    async with connected(victim.address) as wire:
        more = [(b"grpc-encoding", encoding)] if encoding else []
        parts, rest = [], body
        for cut in cuts:
            parts.append(http2.data(1, rest[:cut], ends=False))
            rest = rest[cut:]
        await wire.send(http2.opened(), http2.head(1, http2.request(LIST, *more)), *parts, http2.data(1, rest))
        codes = (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, *REFUSALS)
        assert (await wire.answer(1)).code in {code.value[0] for code in codes}


async def test_a_length_nobody_would_send_is_refused_at_once(victim: Victim) -> None:
    async with connected(victim.address) as wire:
        streams = range(1, 1_001, 2)
        huge = (http2.head(n, http2.request(LIST)) + http2.data(n, b"\0\xff\xff\xff\xff", ends=False) for n in streams)
        await wire.send(http2.opened(), *huge)
        for stream in streams:
            assert (await wire.answer(stream)).code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


# --- floods ---


async def test_thousands_of_calls_reset_at_once_end_the_connection_or_nothing(victim: Victim) -> None:
    for _ in range(10):
        async with connected(victim.address) as wire:
            await wire.send(http2.opened())
            with suppress(ConnectionError):
                for start in range(1, 8_001, 100):
                    calls = (http2.call(n, LIST, b"") + http2.reset(n) for n in range(start, start + 100, 2))
                    await wire.send(*calls)
            assert await is_answered(victim)


async def test_a_flood_of_header_fragments_ends_the_connection(victim: Victim) -> None:
    async with connected(victim.address) as wire:
        await wire.send(http2.opened(), http2.frame(Kind.HEADERS, 0, 1, http2.block(http2.request(LIST))))
        with suppress(ConnectionError):
            for _ in range(5_000):
                await wire.send(http2.frame(Kind.CONTINUATION, 0, 1, http2.block([(b"x", b"y" * 1_000)])))
        assert await hung_up(wire)


async def test_a_million_bytes_of_headers_are_refused(victim: Victim) -> None:
    async with connected(victim.address) as wire:
        block = http2.block([*http2.request(LIST), *((f"x-{n}".encode(), b"y" * 1_000) for n in range(1_000))])
        cut = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
        await wire.send(http2.opened(), http2.frame(Kind.HEADERS, 0, 1, cut[0]))
        with suppress(ConnectionError):
            await wire.send(*(http2.frame(Kind.CONTINUATION, 0, 1, part) for part in cut[1:-1]))
            await wire.send(http2.frame(Kind.CONTINUATION, END_HEADERS, 1, cut[-1]))
        assert await hung_up(wire)


async def test_headers_beyond_the_bound_have_a_status(victim: Victim) -> None:
    async with connected(victim.address) as wire:
        fields = [*http2.request(LIST), *((f"x-{n}".encode(), b"y" * 1_000) for n in range(40))]
        block = http2.block(fields)
        parts = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
        await wire.send(http2.opened(), http2.frame(Kind.HEADERS, 0, 1, parts[0]))
        await wire.send(http2.frame(Kind.CONTINUATION, 0, 1, parts[1]))
        await wire.send(http2.frame(Kind.CONTINUATION, END_HEADERS, 1, parts[2]), http2.data(1, http2.message(b"")))
        assert (await wire.answer(1)).code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


@pytest.mark.parametrize("kind", [Kind.PING, Kind.SETTINGS])
async def test_a_flood_of_what_must_be_answered_by_one_who_reads_nothing_is_held_back(
    victim: Victim, kind: Kind
) -> None:
    async with connected(victim.address) as wire:
        wire.writer.transport.set_write_buffer_limits(high=0)
        flood = http2.frame(kind, 0, 0, bytes(8) if kind is Kind.PING else b"") * 10_000
        await wire.send(http2.opened())
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(2):
                while True:
                    wire.writer.write(flood)
                    await wire.writer.drain()
        assert await is_answered(victim)


# --- patience ---


async def test_whoever_does_not_say_what_it_speaks_is_hung_up_on(victim: Victim) -> None:
    before_s = time.monotonic()
    async with connected(victim.address) as silent, connected(victim.address) as slow:

        async def trickle() -> None:
            with suppress(ConnectionError):
                for byte in http2.PREFACE[:-1]:
                    await slow.send(bytes((byte,)))
                    await asyncio.sleep(0.6)

        trickling = asyncio.ensure_future(trickle())
        assert await hung_up(silent)
        assert await hung_up(slow)
        trickling.cancel()
    assert time.monotonic() - before_s < 13  # ten seconds they have


async def test_whoever_sends_byte_by_byte_is_answered_and_costs_nothing_meanwhile(victim: Victim) -> None:
    async with AsyncExitStack() as clients:
        slow = [await clients.enter_async_context(connected(victim.address)) for _ in range(50)]
        for byte in WELL_BEGUN + http2.data(1, http2.message(b"")):
            for wire in slow:
                wire.writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        assert await is_answered(victim)
        assert [(await wire.answer(1)).code for wire in slow] == [0] * len(slow)


async def test_requests_that_never_end_are_bounded_in_all(victim: Victim) -> None:
    before_mb = victim.memory_mb
    for _ in range(3):  # what is freed once may be kept for the next time, and more of it each time
        await pour_without_end(victim, before_mb)
        await forgotten(victim, before_mb)


async def pour_without_end(victim: Victim, before_mb: float) -> None:
    most = 3 * 2**20
    async with AsyncExitStack() as clients:
        refused = 0
        for _ in range(4):  # 40 requests each, of 3 MB each: 480 MB, of which 256 MB are taken
            wire = await clients.enter_async_context(connected(victim.address))
            streams = range(1, 81, 2)
            await wire.send(http2.opened())
            with suppress(ConnectionError):  # whoever sends on after a refusal is hung up on
                for number in streams:
                    await wire.send(http2.head(number, http2.request(LIST)))
                    await wire.pour(number, http2.message(bytes(most))[:-1], ends=False)
            refused += sum(
                answer.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] for answer in wire._ended.values()
            )
            assert await is_answered(victim)
        assert refused > 0
        assert victim.memory_mb - before_mb < 600


async def forgotten(victim: Victim, before_mb: float) -> None:
    """Return once the memory of clients that have gone is given back."""
    async with asyncio.timeout(60):
        while victim.memory_mb - before_mb > MOST_GROWTH_MB / 2:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.05)


async def test_half_closed_connections_get_their_answer_and_are_let_go(victim: Victim) -> None:
    for _ in range(200):
        async with connected(victim.address) as wire:
            await wire.send(http2.opened(), http2.call(1, LIST, b""))
            wire.writer.write_eof()
            wire.answers = False
            with suppress(ConnectionError):
                assert (await wire.answer(1)).code == 0
            assert await hung_up(wire)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_thousands_of_idle_connections_cost_little(victim: Victim) -> None:
    idle = min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    before_mb, wires = victim.memory_mb, []
    host, _, port = victim.address.rpartition(":")
    try:
        for start in range(0, idle, 100):
            opening = (asyncio.open_connection(host, int(port)) for _ in range(start, min(start + 100, idle)))
            for _, writer in [await each for each in opening]:
                writer.write(http2.opened())
                wires.append(writer)
        async with asyncio.timeout(10):
            while victim.open_files < idle:  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.05)
        assert await is_answered(victim)
        assert (victim.memory_mb - before_mb) / idle < 0.03  # 30 kB each
    finally:
        for writer in wires:
            writer.transport.abort()
    async with asyncio.timeout(10):
        while victim.open_files > idle / 10:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.05)


# --- another language ---


@pytest.mark.parametrize(
    "text", [b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20)]
)
async def test_another_protocol_is_hung_up_on_at_once(victim: Victim, text: bytes) -> None:
    async with connected(victim.address) as wire:
        await wire.send(text)
        assert await hung_up(wire, patience_s=3)


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[str]:
    """The address of a node whose port is encrypted."""
    files = Files(tmp_path)
    files.write(issue(trustme.CA()))
    options = ["--grpc-transport=native", "--grpc-port=0", "--http-enabled=false", "--server-host=127.0.0.1"]
    tls = ["--grpc-tls-enabled", f"--grpc-tls-cert-path={files.cert}", f"--grpc-tls-key-path={files.key}"]
    with started("serve", *options, *tls, "--database-engine=memory", home=tmp_path) as process:
        yield read_until(process, "gRPC").split()[1]


async def test_plain_text_at_an_encrypted_port_is_hung_up_on_and_silence_soon(encrypted: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    async with connected(encrypted) as silent:
        for text in (http2.opened(), b"GET / HTTP/1.1\r\n\r\n", bytes(1_000)):
            async with connected(encrypted) as wire:
                await wire.send(text)
                assert await hung_up(wire, patience_s=3)
        async with connected(encrypted, context) as wire:
            await wire.send(http2.opened(), http2.call(1, LIST, b""))
            assert (await wire.answer(1)).code == 0
        assert await hung_up(silent)
