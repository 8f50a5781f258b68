"""An HTTP server inside of our event loop: uvicorn's, without what does not fit there, drained when it stops."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from email.utils import formatdate

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.addresses import local_address, wanted_address
from api.rest.connection import Connection
from model.errors import Unavailable

_LAST_WORDS_S = 2
"""How long what was ended at the end of the grace may take to tell its client so."""


class HttpServer:
    """Serves one application, encrypted if ``ssl_context`` is given. ``url`` is known once started.

    setting: which gives the port; whoever learns that it cannot be had is told.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None = None,
        setting: str = "",
    ) -> None:
        self._host = host
        self._asked_port = port
        self._setting = setting
        self._socket: socket.socket | None = None
        self._is_encrypted = ssl_context is not None
        self._server = uvicorn.Server(_uvicorn_config(_Dated(app), ssl_context))

    def __repr__(self) -> str:
        return f"<HttpServer {self.url}>"

    @property
    def url(self) -> str:
        """Where clients on this machine reach the server, without a slash at the end."""
        port = self._socket.getsockname()[1] if self._socket else self._asked_port
        scheme = "https" if self._is_encrypted else "http"
        return f"{scheme}://{local_address(self._host, port)}"

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address and the setting, if that is not possible."""
        try:
            self._socket = _listen(self._host, self._asked_port)
        except Unavailable as error:
            if not self._setting:
                raise
            raise Unavailable(f"{self._setting}: {error}") from error
        # uvicorn's serve() in parts, without the rest of it: signal handlers, and a loop that wakes ten times a second.
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=[self._socket])

    async def stop(self, grace_s: float, end_requests: Callable[[], None] = lambda: None) -> None:
        """Take no new requests, let running ones finish for ``grace_s`` seconds, then have them ended."""
        if self._socket is None:
            return
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(self._end_after(grace_s, end_requests))
            await self._server.shutdown(sockets=[self._socket])
            ending.cancel()
        for connection in tuple(self._server.server_state.connections):
            connection.transport.abort()  # a client that does not take its answer

    async def _end_after(self, grace_s: float, end_requests: Callable[[], None]) -> None:
        self._server.config.timeout_graceful_shutdown = int(grace_s) + _LAST_WORDS_S
        await asyncio.sleep(grace_s)
        end_requests()


class _Dated:
    """A Date on every response. Source: RFC 9110 §6.6.1. uvicorn's own comes from a loop that is not run here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        await self._app(scope, receive, send_dated)


def _uvicorn_config(app: object, ssl_context: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # Starlette and uvicorn each have their own types for ASGI
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # its warnings are about single requests, so anybody could fill the log with them
        access_log=False,
        proxy_headers=False,
        server_header=False,
        workers=1,
        ssl_context_factory=(lambda _config, _default: ssl_context) if ssl_context else None,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. No host means every interface, of IPv6 too where there is any."""
    wanted = wanted_address(host, port)
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, dualstack_ipv6=both, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        raise Unavailable(f"cannot listen on {wanted}: {reason}") from error
    # Connections inherit it. asyncio sets it for sockets it opens itself, not for this one; without it the body of an
    # answer waits for the client to acknowledge the head, which takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
