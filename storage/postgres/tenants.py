"""The register of tenants, and the end of one."""

from __future__ import annotations

import asyncpg

from model.errors import Conflict, ErrorCode, NotFound
from storage.base import Page, PageRequest, Tenant
from storage.postgres.locks import locks_on_tenant
from storage.postgres.pools import Pool
from storage.postgres.writer import Writer
from storage.tokens import bad_token, lower_bound_of, token_of

_INSERT = """
INSERT INTO ringward.tenants (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id, name, created_at
"""
_FROM = "SELECT id, name, created_at FROM ringward.tenants WHERE id >= $1 ORDER BY id LIMIT $2"
_HOLDINGS = ("tuples", "attributes", "schemas", "bundles")


async def insert_tenant(writer: Writer, tenant_id: str, name: str) -> Tenant:
    """Register a tenant. Raises Conflict (UNIQUE_CONSTRAINT) if the id is taken."""

    async def work(connection: asyncpg.Connection) -> Tenant:
        row = await connection.fetchrow(_INSERT, tenant_id, name)
        if row is None:
            raise Conflict(f"tenant {tenant_id!r} exists already", ErrorCode.UNIQUE_CONSTRAINT)
        return Tenant(*row)

    return await writer.run(work)


async def remove_tenant(writer: Writer, tenant_id: str) -> None:
    """Remove a tenant with all its rows, history included, in a transaction that moves the head.

    Raises NotFound (NOT_FOUND) if it is not registered.
    """

    async def work(connection: asyncpg.Connection) -> None:
        if await connection.fetchval("DELETE FROM ringward.tenants WHERE id = $1 RETURNING id", tenant_id) is None:
            raise NotFound(f"there is no tenant {tenant_id!r}", ErrorCode.NOT_FOUND)
        for table in _HOLDINGS:
            await connection.execute(f"DELETE FROM ringward.{table} WHERE tenant = $1", tenant_id)  # noqa: S608 - names are constants
        await connection.execute("INSERT INTO ringward.deletions_of_tenants (tenant) VALUES ($1)", tenant_id)

    await writer.commit(tenant_id, locks_on_tenant(tenant_id), work)


async def tenants_page(pool: Pool, page: PageRequest) -> Page[Tenant]:
    """Registered tenants by id. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a bad token."""
    first = lower_bound_of(page.token) if page.token else ""
    if "\0" in first:
        raise bad_token(page.token)
    rows = await pool.fetch(_FROM, first, page.size + 1)
    next_token = token_of(rows[page.size]["id"]) if len(rows) > page.size else ""
    return Page([Tenant(*row) for row in rows[: page.size]], next_token)
