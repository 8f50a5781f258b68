"""A disk of its own, small enough to be filled."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import give_to_plain_user
from tests.support.root import as_root

_BLOCK = bytes(4096)


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system. folder: an empty folder on it, for the user who runs servers."""

    folder: Path

    def fill(self) -> None:
        """Leave no byte of it."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while True:
                ballast.write(_BLOCK)

    def free(self) -> None:
        """Take back what ``fill`` took."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder.parent / "ballast"


@contextmanager
def small_disk(size_bytes: int) -> Iterator[SmallDisk]:
    """A disk that is there while the context lasts. Raises RootNeeded."""
    mounted = Path(tempfile.mkdtemp(prefix="ringward-disk-", dir="/tmp"))
    try:
        as_root("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0755,uid={os.geteuid()}", "tmpfs", mounted)
        try:
            folder = mounted / "folder"
            folder.mkdir()
            give_to_plain_user(folder)
            yield SmallDisk(folder)
        finally:
            as_root("umount", "-l", mounted)
    finally:
        mounted.rmdir()
