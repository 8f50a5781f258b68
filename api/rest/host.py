"""The handlers on an HTTP port, drained when the node stops."""

from __future__ import annotations

import ssl

from api.edge import Edge
from api.rest.app import rest_app
from api.rest.door import Door
from api.rest.server import HttpServer
from api.rest.settings import RestSettings
from api.rest.time_limits import TimeLimits


class RestHost:
    """One listening HTTP server, encrypted if ``ssl_context`` is given. ``url`` is known once started."""

    def __init__(
        self,
        edge: Edge,
        settings: RestSettings,
        *,
        host: str,
        max_message_bytes: int,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = TimeLimits()
        door = Door(edge.entrance, self._limits, max_message_bytes)
        app = rest_app(edge, door, cors_origins=settings.cors_origins, cors_headers=settings.cors_headers)
        self._server = HttpServer(app, host=host, port=settings.port, ssl_context=ssl_context)

    def __repr__(self) -> str:
        return f"<RestHost {self.url}>"

    @property
    def url(self) -> str:
        """Where clients on this machine reach the server, without a slash at the end."""
        return self._server.url

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address, if that is not possible."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones finish for ``grace_s`` seconds, then refuse what is left."""
        await self._server.stop(grace_s, self._limits.end_all)
