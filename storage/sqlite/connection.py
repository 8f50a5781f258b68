"""Opening the database: one connection to write and one to read a file, a single one in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from model.errors import ErrorCode
from storage.sqlite.faults import FOREIGN_ERRORS, fault_of
from storage.sqlite.layout import ensure_layout
from storage.sqlite.settings import SqliteSettings

_STATEMENTS_KEPT = 256  # prepared statements per connection: the fixed ones and the forms of filters in use
_WAL_PAGES = (
    10_000  # 40 MB of log before it is folded into the file; at SQLite's own 1000 a bulk load takes thrice as long
)
_WAL_BYTES_KEPT = 64 * 1024 * 1024


class Connections(NamedTuple):
    """The two sides of an open database, the same connection twice in memory.

    Each side holds its gate while it uses its connection: locks of their own for a file, one common lock in memory.
    """

    writing: sqlite3.Connection
    writing_gate: Lock
    reading: sqlite3.Connection
    reading_gate: Lock

    def close(self) -> None:
        """Close both. The last to close a file folds the log into it."""
        self.reading.close()
        self.writing.close()


def open_memory(settings: SqliteSettings, *, now_us: int) -> Connections:
    """A new database that vanishes when it is closed."""
    connection, gate = _connect(":memory:", settings, settings.busy_timeout_s), Lock()
    ensure_layout(connection, place="in memory", now_us=now_us)
    return Connections(connection, gate, connection, gate)


def open_file(path: Path, settings: SqliteSettings, *, now_us: int) -> Connections:
    """The database in a file, laid out if the file is new or empty.

    Raises StorageFailed, naming the path, if it cannot be used; Unavailable if another process holds it locked.
    """
    opened: list[sqlite3.Connection] = []
    try:
        writing = _connect(str(path), settings, settings.busy_timeout_s)
        opened.append(writing)
        ensure_layout(writing, place=str(path), now_us=now_us)  # first, so that a foreign file is left as it is
        writing.execute("PRAGMA journal_mode = WAL").fetchall()
        writing.execute("PRAGMA synchronous = FULL")
        writing.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        writing.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
        reading = _connect(str(path), settings, settings.read_busy_timeout_s)
        opened.append(reading)
        reading.execute("PRAGMA query_only = ON")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchall()  # pays for opening the file now, not in a read
    except BaseException as error:
        for connection in opened:
            connection.close()
        if isinstance(error, FOREIGN_ERRORS):
            raise fault_of(error, place=str(path), code=ErrorCode.DATASTORE) from error
        raise
    return Connections(writing, Lock(), reading, Lock())


def _connect(database: str, settings: SqliteSettings, busy_timeout_s: float) -> sqlite3.Connection:
    # check_same_thread: the gates and the owners of the two sides keep threads apart
    connection = sqlite3.connect(
        database,
        timeout=busy_timeout_s,
        isolation_level=None,  # we say BEGIN ourselves
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
    )
    # No memory-mapped reads: they measured no faster, and turn an I/O error into the death of the process.
    connection.execute(f"PRAGMA cache_size = -{settings.cache_bytes // 1024}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection
