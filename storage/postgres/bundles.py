"""Bundles by tenant and name."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from storage import bundle_text
from storage.base import Bundle
from storage.postgres.pools import Pool
from storage.postgres.writer import Writer

# In order of name, so that two who replace the same bundles do not wait for each other.
_UPSERT = """
INSERT INTO ringward.bundles (tenant, name, payload)
SELECT $1, name, payload FROM unnest($2::text[], $3::text[]) AS written (name, payload) ORDER BY name COLLATE "C"
ON CONFLICT (tenant, name) DO UPDATE SET payload = excluded.payload
"""
_DELETE = "DELETE FROM ringward.bundles WHERE tenant = $1 AND name = $2 RETURNING name"
_ONE = "SELECT payload FROM ringward.bundles WHERE tenant = $1 AND name = $2"


async def upsert_bundles(writer: Writer, tenant: str, bundles: Sequence[Bundle]) -> None:
    """Store bundles, each replacing one of its name, also one given before it."""
    texts = {bundle.name: bundle_text.text_of(bundle) for bundle in bundles}

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute(_UPSERT, tenant, list(texts), list(texts.values()))

    await writer.run(work)


async def remove_bundle(writer: Writer, tenant: str, name: str) -> bool:
    """Remove a bundle; True if there was one."""

    async def work(connection: asyncpg.Connection) -> bool:
        return await connection.fetchval(_DELETE, tenant, name) is not None

    return await writer.run(work)


async def bundle_of(pool: Pool, tenant: str, name: str) -> Bundle | None:
    """The bundle, or None."""
    rows = await pool.fetch(_ONE, tenant, name)
    return bundle_text.bundle_of(name, rows[0]["payload"]) if rows else None
