"""SpiceDB: a program to start over PostgreSQL, or the address of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness.ports import Ability, Dataset, Place, Request, Write
from bench.harness.results import Parameter
from bench.harness.systems.database import own_database
from bench.harness.systems.go_program import go_version
from bench.harness.systems.loading import batches, store_all
from bench.harness.systems.process import finished, serving
from bench.harness.systems.spicedb_endpoint import SpiceDbEndpoint
from bench.harness.systems.spicedb_schema import entity_types, spicedb_schema
from bench.postgres_server import PostgresServer
from bench.processes import free_ports

_KEY = "the-key-of-a-benchmark"
_OPTIONS = (
    *("--datastore-conn-pool-read-max-open=20", "--datastore-conn-pool-write-max-open=20"),
    *("--dispatch-max-depth=100", "--dispatch-cluster-enabled=false"),
    *("--metrics-enabled=false", "--telemetry-endpoint=", "--log-level=error", "--skip-release-check"),
)
_MODULE = "github.com/authzed/spicedb"


@dataclass(slots=True)
class SpiceDb:
    """A server. database: where it keeps its data, if we know."""

    address: str
    processes: Mapping[str, int]
    version: str
    note: str
    key: str = _KEY
    database: tuple[PostgresServer, str] | None = None
    name: str = "spicedb"
    measures: Mapping[str, float] = field(default_factory=dict)
    _loaded: Sequence[str] = ()

    async def load(self, dataset: Dataset) -> SpiceDbEndpoint:
        """Store a dataset, and no longer the one before. Raises CallFailed; ValueError for attributes and rules."""
        if next(dataset.attributes(), None) is not None:
            raise ValueError("SpiceDB has no attributes")
        schema = spicedb_schema(dataset.schema)
        await self.forget()
        endpoint = SpiceDbEndpoint((self.address,), self.key)
        async with endpoint.connected(1) as connection:
            await connection.call(endpoint.schema_request(schema))
            self._loaded = entity_types(dataset.schema)
            await store_all(connection, _writes(endpoint, dataset), self.database)
        return endpoint

    async def forget(self) -> None:
        """Delete what was loaded: there is one schema, and it cannot change under what is stored."""
        endpoint = SpiceDbEndpoint((self.address,), self.key)
        async with endpoint.connected(1) as connection:
            for entity_type in self._loaded:
                await connection.call(endpoint.forgetting(entity_type))
        self._loaded = ()


@dataclass(frozen=True, slots=True)
class SpiceDbLaunch:
    """Either the program or the address of a server that holds no data. key: what that server asks for."""

    where: Path | str
    key: str = _KEY
    name: str = "spicedb"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    abilities: frozenset[Ability] = frozenset(Ability) - {Ability.ATTRIBUTES, Ability.CONTEXTUAL_TUPLES}

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[SpiceDb]:
        """A server over a new database, or the one there is, empty again afterwards. Raises NotStarted."""
        if isinstance(self.where, str):
            system = SpiceDb(self.where, {}, "unknown", "fully consistent; run and set by others", self.key)
            try:
                yield system
            finally:
                await system.forget()
            return
        with own_database(place.database.server, self.name) as uri:
            store = ("--datastore-engine=postgres", f"--datastore-conn-uri={uri}?sslmode=disable")
            await finished((self.where, "migrate", "head", *store), log=place.folder / "spicedb-migrate.log")
            (port,) = free_ports(1)
            keyed = (f"--grpc-addr=127.0.0.1:{port}", f"--grpc-preshared-key={self.key}")
            command = (self.where, "serve", *store, *keyed, *_OPTIONS)
            async with serving(command, port=port, log=place.folder / "spicedb.log") as pid:
                yield SpiceDb(
                    address=f"127.0.0.1:{port}",
                    processes={"server": pid, "database": place.database.server.pid},
                    version=go_version(self.where, _MODULE),
                    note="every answer fully consistent; PostgreSQL, 20 connections; caches as by default",
                    key=self.key,
                    database=(place.database.server, self.name),
                )


def _writes(endpoint: SpiceDbEndpoint, dataset: Dataset) -> Iterator[Request]:
    return (endpoint.request(Write(tuples)) for tuples in batches(dataset.tuples()))
