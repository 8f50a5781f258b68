"""A clock that can be set, for processes started with it; what measures durations runs on undisturbed, as in life."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LIBRARIES = Path("/usr/lib")


class FaketimeMissing(Exception):
    """libfaketime is not installed; the text says how to get it."""


@contextmanager
def set_clock() -> Iterator[SetClock]:
    """A clock that shows the right time until it is set.

    Its file is in a folder that any user's processes can read, which pytest's own are not: a process that cannot read
    the file shows the right time for ever.
    """
    folder = Path(tempfile.mkdtemp(prefix="ringward-clock-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        clock = SetClock(folder / "clock")
        clock.set(0)
        yield clock
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class SetClock:
    """A wall clock. file: says how far it is off, in a folder that all processes can read."""

    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process is started with to live by the clock. Raises FaketimeMissing."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, ahead_s: int) -> None:
        """Let it go so many seconds ahead of the real one, or behind if negative; it jumps there at once."""
        written = self.file.with_suffix(".new")
        written.write_text(f"{ahead_s:+d}", encoding="ascii")
        written.chmod(0o644)
        written.rename(self.file)


def _library() -> Path:
    found = sorted(_LIBRARIES.glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise FaketimeMissing(
            "libfaketime is needed for tests: make test installs it where it may, else do it by hand:"
            " apt-get install faketime"
        )
    return found[0]
