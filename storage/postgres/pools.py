"""Who may use a connection, for how long, and what becomes of it when something goes wrong.

Admission comes before the connections: whoever finds all of them taken waits, in order of arrival, and at most so many
may. A task holds at most one connection of all pools at any time, so nobody who holds one waits for another.

A caller who is cancelled while a statement runs has the server cancel it, and leaves at once. The connection is used
again only after the server has answered a ROLLBACK sent behind the cancellation, within a bound; else it is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

import asyncpg
import structlog

from model.errors import ErrorCode, LimitExceeded, StorageFailed, Unavailable
from storage.postgres.connections import Connection, Connections
from storage.postgres.counts import PoolCounts
from storage.postgres.faults import FOREIGN_ERRORS, LOST_CONNECTION, fault_of
from storage.postgres.settings import PostgresSettings

log = structlog.get_logger(__name__)

_CLEANUP_S = 2.0  # for the server to confirm that a statement is cancelled and its transaction undone
_RETRY_AFTER_S = 1.0
_LATER_S = 1.0  # than we do ourselves, the server gives up a statement

# The server ends what we cannot: were we to vanish without a word it would keep the transaction, and its locks, for
# hours. Between statements nothing takes us long. Set so, it reaches the server through a pooler too, and costs 10 µs.
_BEGIN = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = {statement_ms};
SET LOCAL idle_in_transaction_session_timeout = 10000
"""


class Pool:
    """The use of one server. Used from one event loop; ``place`` names the server in messages."""

    def __init__(self, connections: Connections, *, place: str, settings: PostgresSettings) -> None:
        self._connections = connections
        self._place = place
        self._settings = settings
        self._begin = _BEGIN.format(statement_ms=round(1000 * (settings.statement_timeout_s + _LATER_S)))
        self._places = asyncio.Semaphore(settings.most_connections)
        self._waiting = 0
        self._uses = self._waits = self._refused = 0
        self._waited_s = 0.0
        self._cleaning: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Lock()
        self._is_closed = False

    @classmethod
    async def open(cls, uri: str, *, place: str, settings: PostgresSettings) -> Self:
        """A pool over a server that answers, with its least connections open.

        Raises as ``fetch``, and Misconfigured for an address that cannot be read.
        """
        pool = cls(Connections(uri, settings), place=place, settings=settings)
        try:
            await pool.open_least()
        except BaseException:
            await pool.close()
            raise
        return pool

    async def open_least(self) -> None:
        """Have the least number of connections open. Raises as ``open``."""
        least = max(1, min(self._settings.least_connections, self._settings.most_connections))
        taken: list[Connection] = []
        try:
            for _ in range(least):
                taken.append(await self._connections.take())  # noqa: PERF401 - what is taken is brought back
        except FOREIGN_ERRORS as error:
            raise fault_of(error, place=self._place, code=ErrorCode.DATASTORE) from error
        finally:
            for connection in taken:
                self._connections.bring_back(connection)

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows of one statement, which must change nothing: it runs again if its connection turns out dead.

        Raises Unavailable, StorageFailed (EXECUTION), LimitExceeded if too many are waiting, InvalidRequest
        (VALIDATION) for text the database cannot hold.
        """
        try:
            async with self._connection(ErrorCode.EXECUTION) as connection:
                return await connection.fetch(statement, *arguments)
        except Unavailable as error:
            if not isinstance(error.__cause__, LOST_CONNECTION):
                raise
        async with self._connection(ErrorCode.EXECUTION) as connection:
            return await connection.fetch(statement, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a READ COMMITTED transaction, which commits if the block ends well and else undoes all of it.

        Raises as ``fetch``, with the code DATASTORE, and never runs again. What the driver raises inside the block
        becomes ours when it leaves the block; its cause is the driver's. Cancelled while it commits, it may have
        happened.
        """
        async with self._connection(ErrorCode.DATASTORE) as connection:
            await connection.execute(self._begin)
            yield connection
            await connection.execute("COMMIT")

    async def close(self) -> None:
        """Refuse new callers and those waiting, let those at work finish, then close all connections. Idempotent."""
        self._is_closed = True
        async with self._closing:  # two who take one place each after the other would wait for one another
            taken = 0
            try:
                for _ in range(self._settings.most_connections):
                    await self._places.acquire()
                    taken += 1
            finally:
                await self._connections.close()
                for _ in range(taken):
                    self._places.release()

    @property
    def counts(self) -> PoolCounts:
        """The figures at this moment."""
        connections = self._connections
        return PoolCounts(
            used=connections.taken,
            idle=connections.idle,
            most=self._settings.most_connections,
            waiting=self._waiting,
            opened=connections.opened,
            uses=self._uses,
            waits=self._waits,
            waited_s=self._waited_s,
            refused=self._refused,
        )

    def ensure_open(self, code: ErrorCode = ErrorCode.EXECUTION) -> None:
        """Raise Unavailable once ``close`` was called."""
        if self._is_closed:
            raise Unavailable("the store is closed", code)

    def __repr__(self) -> str:
        connections = self._connections
        return f"Pool({self._place}, {connections.taken} in use, {connections.idle} idle, {self._waiting} waiting)"

    @asynccontextmanager
    async def _connection(self, code: ErrorCode) -> AsyncIterator[Connection]:
        await self._admit(code)
        self._uses += 1
        try:
            connection = await self._connections.take()
        except BaseException as error:
            self._places.release()
            if isinstance(error, FOREIGN_ERRORS):
                raise fault_of(error, place=self._place, code=code) from error
            raise
        try:
            yield connection
        except asyncio.CancelledError:
            self._start_cleaning(connection)
            raise
        except BaseException as error:
            await asyncio.shield(self._start_cleaning(connection))
            if isinstance(error, FOREIGN_ERRORS):
                raise fault_of(error, place=self._place, code=code) from error
            raise
        else:
            self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        self._connections.bring_back(connection)
        self._places.release()

    def _start_cleaning(self, connection: Connection) -> asyncio.Task[None]:
        """The place of the connection stays taken until it is clean, so ``close`` waits for that too."""
        task = asyncio.get_running_loop().create_task(self._clean(connection))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)
        return task

    async def _clean(self, connection: Connection) -> None:
        """Leave a connection usable, or closed. The driver sends nothing more until a cancellation is over."""
        try:
            if not connection.is_closed():
                await connection.execute("ROLLBACK", timeout=_CLEANUP_S)
        except FOREIGN_ERRORS:  # what brought us here speaks
            connection.terminate()
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._give_back(connection)

    async def _admit(self, code: ErrorCode) -> None:
        self.ensure_open(code)
        if self._places.locked():
            await self._wait_for_place(code)
        else:
            await self._places.acquire()  # does not wait
        if self._is_closed:
            self._places.release()
            self.ensure_open(code)

    async def _wait_for_place(self, code: ErrorCode) -> None:
        if self._waiting >= self._settings.most_waiting:
            self._refused += 1
            raise LimitExceeded(
                f"{self._waiting} requests are waiting for the database already", retry_after_s=_RETRY_AFTER_S
            )
        self._waiting += 1
        self._waits += 1
        began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._settings.acquire_timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            self._refused += 1
            raise Unavailable(f"no connection to {self._place} became free in time", code) from error
        finally:
            self._waiting -= 1
            self._waited_s += asyncio.get_running_loop().time() - began_s


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools of a store; the same one twice if there is no separate reader."""

    writer: Pool
    reader: Pool

    @classmethod
    async def open(cls, settings: PostgresSettings) -> Self:
        """Both pools. A reader that does not answer now is asked again when it is needed. Raises as ``Pool.open``."""
        writer = await Pool.open(settings.writer_uri, place="PostgreSQL", settings=settings)
        if settings.reader_uri is None:
            return cls(writer, writer)
        patience = replace(settings, statement_timeout_s=settings.reader_timeout_s)
        pools = cls(writer, Pool(Connections(settings.reader_uri, patience), place="the replica", settings=patience))
        try:
            await pools.reader.open_least()
        except (Unavailable, StorageFailed) as error:
            log.warning("the replica cannot be used now", reason=str(error))
        except BaseException:
            await pools.close()
            raise
        return pools

    def __repr__(self) -> str:
        return repr(self.writer) if self.reader is self.writer else f"{self.writer!r}, {self.reader!r}"

    @property
    def counts(self) -> Mapping[str, PoolCounts]:
        """The figures of each at this moment, by what it is for."""
        writer = {"writer": self.writer.counts}
        return writer if self.reader is self.writer else {**writer, "reader": self.reader.counts}

    async def close(self) -> None:
        """Close both. Idempotent."""
        try:
            await self.reader.close()
        finally:
            await self.writer.close()
