"""The tables and indexes of a store's file, and the marks by which a file is known to be ours.

Column order in the indexes is the design. ``tuples_by_entity`` answers a membership by one descent; since direct
subjects have the empty subject_relation, which sorts first, all usersets of a relation lie together behind them and a
read of usersets never meets a direct subject. It also forbids two live rows for one tuple, as live rows share the one
``expired`` value. ``tuples_by_subject`` leads from a subject back to entities.

The id of a tuple or attribute is the number of the commit that created it, times 2^24, plus its position there. So
ids give the order of writing; and since every SQLite index ends with the row id, each index knows when a row was
created, and reads of relations never look into the table itself (a sixth less time than with a column of its own).
"""

from __future__ import annotations

import sqlite3

from model.errors import ErrorCode, StorageFailed

LIVE = 2**63 - 1
"""The ``expired`` number of a row nobody has expired; also above every row id."""

ROWS_PER_COMMIT = 1 << 24
CREATED = "(id >> 24)"
"""The commit that created a row, as SQL."""

APPLICATION_ID = 0x52574752  # "RWGR", in the file's header
LAYOUT_VERSION = 1

FIRST_TENANT = ("t1", "example tenant")

_TABLES = f"""
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    created_at_us INTEGER NOT NULL
);
CREATE TABLE horizon (
    number INTEGER NOT NULL
);
INSERT INTO horizon VALUES (0);

CREATE TABLE tuples (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    relation TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_relation TEXT NOT NULL,
    expired INTEGER NOT NULL DEFAULT {LIVE}
);
CREATE UNIQUE INDEX tuples_by_entity ON tuples
    (tenant, entity_type, entity_id, relation, subject_relation, subject_type, subject_id, expired);
CREATE INDEX tuples_by_subject ON tuples
    (tenant, subject_type, subject_id, subject_relation, entity_type, relation, entity_id, expired);
CREATE INDEX tuples_by_tenant ON tuples (tenant);
CREATE INDEX tuples_by_expiry ON tuples (expired) WHERE expired < {LIVE};

CREATE TABLE attributes (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    value TEXT NOT NULL,
    expired INTEGER NOT NULL DEFAULT {LIVE}
);
CREATE UNIQUE INDEX attributes_by_entity ON attributes (tenant, entity_type, entity_id, name, expired);
CREATE INDEX attributes_by_tenant ON attributes (tenant);
CREATE INDEX attributes_by_expiry ON attributes (expired) WHERE expired < {LIVE};

CREATE TABLE schemas (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    version TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at_s INTEGER NOT NULL
);
CREATE UNIQUE INDEX schemas_by_version ON schemas (tenant, version);
CREATE INDEX schemas_by_tenant ON schemas (tenant);

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE bundles (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
"""  # noqa: S608 - nothing but a number is put in


_LATER_ADDITIONS = (
    "CREATE INDEX IF NOT EXISTS attributes_by_name ON attributes (tenant, entity_type, name, entity_id, expired)",
    "CREATE INDEX IF NOT EXISTS commits_by_tenant ON commits (tenant)",
    "CREATE TABLE IF NOT EXISTS deletions_of_tenants (number INTEGER PRIMARY KEY, tenant TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS deletions_by_tenant ON deletions_of_tenants (tenant)",
)
"""What files made by an earlier version lack; they get it when they are opened."""


def ensure_layout(connection: sqlite3.Connection, *, place: str, now_us: int) -> None:
    """Lay out an empty database, all of it or nothing; accept one of ours as it is.

    Raises StorageFailed, naming the place and what to do, for a database of another program or another layout.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_empty(connection):
            _create(connection, now_us)
        _verify(connection, place)
        for statement in _LATER_ADDITIONS:
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _is_empty(connection: sqlite3.Connection) -> bool:
    marks = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    return marks == (0, 0) and not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()


def _create(connection: sqlite3.Connection, now_us: int) -> None:
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO tenants VALUES (?, ?, ?)", (*FIRST_TENANT, now_us))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")


def _verify(connection: sqlite3.Connection, place: str) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StorageFailed(
            f"{place} is a database of another program; point the database path at another file", ErrorCode.DATASTORE
        )
    version = _pragma(connection, "user_version")
    if version != LAYOUT_VERSION:
        remedy = "start a newer Ringward" if version > LAYOUT_VERSION else "start the Ringward that wrote it"
        raise StorageFailed(
            f"{place} has layout version {version}, this program reads {LAYOUT_VERSION}; {remedy}, or use another file",
            ErrorCode.DATASTORE,
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
