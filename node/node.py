"""A node, put together: store, catalog, invoker, services, gRPC; read ``open_services`` and ``open_node`` top down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.entrance import Entrance
from api.grpc_host import GrpcHost
from api.health import Health
from api.rpc.bundle import BundleService
from api.rpc.data import DataService
from api.rpc.permission import PermissionService
from api.rpc.schema import SchemaService
from api.rpc.tenancy import TenancyService
from api.services import Services
from cluster.invoker.invoker import Invoker
from engine.catalog import SchemaCatalog
from model.errors import StorageFailed
from node.housekeeping import garbage_collected
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from storage.base import Storage
from storage.sqlite.store import SqliteStorage


@dataclass(frozen=True, slots=True)
class Node:
    """A running node. grpc_address: ``host:port`` for clients on this machine. storage_place: where the data is."""

    grpc_address: str
    storage_place: str
    health: Health

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Serve until the event is set; then report NOT_SERVING, so that no new call is sent here."""
        await stop.wait()
        self.health.leave()


@asynccontextmanager
async def open_services(settings: NodeSettings) -> AsyncIterator[Services]:
    """The services of a node without any transport, over a store of their own."""
    async with _open_storage(settings.database) as storage:
        yield _services(settings, storage)


@asynccontextmanager
async def open_node(settings: NodeSettings) -> AsyncIterator[Node]:
    """A node that serves while the context lasts; at its end running calls get ``grace_s`` to finish.

    Raises StorageFailed or Unavailable, saying why, if it cannot start.
    """
    async with _open_storage(settings.database) as storage:
        health = Health(storage.ping)
        host = GrpcHost(
            _services(settings, storage),
            health,
            Entrance(),
            host=settings.host,
            port=settings.grpc_port,
            max_message_bytes=settings.max_message_bytes,
        )
        await host.start()
        try:
            async with garbage_collected(storage, settings.database.garbage_collection):
                yield Node(host.address, storage_place(settings.database), health)
        finally:
            health.leave()
            await host.stop(settings.grace_s)


def storage_place(settings: DatabaseSettings) -> str:
    """Where the data is, for people."""
    return "memory, lost at exit" if settings.engine is DatabaseEngine.MEMORY else str(settings.path.absolute())


@asynccontextmanager
async def _open_storage(settings: DatabaseSettings) -> AsyncIterator[Storage]:
    storage = await SqliteStorage.open(_database_file(settings))
    try:
        yield storage
    finally:
        await storage.close()


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


def _services(settings: NodeSettings, storage: Storage) -> Services:
    catalog = SchemaCatalog(storage, settings.schema_cache_entries)
    invoker = Invoker(storage, catalog)
    return Services.of(
        {
            "Permission": PermissionService(invoker),
            "Schema": SchemaService(storage, invoker),
            "Data": DataService(storage, invoker, settings.database.max_data_per_write),
            "Bundle": BundleService(storage),
            "Tenancy": TenancyService(storage),
        }
    )
