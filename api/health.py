"""Health that tells the truth: SERVING means that the store answered just now, and soon, and the node is not on its way
out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

from model.errors import AuthzError

Ping = Callable[[], Awaitable[None]]

WATCH_INTERVAL_S = 1.0
PATIENCE_S = 5.0
"""For the store to answer a ping. One behind a network that swallows packets would not for half a minute, and longer
than this nobody waits for an answer that a check needs first."""


class Health(HealthServicer):
    """grpc.health.v1.Health for the node as a whole; the service name asked for does not matter."""

    def __init__(self, ping: Ping, *, patience_s: float = PATIENCE_S) -> None:
        self._ping = ping
        self._patience_s = patience_s
        self._leaving = False

    def leave(self) -> None:
        """From now on NOT_SERVING, whatever the store says."""
        self._leaving = True

    async def is_serving(self) -> bool:
        """True if the node takes requests and its store works."""
        if self._leaving:
            return False
        try:
            async with asyncio.timeout(self._patience_s):
                await self._ping()
        except (AuthzError, TimeoutError):
            return False
        return True

    # The names and the untyped context are those of the generated servicer.
    async def Check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:  # noqa: ARG002, N802
        """The state now."""
        return await self._state()

    async def Watch(  # noqa: N802
        self,
        request: HealthCheckRequest,  # noqa: ARG002
        context: Any,  # noqa: ARG002
    ) -> AsyncGenerator[HealthCheckResponse]:
        """The state now and after each change, seen within a second; ends when the client goes."""
        last = None
        while True:
            if (state := await self._state()) != last:
                yield state
                last = state
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _state(self) -> HealthCheckResponse:
        serving = await self.is_serving()
        return HealthCheckResponse(status=HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING)
