"""Schema versions: an id that sorts by time for clients, a sequence that decides which is latest.

The id cannot decide: within one second it sorts by machine, not by time. Writers of one tenant's versions go one after
another, so the sequence is the order in which they committed.
"""

from __future__ import annotations

import asyncpg

from model.errors import Conflict
from storage.base import Page, PageRequest, SchemaRecord
from storage.postgres.locks import locks_on_schemas
from storage.postgres.pools import Pool
from storage.postgres.snapshots import LIVE
from storage.postgres.writer import Writer
from storage.tokens import bad_token, lower_bound_of, token_of

_LATEST = "SELECT version FROM ringward.schemas WHERE tenant = $1 ORDER BY sequence DESC LIMIT 1"
_INSERT = "INSERT INTO ringward.schemas (tenant, version, text, created_at) VALUES ($1, $2, $3, $4)"
_ONE = "SELECT version, text, created_at FROM ringward.schemas WHERE tenant = $1 AND version = $2"
_SEQUENCE = "SELECT sequence FROM ringward.schemas WHERE tenant = $1 AND version = $2"
_NEWEST_FIRST = """
SELECT sequence, version, text, created_at FROM ringward.schemas
WHERE tenant = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3
"""


async def insert_schema(writer: Writer, tenant: str, record: SchemaRecord, *, replacing: str | None) -> None:
    """Store a version, which becomes the latest. Raises Conflict if another than ``replacing`` is the latest now."""

    async def work(connection: asyncpg.Connection) -> None:
        latest = await connection.fetchval(_LATEST, tenant) or ""
        if replacing is not None and replacing != latest:
            raise Conflict(f"schema version {replacing!r} is not the latest any more, {latest!r} is")
        await connection.execute(_INSERT, tenant, record.version, record.text, record.created_at)

    await writer.run(work, locks_on_schemas(tenant))


async def schema_of(pool: Pool, tenant: str, version: str) -> SchemaRecord | None:
    """One version, or None."""
    rows = await pool.fetch(_ONE, tenant, version)
    return SchemaRecord(*rows[0]) if rows else None


async def schemas_page(pool: Pool, tenant: str, page: PageRequest) -> Page[SchemaRecord]:
    """Versions, newest first. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a token of no version here."""
    behind = await _sequence_of(pool, tenant, page.token) + 1 if page.token else LIVE
    rows = await pool.fetch(_NEWEST_FIRST, tenant, behind, page.size + 1)
    next_token = token_of(rows[page.size]["version"]) if len(rows) > page.size else ""
    return Page([SchemaRecord(*row[1:]) for row in rows[: page.size]], next_token)


async def _sequence_of(pool: Pool, tenant: str, token: str) -> int:
    version = lower_bound_of(token)
    rows = await pool.fetch(_SEQUENCE, tenant, version) if "\0" not in version else ()
    if not rows:
        raise bad_token(token)
    return int(rows[0]["sequence"])
