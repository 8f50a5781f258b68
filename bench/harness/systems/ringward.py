"""Ringward, as a user runs it: one node over its own file or over PostgreSQL, or several nodes as one."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.harness.ports import Ability, Dataset, NotStarted, Place
from bench.harness.results import Parameter
from bench.harness.systems.database import own_database
from bench.harness.systems.permify_wire import PermifyWireEndpoint, load_permify_wire
from bench.harness.systems.process import serving
from bench.postgres_server import PostgresServer, migrate
from bench.processes import family, free_ports, resident_bytes
from cluster.invoker.answers import NoAnswer
from cluster.peers.card import PROTOCOLS
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.description import Description
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.oversight import DistantOversight
from cluster.peers.settings import PeerSettings

ABILITIES = frozenset(Ability)
CACHE_OPTIONS = (
    "--service-permission-cache-max-cost=256MiB",
    "--service-permission-cache-number-of-counters=1000000",
)
"""Room for all a workload asks: what caches throw away is not what is measured. Permify has the same options."""

_KEY = "the key of a benchmark"
_RING_S = 60.0
_LOOK_AGAIN_S = 0.05


@dataclass(slots=True)
class Ringward:
    """Nodes that serve. database: where they keep their data, by server and name; None for a file."""

    name: str
    addresses: Sequence[str]
    processes: Mapping[str, int]
    measures: Mapping[str, float]
    note: str
    database: tuple[PostgresServer, str] | None = None
    version: str = field(default_factory=lambda: version("ringward"))
    _loaded: int = 0

    async def load(self, dataset: Dataset) -> PermifyWireEndpoint:
        """Store a dataset in a tenant of its own. Raises CallFailed."""
        self._loaded += 1
        endpoint = PermifyWireEndpoint(self.addresses, f"bench-{self._loaded}")
        await load_permify_wire(endpoint, dataset, self.database)
        return endpoint


@dataclass(frozen=True, slots=True)
class RingwardFile:
    """One node with the embedded store. flags: more of them for ``serve``."""

    flags: tuple[str, ...] = ()
    name: str = "ringward"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    abilities: frozenset[Ability] = ABILITIES

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[Ringward]:
        """A node with a new file. Raises NotStarted."""
        store = ("--database-engine=sqlite", f"--database-uri={place.folder / 'ringward.db'}")
        (port,) = free_ports(1)
        async with _node(place.folder, port, *store, *self.flags) as node:
            processes = {"server": node.pid}
            note = _note("embedded store, durable", self.flags)
            yield Ringward(self.name, (f"127.0.0.1:{port}",), processes, node.measures, note)


@dataclass(frozen=True, slots=True)
class RingwardPostgres:
    """One node over PostgreSQL. flags: more of them for ``serve``."""

    flags: tuple[str, ...] = ()
    name: str = "ringward-postgres"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    abilities: frozenset[Ability] = ABILITIES

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[Ringward]:
        """A node over a new database. Raises NotStarted."""
        (port,) = free_ports(1)
        with own_database(place.database.server, self.name) as uri:
            await asyncio.to_thread(migrate, uri)
            async with _node(place.folder, port, *_over(uri), *self.flags) as node:
                processes = {"server": node.pid, "database": place.database.server.pid}
                note = _note("PostgreSQL, 20 connections", self.flags)
                database = (place.database.server, self.name)
                yield Ringward(self.name, (f"127.0.0.1:{port}",), processes, node.measures, note, database)


@dataclass(frozen=True, slots=True)
class RingwardCluster:
    """Nodes over one PostgreSQL that know each other from the start. flags: more of them for ``serve``."""

    nodes: int
    flags: tuple[str, ...] = ()
    name: str = "ringward-cluster"
    abilities: frozenset[Ability] = ABILITIES

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """How many nodes."""
        return {"nodes": self.nodes}

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[Ringward]:
        """Nodes that all see each other. Raises NotStarted."""
        ports = free_ports(2 * self.nodes)
        clients, peers = ports[: self.nodes], [f"127.0.0.1:{port}" for port in ports[self.nodes :]]
        with own_database(place.database.server, self.name) as uri:
            await asyncio.to_thread(migrate, uri)
            async with AsyncExitStack() as stack:
                nodes = [
                    await stack.enter_async_context(
                        _node(place.folder, port, *_over(uri), *_among(peers, peer), *self.flags)
                    )
                    for port, peer in zip(clients, peers, strict=True)
                ]
                await _all_seen(peers)
                processes = {f"server-{number}": node.pid for number, node in enumerate(nodes, 1)}
                yield Ringward(
                    self.name,
                    tuple(f"127.0.0.1:{port}" for port in clients),
                    {**processes, "database": place.database.server.pid},
                    {},
                    _note(f"{self.nodes} nodes over one PostgreSQL, 20 connections each", self.flags),
                    (place.database.server, self.name),
                )


@dataclass(frozen=True, slots=True)
class _Node:
    pid: int
    measures: Mapping[str, float]


@asynccontextmanager
async def _node(folder: Path, port: int, *options: str) -> AsyncIterator[_Node]:
    program = Path(sys.executable).with_name("ringward")
    command: Sequence[str | Path] = (
        *(program, "serve", "--server-host=127.0.0.1", f"--grpc-port={port}", "--http-enabled=false"),
        *("--log-level=error", "--server-rate-limit=0", *CACHE_OPTIONS, *options),
    )
    began_s = time.monotonic()
    async with serving(command, port=port, log=folder / f"ringward-{port}.log") as pid:
        ready_s = time.monotonic() - began_s
        yield _Node(pid, {"start to ready, s": ready_s, "memory when idle, MB": resident_bytes(family(pid)) / 1e6})


def _over(uri: str) -> Sequence[str]:
    return ("--database-engine=postgres", f"--database-uri={uri}")


def _among(peers: Sequence[str], own: str) -> Sequence[str]:
    return (
        *("--distributed-enabled", f"--distributed-address=static://{','.join(peers)}"),
        *(f"--distributed-port={own.rpartition(':')[2]}", f"--distributed-advertise={own}"),
        f"--distributed-cluster-key={_KEY}",
    )


async def _all_seen(peers: Sequence[str]) -> None:
    """Return once each node has all in its ring. Raises NotStarted if that takes too long."""
    dialler = Dialler(Greeter("bench", ClusterKey(_KEY), PROTOCOLS), PeerSettings())
    try:
        async with asyncio.timeout(_RING_S):
            for peer in peers:
                while not await _sees(DistantOversight(dialler, peer), len(peers)):  # noqa: ASYNC110 - others know
                    await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError:
        raise NotStarted(f"{len(peers)} nodes have not found each other within {_RING_S:g} s") from None


async def _sees(node: DistantOversight, members: int) -> bool:
    try:
        (found,) = await node.describe(with_others=False)
    except NoAnswer:
        return False
    return isinstance(found, Description) and len(found.places) == members


def _note(store: str, flags: Sequence[str]) -> str:
    return "; ".join(("every answer at exact freshness", store, *flags))
