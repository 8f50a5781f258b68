"""How long whoever is ready waits for a turn of the event loop: what every call on the node feels."""

from __future__ import annotations

import asyncio
import time

from telemetry.histogram import Histogram

LAGS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_PAUSE_S = 0.1


async def note_lags(lags_s: Histogram) -> None:
    """Look ten times a second how late a turn comes, until cancelled. Timers of uvloop are whole milliseconds."""
    while True:
        due_s = time.perf_counter() + _PAUSE_S
        await asyncio.sleep(_PAUSE_S)
        lags_s.observe(max(0.0, time.perf_counter() - due_s))
