"""A real Redis of our own: one process on a free port of loopback, nothing on disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import OwnProcess, free_port


class RedisMissing(Exception):
    """No Redis is installed; the text says how to get it."""


class OwnRedis(OwnProcess):
    """A Redis that keeps nothing: started again after a stop, it is empty."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        command = [_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        super().__init__([*command, "--save", "", "--appendonly", "no", *options], folder / "log")
        self.port = port

    def url(self, cluster: str = "ringward", *, user: str = "") -> str:
        """As a node is told; user: ``name:password``."""
        return f"redis://{user and user + '@'}127.0.0.1:{self.port}/0?cluster={cluster}"

    def start(self) -> None:
        """Start, and wait until it listens."""
        super().start()
        self.wait_until_listening(self.port)

    def command(self, *words: str) -> str:
        """What Redis says to a command given by hand."""
        given = [_program("redis-cli"), "-p", str(self.port), *words]
        return subprocess.run(given, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


@contextmanager
def redis_server(*options: str) -> Iterator[OwnRedis]:
    """A new Redis that runs while the context lasts. options: as on its command line."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-redis-", dir="/tmp"))
    server = OwnRedis(folder, free_port(), *options)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RedisMissing(
            f"{name} is needed for tests: make test installs it where it may, else do it by hand:"
            " apt-get install redis-server"
        )
    return found
