"""Output that never makes a node wait: for a reader that does not read, a disk that is full, a terminal that hangs.

A thread of its own writes. What it cannot write soon waits in memory up to a bound; beyond that texts are dropped and
counted, and as soon as something can be written again a warning tells how many. An event loop that wrote by itself
would stand still with a full pipe, and end with a full disk.
"""

from __future__ import annotations

import errno
import io
import os
import select
from collections import deque
from threading import Condition, Thread
from types import TracebackType
from typing import Self

import structlog

MOST_WAITING_BYTES = 2**20
"""A few thousand lines. More survives a longer pause of the reader, and takes as much memory meanwhile."""

_CLOSING_S = 1.0


class Outlet(io.TextIOBase):
    """A text stream onto a file descriptor; it stands in for ``sys.stdout`` or ``sys.stderr``.

    lines_lost: how many were dropped so far. As a context manager it closes at the end.
    """

    def __init__(self, descriptor: int, *, most_waiting_bytes: int = MOST_WAITING_BYTES) -> None:
        self.lines_lost = 0
        self._descriptor = descriptor
        self._most_waiting_bytes = most_waiting_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0  # the text that is being written among them
        self._changed = Condition()
        self._is_over = False
        self._is_torn = False  # what was written last ends within a line
        self._lost_and_told = 0
        self._thread = Thread(target=self._pour, name=f"output {descriptor}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Outlet {self._descriptor}, {self._waiting_bytes} bytes waiting, {self.lines_lost} lines lost>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the stubs have an attribute
        """What texts become bytes by; what it cannot say is escaped."""
        return "utf-8"

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """True if a person may be watching."""
        return os.isatty(self._descriptor)

    def write(self, text: str, /) -> int:
        """Have a text written soon, after those before it, or drop it if too much waits already. Never waits."""
        content = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._is_over or self._waiting_bytes + len(content) > self._most_waiting_bytes:
                self.lines_lost += _lines_in(content)
            elif content:
                self._waiting.append(content)
                self._waiting_bytes += len(content)
                self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Does nothing: who logs must not wait."""

    def close(self) -> None:
        """Take nothing more, and wait for a second at most until all is written."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join(_CLOSING_S)

    def _pour(self) -> None:
        while content := self._next():
            is_written = self._put(content)
            with self._changed:
                self._waiting_bytes -= len(content)
                self.lines_lost += 0 if is_written else _lines_in(content)
                lost = self.lines_lost - self._lost_and_told
            if is_written and lost:
                self._lost_and_told += lost
                structlog.get_logger(__name__).warning("log lines were lost: they could not be written", lines=lost)

    def _next(self) -> bytes:
        """The text to write next; nothing once this is closed and all is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            return self._waiting.popleft() if self._waiting else b""

    def _put(self, content: bytes) -> bool:
        """Write all of it, however long that takes; False if that is not possible."""
        rest = memoryview(b"\n" + content if self._is_torn else content)
        begun = len(rest)
        try:
            while rest:
                rest = rest[self._write_some(rest) :]
        except OSError:
            self._is_torn = self._is_torn or len(rest) < begun
            return False
        self._is_torn = False
        return True

    def _write_some(self, content: memoryview) -> int:
        try:
            return os.write(self._descriptor, content)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            waiting = select.poll()  # whoever shares it with us has made it so that it does not wait
            waiting.register(self._descriptor, select.POLLOUT)
            waiting.poll()
            return 0


def _lines_in(content: bytes) -> int:
    return content.count(b"\n") or 1
