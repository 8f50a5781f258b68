"""Driver errors become ours here, in our words; the driver's own stay in the log as their cause."""

from __future__ import annotations

import sqlite3

from model.errors import AuthzError, ErrorCode, InvalidRequest, StorageFailed, Unavailable

FOREIGN_ERRORS = (sqlite3.Error, UnicodeEncodeError)
"""What a statement can raise that is not ours: the driver's errors, and text that has no UTF-8 form."""

_OTHERS_TURN = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_FAILURES = {
    sqlite3.SQLITE_FULL: "has no space left on its disk; free some, nothing was written",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "is not a database; point the database path at another file",
    sqlite3.SQLITE_READONLY: "cannot be written; check the permissions of the file and its folder",
    sqlite3.SQLITE_PERM: "cannot be used; check the permissions of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and may be written",
    sqlite3.SQLITE_IOERR: "could not be read or written; check the disk",
}


def fault_of(error: sqlite3.Error | UnicodeEncodeError, *, place: str, code: ErrorCode) -> AuthzError:
    """Our error for a foreign one, to be raised from it.

    place names the store in the message. Text that is not Unicode is the caller's to change; a lock held elsewhere
    may be gone at the next attempt; everything else waits for the operator.
    """
    if isinstance(error, UnicodeEncodeError):
        return InvalidRequest(f"{error.object[:200]!r} is not valid Unicode text", ErrorCode.VALIDATION)
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte: extended codes refine it
    if kind in _OTHERS_TURN:
        return Unavailable(f"the store {place} is locked by another process", code)
    return StorageFailed(f"the store {place} {_FAILURES.get(kind, 'failed; the log tells more')}", code)
