"""The listener for operations: metrics and health over plain HTTP, open to whoever can connect.

It listens from the very start, so that a node that waits for its database or its cluster can be told from a dead one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.health import Health
from api.operations.settings import OperationsSettings
from api.rest.health import health_routes
from api.rest.server import HttpServer

ShowMetrics = Callable[[str], Awaitable[tuple[bytes, str]]]
"""The metrics in a format that an Accept header allows, and the media type of it."""


class OperationsHost:
    """One listening HTTP server. ``url`` is known once started."""

    def __init__(self, health: Health, show: ShowMetrics, settings: OperationsSettings, *, host: str) -> None:
        async def metrics(request: Request) -> Response:
            body, media_type = await show(request.headers.get("accept", ""))
            return Response(body, headers={"Content-Type": media_type})

        app = Starlette(routes=[Route("/metrics", metrics), *health_routes(health)])
        self._server = HttpServer(app, host=host, port=settings.port, setting="metrics.port")

    def __repr__(self) -> str:
        return f"<OperationsHost {self.url}>"

    @property
    def url(self) -> str:
        """Where it is reached on this machine, without a slash at the end."""
        return self._server.url

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address and the setting, if that is not possible."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no new requests, and end those that take longer than ``grace_s`` seconds."""
        await self._server.stop(grace_s)
