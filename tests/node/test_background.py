"""Loops that run beside the listeners end with them, and hide no error."""

from __future__ import annotations

import asyncio

import pytest

from model.errors import Unavailable
from node.background import kept_running


async def test_loops_run_while_the_context_lasts_and_end_with_it() -> None:
    running, ended = asyncio.Event(), asyncio.Event()

    async def loop() -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with kept_running(loop):
        await running.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_loop_that_has_nothing_to_do_may_return() -> None:
    async def nothing() -> None:
        return

    async with kept_running(nothing, nothing):
        await asyncio.sleep(0)


async def test_an_error_inside_comes_out_as_it_is() -> None:
    with pytest.raises(Unavailable, match="port"):
        async with kept_running(_for_ever):
            raise Unavailable("port in use")


async def test_cancelling_goes_through() -> None:
    entered = asyncio.Event()

    async def inside() -> None:
        async with kept_running(_for_ever):
            entered.set()
            await _for_ever()

    task = asyncio.ensure_future(inside())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _for_ever() -> None:
    await asyncio.Event().wait()
