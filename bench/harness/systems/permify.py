"""Permify: a program to start over PostgreSQL, or the address of a server. It is loaded and asked as Ringward is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness.ports import Ability, Dataset, Place
from bench.harness.results import Parameter
from bench.harness.systems.database import own_database
from bench.harness.systems.go_program import go_version
from bench.harness.systems.permify_wire import PermifyWireEndpoint, load_permify_wire
from bench.harness.systems.process import serving
from bench.harness.systems.ringward import CACHE_OPTIONS
from bench.postgres_server import PostgresServer
from bench.processes import free_ports

_OPTIONS = (
    *("--http-enabled=false", "--log-level=error", "--server-rate-limit=1000000"),
    *("--database-max-connections=20", "--service-permission-concurrency-limit=100"),
)
_MODULE = "github.com/Permify/permify"


@dataclass(slots=True)
class Permify:
    """A server. database: where it keeps its data, if we know."""

    address: str
    processes: Mapping[str, int]
    version: str
    note: str
    database: tuple[PostgresServer, str] | None = None
    name: str = "permify"
    measures: Mapping[str, float] = field(default_factory=dict)

    async def load(self, dataset: Dataset) -> PermifyWireEndpoint:
        """Store a dataset in a tenant of its own. Raises CallFailed."""
        endpoint = PermifyWireEndpoint((self.address,), f"bench-{time.time_ns()}")
        await load_permify_wire(endpoint, dataset, self.database)
        return endpoint


@dataclass(frozen=True, slots=True)
class PermifyLaunch:
    """Either the program or the address of a server with data that may be added to."""

    where: Path | str
    name: str = "permify"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    abilities: frozenset[Ability] = frozenset(Ability)

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[Permify]:
        """A server over a new database, or the one there is. Raises NotStarted."""
        if isinstance(self.where, str):
            yield Permify(self.where, {}, "unknown", "run and set by others")
            return
        with own_database(place.database.server, self.name) as uri:
            (port,) = free_ports(1)
            store = ("--database-engine=postgres", f"--database-uri={uri}?sslmode=disable")
            command = (self.where, "serve", f"--grpc-port={port}", *store, *_OPTIONS, *CACHE_OPTIONS)
            async with serving(command, port=port, log=place.folder / "permify.log") as pid:
                yield Permify(
                    address=f"127.0.0.1:{port}",
                    processes={"server": pid, "database": place.database.server.pid},
                    version=go_version(self.where, _MODULE),
                    note="answers at its head, which concurrent writes may keep behind; PostgreSQL, 20 connections",
                    database=(place.database.server, self.name),
                )
