"""Who waits for the next commit of which tenant, and how the nodes that share a database wake each other.

A waiter first puts itself on the list and then looks whether the commit is there. It is woken by the first of: a commit
of its own node; a notification from another node; the poll, which asks for all who wait, once in a while, and so finds
what no notification told of: behind a pooler none arrive, and none do while the connection for them is lost.

Notifications are sent after the commit and not by it. PostgreSQL lets only one transaction at a time commit with a
notification, the wait for its disk included, so all writers of all nodes would queue for it. Sent apart, one statement
tells of all that has come meanwhile. A node that dies between the two leaves it to the polls of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from hashlib import blake2b

import asyncpg
import structlog

from model.errors import AuthzError, ErrorCode, Unavailable
from model.snapshot import Snapshot
from storage.postgres.faults import FOREIGN_ERRORS
from storage.postgres.pools import Pool
from storage.postgres.snapshots import snapshot_of, wire_of

log = structlog.get_logger(__name__)

CHANNEL = "ringward_changes"

_NOTIFY = f"SELECT pg_notify('{CHANNEL}', digest) FROM unnest($1::text[]) AS told (digest)"  # noqa: S608 - a constant
_HAVE_COME = """
SELECT (SELECT snapshot FROM ringward.horizon) AS horizon, EXISTS (
    SELECT FROM ringward.transactions
    WHERE tenant = waiting.tenant AND id >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(id, since)
) AS has_come
FROM unnest($1::text[], $2::pg_snapshot[]) WITH ORDINALITY AS waiting (tenant, since, place) ORDER BY place
"""
_POLL_S = 1.0
_LONGEST_PAUSE_S = 30.0


@dataclass(eq=False, slots=True)
class _Waiter:
    tenant: str
    since: Snapshot
    woken: asyncio.Event


class Arrivals:
    """The waiters of one node. Used from one event loop.

    connect opens one connection outside the pools, for notifications to arrive on; it is opened with the first waiter,
    and again whenever it is lost. poll_s: how often those who wait are looked after without any notification.
    """

    def __init__(
        self, pool: Pool, *, connect: Callable[[], Awaitable[asyncpg.Connection]], poll_s: float = _POLL_S
    ) -> None:
        self._pool = pool
        self._connect = connect
        self._poll_s = poll_s
        self._waiting: dict[str, set[_Waiter]] = {}  # by digest
        self._untold: set[str] = set()
        self._has_untold = asyncio.Event()
        self._has_waiters = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._is_closed = False

    async def wait(self, tenant: str, since: Snapshot, has_come: Callable[[], Awaitable[bool]]) -> None:
        """Return once ``has_come``, or a commit of the tenant after the snapshot is announced; sooner at times.

        Raises what ``has_come`` raises, Unavailable once closed.
        """
        self._ensure_open()
        with self._entered(tenant, since) as waiter:
            if not await has_come():
                await waiter.woken.wait()
        self._ensure_open()

    def announce(self, tenant: str) -> None:
        """Tell all nodes of a commit of the tenant, this one at once."""
        digest = _digest_of(tenant)
        self._wake(digest)
        self._untold.add(digest)
        self._has_untold.set()
        self._start()

    async def close(self) -> None:
        """Wake everybody, and end what runs; nobody waits from now on. Idempotent."""
        self._is_closed = True
        for digest in self._waiting:
            self._wake(digest)
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def __repr__(self) -> str:
        return f"Arrivals({len(self._waiting)} tenants waited for)"

    @contextmanager
    def _entered(self, tenant: str, since: Snapshot) -> Iterator[_Waiter]:
        digest = _digest_of(tenant)
        waiter = _Waiter(tenant, since, asyncio.Event())
        waiting = self._waiting.setdefault(digest, set())
        waiting.add(waiter)
        self._has_waiters.set()
        self._start()
        try:
            yield waiter
        finally:
            waiting.discard(waiter)
            if not waiting:
                del self._waiting[digest]
            if not self._waiting:
                self._has_waiters.clear()

    def _wake(self, digest: str) -> None:
        for waiter in self._waiting.get(digest, ()):
            waiter.woken.set()

    def _ensure_open(self) -> None:
        if self._is_closed:
            raise Unavailable("the store is closed", ErrorCode.EXECUTION)

    def _start(self) -> None:
        """Start what runs beside the callers. A store is opened and closed by calls, so its owner is this object."""
        if self._work is None and not self._is_closed:
            self._work = asyncio.get_running_loop().create_task(self._run(), context=Context())  # it serves many

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            group.create_task(self._poll())
            group.create_task(self._listen())

    async def _tell(self) -> None:
        while True:
            await self._has_untold.wait()
            self._has_untold.clear()
            untold, self._untold = self._untold, set()
            try:
                await self._pool.fetch(_NOTIFY, list(untold))
            except AuthzError as error:
                log.warning("other nodes will learn of changes by polling", reason=str(error))

    async def _poll(self) -> None:
        while True:
            await self._has_waiters.wait()
            await asyncio.sleep(self._poll_s)
            await self._look()

    async def _look(self) -> None:
        """Wake those for whom something has come, and those behind the horizon, who will be refused."""
        waiters = [waiter for waiting in self._waiting.values() for waiter in waiting if not waiter.woken.is_set()]
        if not waiters:
            return
        tenants = [waiter.tenant for waiter in waiters]
        try:
            rows = await self._pool.fetch(_HAVE_COME, tenants, [wire_of(waiter.since) for waiter in waiters])
        except AuthzError as error:
            log.warning("waiting for changes goes on without the database", reason=str(error))
            return
        for waiter, (horizon, has_come) in zip(waiters, rows, strict=True):
            if has_come or not waiter.since.covers(snapshot_of(horizon)):
                waiter.woken.set()

    async def _listen(self) -> None:
        """Keep a connection for notifications, as long as there is anybody to wake."""
        failures = 0
        while True:
            await self._has_waiters.wait()
            try:
                await self._listen_once()
                failures = 0
            except (AuthzError, *FOREIGN_ERRORS) as error:
                failures += 1
                log.warning("no notifications of changes, polling meanwhile", reason=str(error), failures=failures)
            await asyncio.sleep(min(self._poll_s * 2**failures, _LONGEST_PAUSE_S))

    async def _listen_once(self) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *message: self._wake(str(message[3])))
            await self._look()  # what came before notifications could
            await lost.wait()
        finally:
            connection.terminate()


def _digest_of(tenant: str) -> str:
    """What notifications call a tenant, of any length: what they carry is bounded."""
    return blake2b(tenant.encode(errors="surrogatepass"), digest_size=16).hexdigest()
