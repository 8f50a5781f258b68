"""What is left of a call's time is known wherever the call leads, and nowhere else."""

from __future__ import annotations

import asyncio

from model.deadline import time_left_s, time_limited


async def test_without_a_limit_there_is_no_end() -> None:
    assert time_left_s() is None
    with time_limited(None):
        assert time_left_s() is None


async def test_what_is_left_shrinks_to_nothing_and_never_below() -> None:
    with time_limited(100.0):
        left_s = time_left_s()
        assert left_s is not None
        assert 0 < left_s <= 100
    with time_limited(-1.0):
        assert time_left_s() == 0.0


async def test_a_limit_holds_for_tasks_begun_within_and_ends_with_its_context() -> None:
    async def left() -> float | None:
        return time_left_s()

    with time_limited(100.0):
        async with asyncio.TaskGroup() as group:
            inner = group.create_task(left())
    assert inner.result() is not None
    assert time_left_s() is None


async def test_the_innermost_limit_counts() -> None:
    with time_limited(100.0):
        with time_limited(1.0):
            left_s = time_left_s()
            assert left_s is not None
            assert left_s <= 1
        left_s = time_left_s()
        assert left_s is not None
        assert left_s > 1
