"""The connection reads run on, always on the event loop's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

from model.errors import AuthzError, ErrorCode, Unavailable
from storage.sqlite.faults import FOREIGN_ERRORS, fault_of

T = TypeVar("T")

Row = tuple[Any, ...]  # the driver types columns as Any
Execute = Callable[[str, Sequence[object]], sqlite3.Cursor]


class Reader:
    """Runs statements to their end and gives all rows at once.

    No statement and no transaction stays open across an await: an open one would pin this connection to the state of
    the file at which it began, and later reads would miss commits that were acknowledged since.
    """

    def __init__(self, connection: sqlite3.Connection, *, gate: Lock, place: str) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._gate = gate
        self._place = place
        self._is_closed = False

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of one statement. Raises Unavailable or StorageFailed (EXECUTION)."""
        self.ensure_open()
        with self._gate:
            try:
                return self._cursor.execute(statement, parameters).fetchall()
            except FOREIGN_ERRORS as error:
                self._abandon()
                raise self._fault(error) from error

    def together(self, turn: Callable[[Execute], T]) -> T:
        """What ``turn`` returns, given the way to run a statement; it must fetch all rows of each. Raises as ``rows``.

        All its statements share one read transaction, which over seven point reads costs a quarter less than one each.
        """
        self.ensure_open()
        with self._gate:
            execute = self._cursor.execute
            try:
                execute("BEGIN")
                result = turn(execute)
                execute("COMMIT")
            except BaseException as error:
                self._abandon()
                if isinstance(error, FOREIGN_ERRORS):
                    raise self._fault(error) from error
                raise
        return result

    def close(self) -> None:
        """Refuse reads from now on; the connection belongs to whoever opened it."""
        self._is_closed = True

    def ensure_open(self) -> None:
        """Raise Unavailable once ``close`` was called."""
        if self._is_closed:
            raise Unavailable("the store is closed", ErrorCode.EXECUTION)

    def _abandon(self) -> None:
        with suppress(sqlite3.Error):  # the error that brought us here speaks
            self._cursor.close()  # ends a statement that failed half way
            self._cursor = self._connection.cursor()
            if self._connection.in_transaction:
                self._cursor.execute("ROLLBACK")

    def _fault(self, error: sqlite3.Error | UnicodeEncodeError) -> AuthzError:
        return fault_of(error, place=self._place, code=ErrorCode.EXECUTION)
