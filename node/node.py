"""A node, put together: store, catalog, invoker, services, hosts; read ``open_services`` and ``open_node`` top down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api.auth.opening import opened_authenticator
from api.cluster_limit import opened_cluster_limit
from api.edge import Edge
from api.entrance import Entrance
from api.health import Health
from api.host import Host
from api.observation import Observation, Observer
from api.request_ids import CallIds
from api.rest.host import RestHost
from api.rpc.bundle import BundleService
from api.rpc.data import DataService
from api.rpc.permission import PermissionService
from api.rpc.schema import SchemaService
from api.rpc.tenancy import TenancyService
from api.rpc.watch import WatchService, response_of
from api.services import Services
from api.tls import ListenerTls
from api.traces import CallTraces
from cluster.invoker.invoker import Invoker
from cluster.watch.tails import Tails
from node.answering import Answering
from node.background import kept_running
from node.cluster import Cluster, cluster_of
from node.exporting import Outbounds, logs_sent, opened_tracer
from node.housekeeping import CollectionCounts, garbage_collected
from node.measuring import Parts, measurements_of, measuring
from node.operating import operations_served, profiles_served
from node.settings import NodeSettings
from node.stores import opened_storage, storage_place
from node.transports import Transports
from proto.base.v1.service_pb2 import WatchResponse
from storage.base import Storage
from telemetry.log_tap import LogTap

if TYPE_CHECKING:
    from node.metrics.measurements import Measurements
    from telemetry.tracing import Tracer


@dataclass(frozen=True, slots=True)
class Node:
    """A running node.

    grpc_address: ``host:port`` for clients on this machine. storage_place: where the data is. rest_url: where REST is
    served, empty for nowhere. is_grpc_encrypted and asks_for_tokens: what clients must know to be let in. peer_address:
    where other nodes reach it, empty for one that is alone. drained: set when people have it leave the cluster.
    operations_url and profiler_url: where metrics and health are served, and where profiles; empty for nowhere.
    """

    grpc_address: str
    storage_place: str
    health: Health
    rest_url: str = ""
    is_grpc_encrypted: bool = False
    asks_for_tokens: bool = False
    peer_address: str = ""
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    operations_url: str = ""
    profiler_url: str = ""

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Serve until the event is set, or the node is drained; then report NOT_SERVING: no new call is sent here."""
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(event.wait()) for event in (stop, self.drained)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        self.health.leave()


@asynccontextmanager
async def open_services(settings: NodeSettings) -> AsyncIterator[Services]:
    """The services of a node without any transport, over a store of their own."""
    async with opened_storage(settings.database) as storage:
        invoker = Answering.over(storage, settings).invoker()
        yield _services(settings, storage, invoker, _tails(settings, storage))


@asynccontextmanager
async def open_node(settings: NodeSettings, log_tap: LogTap | None = None) -> AsyncIterator[Node]:
    """A node that serves while the context lasts; at its end running calls get ``grace_s`` to finish.

    log_tap: where events of the log come from, if they are to be sent.
    Raises StorageFailed, Misconfigured or Unavailable, saying why, if it cannot start.
    """
    tls = _tls_of_listeners(settings)
    health = Health()
    measured = measurements_of(settings)
    outbounds: Outbounds = {}
    async with (
        logs_sent(settings.telemetry, log_tap, outbounds),
        opened_tracer(settings.telemetry, outbounds) as tracer,
        operations_served(settings, health, measured) as operations_url,
        profiles_served(settings) as profiler_url,
        opened_storage(settings.database) as storage,
        opened_authenticator(settings.auth) as authenticator,
        opened_cluster_limit(settings.limits) as cluster_limit,
    ):
        tails = _tails(settings, storage)
        answering = Answering.over(storage, settings, is_traced=tracer is not None)
        drained = asyncio.Event()
        transports = Transports(settings.grpc_transport)
        cluster = (
            cluster_of(
                settings, answering, transports, tls.get("peer"), reach=health.reach, stop=drained.set, tracer=tracer
            )
            if settings.cluster
            else None
        )
        services = _services(settings, storage, answering.invoker(cluster.checks if cluster else None), tails)
        entrance = Entrance(authenticator, settings.limits, cluster_limit)
        edge = Edge(services, health, entrance, _observation(tracer, measured))
        host = transports.clients(settings, edge, tls.get("grpc"))
        rest_host = _rest_host(settings, edge, tls.get("http"))
        hosts = (host, rest_host) if rest_host else (host,)
        beside = [some.follow_files for some in tls.values()]
        if cluster_limit is not None:
            beside.append(cluster_limit.keep_filled)
        collections = CollectionCounts()
        parts = Parts(storage, answering, entrance, tails, collections, health, host, tls, cluster, outbounds)
        async with (
            measuring(measured, parts, settings),
            kept_running(authenticator.keep_current, *beside),
            cluster.running() if cluster else nullcontext(),
            _listening(hosts, health, settings.grace_s),
            garbage_collected(storage, settings.database.garbage_collection, collections),
            tails.running(),  # watchers hear of the end at once, before the listeners wait for them
            _leaving(cluster, health, settings.drain_s),
        ):
            health.serve(storage.ping)
            yield Node(
                host.address,
                storage_place(settings.database),
                health,
                rest_url=rest_host.url if rest_host else "",
                is_grpc_encrypted="grpc" in tls,
                asks_for_tokens=settings.auth is not None,
                peer_address=cluster.address if cluster else "",
                drained=drained,
                operations_url=operations_url,
                profiler_url=profiler_url,
            )


def _tls_of_listeners(settings: NodeSettings) -> Mapping[str, ListenerTls]:
    """How listeners are encrypted, those that are, by what they speak. Raises Misconfigured."""
    given = {
        "grpc": settings.grpc_tls,
        "http": settings.http_tls if settings.http else None,
        "peer": settings.cluster.tls if settings.cluster else None,
    }
    return {name: ListenerTls(tls) for name, tls in given.items() if tls}


def _observation(tracer: Tracer | None, measured: Measurements | None) -> Observation:
    """Who looks on at calls: metrics last, so that they find the span of the call."""
    observers: list[Observer] = [CallIds()]
    if tracer is not None:
        observers.append(CallTraces(tracer))
    if measured is not None:
        observers.append(measured.calls)
    return Observation(*observers)


def _rest_host(settings: NodeSettings, edge: Edge, tls: ListenerTls | None) -> RestHost | None:
    if settings.http is None:
        return None
    return RestHost(
        edge,
        settings.http,
        host=settings.host,
        max_message_bytes=settings.max_message_bytes,
        ssl_context=tls.http_context() if tls else None,
    )


@asynccontextmanager
async def _leaving(cluster: Cluster | None, health: Health, drain_s: float) -> AsyncIterator[None]:
    """At the end of the context say to everybody that this node goes, and serve on until they have heard."""
    try:
        yield
    finally:
        health.leave()
        if cluster:
            cluster.leave()
        await asyncio.sleep(drain_s)


@asynccontextmanager
async def _listening(hosts: Sequence[Host], health: Health, grace_s: float) -> AsyncIterator[None]:
    """All hosts listen while the context lasts; at its end they stop side by side, so that the grace is one for all."""
    started: list[Host] = []
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


def _services(settings: NodeSettings, storage: Storage, invoker: Invoker, tails: Tails[WatchResponse]) -> Services:
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
