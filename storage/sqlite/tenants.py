"""The register of tenants, and the end of one."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from model.errors import Conflict, ErrorCode, NotFound
from storage.base import Page, PageRequest, Tenant
from storage.sqlite.pages import rows_in_turns
from storage.sqlite.reader import Reader, Row
from storage.tokens import lower_bound_of, token_of

_BY_ID = "SELECT id, name, created_at_us FROM tenants WHERE id >= ? ORDER BY id LIMIT ?"
_BEHIND = "SELECT id, name, created_at_us FROM tenants WHERE id > ? ORDER BY id LIMIT ?"

_HOLDINGS = ("tuples", "attributes", "schemas", "bundles")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def insert_tenant(connection: sqlite3.Connection, *, tenant_id: str, name: str, now_us: int) -> Tenant:
    """Register a tenant. Raises Conflict (UNIQUE_CONSTRAINT) if the id is taken."""
    added = connection.execute(
        "INSERT INTO tenants VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (tenant_id, name, now_us)
    ).rowcount
    if not added:
        raise Conflict(f"tenant {tenant_id!r} exists already", ErrorCode.UNIQUE_CONSTRAINT)
    return _tenant((tenant_id, name, now_us))


def remove_tenant(connection: sqlite3.Connection, tenant_id: str, *, number: int) -> None:
    """Remove a tenant with all its rows, history included, as commit ``number``.

    Raises NotFound (NOT_FOUND) if it is not registered.
    """
    if not connection.execute("DELETE FROM tenants WHERE id = ?", (tenant_id,)).rowcount:
        raise NotFound(f"there is no tenant {tenant_id!r}", ErrorCode.NOT_FOUND)
    for table in _HOLDINGS:
        connection.execute(f"DELETE FROM {table} WHERE tenant = ?", (tenant_id,))  # noqa: S608 - names are constants
    connection.execute("INSERT INTO deletions_of_tenants VALUES (?, ?)", (number, tenant_id))


async def tenants_page(reader: Reader, page: PageRequest) -> Page[Tenant]:
    """Registered tenants by id. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a bad token."""
    first = lower_bound_of(page.token) if page.token else ""

    def turn(last: Row | None, limit: int) -> list[Row]:
        return reader.rows(_BEHIND, (last[0], limit)) if last else reader.rows(_BY_ID, (first, limit))

    rows = await rows_in_turns(turn, limit=page.size + 1)
    next_token = token_of(rows[page.size][0]) if len(rows) > page.size else ""
    return Page([_tenant(row) for row in rows[: page.size]], next_token)


def _tenant(row: Row) -> Tenant:
    tenant_id, name, created_at_us = row
    return Tenant(tenant_id, name, _EPOCH + timedelta(microseconds=created_at_us))
