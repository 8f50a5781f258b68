"""Sends bodies over HTTP: OTLP as protobuf, Zipkin as JSON. Loaded only by a node that sends so.

What comes back is somebody else's: its size is bounded, redirects are not followed, proxies named in the environment
are not used. Source: OTLP specification, "OTLP/HTTP Response".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from telemetry.destinations import Destination, Wire
from telemetry.outbound import NotTaken

_MOST_BYTES = 64 * 1024
_MAY_COME_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_TYPES = {Wire.OTLP_HTTP: "application/x-protobuf", Wire.ZIPKIN: "application/json"}


class HttpPost:
    """Posts to one URL."""

    def __init__(self, session: aiohttp.ClientSession, destination: Destination) -> None:
        self._session = session
        self._url = destination.address
        self._headers = {**destination.headers, "content-type": _CONTENT_TYPES[destination.wire]}

    async def __call__(self, body: bytes) -> bytes:
        """What is answered, empty for what is no message of OTLP's. Raises NotTaken."""
        try:
            async with self._session.post(
                self._url, data=body, headers=self._headers, allow_redirects=False
            ) as response:
                if not 200 <= response.status < 300:
                    reason = f"answered with status {response.status}"
                    raise NotTaken(reason, may_come_again=response.status in _MAY_COME_AGAIN)
                if response.content_type == "text/html":
                    raise NotTaken("answered with a web page: this is no collector", may_come_again=False)
                answer = await response.content.read(_MOST_BYTES)
                return answer if response.content_type == _CONTENT_TYPES[Wire.OTLP_HTTP] else b""
        except (aiohttp.ClientError, OSError) as error:
            raise NotTaken(str(error) or type(error).__name__, may_come_again=True) from error


@asynccontextmanager
async def http_post(destination: Destination) -> AsyncIterator[HttpPost]:
    """Posts over connections that are kept as long as the context lasts."""
    async with aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield HttpPost(session, destination)
