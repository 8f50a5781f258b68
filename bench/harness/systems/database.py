"""The PostgreSQL all systems of a run keep their data in: durable as in production, each with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from types import TracebackType
from typing import Self

from bench.postgres_server import PostgresServer, postgres_server


class Database:
    """A server that is started for the first system that asks for it, and stopped at the end of the context."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def __repr__(self) -> str:
        return f"<Database, {'running' if 'server' in vars(self) else 'not asked for yet'}>"

    @cached_property
    def server(self) -> PostgresServer:
        """The server; a commit is on disk before it is acknowledged. It cleans up when told, by ``settle``."""
        return self._stack.enter_context(
            postgres_server(
                shared_buffers="1GB", max_wal_size="4GB", fsync="on", synchronous_commit="on", full_page_writes="on"
            )
        )


@contextmanager
def own_database(server: PostgresServer, name: str) -> Iterator[str]:
    """The URI of a new database, which is dropped at the end; there may be an old one of that name."""
    _drop(server, name)
    server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield server.uri(name)
    finally:
        _drop(server, name)


def settle(server: PostgresServer, name: str) -> None:
    """Clean up after loading, write out what is dirty, and make statistics: nothing of it is left to the measuring."""
    server.execute("VACUUM ANALYZE", name)
    server.execute("CHECKPOINT", name)


def _drop(server: PostgresServer, name: str) -> None:
    server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
