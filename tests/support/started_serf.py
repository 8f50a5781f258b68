"""serf as nodes start it themselves: a program that notes who was started, and that can be made to fail."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.serf import serf_program


class NotedSerf:
    """The program to give to nodes as ``binary``, and what has become of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "serf"
        self._noted = folder / "pids"
        self.repair()

    def repair(self) -> None:
        """From now on it works."""
        self._write(f'echo $$ >> {self._noted}\nexec {serf_program()} "$@"\n')

    def break_down(self) -> None:
        """From now on it ends at once, having complained."""
        self._write("cat > /dev/null\necho out of order\nexit 1\n")

    def kill(self) -> None:
        """Kill all that run."""
        for pid in self.running():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def running(self) -> list[int]:
        """Those started and not ended."""
        noted = self._noted.read_text(encoding="ascii").split() if self._noted.exists() else []
        return [int(pid) for pid in noted if self._is_running(pid)]

    def _is_running(self, pid: str) -> bool:
        try:
            return b"/dev/stdin" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return False

    def _write(self, script: str) -> None:
        written = self.folder / "new"
        written.write_text(f"#!/bin/sh\n{script}", encoding="ascii")
        written.chmod(0o755)
        written.rename(self.program)


@contextmanager
def noted_serf() -> Iterator[NotedSerf]:
    """One that works; what was started of it is killed at the end, should it still run."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-serf-", dir="/tmp"))
    noted = NotedSerf(folder)
    try:
        yield noted
    finally:
        noted.kill()
        shutil.rmtree(folder, ignore_errors=True)
