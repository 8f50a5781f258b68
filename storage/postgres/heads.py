"""The head: one live snapshot, shared by everybody who was already waiting when its reading began.

At most one read runs. Who arrives while it runs must not have its result, since a write may have been acknowledged
between the two; so all who arrive meanwhile gather, and the next read serves them together, whatever their tenants.

No task of its own does the reading: one of those waiting leads, reads for its whole round, and hands the lead to the
round that has gathered meanwhile. A leader who is cancelled puts the rest of its round back to those gathering: a read
that begins later is as good for them. The lead is always held by one running caller, or by a waiter it was given to who
has not yet run, or by nobody when nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from model.errors import AuthzError, ErrorCode, InvalidRequest, Unavailable
from storage.base import Head
from storage.postgres.pools import Pool
from storage.postgres.snapshots import snapshot_of, trimmed

_STATEMENT = """
SELECT
    wanted.tenant,
    pg_current_snapshot() AS snapshot,
    pg_is_in_recovery() AS is_standby,
    (SELECT id FROM ringward.transactions ORDER BY id DESC LIMIT 1) AS newest,
    (SELECT version FROM ringward.schemas s WHERE s.tenant = wanted.tenant ORDER BY sequence DESC LIMIT 1) AS version
FROM unnest($1::text[]) AS wanted (tenant)
"""

_Heads = Mapping[str, Head]
_Round = dict["asyncio.Future[_Heads | None]", str]  # who waits, for the head of which tenant; None gives the lead


class Heads:
    """Reads heads from the server that takes writes: only there is what was acknowledged sure to be seen."""

    def __init__(self, writer: Pool) -> None:
        self._writer = writer
        self._gathering: _Round = {}
        self._is_led = False

    async def head(self, tenant: str) -> Head:
        """The newest state of a tenant, by a read that began after the call. Raises as ``Pool.fetch``.

        Raises Unavailable too if the server turns out to be a standby, whose snapshots are not exact.
        """
        tenant = _searchable(tenant)
        if self._is_led:
            heads = await self._wait(tenant)
            if heads is not None:
                return heads[tenant]
        self._is_led = True
        return (await self._lead(tenant))[tenant]

    def __repr__(self) -> str:
        return f"Heads({len(self._gathering)} waiting, {'reading' if self._is_led else 'idle'})"

    async def _wait(self, tenant: str) -> _Heads | None:
        waiter: asyncio.Future[_Heads | None] = asyncio.get_running_loop().create_future()
        self._gathering[waiter] = tenant
        try:
            return await waiter
        except asyncio.CancelledError:
            self._gathering.pop(waiter, None)
            if _holds_lead(waiter):  # given in the moment of being cancelled
                self._pass_lead()
            raise

    async def _lead(self, tenant: str) -> _Heads:
        round_, self._gathering = self._gathering, {}
        try:
            heads = await self._read({tenant, *round_.values()})
        except AuthzError as error:
            _settle(round_, error)
            raise
        except BaseException:
            self._gathering = {waiter: name for waiter, name in round_.items() if not waiter.done()} | self._gathering
            raise
        else:
            _settle(round_, heads)
            return heads
        finally:
            self._pass_lead()

    def _pass_lead(self) -> None:
        """To the first who still waits."""
        self._is_led = False
        while self._gathering and not self._is_led:
            waiter = next(iter(self._gathering))
            del self._gathering[waiter]
            if not waiter.done():  # cancelled, but not yet run to leave by itself
                waiter.set_result(None)
                self._is_led = True

    async def _read(self, tenants: set[str]) -> _Heads:
        rows = await self._writer.fetch(_STATEMENT, sorted(tenants))
        if rows[0]["is_standby"]:
            raise Unavailable("the database that should take writes is a standby now", ErrorCode.EXECUTION)
        snapshot = trimmed(snapshot_of(rows[0]["snapshot"]), rows[0]["newest"] or 0)
        return {row["tenant"]: Head(snapshot, row["version"] or "") for row in rows}


def _settle(round_: _Round, outcome: _Heads | AuthzError) -> None:
    for waiter in round_:
        if waiter.done():
            continue
        if isinstance(outcome, AuthzError):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)


def _holds_lead(waiter: asyncio.Future[_Heads | None]) -> bool:
    return waiter.done() and not waiter.cancelled() and waiter.exception() is None and waiter.result() is None


def _searchable(tenant: str) -> str:
    """A name the database can be asked for, else it would fail everybody who asks in the same round."""
    try:
        tenant.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{tenant[:200]!r} is not valid Unicode text", ErrorCode.VALIDATION) from error
    return "" if "\0" in tenant else tenant  # nothing is stored under either
