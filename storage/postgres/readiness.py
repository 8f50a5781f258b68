"""Whether a database can be served from: the server's version, the tables' version, the counter of transaction ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from asyncpg import Record

from model.errors import StorageFailed
from storage.postgres import steps

Fetch = Callable[[str], Awaitable[Sequence[Record]]]
"""Runs one statement and gives its rows; raises our errors."""

OLDEST_SERVER = 13

NEWER_TABLES = (
    "the database is at migration {found}, and this version of ringward knows none beyond {known}; run the version that"
    " brought it there, or go back with that version's `ringward migrate down --target {known}`"
)

COUNTER = """
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS next_id,
           GREATEST((SELECT id::text::numeric FROM ringward.transactions ORDER BY id DESC LIMIT 1),
                    (SELECT id::text::numeric FROM ringward.deletions_of_tenants ORDER BY id DESC LIMIT 1),
                    (SELECT pg_snapshot_xmax(snapshot)::text::numeric - 1 FROM ringward.horizon)) AS newest_id
"""
"""The id the server gives next, and the newest one stored.

Rows whose transaction is no longer listed were collected, so they lie behind the horizon.
"""


async def ensure_ready(fetch: Fetch) -> None:
    """Raise StorageFailed, saying what to do, for a database that would be answered from wrongly or not at all."""
    ((server,),) = await fetch("SELECT current_setting('server_version_num')")
    ensure_server_supported(int(server))
    await _ensure_tables(fetch)
    await _ensure_counter(fetch)


def ensure_server_supported(version: int) -> None:
    """Raise StorageFailed for a server too old; version as PostgreSQL numbers it, 150018 for 15.18."""
    if version < OLDEST_SERVER * 10_000:
        raise StorageFailed(
            f"PostgreSQL {version // 10_000} is too old: ringward needs {OLDEST_SERVER} or newer, whose snapshots of"
            " 64-bit transaction ids it keeps"
        )


async def has_current_tables(fetch: Fetch) -> bool:
    """True if the tables are of this version, so that there is nothing to migrate."""
    return await _tables(fetch) == max(steps.files_by_number())


async def _tables(fetch: Fetch) -> int:
    """The number of the newest step of migration applied, 0 for none."""
    ((found,),) = await fetch("SELECT to_regclass('ringward.alembic_version') IS NOT NULL")
    versions = await fetch("SELECT version_num FROM ringward.alembic_version") if found else ()
    return int(versions[0][0]) if versions else 0


async def _ensure_tables(fetch: Fetch) -> None:
    current, known = await _tables(fetch), max(steps.files_by_number())
    if current < known:
        raise StorageFailed(
            f"the database is at migration {current} of {known}; run `ringward migrate up`, or start with"
            " database.auto_migrate"
        )
    if current > known:
        raise StorageFailed(NEWER_TABLES.format(found=current, known=known))


async def _ensure_counter(fetch: Fetch) -> None:
    """After a restore from a dump the server counts from a lower id: what is stored would come from the future."""
    ((next_id, newest_id),) = await fetch(COUNTER)
    if int(newest_id) >= int(next_id):
        raise StorageFailed(
            f"the database was restored from a dump: it holds transaction {newest_id}, and the server is at {next_id},"
            " so what was written would be invisible; run `ringward repair datastore`"
        )
