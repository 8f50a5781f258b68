"""PostgreSQL for tests: servers as of ``bench/postgres_server.py``, replicas, and databases with our tables."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from bench.postgres_server import (
    PROGRAMS,
    SUPERUSER,
    PostgresMissing,
    PostgresServer,
    give_to_plain_user,
    migrate,
    plain_user,
    postgres_server,
)
from bench.processes import free_port

__all__ = (
    "PROGRAMS",
    "SUPERUSER",
    "Databases",
    "PostgresMissing",
    "PostgresServer",
    "give_to_plain_user",
    "migrate",
    "plain_user",
    "postgres_server",
    "replica_of",
)

_TEMPLATE = "template_of_tests"


@contextmanager
def replica_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A hot standby that streams from a running server, taken by pg_basebackup."""
    folder = Path(tempfile.mkdtemp(prefix="ringward-pg-", dir="/tmp"))
    try:
        give_to_plain_user(folder)
        server = PostgresServer(folder, free_port())
        primary.run(
            "pg_basebackup", "-D", folder / "data", "-d", primary.uri(), "-R", "-X", "stream", "-c", "fast", "--no-sync"
        )
        server.configure(port=str(server.port))
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Databases with our tables, empty, for one test each. The server starts when the first is asked for."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._made = 0

    @cached_property
    def server(self) -> PostgresServer:
        """The server they are on; it is everybody's, so leave it running as it is."""
        server = self._open.enter_context(postgres_server())
        server.execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(server.uri(_TEMPLATE))
        return server

    def new(self) -> str:
        """The name of a new database."""
        self._made += 1
        name = f"test_{self._made}"
        self.server.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def remove(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self.server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop the server, if it was started."""
        self._open.close()
