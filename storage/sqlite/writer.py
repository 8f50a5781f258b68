"""The thread all writes run on, one transaction after another."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore, Lock
from typing import TypeVar

from model.errors import ErrorCode, Unavailable
from storage.sqlite.faults import FOREIGN_ERRORS, fault_of

T = TypeVar("T")


class Writer:
    """Owns the writer thread and the connection it writes through; started by the first write, ended by ``stop``.

    A caller who is cancelled while waiting takes back a transaction that has not begun; one that has begun is finished
    by the thread, so the store is never left inside it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        gate: Lock,
        place: str,
        most_waiting: int,
        ensure_in_place: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._gate = gate
        self._place = place
        self._ensure_in_place = ensure_in_place
        self._most_waiting = most_waiting
        self._places = BoundedSemaphore(most_waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-writer")
        self._stopped: Future[None] | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T], *, publish: Callable[[T], object] | None = None) -> T:
        """What ``work`` returns, once everything it changed is durable.

        work runs in a transaction of its own; whatever it raises undoes all of it. publish gets the result right after
        COMMIT, on the writer thread, even if the caller has gone. Raises Unavailable or StorageFailed (DATASTORE), also
        if the file has been removed, and Unavailable at once if too many writes are waiting.
        """
        self.ensure_open()
        if not self._places.acquire(blocking=False):
            raise Unavailable(f"{self._most_waiting} writes are waiting already", ErrorCode.DATASTORE)
        job = self._thread.submit(self._transact, work, publish)
        job.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(job)

    def ensure_open(self) -> None:
        """Raise Unavailable once ``stop`` was called."""
        if self._stopped is not None:
            raise Unavailable("the store is closed", ErrorCode.DATASTORE)

    async def stop(self, release: Callable[[], None]) -> None:
        """Finish what was submitted, run ``release`` on the thread, end the thread. Idempotent.

        A cancelled caller leaves, the thread still gets there.
        """
        if self._stopped is None:
            self._stopped = self._thread.submit(release)
            self._thread.shutdown(wait=False)  # takes no more work; the thread ends when its queue is empty
        await asyncio.shield(asyncio.wrap_future(self._stopped))

    def _transact(self, work: Callable[[sqlite3.Connection], T], publish: Callable[[T], object] | None) -> T:
        with self._gate:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                result = work(self._connection)
                self._ensure_in_place()  # else COMMIT would go to a file nobody will find again
                self._connection.execute("COMMIT")
            except BaseException as error:
                self._roll_back()
                if isinstance(error, FOREIGN_ERRORS):
                    raise fault_of(error, place=self._place, code=ErrorCode.DATASTORE) from error
                raise
            if publish is not None:
                publish(result)
        return result

    def _roll_back(self) -> None:
        with suppress(
            sqlite3.Error
        ):  # the error that brought us here speaks; the next BEGIN reports a broken connection
            if self._connection.in_transaction:  # some failures have rolled back by themselves
                self._connection.execute("ROLLBACK")
