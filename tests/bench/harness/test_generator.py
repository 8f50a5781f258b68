"""Generators as they are: processes of their own, that ask a real server over gRPC."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.harness.generator import Exhausted, Generator, GeneratorFailed
from bench.harness.load import WRONG as WRONG_ERROR
from bench.harness.schedule import ClosedLoop, OpenLoop, Stretch
from bench.processes import family
from tests.support.asked import BROKEN, WRONG, AskedEndpoint, AskedServer, AskedWorkload

AT_ONCE = Stretch(ClosedLoop(4), warm_up_s=0.0, duration_s=0.2)


@asynccontextmanager
async def generating(
    workload: AskedWorkload | None = None, server: AskedServer | None = None, *, processes: int = 1
) -> AsyncIterator[tuple[Generator, AskedServer]]:
    """A generator over a server."""
    async with (
        (server or AskedServer()).serving() as asked,
        Generator.started(
            workload or AskedWorkload(), AskedEndpoint((asked.address,)), processes=processes
        ) as generator,
    ):
        yield generator, asked


def children() -> set[int]:
    """Processes below ours."""
    return set(family(os.getpid())) - {os.getpid()}


async def test_a_server_that_stalls_shows_in_p99_though_only_for_a_moment() -> None:
    async with generating(server=AskedServer(stall=(1.0, 0.2))) as (generator, _):
        await generator.warm_up(Stretch(OpenLoop(200, "constant"), 0.3, 2.0))
        outcome = await generator.measure()
    assert outcome.completed == outcome.sent == 400
    assert outcome.errors == {}
    assert outcome.latency.percentile_ms(50) < 30
    assert 150 < outcome.latency.percentile_ms(99) < 260  # 40 of the 400 came while it stood still
    assert outcome.lateness.percentile_ms(99) < 50


async def test_several_processes_share_the_load_and_none_asks_what_another_does() -> None:
    async with generating(processes=2) as (generator, server):
        for _ in "ab":
            await generator.warm_up(Stretch(OpenLoop(100, "constant"), 0.1, 0.3))
            outcome = await generator.measure()
            assert outcome.sent == outcome.completed == 30
    assert len(server.seen) == len(set(server.seen))  # neither does a second stretch repeat the first
    assert {int(body) % 2 for body in server.seen} == {0, 1}


async def test_callers_that_do_not_suffice_for_all_processes_leave_some_at_rest() -> None:
    async with generating(processes=2) as (generator, server):
        await generator.warm_up(Stretch(ClosedLoop(1), 0.0, 0.2))
        outcome = await generator.measure()
    assert 0 < outcome.completed == outcome.sent
    assert {int(body) % 2 for body in server.seen} == {0}


async def test_what_a_workload_wants_asked_first_is_asked_before_each_stretch_and_not_counted() -> None:
    async with generating(AskedWorkload(warm=("first", BROKEN.decode()))) as (generator, server):
        for _ in "ab":
            await generator.warm_up(AT_ONCE)
            outcome = await generator.measure()
            assert outcome.errors == {}
    assert server.seen.count(b"first") == server.seen.count(BROKEN) == 2
    assert set(server.seen[:2]) == {b"first", BROKEN}


async def test_wrong_answers_do_not_count_as_completed() -> None:
    async with generating(server=AskedServer(answer=WRONG)) as (generator, _):
        await generator.warm_up(Stretch(OpenLoop(100, "constant"), 0.0, 0.3))
        outcome = await generator.measure()
    assert (outcome.completed, outcome.errors) == (0, {WRONG_ERROR: 30})


async def test_when_there_is_nothing_left_to_ask_that_is_said() -> None:
    async with generating(AskedWorkload(most=5)) as (generator, _):
        await generator.warm_up(AT_ONCE)
        with pytest.raises(Exhausted, match="nothing left to ask"):
            await generator.measure()


async def test_what_ran_out_towards_the_end_still_counts() -> None:
    async with generating(AskedWorkload(most=40)) as (generator, _):
        await generator.warm_up(Stretch(OpenLoop(100, "constant"), 0.0, 0.5))
        outcome = await generator.measure()
    assert outcome.sent == outcome.completed == 40


async def test_nobody_listening_is_errors_not_an_end() -> None:
    async with Generator.started(AskedWorkload(), AskedEndpoint(("127.0.0.1:1",))) as generator:
        await generator.warm_up(Stretch(OpenLoop(20, "constant"), 0.0, 0.2))
        outcome = await generator.measure()
    assert (outcome.completed, outcome.errors) == (0, {"UNAVAILABLE": 4})


async def test_a_process_that_dies_is_told_and_none_is_left() -> None:
    before = children()
    async with generating(processes=2) as (generator, _):
        await generator.warm_up(AT_ONCE)
        os.kill(min(children() - before), signal.SIGKILL)
        with pytest.raises(GeneratorFailed, match="a load generator has ended: it has said nothing"):
            await generator.measure()
    assert children() == before


async def test_a_process_that_breaks_is_quoted() -> None:
    class Unpicklable(AskedWorkload):
        """Known here and nowhere else."""

    Unpicklable.__qualname__ = Unpicklable.__name__ = "AskedWorklog"
    Unpicklable.__module__ = "tests.support.asked"
    import tests.support.asked as module  # noqa: PLC0415 - to be changed for a moment

    module.AskedWorklog = Unpicklable  # type: ignore[attr-defined]
    try:
        with pytest.raises(GeneratorFailed, match="AskedWorklog"):
            async with Generator.started(Unpicklable(), AskedEndpoint(("127.0.0.1:1",))) as generator:
                await generator.warm_up(AT_ONCE)
    finally:
        del module.AskedWorklog  # type: ignore[attr-defined]


async def test_when_cancelled_no_process_is_left() -> None:
    before = children()
    server = AskedServer()

    async def measure() -> None:
        async with generating(server=server) as (generator, _):
            await generator.warm_up(Stretch(ClosedLoop(2), 0.0, 60.0))
            await generator.measure()

    task = asyncio.ensure_future(measure())
    await server.is_asked.wait()
    assert len(children() - before) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == before
