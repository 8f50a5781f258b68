"""The table of commits, and the horizon that follows them."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from storage.sqlite.layout import LIVE
from storage.sqlite.timeline import Timeline


def load_timeline(connection: sqlite3.Connection) -> Timeline:
    """Head and horizon of an open database."""
    return Timeline(head=_newest(connection), horizon=_horizon(connection))


def record_commit(connection: sqlite3.Connection, *, number: int, tenant: str, now_us: int) -> None:
    """Put a commit on record, as part of its own transaction."""
    connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (number, tenant, now_us))


def raise_horizon(connection: sqlite3.Connection, *, until_us: int) -> int:
    """Move the horizon up to the newest commit recorded until a time, never back; where it now stands.

    Numbers decide what is newer, not the clock: a commit with a younger one before it stays readable, so a clock that
    was set back never costs anybody a snapshot younger than the window.
    """
    young = connection.execute(
        "SELECT number FROM commits WHERE created_at_us > ? ORDER BY number LIMIT 1", (until_us,)
    ).fetchall()
    horizon = max(_horizon(connection), young[0][0] - 1 if young else _newest(connection))
    connection.execute("UPDATE horizon SET number = ?1 WHERE number < ?1", (horizon,))
    return horizon


class Removed(NamedTuple):
    """How many rows of each table a step of garbage collection removed."""

    tuples: int
    attributes: int
    commits: int


def remove_expired(connection: sqlite3.Connection, *, horizon: int, limit: int) -> Removed:
    """Remove up to ``limit`` rows of each table that no snapshot from the horizon on can see.

    The horizon must have been published: from then on it alone refuses what a tenant's deletion refused before.
    """
    connection.execute("DELETE FROM deletions_of_tenants WHERE number <= ?", (horizon,))
    return Removed(
        tuples=_remove_rows(connection, "tuples", horizon, limit),
        attributes=_remove_rows(connection, "attributes", horizon, limit),
        commits=connection.execute(
            "DELETE FROM commits WHERE number IN (SELECT number FROM commits WHERE number < ? ORDER BY number LIMIT ?)",
            (horizon, limit),
        ).rowcount,
    )


def _remove_rows(connection: sqlite3.Connection, table: str, horizon: int, limit: int) -> int:
    # the comparison with LIVE is what lets SQLite use the index, which holds expired rows only
    return connection.execute(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} INDEXED BY {table}_by_expiry"  # noqa: S608 - names are constants
        f" WHERE expired <= ? AND expired < {LIVE} ORDER BY expired LIMIT ?)",
        (horizon, limit),
    ).rowcount


def _newest(connection: sqlite3.Connection) -> int:
    ((number,),) = connection.execute("SELECT coalesce(max(number), 0) FROM commits").fetchall()
    return int(number)


def _horizon(connection: sqlite3.Connection) -> int:
    ((number,),) = connection.execute("SELECT number FROM horizon").fetchall()
    return int(number)
