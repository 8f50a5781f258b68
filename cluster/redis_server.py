"""A Redis server, as a URL names it: ``redis://user:password@host:6379/0?cluster=name``, ``rediss://`` for TLS."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster.membership.urls import EngineUrl
from model.errors import Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

# ruff: noqa: PLC0415 - the driver is loaded where a server is spoken to: a tenth of a second at each start

_PORT = 6379
_CLUSTER = "ringward"


@dataclass(frozen=True, slots=True)
class RedisServer:
    """Where a Redis is, and how it is spoken to. Text and repr tell no secret.

    cluster: what the keys of this cluster begin with, so that several may share a database. ca: the file with the CA of
    an encrypted server, empty for those the system trusts.
    """

    shown: str
    host: str = field(repr=False)
    port: int = field(repr=False)
    database: int = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)
    is_encrypted: bool = field(repr=False)
    ca: str = field(repr=False)
    cluster: str = _CLUSTER

    def __str__(self) -> str:
        return self.shown

    @classmethod
    def of(cls, text: str) -> RedisServer:
        """Read a URL. Raises Misconfigured, naming it without its secrets, for one of another form."""
        url = EngineUrl.parse(text)
        if url.scheme not in ("redis", "rediss"):
            raise url.refusal("expected redis:// or rediss://")
        is_encrypted = url.scheme == "rediss"
        url.allow_only("cluster", *(("ca",) if is_encrypted else ()))
        if not re.fullmatch(r"[0-9]{0,5}", url.path, re.ASCII):
            raise url.refusal(f"expected the number of a database, got {url.path!r}")
        cluster = url.options.get("cluster", _CLUSTER)
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", cluster, re.ASCII):
            raise url.refusal(f"expected up to 64 letters, digits, _ . or - as cluster, got {cluster!r}")
        host, port = url.address(url.authority, port=_PORT)
        return cls(
            shown=url.shown,
            host=host,
            port=port,
            database=int(url.path or 0),
            user=url.user,
            password=url.password,
            is_encrypted=is_encrypted,
            ca=url.options.get("ca", ""),
            cluster=cluster,
        )

    def key(self, name: str) -> str:
        """The full name of a key. All of a cluster are in one slot, should the server be one of several."""
        return f"ringward:{{{self.cluster}}}:{name}"

    @asynccontextmanager
    async def connected(self, connect_s: float) -> AsyncIterator[Redis]:
        """A client that connects when it is first used, and once anew where a connection was lost.

        Who uses it bounds the time itself (``asked``). The driver's own bound would be ``wait_for``, which before
        Python 3.12 takes a cancellation that comes with the end of what is waited for, and tells nobody.
        """
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        secured = {"ssl": True, "ssl_ca_certs": self.ca or None} if self.is_encrypted else {}
        client = Redis(
            host=self.host,
            port=self.port,
            db=self.database,
            username=self.user or None,
            password=self.password or None,
            socket_timeout=None,
            socket_connect_timeout=connect_s,
            retry=Retry(NoBackoff(), 1),
            protocol=2,
            **secured,  # type: ignore[arg-type]  # one mapping for arguments of several types
        )
        try:
            yield client
        finally:
            await client.aclose()

    @asynccontextmanager
    async def asked(self, within_s: float) -> AsyncIterator[None]:
        """What goes wrong with the server inside, or takes too long, is raised as Unavailable, naming it."""
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError as error:
            raise Unavailable(f"{self.shown}: no answer within {within_s:g} s") from error
        except (RedisError, OSError, UnicodeError) as error:
            reason = str(error) or type(error).__name__
            if self.password:  # a server that does not know AUTH repeats what it was sent
                reason = reason.replace(self.password, "…")
            raise Unavailable(f"{self.shown}: {reason}") from error
