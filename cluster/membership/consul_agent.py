"""A Consul agent, as a URL names it, and py-consul's client for it on a session whose requests are bounded."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from consul import aio, base
from consul.exceptions import ACLPermissionDenied, ConsulException

from cluster.membership.urls import EngineUrl
from model.errors import Misconfigured, Unavailable

_PORT = 8500
_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ConsulAgent:
    """Where an agent is, and how it is spoken to. Text and repr tell no secret.

    datacenter: whose members are looked at, empty for the agent's own. ca: the file with the CA of an encrypted agent,
    empty for those the system trusts.
    """

    shown: str
    host: str = field(repr=False)
    port: int = field(repr=False)
    is_encrypted: bool = field(repr=False)
    token: str = field(repr=False)
    datacenter: str = field(repr=False)
    ca: str = field(repr=False)

    def __str__(self) -> str:
        return self.shown

    @classmethod
    def of(cls, url: EngineUrl) -> ConsulAgent:
        """The agent a URL names. Raises Misconfigured."""
        host, port = url.address(url.authority, port=_PORT)
        is_encrypted = url.choice("scheme", "http", "https") == "https"
        if url.user or url.password:
            raise url.refusal("Consul knows no users; give token=…")
        if url.options.get("ca") and not is_encrypted:
            raise url.refusal("ca goes with scheme=https")
        return cls(
            shown=url.shown,
            host=f"[{host}]" if ":" in host else host,
            port=port,
            is_encrypted=is_encrypted,
            token=url.options.get("token", ""),
            datacenter=url.options.get("dc", ""),
            ca=url.options.get("ca", ""),
        )

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[aio.Consul]:
        """A client whose methods give awaitables, for ``asked``. Raises Misconfigured for a CA that cannot be read."""
        connector = aiohttp.TCPConnector(ssl=self._tls_context() if self.is_encrypted else True)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield _Client(self, session)

    async def asked(self, question: Awaitable[Any], *, within_s: float) -> Any:
        """What the client's method gives. Raises Unavailable, naming the agent, if it refuses or is late."""
        try:
            async with asyncio.timeout(within_s):
                return await question
        except TimeoutError as error:
            raise Unavailable(f"{self.shown}: no answer within {within_s:g} s") from error
        except (ConsulException, aiohttp.ClientError, OSError, ValueError) as error:
            reason = str(error).strip() or type(error).__name__
            if self.token:
                reason = reason.replace(self.token, "…")
            raise Unavailable(f"{self.shown}: {reason[:_REASON_CHARACTERS]}") from error

    def _tls_context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca or None)
        except OSError as error:
            raise Misconfigured(f"{self.shown}: the CA in {self.ca!r} cannot be read: {error}") from error


class _Client(aio.Consul):  # type: ignore[misc]  # the package has no types
    """py-consul's client without the session of its own, which it opens with options that are deprecated."""

    def __init__(self, agent: ConsulAgent, session: aiohttp.ClientSession) -> None:
        self._session = session
        scheme = "https" if agent.is_encrypted else "http"
        super().__init__(host=agent.host, port=agent.port, scheme=scheme, dc=agent.datacenter or None, verify=True)
        self.token = agent.token or None  # its constructor prefers what stands in the environment

    def http_connect(self, host: str, port: int, scheme: str, *_: object) -> _Requests:
        return _Requests(self._session, host, port, scheme)


class _Requests(aio.HTTPClient):  # type: ignore[misc]  # the package has no types
    def __init__(self, session: aiohttp.ClientSession, *address: object) -> None:
        base.HTTPClient.__init__(self, *address)
        self._session = session

    async def _request(self, callback: Callable[[base.Response], Any], *given: Any, **options: Any) -> Any:
        def read(response: base.Response) -> Any:
            if response.headers.get("X-Consul-Results-Filtered-By-ACLs") == "true":
                raise ACLPermissionDenied("the token may not see all there is")
            return callback(response)

        return await super()._request(read, *given, **options)
