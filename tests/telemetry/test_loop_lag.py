"""The lag of the event loop, of a real one that is held up."""

from __future__ import annotations

import asyncio
import time

from telemetry.histogram import Histogram
from telemetry.loop_lag import LAGS_S, note_lags
from tests.support.eventually import eventually


async def test_a_loop_that_is_held_up_shows_for_how_long() -> None:
    lags_s = Histogram(LAGS_S)

    async def has_looked() -> bool:
        return lags_s.count > 0

    async with asyncio.TaskGroup() as group:
        noting = group.create_task(note_lags(lags_s))
        await eventually(has_looked)
        before = lags_s.sum
        time.sleep(0.3)  # noqa: ASYNC251 - holding up the loop is what is tried
        looked = lags_s.count

        async def has_looked_again() -> bool:
            return lags_s.count > looked

        await eventually(has_looked_again)
        noting.cancel()
    assert lags_s.sum - before > 0.1
