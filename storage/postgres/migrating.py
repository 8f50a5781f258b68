"""Bringing a database's tables from version to version, by Alembic's steps.

All steps of one call run in one transaction, which holds an advisory lock from its beginning to its end. So of nodes
that start at once one migrates, and the others wait and find it done; a step that fails leaves everything as it was
before the first; and behind pgbouncer in transaction mode the lock stays with the connection that does the work.

Beside Alembic's own note of the version, ``ringward.migrations`` keeps when each step was applied.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from model.errors import AuthzError, ErrorCode, InvalidRequest, StorageFailed, Unavailable
from storage.postgres import steps
from storage.postgres.faults import fault_of
from storage.postgres.readiness import NEWER_TABLES, ensure_server_supported

Connect = Callable[[], Awaitable[asyncpg.Connection]]
"""Opens a connection to the server that is written to; raises our errors."""

LATEST = 0

_LOCK = 0x72696E6777617264  # "ringward" in bytes; the key space of advisory locks is shared by the whole database


class Step(NamedTuple):
    """One step of migration. applied_at is None if the database does not have it."""

    number: int
    file: str
    applied_at: datetime | None


class Migrations:
    """The steps of one database. Alembic keeps its place in module globals: one database at a time per process.

    patience_s: how long to wait for another node that is migrating, and for others' locks on the tables. Longer
    survives slow steps on large tables, shorter tells sooner that something is in the way.
    """

    def __init__(self, connect: Connect, *, patience_s: float = 60.0, folder: Path = steps.FOLDER) -> None:
        self._connect = connect
        self._patience_s = patience_s
        self._folder = folder
        self._files = steps.files_by_number(folder)

    async def up(self, target: int = LATEST) -> Sequence[Step]:
        """Apply the steps up to a number, 0 meaning all; those applied now, in order.

        Raises InvalidRequest for a number there is not, StorageFailed if the database is newer than this version or a
        step fails, Unavailable if the database cannot be reached or another node takes too long.
        """
        return await self._run(lambda connection: self._upgrade(connection, target))

    async def down(self, target: int = 0) -> Sequence[Step]:
        """Take back the steps above a number, 0 meaning the newest one; those taken back, newest first.

        What the steps had made goes with its data. Raises as ``up`` does.
        """
        return await self._run(lambda connection: self._downgrade(connection, target))

    async def reset(self) -> Sequence[Step]:
        """Take back all steps, all data included; those taken back, newest first. Raises as ``up`` does."""
        return await self._run(self._downgrade_all)

    async def status(self) -> Sequence[Step]:
        """Every step this version knows, in order. Changes nothing and waits for nobody. Raises as ``up`` does."""
        async with self._transaction() as connection:
            return await connection.run_sync(self._steps)

    async def wait(self, most_s: float, *, pause_s: float = 1.0) -> None:
        """Return once all steps are applied, by whomever; changes nothing.

        Raises Unavailable if the database cannot be reached for so long, StorageFailed if steps are missing for so long
        or, at once, if the database is newer than this version.
        """
        end_s = asyncio.get_running_loop().time() + most_s
        while True:
            late: AuthzError
            try:
                missing = [step for step in await self.status() if step.applied_at is None]
                if not missing:
                    return
                late = StorageFailed(f"migrations are not applied yet, {missing[0].file} the first of {len(missing)}")
            except Unavailable as error:
                late = error
            if asyncio.get_running_loop().time() + pause_s > end_s:
                raise late
            await asyncio.sleep(pause_s)

    async def _run(self, work: Callable[[Connection], Sequence[Step]]) -> Sequence[Step]:
        async with self._transaction() as connection:
            patience = f"{int(self._patience_s * 1000)}ms"
            await connection.execute(text(f"SET LOCAL lock_timeout = '{patience}'"))
            await connection.execute(text("SET LOCAL statement_timeout = 0"))  # a role's own would cut long steps short
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            return await connection.run_sync(work)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """READ COMMITTED, so that what is read after waiting for the lock is what its last holder left."""
        engine = create_async_engine(
            "postgresql+asyncpg://",
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
            connect_args={
                "async_creator_fn": self._connect,
                "prepared_statement_cache_size": 0,
                # pgbouncer hands on connections with the statements others prepared: ours must not have their names
                "prepared_statement_name_func": lambda: f"ringward_{uuid.uuid4().hex}",
            },
        )
        try:
            async with engine.begin() as connection:
                ensure_server_supported(int((await connection.execute(text("SHOW server_version_num"))).scalar_one()))
                yield connection
        except DBAPIError as error:
            raise _ours(error) from error
        finally:
            await engine.dispose()

    # --- with SQLAlchemy's own connection, as Alembic wants it ---

    def _upgrade(self, connection: Connection, target: int) -> Sequence[Step]:
        before = self._current(connection)
        goal = target or max(self._files)
        self._ensure_known(goal)
        if goal <= before:
            return ()
        _ensure_ledger(connection)
        command.upgrade(self._config(connection), steps.revision_of(goal))
        return [step for step in self._steps(connection) if before < step.number <= goal]

    def _downgrade(self, connection: Connection, target: int) -> Sequence[Step]:
        before = self._current(connection)
        if target == 0:
            return self._downgrade_to(connection, before, max(before - 1, 0))
        self._ensure_known(target)
        if target > before:
            raise InvalidRequest(f"the database is at {before}, so it cannot go down to {target}")
        return self._downgrade_to(connection, before, target)

    def _downgrade_all(self, connection: Connection) -> Sequence[Step]:
        return self._downgrade_to(connection, self._current(connection), 0)

    def _downgrade_to(self, connection: Connection, before: int, goal: int) -> Sequence[Step]:
        removed = [step for step in reversed(self._steps(connection)) if goal < step.number <= before]
        if removed:
            command.downgrade(self._config(connection), steps.revision_of(goal) if goal else "base")
        return removed

    def _steps(self, connection: Connection) -> Sequence[Step]:
        current = self._current(connection)
        times: dict[int, datetime] = {}
        if current:
            times = {row.number: row.applied_at for row in connection.execute(text("TABLE ringward.migrations"))}
        return [Step(number, file, times.get(number)) for number, file in self._files.items()]

    def _current(self, connection: Connection) -> int:
        """The number of the newest step applied, 0 for none. Raises StorageFailed if this version does not know it."""
        context = MigrationContext.configure(connection, opts={"version_table_schema": "ringward"})
        current = int(context.get_current_revision() or 0)
        if current and current not in self._files:
            raise StorageFailed(NEWER_TABLES.format(found=current, known=max(self._files)))
        return current

    def _ensure_known(self, number: int) -> None:
        if number not in self._files:
            raise InvalidRequest(f"there is no migration {number}; they go from 1 to {max(self._files)}")

    def _config(self, connection: Connection) -> Config:
        config = Config(attributes={"connection": connection, "note": _note})
        config.set_main_option("script_location", _escaped(steps.FOLDER.parent))
        config.set_main_option("version_locations", _escaped(self._folder))
        config.set_main_option("path_separator", "newline")
        return config


def _ensure_ledger(connection: Connection) -> None:
    """Make the schema if it is not there, which a role that may not create schemas can have done for it."""
    if connection.execute(text("SELECT to_regnamespace('ringward') IS NULL")).scalar_one():
        connection.execute(text("CREATE SCHEMA ringward"))
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS ringward.migrations"
            " (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
    )


def _note(*, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
    """Alembic's callback: a step was applied or taken back."""
    statement = (
        "INSERT INTO ringward.migrations (number) VALUES (:number)"
        if step.is_upgrade
        else "DELETE FROM ringward.migrations WHERE number = :number"
    )
    if ctx.connection is None:
        raise TypeError("steps are applied over a connection")
    ctx.connection.execute(text(statement), {"number": int(step.up_revision_ids[0])})


def _escaped(path: Path) -> str:
    """A path as Alembic's configuration wants it, which gives a meaning to percent signs."""
    return str(path).replace("%", "%%")


def _ours(error: DBAPIError) -> AuthzError:
    """Our error for one of SQLAlchemy's, which wraps its adapter's, which wraps the driver's."""
    cause = error.orig.__cause__ if error.orig else None
    if isinstance(cause, asyncpg.LockNotAvailableError):
        return Unavailable("another node is migrating the database, or something else holds its tables, for too long")
    if isinstance(cause, asyncpg.InsufficientPrivilegeError):
        return StorageFailed(
            "the user of the database may not do what a migration needs; it must own the schema ringward"
        )
    return fault_of(cause or error, place="PostgreSQL", code=ErrorCode.DATASTORE)
