"""How the suite opens the stores it tests."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from storage.base import Storage
from storage.sqlite import SqliteStorage


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


KINDS = ("sqlite-file", "sqlite-memory")
DURABLE_KINDS = ("sqlite-file",)


def factory_of(kind: str, folder: Path) -> StoreFactory:
    """A factory of one of the kinds, over an empty database."""
    return SqliteFileFactory(folder) if kind == "sqlite-file" else SqliteMemoryFactory()
