"""The open connections to one server, used most recent first.

Of our own rather than the driver's pool, whose acquire and release measured 125 µs of CPU where a small read takes
100 µs as a whole; it also does not bound a connection's age. Everything but opening and closing is synchronous.

Nothing is ever set on a connection that would have to be taken back: that saves a round trip after each use, and lets a
pooler give each transaction another connection.
"""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import suppress
from typing import Any

import asyncpg

from model.errors import Misconfigured
from storage.postgres.faults import FOREIGN_ERRORS
from storage.postgres.settings import PostgresSettings

_GOODBYE_S = 1.0
_PROBES, _PROBES_APART_S = 3, 5
_STATEMENTS_KEPT = 256  # prepared per connection: the fixed ones and the forms of filters in use
_SESSION = {
    "application_name": "ringward",
    "jit": "off",  # compiling costs more than the longest of our statements takes
    "max_parallel_workers_per_gather": "0",  # starting workers costs more too
    "plan_cache_mode": "force_generic_plan",  # our plans do not depend on the values; planning each time costs 1 ms
}


class Connection(asyncpg.Connection):
    """A connection that knows since when it is idle and when it is to be replaced, both in the loop's time."""

    __slots__ = ("idle_since", "replace_at")

    idle_since: float
    replace_at: float

    @property
    def socket(self) -> socket.socket:
        """What it speaks through."""
        found: socket.socket = self._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # the driver has no other way
        return found


class Connections:
    """Idle connections of one server, and the way to open more. Whoever takes one brings it back, or says it is lost.

    opened: how many were.

    One that has been idle for long is closed by a timer, down to the least number wanted; one that is old is closed
    when it comes back.
    """

    def __init__(self, uri: str, settings: PostgresSettings) -> None:
        self._uri = uri
        self._settings = settings
        period_s = max(1, round(settings.health_check_period_s))
        self._probes_s = period_s, min(period_s, _PROBES_APART_S)
        self._idle: list[Connection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._taken = 0
        self.opened = 0

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self._taken

    @property
    def idle(self) -> int:
        """How many are not."""
        return len(self._idle)

    async def take(self) -> Connection:
        """The connection used last of those idle, or a new one.

        Raises what the driver raises, and Misconfigured for an address that cannot be read.
        """
        self._taken += 1
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await self._open()
        except BaseException:
            self._taken -= 1
            raise

    def bring_back(self, connection: Connection) -> None:
        """Take back a connection that is in no transaction and waits for nothing; closed ones are welcome too."""
        self._taken -= 1
        if connection.is_closed():
            return
        now_s = asyncio.get_running_loop().time()
        if self._is_closed or now_s >= connection.replace_at:
            connection.terminate()
            return
        connection.idle_since = now_s
        self._idle.append(connection)
        if self._timer is None:
            self._set_timer()

    async def close(self) -> None:
        """Close those idle, and from now on each that is brought back. Idempotent."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            connection = self._idle.pop()
            try:
                with suppress(*FOREIGN_ERRORS):  # gone already is as good
                    await connection.close(timeout=_GOODBYE_S)
            finally:
                connection.terminate()

    async def _open(self) -> Connection:
        settings = self._settings
        options: dict[str, Any] = (  # the driver's overloads take no more than one form
            {"statement_cache_size": 0}
            if settings.is_behind_pooler
            else {"statement_cache_size": _STATEMENTS_KEPT, "server_settings": {**_SESSION, **self._probes_of_server()}}
        )
        try:
            connection = await asyncpg.connect(
                self._uri,
                timeout=settings.connect_timeout_s,
                command_timeout=settings.statement_timeout_s,
                max_cached_statement_lifetime=0,
                connection_class=Connection,
                **options,
            )
        except OSError:  # a certificate that is not trusted is a ValueError too
            raise
        except ValueError as error:  # the driver's reading of the address, whose text may quote a part of the password
            raise Misconfigured("the address of the database cannot be read") from error
        self.opened += 1
        self._probe_while_silent(connection)
        lifetime_s = settings.lifetime_s + random.uniform(0, settings.lifetime_jitter_s)  # noqa: S311 - no secret
        connection.replace_at = asyncio.get_running_loop().time() + lifetime_s
        return connection

    def _probes_of_server(self) -> dict[str, str]:
        """Have the server find out the same of us, else it keeps what we held for two hours and our places with it."""
        period_s, apart_s = self._probes_s
        return {
            "tcp_keepalives_idle": str(period_s),
            "tcp_keepalives_interval": str(apart_s),
            "tcp_keepalives_count": str(_PROBES),
            "tcp_user_timeout": str(1000 * (period_s + _PROBES * apart_s)),  # of what it sent last, never probed for
        }

    def _probe_while_silent(self, connection: Connection) -> None:
        """Have the kernel find out when the other end has vanished without a word, even while nobody uses it."""
        network = connection.socket
        period_s, apart_s = self._probes_s
        if network.family in {socket.AF_INET, socket.AF_INET6} and hasattr(socket, "TCP_KEEPIDLE"):
            network.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            network.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, period_s)
            network.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, apart_s)
            network.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._settings.idle_s, self._close_unused)

    def _close_unused(self) -> None:
        """Close what lay idle for the whole time, from the bottom of the stack, where it has lain longest."""
        unused_since = asyncio.get_running_loop().time() - self._settings.idle_s
        while len(self._idle) + self._taken > self._settings.least_connections and self._idle:
            if self._idle[0].idle_since > unused_since and not self._idle[0].is_closed():
                break
            self._idle.pop(0).terminate()
        self._timer = None
        if len(self._idle) + self._taken > self._settings.least_connections and self._idle:
            self._set_timer()
