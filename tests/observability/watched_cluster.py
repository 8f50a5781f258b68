"""Three nodes in two zones, with all that nodes can have, so that everything is exported that ever is.

They have a replica, a rate limit they share, garbage collection, an encrypted listener and a collector.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import trustme

from proto.base.v1 import service_pb2 as pb
from tests.integration.cluster.fleet import ClusterNode, Fleet, fleet_of
from tests.integration.cluster.load import client_of
from tests.support.certificates import Files, issue
from tests.support.client import TENANT
from tests.support.collector import Collector
from tests.support.postgres import migrate, postgres_server, replica_of
from tests.support.processes import free_port
from tests.support.redis import redis_server

ZONES = {"a": "one", "b": "one", "c": "two"}


@asynccontextmanager
async def watched_cluster(folder: Path) -> AsyncIterator[tuple[Fleet, dict[str, str]]]:
    """The nodes a, b and c, which serve and see each other, and where each tells of itself."""
    ports = {name: free_port() for name in ZONES}
    async with Collector().running() as collector:
        with _options(folder, collector) as common:
            nodes = [
                ClusterNode(name, folder, *common, f"--metrics-port={ports[name]}", f"--distributed-zone={zone}")
                for name, zone in ZONES.items()
            ]
            with fleet_of(nodes) as fleet:
                await fleet.begins_anew()
                yield fleet, {name: f"127.0.0.1:{port}" for name, port in ports.items()}
                troubles = fleet.troubles()
                assert not troubles, troubles


@asynccontextmanager
async def unusual_calls(address: str) -> AsyncIterator[None]:
    """While the context lasts, somebody follows changes; and somebody has asked what nobody can answer."""
    async with client_of(address) as client, grpc.aio.insecure_channel(address) as channel:
        with suppress(grpc.aio.AioRpcError):
            await client.can("nothing:1#view@user:u")
        watching: Any = channel.unary_stream(
            "/base.v1.Watch/Watch",
            request_serializer=pb.WatchRequest.SerializeToString,
            response_deserializer=pb.WatchResponse.FromString,
        )
        call = watching(pb.WatchRequest(tenant_id=TENANT))
        await call.read()
        yield
        call.cancel()


@contextmanager
def _options(folder: Path, collector: Collector) -> Iterator[tuple[str, ...]]:
    """What all nodes are told, while the servers run that it speaks of."""
    files = Files(folder)
    files.write(issue(trustme.CA()))
    with postgres_server() as primary, redis_server() as redis:
        migrate(primary.uri())
        with replica_of(primary) as replica:
            sent_to = f"127.0.0.1:{collector.grpc_port}"
            yield (
                *("--metrics-enabled", "--server-max-concurrent-requests=1000", "--service-watch-enabled"),
                *(f"--database-writer-uri={primary.uri()}", f"--database-reader-uri={replica.uri()}"),
                *("--database-garbage-collection-enabled", "--database-garbage-collection-interval=1s"),
                *("--database-garbage-collection-timeout=10s", "--database-garbage-collection-window=1h"),
                *("--server-rate-limit=5000", f"--server-rate-limit-redis={redis.url()}"),
                *("--http-enabled=true", "--http-port=0", "--http-tls-enabled"),
                *(f"--http-tls-cert-path={files.cert}", f"--http-tls-key-path={files.key}"),
                *("--tracer-enabled", "--tracer-insecure", "--tracer-protocol=grpc", f"--tracer-endpoint={sent_to}"),
            )
