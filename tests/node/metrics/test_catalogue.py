"""The document of the metrics and what real nodes export are the same, in both directions; and no label holds an id."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import grpc
import pytest
import trustme

from api.limits import LimitSettings
from api.operations.settings import OperationsSettings
from api.rest.settings import RestSettings
from cluster.redis_server import RedisServer
from node.node import Node, open_node
from node.settings import ClusterSettings, DatabaseEngine, DatabaseSettings, GarbageCollection, NodeSettings
from storage.postgres.settings import PostgresSettings
from telemetry.destinations import Destination, Given, Signal
from telemetry.settings import MeterSettings, TelemetrySettings, TraceSettings
from tests.support.catalogue import Exported, documented, documented_values, exported
from tests.support.certificates import Files, issue
from tests.support.client import TENANT, Client
from tests.support.eventually import eventually
from tests.support.processes import free_ports
from tests.support.redis import redis_server

SCHEMA = """
entity user {}
entity folder { relation viewer @user }
entity doc {
  relation parent @folder
  permission view = parent.viewer
}
"""
TIMEOUT_S = 60.0
UNLIKELY = "xq7"  # part of every id the test uses, and of nothing else


async def scraped(node: Node, accept: str = "") -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{node.operations_url}/metrics", headers={"Accept": accept}) as response,
    ):
        assert response.status == 200
        return await response.text()


async def seen(node: Node) -> Exported:
    return exported(await scraped(node))


async def asks(node: Node, certificate: bytes | None = None) -> None:
    """Write and ask until something of everything has happened on the node."""
    credentials = grpc.ssl_channel_credentials(certificate) if certificate else None
    async with (
        grpc.aio.secure_channel(node.grpc_address, credentials)
        if credentials
        else grpc.aio.insecure_channel(node.grpc_address)
    ) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write(f"doc:{UNLIKELY}#parent@folder:{UNLIKELY}", f"folder:{UNLIKELY}#viewer@user:{UNLIKELY}")
        for number in range(50):
            await client.can(f"doc:{UNLIKELY}{number}#view@user:{UNLIKELY}")
        assert await client.can(f"doc:{UNLIKELY}#view@user:{UNLIKELY}")
        with pytest.raises(grpc.aio.AioRpcError):
            await client.can(f"nothing:{UNLIKELY}#view@user:{UNLIKELY}")


@asynccontextmanager
async def two_with_everything(database: str, folder: Path, stack: ExitStack) -> AsyncIterator[Node]:
    """The first of two nodes of a cluster with all there is to be configured."""
    redis = stack.enter_context(redis_server())
    ca = trustme.CA()
    files = Files(folder)
    files.write(issue(ca))
    ca.cert_pem.write_to_path(str(files.client_ca))
    ports = free_ports(2)
    engine = "static://" + ",".join(f"127.0.0.1:{port}" for port in ports)
    nowhere = Given("otlp", "127.0.0.1:1", True, "", (), "http")
    settings = NodeSettings(
        host="127.0.0.1",
        grpc_port=0,
        grace_s=0.1,
        http=RestSettings(port=0),
        grpc_tls=files.settings(),
        http_tls=files.settings(),
        limits=LimitSettings(shared_in=RedisServer.of(redis.url())),
        operations=OperationsSettings(port=0),
        database=DatabaseSettings(
            engine=DatabaseEngine.POSTGRES,
            postgres=PostgresSettings(database, reader_uri=database),
            garbage_collection=GarbageCollection(window_s=3600.0, interval_s=3600.0, timeout_s=10.0),
        ),
        telemetry=TelemetrySettings(
            traces=TraceSettings(Destination.of(Signal.TRACES, nowhere)),
            metrics=MeterSettings(Destination.of(Signal.METRICS, nowhere)),
            release="1.2.3",
        ),
    )
    first, second = (
        replace(
            settings,
            cluster=ClusterSettings(
                engine, port=port, zone="z1", tls=files.settings(asks_clients=True), joining_s=1.0, grace_s=0.1
            ),
        )
        for port in ports
    )
    async with open_node(first) as node, open_node(second):

        async def has_met() -> bool:
            return "ringward_ring_members 2.0" in await scraped(node)

        await eventually(has_met, patience_s=20.0)
        await asks(node, ca.cert_pem.bytes())
        yield node


async def test_a_node_with_everything_exports_exactly_what_is_documented(database: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        async with asyncio.timeout(TIMEOUT_S), two_with_everything(database, tmp_path, stack) as node:
            found = await seen(node)
    assert found.names == documented().keys()
    assert found.metrics == set(documented().values())
    ensure_closed(found)


async def test_a_node_alone_exports_nothing_else() -> None:
    settings = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, operations=OperationsSettings(port=0))
    async with open_node(settings) as node:
        await asks(node)
        found = await seen(node)
        text = await scraped(node)
    assert found.names < documented().keys()
    ensure_closed(found)
    assert UNLIKELY not in text
    assert f'"{TENANT}"' not in text


def ensure_closed(found: Exported) -> None:
    """Every label has one of its documented values, or is of a kind that is bounded by itself."""
    values = documented_values()
    bounded = {
        "rpc": re.compile(r"[a-z][\w.]*\.[A-Z]\w+/[A-Z]\w+"),
        "code": re.compile("|".join(code.name for code in grpc.StatusCode)),
        "peer": re.compile(r"127\.0\.0\.1:\d+"),
        "zone": re.compile(r"|z1"),
        "version": re.compile(r"|1\.2\.3"),
        "le": re.compile(r"[\d.e+]+|\+Inf"),
    }
    for series in found.series:
        for label, value in series.items():
            if label in bounded:
                assert bounded[label].fullmatch(value), (label, value)
            else:
                assert value in values[label], (label, value)


def test_the_document_says_what_each_metric_is_for() -> None:
    for metric in documented().values():
        assert metric.kind in {"counter", "gauge", "histogram"}
        assert (metric.kind == "counter") == metric.name.endswith("_total")


async def test_openmetrics_is_given_to_who_accepts_it() -> None:
    settings = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, operations=OperationsSettings(port=0))
    async with open_node(settings) as node:
        await asks(node)
        text = await scraped(node, "application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")


def test_every_label_is_in_the_table_of_labels() -> None:
    used = {label for metric in documented().values() for label in metric.labels}
    assert used == documented_values().keys()
