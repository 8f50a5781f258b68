"""Bundles by tenant and name; their content is JSON with the contract's field names."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from storage.base import Bundle, BundleOperation
from storage.sqlite.reader import Reader

_LISTS = ("relationships_write", "relationships_delete", "attributes_write", "attributes_delete")


def upsert_bundles(connection: sqlite3.Connection, *, tenant: str, bundles: Sequence[Bundle]) -> None:
    """Store bundles, each replacing one of its name."""
    connection.executemany(
        "INSERT INTO bundles VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET payload = ?3",
        [(tenant, bundle.name, _payload(bundle)) for bundle in bundles],
    )


def remove_bundle(connection: sqlite3.Connection, *, tenant: str, name: str) -> bool:
    """Remove a bundle; True if there was one."""
    return connection.execute("DELETE FROM bundles WHERE tenant = ? AND name = ?", (tenant, name)).rowcount > 0


def bundle_of(reader: Reader, tenant: str, name: str) -> Bundle | None:
    """The bundle, or None."""
    rows = reader.rows("SELECT payload FROM bundles WHERE tenant = ? AND name = ?", (tenant, name))
    return _bundle(name, json.loads(rows[0][0])) if rows else None


def _payload(bundle: Bundle) -> str:
    return json.dumps(
        {
            "name": bundle.name,
            "arguments": list(bundle.arguments),
            "operations": [
                {name: list(getattr(operation, name)) for name in _LISTS} for operation in bundle.operations
            ],
        }
    )


def _bundle(name: str, payload: dict[str, Any]) -> Bundle:  # JSON we wrote ourselves
    operations = [
        BundleOperation(**{field: tuple(operation[field]) for field in _LISTS}) for operation in payload["operations"]
    ]
    return Bundle(name, tuple(payload["arguments"]), tuple(operations))
