"""One process owns a store's file: a lock beside it, held for as long as the store is open."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from model.errors import ErrorCode, StorageFailed


class FileOwnership:
    """The lock on ``<path>.lock``; the kernel drops it with the process, so a crash leaves nothing to clean up.

    The lock file stays behind when released: removing it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self._path = path
        self._lock = lock
        self._identity: tuple[int, int] | None = None

    @classmethod
    def claim(cls, path: Path) -> Self:
        """Take the lock. Raises StorageFailed, naming the path, if another process has it or it cannot be made."""
        lock_path = path.with_name(path.name + ".lock")
        try:
            lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageFailed(
                f"cannot open the store {path}: {os.strerror(error.errno or 0).lower()}; check that its folder exists"
                " and may be written",
                ErrorCode.DATASTORE,
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise StorageFailed(
                f"the store {path} is in use by process {owner}; one process owns a file at a time", ErrorCode.DATASTORE
            ) from error
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return cls(path, lock)

    def note_identity(self) -> None:
        """Remember which file the path names now, once it is there."""
        self._identity = _identity_of(self._path)

    def ensure_in_place(self) -> None:
        """Raise StorageFailed if the path no longer names the file: what is written to it would be lost."""
        try:
            is_same = _identity_of(self._path) == self._identity
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise StorageFailed(
                f"the file of the store {self._path} was removed or replaced while in use; restart from a backup",
                ErrorCode.DATASTORE,
            )

    def release(self) -> None:
        """Let others have the file. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __repr__(self) -> str:
        return f"FileOwnership({self._path}, {'held' if self._lock >= 0 else 'released'})"


def _identity_of(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
