"""Bundles by tenant and name."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage import bundle_text
from storage.base import Bundle
from storage.sqlite.reader import Reader


def upsert_bundles(connection: sqlite3.Connection, *, tenant: str, bundles: Sequence[Bundle]) -> None:
    """Store bundles, each replacing one of its name."""
    connection.executemany(
        "INSERT INTO bundles VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET payload = ?3",
        [(tenant, bundle.name, bundle_text.text_of(bundle)) for bundle in bundles],
    )


def remove_bundle(connection: sqlite3.Connection, *, tenant: str, name: str) -> bool:
    """Remove a bundle; True if there was one."""
    return connection.execute("DELETE FROM bundles WHERE tenant = ? AND name = ?", (tenant, name)).rowcount > 0


def bundle_of(reader: Reader, tenant: str, name: str) -> Bundle | None:
    """The bundle, or None."""
    rows = reader.rows("SELECT payload FROM bundles WHERE tenant = ? AND name = ?", (tenant, name))
    return bundle_text.bundle_of(name, rows[0][0]) if rows else None
