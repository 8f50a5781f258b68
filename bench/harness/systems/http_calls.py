"""Calls over HTTP: a body posted to a path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from bench.harness.ports import CallFailed, Reply, Request


class HttpConnection:
    """A session with one server. HTTP/1.1 carries one request at a time, so it opens connections as they are needed."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, request: Request) -> Reply:
        """Send, once, and wait for the whole reply. Raises CallFailed."""
        try:
            async with self._session.post(request.method, data=request.body) as response:
                reply = await response.read()
        except aiohttp.ClientError as error:
            raise CallFailed("UNAVAILABLE", str(error)) from error
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise CallFailed(f"HTTP_{response.status}", reply.decode(errors="replace"))
        return (reply,)


@asynccontextmanager
async def http_connected(address: str, headers: Mapping[str, str]) -> AsyncIterator[HttpConnection]:
    """A session with a server. It bounds neither connections nor time: the load does. headers: of each request."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        f"http://{address}", connector=connector, timeout=timeout, headers=headers
    ) as session:
        yield HttpConnection(session)
