"""A node, put together: store, catalog, invoker, services, hosts; read ``open_services`` and ``open_node`` top down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api.auth.opening import opened_authenticator
from api.entrance import Entrance
from api.grpc_host import GrpcHost
from api.health import Health
from api.rest.host import RestHost
from api.rpc.bundle import BundleService
from api.rpc.data import DataService
from api.rpc.permission import PermissionService
from api.rpc.schema import SchemaService
from api.rpc.tenancy import TenancyService
from api.rpc.watch import WatchService, response_of
from api.services import Services
from api.tls import ListenerTls
from cluster.invoker.invoker import Invoker
from cluster.watch.tails import Tails
from engine.catalog import SchemaCatalog
from node.background import kept_running
from node.housekeeping import garbage_collected
from node.settings import NodeSettings
from node.stores import opened_storage, storage_place
from proto.base.v1.service_pb2 import WatchResponse
from storage.base import Storage


@dataclass(frozen=True, slots=True)
class Node:
    """A running node.

    grpc_address: ``host:port`` for clients on this machine. storage_place: where the data is. rest_url: where REST is
    served, empty for nowhere. is_grpc_encrypted and asks_for_tokens: what clients must know to be let in.
    """

    grpc_address: str
    storage_place: str
    health: Health
    rest_url: str = ""
    is_grpc_encrypted: bool = False
    asks_for_tokens: bool = False

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Serve until the event is set; then report NOT_SERVING, so that no new call is sent here."""
        await stop.wait()
        self.health.leave()


@asynccontextmanager
async def open_services(settings: NodeSettings) -> AsyncIterator[Services]:
    """The services of a node without any transport, over a store of their own."""
    async with opened_storage(settings.database) as storage:
        yield _services(settings, storage, _tails(settings, storage))


@asynccontextmanager
async def open_node(settings: NodeSettings) -> AsyncIterator[Node]:
    """A node that serves while the context lasts; at its end running calls get ``grace_s`` to finish.

    Raises StorageFailed, Misconfigured or Unavailable, saying why, if it cannot start.
    """
    grpc_tls = ListenerTls(settings.grpc_tls) if settings.grpc_tls else None
    http_tls = ListenerTls(settings.http_tls) if settings.http and settings.http_tls else None
    async with opened_storage(settings.database) as storage, opened_authenticator(settings.auth) as authenticator:
        health = Health(storage.ping)
        tails = _tails(settings, storage)
        services, entrance = _services(settings, storage, tails), Entrance(authenticator, settings.limits)
        grpc_host = GrpcHost(
            services,
            health,
            entrance,
            host=settings.host,
            port=settings.grpc_port,
            max_message_bytes=settings.max_message_bytes,
            tls=grpc_tls,
        )
        rest_host = settings.http and RestHost(
            services,
            health,
            entrance,
            settings.http,
            host=settings.host,
            max_message_bytes=settings.max_message_bytes,
            ssl_context=http_tls.http_context() if http_tls else None,
        )
        hosts = (grpc_host, rest_host) if rest_host else (grpc_host,)
        following = [tls.follow_files for tls in (grpc_tls, http_tls) if tls]
        async with (
            kept_running(authenticator.keep_current, *following),
            _listening(hosts, health, settings.grace_s),
            garbage_collected(storage, settings.database.garbage_collection),
            tails.running(),  # innermost: watchers hear of the end at once, before the listeners wait for them
        ):
            yield Node(
                grpc_host.address,
                storage_place(settings.database),
                health,
                rest_url=rest_host.url if rest_host else "",
                is_grpc_encrypted=grpc_tls is not None,
                asks_for_tokens=settings.auth is not None,
            )


@asynccontextmanager
async def _listening(hosts: Sequence[GrpcHost | RestHost], health: Health, grace_s: float) -> AsyncIterator[None]:
    """All hosts listen while the context lasts; at its end they stop side by side, so that the grace is one for all."""
    started: list[GrpcHost | RestHost] = []
    try:
        for host in hosts:
            await host.start()
            started.append(host)
        yield
    finally:
        health.leave()
        async with asyncio.TaskGroup() as stopping:
            for host in started:
                stopping.create_task(host.stop(grace_s))


def _tails(settings: NodeSettings, storage: Storage) -> Tails[WatchResponse]:
    return Tails(
        storage,
        response_of,
        kept_commits=settings.database.watch_buffer_size,
        refresh_s=settings.watch.heartbeat_interval_s,
    )


def _services(settings: NodeSettings, storage: Storage, tails: Tails[WatchResponse]) -> Services:
    catalog = SchemaCatalog(storage, settings.schema_cache_entries)
    invoker = Invoker(storage, catalog)
    return Services.of(
        {
            "Permission": PermissionService(invoker),
            "Schema": SchemaService(storage, invoker),
            "Data": DataService(storage, invoker, settings.database.max_data_per_write),
            "Bundle": BundleService(storage),
            "Tenancy": TenancyService(storage),
            "Watch": WatchService(tails, settings.watch),
        }
    )
