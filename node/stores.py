"""Which store a node has, and where its data is. The driver of PostgreSQL is loaded only for a node that uses it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from model.errors import StorageFailed
from node.maintenance import migrations_of, postgres_of
from node.settings import DatabaseEngine, DatabaseSettings
from storage.base import Storage
from storage.postgres.addresses import place_of
from storage.sqlite.store import SqliteStorage


def storage_place(settings: DatabaseSettings) -> str:
    """Where the data is, for people."""
    match settings.engine:
        case DatabaseEngine.MEMORY:
            return "memory, lost at exit"
        case DatabaseEngine.POSTGRES:
            return f"PostgreSQL at {place_of(postgres_of(settings).writer_uri)}"
        case DatabaseEngine.SQLITE:
            return str(settings.path.absolute())


@asynccontextmanager
async def opened_storage(settings: DatabaseSettings) -> AsyncIterator[Storage]:
    """The store while the context lasts. Raises StorageFailed, Unavailable or Misconfigured if it cannot be opened."""
    storage = await _open(settings)
    try:
        yield storage
    finally:
        await storage.close()


async def _open(settings: DatabaseSettings) -> Storage:
    if settings.engine is DatabaseEngine.POSTGRES:
        return await _open_postgres(settings)
    return await SqliteStorage.open(_database_file(settings))


async def _open_postgres(settings: DatabaseSettings) -> Storage:
    from storage.postgres.connecting import is_migrated, wait_for_server  # noqa: PLC0415
    from storage.postgres.store import PostgresStorage  # noqa: PLC0415

    postgres = postgres_of(settings)
    await wait_for_server(postgres, settings.patience_s)
    if settings.auto_migrate and not await is_migrated(postgres):  # what migrates takes half a second to load
        await migrations_of(settings).up()
    return await PostgresStorage.open(postgres)


def _database_file(settings: DatabaseSettings) -> Path | None:
    """Where the store keeps its data, its folder made; None for memory."""
    if settings.engine is DatabaseEngine.MEMORY:
        return None
    try:
        settings.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageFailed(f"cannot make the folder of the store {settings.path}: {reason}") from error
    return settings.path
