"""Bringing the server's counter of transaction ids beyond those stored, after a restore from a dump.

A dump carries the rows with the ids of the transactions that made them, but not the counter these came from. On a
server that counts from a lower number such rows belong to transactions that have not begun: they are invisible, and
would appear one by one as the counter reaches them. Using up ids until the counter is past them makes everything as it
was; the data stays untouched.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg

from model.errors import DeadlineExceeded, ErrorCode, Unavailable
from storage.postgres.connecting import open_connection
from storage.postgres.faults import FOREIGN_ERRORS, fault_of
from storage.postgres.readiness import COUNTER
from storage.postgres.settings import PostgresSettings

MARGIN = 1000
"""How far beyond the newest id the counter is brought; tokens that clients hold may lie a little ahead of it."""

LIMIT_S = 1800.0
"""How long one repair may take; another one goes on from where it ended."""

ID_S = 10e-6
"""About how long using up one id takes: 10 µs, measured over loopback on two cores."""

_IDS_PER_EPOCH = 2**32


class Counter(NamedTuple):
    """next_id: what the server gives to the next transaction. newest_id: the newest one stored."""

    next_id: int
    newest_id: int

    @property
    def is_behind(self) -> bool:
        """True if what is stored would come from the future."""
        return self.newest_id >= self.next_id

    @property
    def missing(self) -> int:
        """How many ids are to be used up until the counter is as far as it should be."""
        return max(0, self.newest_id + MARGIN + 1 - self.next_id)

    @property
    def epoch_beyond(self) -> int:
        """The epoch that, given to ``pg_resetwal --epoch``, brings the counter beyond every id stored at once."""
        return self.newest_id // _IDS_PER_EPOCH + 1


class Repair:
    """The repair of one database, over one connection at a time.

    batch_size: ids used up by one statement; larger saves round trips, smaller reports more often. retries: how often
    a lost connection is opened again.
    """

    def __init__(
        self,
        settings: PostgresSettings,
        *,
        batch_size: int = 1000,
        retries: int = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._batch_size = batch_size
        self._retries = retries
        self._clock = clock

    async def examine(self) -> Counter:
        """How the counter stands. Raises StorageFailed, Unavailable."""
        async with self._connection() as connection:
            ((next_id, newest_id),) = await connection.fetch(COUNTER)
        return Counter(int(next_id), int(newest_id))

    async def run(self, report: Callable[[Counter], None]) -> Counter:
        """Use up ids until none is missing; the counter at the end. report is told of it after each batch.

        A counter that is not behind is left alone. Raises DeadlineExceeded after ``LIMIT_S``, Unavailable once the
        connection was lost too often.
        """
        ends_at = self._clock() + LIMIT_S
        counter = await self.examine()
        if not counter.is_behind:
            return counter
        retries_left = self._retries
        while counter.missing:
            try:
                async with self._connection() as connection:
                    while counter.missing:
                        _ensure_time(self._clock() < ends_at, counter)
                        counter = await self._use_up(connection, counter)
                        report(counter)
            except Unavailable:
                if not retries_left:
                    raise
                retries_left -= 1
        return counter

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await open_connection(self._settings)
        try:
            yield connection
        except FOREIGN_ERRORS as error:
            raise fault_of(error, place="PostgreSQL", code=ErrorCode.DATASTORE) from error
        finally:
            connection.terminate()

    async def _use_up(self, connection: asyncpg.Connection, counter: Counter) -> Counter:
        """One statement of as many transactions as a batch has ids; they write nothing, so none waits for the disk."""
        ids = min(self._batch_size, counter.missing)
        await connection.execute(
            f"DO $$ BEGIN FOR _ IN 1..{ids} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )
        next_id = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric")
        return counter._replace(next_id=int(next_id))


def _ensure_time(is_left: bool, counter: Counter) -> None:
    if not is_left:
        raise DeadlineExceeded(f"{counter.missing} transaction ids are still missing; run the repair again to go on")
