"""What is measured on the way rather than read from who knows it: calls, turns of the loop, looks at the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from api.health import Health
from model.errors import AuthzError
from node.background import kept_running
from telemetry.call_metrics import CallMetrics
from telemetry.histogram import Histogram
from telemetry.loop_lag import LAGS_S, note_lags
from telemetry.metrics import Metrics
from telemetry.spans import current_span

ReadLag = Callable[[], Awaitable[float | None]]

LOOK_EVERY_S = 5.0


class Measurements:
    """A node's, and the metrics they are shown by.

    is_traced: calls may be. lags_s: of the event loop. replica_lag_s: when last somebody looked; None if it is not
    known.
    """

    def __init__(self, *, is_traced: bool) -> None:
        self.metrics = Metrics()
        self.calls = CallMetrics(current_span if is_traced else None)
        self.lags_s = Histogram(LAGS_S)
        self.replica_lag_s: float | None = None

    def __repr__(self) -> str:
        return f"<Measurements {self.calls} {self.metrics}>"

    @asynccontextmanager
    async def running(self, health: Health, read_lag: ReadLag | None) -> AsyncIterator[None]:
        """Measure while the context lasts. read_lag: of the replica, if there is one."""
        async with kept_running(partial(note_lags, self.lags_s), partial(self._look_now_and_then, health, read_lag)):
            yield

    async def _look_now_and_then(self, health: Health, read_lag: ReadLag | None) -> None:
        while True:
            await health.standing()
            if read_lag is not None:
                self.replica_lag_s = await _known(read_lag)
            await asyncio.sleep(LOOK_EVERY_S)


async def _known(read_lag: ReadLag) -> float | None:
    """The lag; None if it cannot be had, which health says in its own way."""
    try:
        return await read_lag()
    except AuthzError:
        return None
