"""grpc.health.v1.Health: for balancers and probes, that ask without a token and of a service by its name.

All services of a node work or fail together. Source: gRPC Health Checking Protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from api.health import Health
from api.streams import Responses
from model.errors import NotFound

WATCH_INTERVAL_S = 1.0
_MOST_QUOTED = 100


class HealthService:
    """Tells how it stands with the services named; the name of none stands for the node as a whole."""

    def __init__(self, health: Health, services: Collection[str]) -> None:
        self._health = health
        self._services = frozenset({"", *services})

    async def check(self, request: HealthCheckRequest) -> HealthCheckResponse:
        """The state now. Raises NotFound for a service that is not served here."""
        if request.service not in self._services:
            raise NotFound(f"no service {request.service[:_MOST_QUOTED]!r} is served here")
        return await self._state()

    async def watch(self, request: HealthCheckRequest) -> Responses:
        """The state now and after each change, seen within a second; ends when the client goes.

        A service that is not served here is SERVICE_UNKNOWN, and stays so.
        """
        last = None
        while True:
            state = await self._state() if request.service in self._services else _UNKNOWN
            if state != last:
                yield state
                last = state
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _state(self) -> HealthCheckResponse:
        return _SERVING if await self._health.is_serving() else _NOT_SERVING


_SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING)
_NOT_SERVING = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)
_UNKNOWN = HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
