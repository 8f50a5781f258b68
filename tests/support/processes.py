"""Servers of the tests that are one process each."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import free_port, free_ports

__all__ = ("OwnProcess", "free_port", "free_ports")


class OwnProcess:
    """One program that serves; it may be stopped, as by a crash, and started again.

    command: with all that must be the same at each start. log: where both of its outputs go.
    """

    def __init__(self, command: list[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; whether it serves yet must be seen elsewhere."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self, *, patience_s: float = 60.0) -> int:
        """Ask it to stop (SIGTERM), and wait until it has: its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(patience_s)
        self._process = None
        return code

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still meanwhile: connections are taken, by the kernel, and nothing is said on them."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def wait_until_listening(self, port: int) -> None:
        """Return once the port of loopback takes connections; fails with the program's own words if it does not."""
        for _ in range(500):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"{' '.join(self._command)}: {self._log.read_text(encoding='utf-8', errors='replace')}")
