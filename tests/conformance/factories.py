"""How the suite opens the stores it tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from storage.base import Storage
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from storage.sqlite import SqliteStorage
from tests.support.postgres import Databases


class StoreFactory(Protocol):
    """Opens one database again and again. Each test has a factory of its own, whose database starts empty."""

    @property
    def is_durable(self) -> bool:
        """True if what was written is there after closing and opening again."""

    async def open(self) -> Storage:
        """The store; to be closed before it is opened again."""


class SqliteFileFactory:
    """SQLite in a file of an empty folder."""

    is_durable = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / "store.db"

    async def open(self) -> Storage:
        return await SqliteStorage.open(self._path)


class SqliteMemoryFactory:
    """SQLite in memory: every opening starts empty."""

    is_durable = False

    async def open(self) -> Storage:
        return await SqliteStorage.open(None)


class PostgresFactory:
    """PostgreSQL, in a database that has our tables."""

    is_durable = True

    def __init__(self, uri: str) -> None:
        self._settings = PostgresSettings(uri)

    async def open(self) -> Storage:
        return await PostgresStorage.open(self._settings)


KINDS = ("sqlite-file", "sqlite-memory", "postgres")
DURABLE_KINDS = ("sqlite-file", "postgres")


class Factories:
    """Makes factories of every kind."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    @contextmanager
    def of(self, kind: str) -> Iterator[StoreFactory]:
        """A factory of one of the kinds, over an empty database that is removed when the context ends."""
        match kind:
            case "postgres":
                name = self._databases.new()
                try:
                    yield PostgresFactory(self._databases.server.uri(name))
                finally:
                    self._databases.remove(name)
            case "sqlite-file":
                with TemporaryDirectory() as folder:
                    yield SqliteFileFactory(Path(folder))
            case _:
                yield SqliteMemoryFactory()
