"""What operators are served: from before the store is open until the node has ended, and why it is not ready."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from api.operations.settings import OperationsSettings, ProfilerSettings
from model.errors import Unavailable
from node.cluster import Cluster
from node.node import open_node
from node.settings import ClusterSettings, NodeSettings
from tests.support.eventually import eventually
from tests.support.processes import free_ports

TIMEOUT_S = 20.0


@pytest.fixture
def settings(in_memory: NodeSettings) -> NodeSettings:
    """A node whose operations port is known before it starts."""
    (port,) = free_ports(1)
    return replace(in_memory, operations=OperationsSettings(port=port))


@asynccontextmanager
async def starting(settings: NodeSettings) -> AsyncIterator[asyncio.Event]:
    """A node that starts, and ends when the event is set or the context ends."""
    stop = asyncio.Event()

    async def run() -> None:
        async with open_node(settings):
            await stop.wait()

    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        group.create_task(run())
        try:
            yield stop
        finally:
            stop.set()


async def until_it_says(settings: NodeSettings, reason: str) -> None:
    assert settings.operations
    url = f"http://127.0.0.1:{settings.operations.port}/readyz"

    async def says_so() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return bool((await response.json()).get("reason", "") == reason)
        except aiohttp.ClientConnectionError:
            return False

    await eventually(says_so)


def in_cluster(settings: NodeSettings, engine: str) -> NodeSettings:
    (port,) = free_ports(1)
    cluster = ClusterSettings(engine.format(port=port), port=port, joining_s=1.0, grace_s=0.1)
    return replace(settings, cluster=cluster)


async def test_a_node_that_has_not_heard_of_the_others_is_joining(settings: NodeSettings) -> None:
    member = in_cluster(settings, "redis://127.0.0.1:1")
    async with starting(member):
        await until_it_says(member, "joining the cluster")
        await until_it_says(member, "")


async def test_a_node_that_takes_answers_over_is_warming_up(
    settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_time = asyncio.Event()

    async def take_its_time(_: Cluster) -> None:
        await has_time.wait()

    monkeypatch.setattr(Cluster, "_take_over", take_its_time)
    member = in_cluster(settings, "static://127.0.0.1:{port}")
    async with starting(member):
        await until_it_says(member, "warming up")
        has_time.set()
        await until_it_says(member, "")


async def test_a_node_that_is_drained_says_that_it_leaves(settings: NodeSettings) -> None:
    slow = replace(settings, drain_s=1.0)
    async with starting(slow) as stop:
        await until_it_says(slow, "")
        stop.set()
        await until_it_says(slow, "leaving")


async def test_nothing_is_served_unless_it_is_asked_for(in_memory: NodeSettings) -> None:
    async with open_node(in_memory) as node:
        assert (node.operations_url, node.profiler_url) == ("", "")


async def test_profiles_are_served_where_they_are_asked_for(in_memory: NodeSettings) -> None:
    async with (
        open_node(replace(in_memory, profiler=ProfilerSettings(port=0))) as node,
        aiohttp.ClientSession() as session,
        session.get(f"{node.profiler_url}/debug/pprof/") as response,
    ):
        assert response.status == 200


def with_metrics_at(settings: NodeSettings, port: int) -> NodeSettings:
    return replace(settings, operations=OperationsSettings(port))


def with_profiles_at(settings: NodeSettings, port: int) -> NodeSettings:
    return replace(settings, profiler=ProfilerSettings(port))


@pytest.mark.parametrize(
    ("name", "told"),
    [("metrics.port", with_metrics_at), ("profiler.port", with_profiles_at)],
    ids=["metrics", "profiles"],
)
async def test_a_port_in_use_keeps_a_node_from_starting(
    in_memory: NodeSettings, name: str, told: Callable[[NodeSettings, int], NodeSettings]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"{name}: cannot listen on 127.0.0.1:{port}"):
            async with open_node(told(in_memory, port)):
                pass
