"""Write transactions: each is applied once or not at all, tried again when that is safe, and leaves nothing half done.

An attempt can end in three ways. It raises before COMMIT is sent: nothing of it will ever be visible, and after a
conflict, or once if the connection turned out to be dead, it is tried again from the start. It returns: it is durable.
Or the connection is lost while it commits: then the server is asked. Each transaction leaves a row with its id and the
time of its making, which no other transaction has, not even one of another server that took over and counts on from a
lower id. The row is there: it is durable. The server says it was aborted: it is tried again. It is still running: asked
again after a pause. Otherwise the caller gets Unavailable and does not know, which is the one case where that is so;
writing the same again is harmless then, since writing what is there and deleting what is not change nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar

import asyncpg

from model.errors import AuthzError, ErrorCode, LimitExceeded, StorageFailed, Unavailable
from model.snapshot import Snapshot
from storage.base import AttributeFilter, Changeset, TupleFilter
from storage.postgres.changes import apply_changesets, expire_matching
from storage.postgres.faults import LOST_CONNECTION
from storage.postgres.locks import NO_LOCKS, TAKE, Locks, locks_on_keys, locks_on_tenant
from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from storage.postgres.snapshots import snapshot_of, snapshot_with, trimmed
from storage.storable import ensure_no_nul

T = TypeVar("T")
Work = Callable[[asyncpg.Connection], Awaitable[T]]
"""What a transaction does; done again from the start in each attempt."""

# The snapshot is that of a statement which began when all locks were held, so it sees all who held them before.
_RECORD = (
    "INSERT INTO ringward.transactions (tenant) VALUES ($1) RETURNING id, created_at, pg_current_snapshot() AS taken"
)
_OUTCOME = """
SELECT EXISTS (SELECT FROM ringward.transactions WHERE tenant = $1 AND id = $2 AND created_at = $3) AS is_there,
    CASE WHEN pg_is_in_recovery() THEN 'in progress'
        WHEN $2 < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status($2)
        ELSE 'aborted' END AS status
"""
_CONFLICTS = (asyncpg.TransactionRollbackError, asyncpg.UniqueViolationError)  # deadlocks are of the former
_FIRST_PAUSE_S = 0.02
_MOST_DOUBLINGS = 5
# Takes new pages and gives them back, so it fails if there are none.
_TRY_DISK = """
SAVEPOINT trial;
INSERT INTO ringward.tenants (id, name) SELECT gen_random_uuid()::text, string_agg(gen_random_uuid()::text, '')
FROM generate_series(1, 1000);
ROLLBACK TO SAVEPOINT trial
"""
_MOST_QUESTIONS = 8  # about two seconds with their pauses
_RETRY_AFTER_S = 1.0


class _Record(NamedTuple):
    """A transaction's row in the table of transactions."""

    tenant: str
    id: int
    created_at: datetime


class Writer:
    """Runs transactions on the server that takes writes.

    Only so many hold a connection at a time that writers who wait for each other's locks leave half of them for reading
    the head. announce is told the tenant of each transaction that went on record. pause and chance (0 to 1) are given
    by tests.
    """

    def __init__(
        self,
        pool: Pool,
        settings: PostgresSettings,
        *,
        announce: Callable[[str], object],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._pool = pool
        self._most_waiting = settings.most_waiting
        self._max_retries = settings.max_retries
        self._turns = asyncio.Semaphore(max(1, settings.most_connections // 2))
        self._waiting = 0
        self._has_met_full_disk = False
        self._announce = announce
        self._pause = pause
        self._chance = chance

    async def write(self, tenant: str, changesets: Sequence[Changeset]) -> Snapshot:
        """See DataWriter. Raises as ``commit``, and InvalidRequest (VALIDATION) for names that cannot be stored."""
        ensure_no_nul(changesets)

        async def work(connection: asyncpg.Connection) -> None:
            await apply_changesets(connection, tenant, changesets)

        return await self.commit(tenant, locks_on_keys(tenant, changesets), work)

    async def delete(self, tenant: str, tuples: TupleFilter | None, attributes: AttributeFilter | None) -> Snapshot:
        """See DataWriter. Raises as ``commit``."""

        async def work(connection: asyncpg.Connection) -> None:
            for where in (tuples, attributes):
                if where is not None:
                    await expire_matching(connection, tenant, where)

        return await self.commit(tenant, locks_on_tenant(tenant), work)

    async def commit(self, tenant: str, locks: Locks, work: Work[object]) -> Snapshot:
        """Do work in a transaction that is on record and moves the head; the snapshot that sees it.

        Raises what ``Pool.transaction`` and the work raise, LimitExceeded if too many are waiting, and Unavailable
        (ERROR_MAX_RETRIES) if every attempt met a conflict.
        """
        snapshot = await self._with_retries(lambda: self._attempt_on_record(tenant, locks, work))
        self._announce(tenant)
        return snapshot

    async def run(self, work: Work[T], locks: Locks = NO_LOCKS) -> T:
        """What ``work`` returns, once it is durable; for what is no part of snapshots. Raises as ``commit``.

        If the connection is lost while it commits, the caller gets Unavailable and does not know.
        """
        return await self._with_retries(lambda: self._attempt(locks, work))

    async def ensure_disk(self) -> None:
        """Return unless a transaction met a full disk and there still is no room. Raises as ``run``, so StorageFailed.

        A disk never met full is not tried, since that costs a transaction.
        """
        if self._has_met_full_disk:
            await self.run(_try_disk)
            self._has_met_full_disk = False

    async def _attempt(self, locks: Locks, work: Work[T]) -> T:
        is_worked = False
        try:
            async with self._turn(), self._pool.transaction() as connection:
                if locks.keys:
                    await connection.execute(TAKE, *locks)
                result = await work(connection)
                is_worked = True
        except AuthzError as error:
            if is_worked and not _is_conflict(error):
                raise _in_doubt() from error
            raise
        return result

    async def _attempt_on_record(self, tenant: str, locks: Locks, work: Work[object]) -> Snapshot:
        record: _Record | None = None
        is_worked = False
        try:
            async with self._turn(), self._pool.transaction() as connection:
                await connection.execute(TAKE, *locks)
                ((number, created_at, taken),) = await connection.fetch(_RECORD, tenant)
                record = _Record(tenant, number, created_at)
                await work(connection)
                is_worked = True
        except AuthzError as error:
            if record is None or not is_worked or _is_conflict(error) or not await self._has_happened(record, error):
                raise
        return trimmed(snapshot_with(snapshot_of(taken), number), number)

    async def _has_happened(self, record: _Record, error: AuthzError) -> bool:
        """What became of a transaction that ended with an error while it committed. Raises Unavailable if unknown."""
        for question in range(_MOST_QUESTIONS):
            if question:
                await self._back_off(question)
            try:
                ((is_there, status),) = await self._pool.fetch(_OUTCOME, *record)
            except (Unavailable, StorageFailed):  # the server may be on its way back
                continue
            if is_there or status == "aborted":
                return bool(is_there)
        raise _in_doubt() from error

    async def _with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        conflicts = losses = 0
        while True:
            try:
                return await attempt()
            except (Unavailable, StorageFailed) as error:
                self._has_met_full_disk |= isinstance(error.__cause__, asyncpg.DiskFullError)
                if _is_conflict(error):
                    conflicts += 1
                elif isinstance(error.__cause__, LOST_CONNECTION) and not losses:
                    losses += 1
                    continue
                else:
                    raise
                if conflicts > self._max_retries:
                    raise Unavailable(
                        f"the write met others on the same data {conflicts} times", ErrorCode.ERROR_MAX_RETRIES
                    ) from error
            await self._back_off(conflicts)

    async def _back_off(self, attempts: int) -> None:
        """Longer after each attempt, and by chance, so that two who met do not meet again."""
        pause_s = _FIRST_PAUSE_S * 2 ** min(attempts, _MOST_DOUBLINGS)
        await self._pause(pause_s * (0.5 + self._chance()))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= self._most_waiting:
            raise LimitExceeded(f"{self._waiting} writes are waiting already", retry_after_s=_RETRY_AFTER_S)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()


async def _try_disk(connection: asyncpg.Connection) -> None:
    await connection.execute(_TRY_DISK)


def _is_conflict(error: AuthzError) -> bool:
    return isinstance(error.__cause__, _CONFLICTS)


def _in_doubt() -> Unavailable:
    return Unavailable(
        "the connection was lost while committing; the write may or may not have happened", ErrorCode.DATASTORE
    )
