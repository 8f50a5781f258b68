"""h2load as generator: what it says is read right, and answers that are errors do not pass for answers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bench.harness.kept import (
    FAILED,
    NO_MESSAGE,
    Counts,
    H2load,
    KeptFailed,
    errors_of,
    read_counts,
    read_log,
)
from bench.harness.load import WRONG as WRONG_ERROR
from bench.harness.load import Outcome
from bench.harness.ports import CallFailed
from bench.harness.schedule import ClosedLoop, OpenLoop, Stretch
from bench.processes import family
from tests.support.asked import WRONG, AskedEndpoint, AskedServer, question

SAID = """\
finished in 2.00s, 10384.50 req/s, 152.78KB/s
requests: 207 total, 210 started, 206 done, 204 succeeded, 3 failed, 1 errored, 2 timeout
status codes: 204 2xx, 0 3xx, 0 4xx, 2 5xx
traffic: 305.56KB (312895) total, 122.81KB (125754) headers (space savings 98.37%), 0.5KB (512) data
"""
BRIEF = Stretch(ClosedLoop(8), warm_up_s=0.1, duration_s=0.3)


async def load_of(server: AskedServer, folder: Path) -> H2load:
    endpoint = AskedEndpoint((server.address,))
    return await H2load.found(endpoint, endpoint.request(question("plan")), folder)


async def stretch_of(server: AskedServer, folder: Path) -> Outcome:
    load = await load_of(server, folder)
    await load.warm_up(BRIEF)
    return await load.measure()


def test_what_it_says_is_read() -> None:
    assert read_counts(SAID) == Counts(done=206, succeeded=204, failed=6, data_bytes=512)


@pytest.mark.parametrize("text", ["", SAID.replace("requests:", "calls:"), SAID.replace(" data", "")])
def test_anything_else_is_quoted(text: str) -> None:
    with pytest.raises(KeptFailed, match="has not said what came of it"):
        read_counts(text)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(done=10, succeeded=10, failed=0, data_bytes=110), {}),
        (Counts(done=10, succeeded=10, failed=0, data_bytes=121), {}),  # one was on its way at the end
        (Counts(done=10, succeeded=10, failed=0, data_bytes=88), {NO_MESSAGE: 2}),
        (Counts(done=10, succeeded=10, failed=0, data_bytes=0), {NO_MESSAGE: 10}),
        (Counts(done=10, succeeded=7, failed=4, data_bytes=77), {FAILED: 7}),
    ],
)
def test_answers_without_a_message_are_errors(counts: Counts, expected: dict[str, int]) -> None:
    assert errors_of(counts, answer_bytes=11) == expected


def test_latencies_of_successes_are_read_from_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("1000000\t200\t1500\n1000500\t503\t9000\n1000600\t-1\t5\n1000900\t200\t2500\tmore\n")
    latency, elapsed_s = read_log(log)
    assert latency.count == 2
    assert latency.percentile_ms(50) == pytest.approx(1.5, rel=2e-3)
    assert latency.max_ms == pytest.approx(2.5, rel=2e-3)
    assert elapsed_s == pytest.approx(0.0095)


async def test_it_finds_the_rate_of_a_real_server(tmp_path: Path) -> None:
    async with AskedServer().serving() as server:
        outcome = await stretch_of(server, tmp_path)
        assert set(server.seen) == {b"plan"}
        assert 0 < outcome.completed == outcome.sent <= len(server.seen)
    assert outcome.errors == {}
    assert outcome.latency.count == outcome.completed
    assert 0.2 < outcome.ended_s - outcome.began_s < 0.5


async def test_a_server_that_begins_to_fail_completes_nothing(tmp_path: Path) -> None:
    async with AskedServer().serving() as server:
        load = await load_of(server, tmp_path)
        await load.warm_up(BRIEF)
        server.is_broken = True
        with pytest.raises(CallFailed, match="RESOURCE_EXHAUSTED"):
            await load.measure()


async def test_a_server_whose_answer_has_become_another_completes_nothing(tmp_path: Path) -> None:
    async with AskedServer().serving() as server:
        load = await load_of(server, tmp_path)
        await load.warm_up(BRIEF)
        server.answer = WRONG
        outcome = await load.measure()
    assert outcome.completed == 0 < outcome.sent
    assert outcome.errors == {WRONG_ERROR: outcome.sent}


async def test_a_server_that_answers_wrong_from_the_start_is_not_measured(tmp_path: Path) -> None:
    async with AskedServer(answer=WRONG).serving() as server:
        with pytest.raises(KeptFailed, match="is not answered as expected"):
            await stretch_of(server, tmp_path)


async def test_open_loops_are_not_for_it(tmp_path: Path) -> None:
    async with AskedServer().serving() as server:
        load = await load_of(server, tmp_path)
        with pytest.raises(KeptFailed, match="closed loops alone"):
            await load.warm_up(Stretch(OpenLoop(10), 0.1, 0.1))


async def test_where_it_is_not_installed_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    endpoint = AskedEndpoint(("127.0.0.1:1",))
    with pytest.raises(KeptFailed, match="apt-get install nghttp2-client"):
        await H2load.found(endpoint, endpoint.request(question("plan")), tmp_path)


async def test_when_cancelled_it_is_ended(tmp_path: Path) -> None:
    before = set(family(os.getpid()))
    async with AskedServer().serving() as server:
        load = await load_of(server, tmp_path)
        task = asyncio.ensure_future(load.warm_up(Stretch(ClosedLoop(2), 60.0, 1.0)))
        await server.is_asked.wait()  # by our own look at the answer
        server.is_asked.clear()
        await server.is_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert set(family(os.getpid())) == before
