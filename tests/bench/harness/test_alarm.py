"""Waking up on time."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from bench.harness.alarm import Alarm


async def test_it_rings_on_time_again_and_again_and_never_early() -> None:
    late_s = []
    with Alarm.open() as alarm:
        for _ in range(100):
            at_s = time.monotonic() + 0.003
            await alarm.until(at_s)
            late_s.append(time.monotonic() - at_s)
    assert min(late_s) >= 0
    assert sorted(late_s)[20] < 0.001  # a busy machine may be late, but not always


async def test_what_is_over_is_not_waited_for() -> None:
    with Alarm.open() as alarm:
        began_s = time.monotonic()
        await alarm.until(began_s - 1)
    assert time.monotonic() - began_s < 0.1


async def test_a_wait_that_was_cancelled_does_not_disturb_the_next() -> None:
    with Alarm.open() as alarm:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await alarm.until(time.monotonic() + 60)
        at_s = time.monotonic() + 0.02
        await alarm.until(at_s)
        assert 0 <= time.monotonic() - at_s < 1


async def test_nothing_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with Alarm.open() as alarm:
            await alarm.until(time.monotonic() + 0.001)
    assert len(os.listdir("/proc/self/fd")) == before
