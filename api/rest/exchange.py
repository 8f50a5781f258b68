"""One HTTP request and its response, as calls see them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.rest.time_limits import TimeLimit, parse_timeout
from model.errors import AuthzError, DeadlineExceeded, LimitExceeded
from telemetry.calls import REQUEST_ID, current_call

RPC_HEADERS = {"Grpc-Metadata-Content-Type": "application/grpc"}
BODY_TIMEOUT_S = 30.0
"""How long a body may take to arrive: its sender holds a place among the calls admitted."""


_NO_HEADERS: Mapping[str, str] = {}


class ClientLeft(AuthzError):
    """The client has closed its connection, so nobody will hear the answer."""


class Exchange:
    """What a call needs of an ASGI request. Its body is read at most once, and before ``watch_client``."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = Headers(scope=scope)
        self._begun = False

    def __repr__(self) -> str:
        return f"<Exchange {self._scope['method']} {self._scope['path']}>"

    def header(self, name: str) -> str | None:
        """A header, by its name in small letters."""
        return self._headers.get(name)

    @property
    def path_fields(self) -> dict[str, str]:
        """The fields of the request that stand in its path."""
        fields: dict[str, str] = self._scope["path_params"]
        return fields

    def timeout_s(self) -> float | None:
        """How long the client waits, if it says so. Raises InvalidRequest for a header that cannot be read."""
        header = self.header("grpc-timeout")
        return None if header is None else parse_timeout(header)

    async def read_body(self, most_bytes: int) -> bytes:
        """The whole body. Raises LimitExceeded, without reading further, as soon as it is seen to be longer.

        Raises DeadlineExceeded for one that does not arrive in time, and ClientLeft.
        """
        declared = self._headers.get("content-length", "0")
        if int(declared) > most_bytes:
            raise _too_large(most_bytes)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await self._read_pieces(most_bytes)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s") from error

    async def _read_pieces(self, most_bytes: int) -> bytes:
        body = bytearray()
        while True:
            piece = await self._receive()
            if piece["type"] == "http.disconnect":
                raise ClientLeft("while it was sending its request")
            body += piece["body"]
            if len(body) > most_bytes:
                raise _too_large(most_bytes)
            if not piece["more_body"]:
                return bytes(body)

    async def watch_client(self, limit: TimeLimit) -> None:
        """End the call when its client leaves."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        limit.end(ClientLeft("before it was answered"))

    async def respond(self, body: bytes, http_status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Send a whole response."""
        response = Response(body, http_status, {**RPC_HEADERS, **_named(), **headers}, "application/json")
        await response(self._scope, self._receive, self._send)

    async def send_line(self, line: bytes, http_status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Send a line of a response that has many; status and headers count with the first one.

        Returns when the client has taken enough of what it was sent before.
        """
        await self.begin(http_status, headers)
        await self._send({"type": "http.response.body", "body": line, "more_body": True})

    async def end(self) -> None:
        """Say that there are no more lines."""
        await self.begin()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def begin(self, http_status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Send the head of a response that has many lines, unless it is sent already."""
        if not self._begun:
            self._begun = True
            head = Headers({"Content-Type": "application/json", **RPC_HEADERS, **_named(), **headers})
            await self._send({"type": "http.response.start", "status": http_status, "headers": head.raw})


def _named() -> Mapping[str, str]:
    """The id the client gave its request, which it gets back."""
    call = current_call()
    return {REQUEST_ID: call.given_id} if call and call.given_id else _NO_HEADERS


def _too_large(most_bytes: int) -> LimitExceeded:
    return LimitExceeded(f"the body is larger than {most_bytes} bytes")
