"""OpenFGA, set up by its SDK: a program to start over PostgreSQL, or the address of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from openfga_sdk import OpenFgaClient
from openfga_sdk.client.configuration import ClientConfiguration
from openfga_sdk.exceptions import OpenApiException
from openfga_sdk.models.create_store_request import CreateStoreRequest
from openfga_sdk.models.write_authorization_model_request import WriteAuthorizationModelRequest

from bench.harness.ports import Ability, CallFailed, Dataset, Place, Request, Write
from bench.harness.results import Parameter
from bench.harness.systems.database import own_database
from bench.harness.systems.go_program import go_version
from bench.harness.systems.loading import batches, store_all
from bench.harness.systems.openfga_endpoint import OpenFgaEndpoint
from bench.harness.systems.openfga_model import openfga_model
from bench.harness.systems.process import finished, serving
from bench.postgres_server import PostgresServer
from bench.processes import free_ports

_SETTINGS = {
    "OPENFGA_LOG_LEVEL": "error",
    "OPENFGA_PLAYGROUND_ENABLED": "false",
    "OPENFGA_METRICS_ENABLED": "false",
    "OPENFGA_DATASTORE_ENGINE": "postgres",
    "OPENFGA_DATASTORE_MAX_OPEN_CONNS": "20",
    "OPENFGA_DATASTORE_MAX_IDLE_CONNS": "20",
    "OPENFGA_MAX_TUPLES_PER_WRITE": "500",
    "OPENFGA_MAX_CHECKS_PER_BATCH_CHECK": "100",
    "OPENFGA_CHECK_QUERY_CACHE_ENABLED": "true",
    "OPENFGA_CHECK_CACHE_LIMIT": "200000",
    "OPENFGA_CHECK_QUERY_CACHE_TTL": "600s",
    "OPENFGA_MAX_CONCURRENT_READS_FOR_CHECK": "20",
    "OPENFGA_LIST_OBJECTS_MAX_RESULTS": "0",
    "OPENFGA_LIST_OBJECTS_DEADLINE": "60s",
    "OPENFGA_LIST_USERS_MAX_RESULTS": "0",
    "OPENFGA_LIST_USERS_DEADLINE": "60s",
    "OPENFGA_REQUEST_TIMEOUT": "120s",
    "OPENFGA_RESOLVE_NODE_LIMIT": "100",
}
_NOTE = (
    "over HTTP, as its SDK speaks; answers may be stale for as long as they are cached: 200 000 entries, 600 s;"
    " PostgreSQL, 20 connections, 20 reads at once per check"
)
_MODULE = "github.com/openfga/openfga"


@dataclass(frozen=True, slots=True)
class OpenFga:
    """A server. database: where it keeps its data, if we know."""

    address: str
    processes: Mapping[str, int]
    version: str
    note: str = _NOTE
    database: tuple[PostgresServer, str] | None = None
    name: str = "openfga"
    measures: Mapping[str, float] = field(default_factory=dict)

    async def load(self, dataset: Dataset) -> OpenFgaEndpoint:
        """Store a dataset in a store of its own. Raises CallFailed; ValueError for attributes and rules."""
        if next(dataset.attributes(), None) is not None:
            raise ValueError("OpenFGA has no attributes")
        model = openfga_model(dataset.schema)
        endpoint = await self._store_with(model)
        async with endpoint.connected(1) as connection:
            await store_all(connection, _writes(endpoint, dataset), self.database)
        return endpoint

    async def _store_with(self, model: Mapping[str, object]) -> OpenFgaEndpoint:
        url = f"http://{self.address}"
        try:
            async with OpenFgaClient(ClientConfiguration(api_url=url)) as client:
                named = CreateStoreRequest(name="bench")  # type: ignore[no-untyped-call]  # models of the SDK have no types
                store = (await client.create_store(named)).id
            async with OpenFgaClient(ClientConfiguration(api_url=url, store_id=store)) as client:
                written = WriteAuthorizationModelRequest(**model)  # type: ignore[no-untyped-call]  # as above
                found = await client.write_authorization_model(written)
        except OpenApiException as error:
            raise CallFailed("HTTP", str(error)) from error
        except aiohttp.ClientError as error:
            raise CallFailed("UNAVAILABLE", str(error)) from error
        return OpenFgaEndpoint((self.address,), store, found.authorization_model_id)


@dataclass(frozen=True, slots=True)
class OpenFgaLaunch:
    """Either the program or the address of a server with data that may be added to."""

    where: Path | str
    name: str = "openfga"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    abilities: frozenset[Ability] = frozenset(Ability) - {Ability.ATTRIBUTES}

    @asynccontextmanager
    async def started(self, place: Place) -> AsyncIterator[OpenFga]:
        """A server over a new database, or the one there is. Raises NotStarted."""
        if isinstance(self.where, str):
            yield OpenFga(self.where, {}, "unknown", "over HTTP; run and set by others")
            return
        with own_database(place.database.server, self.name) as uri:
            environment = {**_SETTINGS, "OPENFGA_DATASTORE_URI": f"{uri}?sslmode=disable"}
            await finished((self.where, "migrate"), log=place.folder / "openfga-migrate.log", environment=environment)
            http, grpc = free_ports(2)
            command = (*(self.where, "run", "--http-addr", f"127.0.0.1:{http}", "--grpc-addr", f"127.0.0.1:{grpc}"),)
            log = place.folder / "openfga.log"
            async with serving(command, port=http, log=log, environment=environment) as pid:
                processes = {"server": pid, "database": place.database.server.pid}
                version = go_version(self.where, _MODULE)
                yield OpenFga(f"127.0.0.1:{http}", processes, version, database=(place.database.server, self.name))


def _writes(endpoint: OpenFgaEndpoint, dataset: Dataset) -> Iterator[Request]:
    return (endpoint.request(Write(tuples)) for tuples in batches(dataset.tuples()))
