"""Schema versions: an id that sorts by time for clients, a sequence that decides which is latest.

The id cannot decide: within one second it sorts by machine, not by time.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from model.errors import Conflict
from storage.base import Page, PageRequest, SchemaRecord
from storage.sqlite.layout import LIVE
from storage.sqlite.pages import rows_in_turns
from storage.sqlite.reader import Reader, Row
from storage.sqlite.timeline import Timeline
from storage.tokens import bad_token, lower_bound_of, token_of

_LATEST = "SELECT version FROM schemas WHERE tenant = ? ORDER BY sequence DESC LIMIT 1"
_ONE = "SELECT version, text, created_at_s FROM schemas WHERE tenant = ? AND version = ?"
_SEQUENCE = "SELECT sequence FROM schemas WHERE tenant = ? AND version = ?"
_MOST_REMEMBERED = 10_000  # tenants
_NEWEST_FIRST = """
SELECT sequence, version, text, created_at_s FROM schemas
WHERE tenant = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?
"""


def insert_schema(connection: sqlite3.Connection, *, tenant: str, record: SchemaRecord, replacing: str | None) -> None:
    """Store a version, which becomes the latest. Raises Conflict if another than ``replacing`` is the latest now."""
    latest = _version_in(connection.execute(_LATEST, (tenant,)).fetchall())
    if replacing is not None and replacing != latest:
        raise Conflict(f"schema version {replacing!r} is not the latest any more, {latest!r} is")
    connection.execute(
        "INSERT INTO schemas (tenant, version, text, created_at_s) VALUES (?, ?, ?, ?)",
        (tenant, record.version, record.text, int(record.created_at.timestamp())),
    )


class LatestVersions:
    """The latest version of every tenant asked about, remembered for as long as nothing is written.

    Used on the event loop alone. What is remembered belongs to the state before the version was looked up: a version
    stored meanwhile changes the state, and with it everything is forgotten.
    """

    def __init__(self, reader: Reader, timeline: Timeline) -> None:
        self._reader = reader
        self._timeline = timeline
        self._state = timeline.state
        self._versions: dict[str, str] = {}

    def of(self, tenant: str) -> str:
        """The id of the version written last; empty if there is none. Raises as ``Reader.rows``."""
        state = self._timeline.state
        if state != self._state or len(self._versions) > _MOST_REMEMBERED:
            self._state, self._versions = state, {}
        version = self._versions.get(tenant)
        if version is None:
            version = self._versions[tenant] = _version_in(self._reader.rows(_LATEST, (tenant,)))
        return version


def schema_of(reader: Reader, tenant: str, version: str) -> SchemaRecord | None:
    """One version, or None."""
    rows = reader.rows(_ONE, (tenant, version))
    return _record(rows[0]) if rows else None


async def schemas_page(reader: Reader, tenant: str, page: PageRequest) -> Page[SchemaRecord]:
    """Versions, newest first. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a token of no version here."""
    behind = _sequence_of(reader, tenant, page.token) + 1 if page.token else LIVE

    def turn(last: Row | None, limit: int) -> list[Row]:
        return reader.rows(_NEWEST_FIRST, (tenant, last[0] if last else behind, limit))

    rows = await rows_in_turns(turn, limit=page.size + 1)
    next_token = token_of(rows[page.size][1]) if len(rows) > page.size else ""
    return Page([_record(row[1:]) for row in rows[: page.size]], next_token)


def _sequence_of(reader: Reader, tenant: str, token: str) -> int:
    rows = reader.rows(_SEQUENCE, (tenant, lower_bound_of(token)))
    if not rows:
        raise bad_token(token)
    return int(rows[0][0])


def _version_in(rows: list[Row]) -> str:
    return str(rows[0][0]) if rows else ""


def _record(row: Row) -> SchemaRecord:
    version, text, created_at_s = row
    return SchemaRecord(version, text, datetime.fromtimestamp(created_at_s, UTC))
