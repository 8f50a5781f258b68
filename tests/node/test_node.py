"""A whole node, from its start to its end, as its clients and its operator see it."""
# ruff: noqa: ASYNC240 - the loop of a test serves nobody else

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from structlog.testing import capture_logs

from model.errors import StorageFailed, Unavailable
from model.snapshot import Snapshot
from node.node import Node, open_node, open_services
from node.settings import GarbageCollection, NodeSettings
from storage.base import EntityRead, Facts
from storage.sqlite import SqliteStorage
from tests.support.client import Client, explanation

SCHEMA = """
entity user {}
entity doc {
  relation viewer @user
  attribute public boolean
  permission view = viewer or public
}
"""
TIMEOUT_S = 10.0
ENDED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)  # CANCELLED: gRPC's own, for a call that came too late


@asynccontextmanager
async def client_of(settings: NodeSettings) -> AsyncIterator[Client]:
    """A client of a new node, which ends with the context."""
    async with open_node(settings) as node, connected(node) as client:
        yield client


@asynccontextmanager
async def connected(node: Node) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(node.grpc_address) as channel:
        yield Client(channel)


# --- starting ---


async def test_a_node_started_again_has_its_schema_and_its_data(on_file: NodeSettings) -> None:
    async with client_of(on_file) as client:
        version = await client.write_schema(SCHEMA)
        token = await client.write("doc:1#viewer@user:ann", attributes=["doc:2$public|boolean:true"])
    for _ in range(2):
        async with client_of(on_file) as client:
            assert await client.can("doc:1#view@user:ann", schema_version=version, snap_token=token)
            assert await client.can("doc:2#view@user:eve")
            assert not await client.can("doc:1#view@user:eve")


async def test_a_node_in_memory_starts_empty(in_memory: NodeSettings) -> None:
    async with client_of(in_memory) as client:
        await client.write_schema(SCHEMA)
    async with client_of(in_memory) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await client.can("doc:1#view@user:ann")
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_folder_of_the_database_is_made(on_file: NodeSettings, path: Path) -> None:
    assert not path.parent.exists()
    async with open_node(on_file) as node:
        assert path.is_file()
        assert node.storage_place == str(path)


async def test_nodes_on_free_ports_stand_side_by_side(in_memory: NodeSettings) -> None:
    async with open_node(in_memory) as one, open_node(in_memory) as other:
        assert one.grpc_address != other.grpc_address
        assert one.storage_place == other.storage_place == "memory, lost at exit"


async def test_a_file_in_use_is_refused_by_its_name_and_its_owner_goes_on(on_file: NodeSettings, path: Path) -> None:
    async with client_of(on_file) as client:
        await client.write_schema(SCHEMA)
        with pytest.raises(StorageFailed, match="in use by process") as refusal:
            async with open_node(on_file):
                pass
        assert str(path) in str(refusal.value)
        assert not await client.can("doc:1#view@user:ann")
    async with open_node(on_file):
        pass  # and the file is free when its owner has ended


@pytest.mark.parametrize("open_it", [open_node, open_services])
async def test_a_path_below_a_file_is_refused_by_its_name(on_file: NodeSettings, path: Path, open_it: Any) -> None:
    path.parent.parent.mkdir()
    path.parent.write_text("not a folder", encoding="utf-8")
    await assert_does_not_start(on_file, open_it, naming=path)


async def test_a_path_that_is_a_folder_is_refused_by_its_name(on_file: NodeSettings, path: Path) -> None:
    path.mkdir(parents=True)
    await assert_does_not_start(on_file, open_node, naming=path)


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(on_file: NodeSettings, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"precious notes " * 1000)
    await assert_does_not_start(on_file, open_node, naming=path)
    assert path.read_bytes() == b"precious notes " * 1000


async def test_a_node_that_cannot_listen_lets_go_of_its_file(on_file: NodeSettings, in_memory: NodeSettings) -> None:
    async with open_node(in_memory) as other:
        port = int(other.grpc_address.rpartition(":")[2])
        with pytest.raises(Unavailable, match=str(port)):
            async with open_node(replace(on_file, grpc_port=port)):
                pass
    async with open_node(on_file):
        pass


async def assert_does_not_start(settings: NodeSettings, open_it: Any, *, naming: Path) -> None:
    with pytest.raises(StorageFailed) as refusal:
        async with open_it(settings):
            pass
    assert str(naming) in str(refusal.value)


# --- running ---


async def test_history_is_collected_where_that_is_wanted(on_file: NodeSettings) -> None:
    often = GarbageCollection(window_s=0.0, interval_s=0.01, timeout_s=TIMEOUT_S)
    collecting = replace(on_file, database=replace(on_file.database, garbage_collection=often))
    async with client_of(collecting) as client:
        await client.write_schema(SCHEMA)
        old = await client.write("doc:1#viewer@user:ann")
        await client.write("doc:2#viewer@user:ann")
        async with asyncio.timeout(TIMEOUT_S):
            refusal = await first_refusal(client, snap_token=old)
        assert "too old" in (refusal.details() or "")
        assert await client.can("doc:1#view@user:ann")


async def first_refusal(client: Client, *, snap_token: str) -> grpc.aio.AioRpcError:
    """Ask until the token is refused, each time something that is in no cache; each call gives the node a turn."""
    for number in count():
        try:
            await client.can(f"doc:1#view@user:{number}", snap_token=snap_token)
        except grpc.aio.AioRpcError as refusal:
            return refusal
    raise AssertionError("numbers do not end")


async def health_of(client: Client) -> int:
    stub: Any = HealthStub(client._channel)
    response: HealthCheckResponse = await stub.Check(HealthCheckRequest())
    return response.status


async def test_a_node_whose_file_is_removed_reports_it_until_the_file_is_back(
    on_file: NodeSettings, path: Path
) -> None:
    async with client_of(on_file) as client:
        await client.write_schema(SCHEMA)
        assert await health_of(client) == HealthCheckResponse.SERVING
        path.rename(path.with_suffix(".away"))
        assert await health_of(client) == HealthCheckResponse.NOT_SERVING
        path.with_suffix(".away").rename(path)
        assert await health_of(client) == HealthCheckResponse.SERVING


async def test_a_write_to_a_file_that_was_removed_is_refused_not_lost(on_file: NodeSettings, path: Path) -> None:
    with capture_logs() as logs:
        async with client_of(on_file) as client:
            await client.write_schema(SCHEMA)
            path.unlink()
            with pytest.raises(grpc.aio.AioRpcError, match="ERROR_CODE_DATASTORE") as refusal:
                await client.write("doc:1#viewer@user:ann")
            assert str(path) not in explanation(refusal.value)
    (logged,) = [entry for entry in logs if entry["event"] == "the store failed"]
    assert str(path) in logged["error"]


# --- stopping ---


class SlowStorage(SqliteStorage):
    """Reads of entities wait until they are let go."""

    reading: asyncio.Event
    let_go: asyncio.Event

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> list[Facts]:
        self.reading.set()
        await self.let_go.wait()
        return await super().read(tenant, snapshot, reads)


@pytest.fixture
def slow_storage(monkeypatch: pytest.MonkeyPatch) -> type[SlowStorage]:
    """Nodes get a store that waits."""
    monkeypatch.setattr(SlowStorage, "reading", asyncio.Event(), raising=False)
    monkeypatch.setattr(SlowStorage, "let_go", asyncio.Event(), raising=False)
    monkeypatch.setattr("node.stores.SqliteStorage", SlowStorage)
    return SlowStorage


async def test_a_running_call_is_finished_before_the_node_ends(
    in_memory: NodeSettings, slow_storage: type[SlowStorage]
) -> None:
    async with asyncio.timeout(TIMEOUT_S), AsyncExitStack() as clients, asyncio.TaskGroup() as tasks:
        running = AsyncExitStack()
        node = await running.enter_async_context(open_node(replace(in_memory, grace_s=TIMEOUT_S)))
        client = await clients.enter_async_context(connected(node))
        await client.write_schema(SCHEMA)
        await client.write("doc:1#viewer@user:ann")
        asked = tasks.create_task(client.can("doc:1#view@user:ann"))
        await slow_storage.reading.wait()

        letting_go = tasks.create_task(let_go_once_it_takes_no_calls(client, slow_storage))
        await running.aclose()
        assert letting_go.done()
        assert await asked


async def let_go_once_it_takes_no_calls(client: Client, storage: type[SlowStorage]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call_without_end(client)
    assert refusal.value.code() in ENDED
    storage.let_go.set()


async def call_without_end(client: Client) -> None:
    while True:
        await health_of(client)


async def test_a_call_that_takes_longer_than_the_grace_is_ended(
    in_memory: NodeSettings, slow_storage: type[SlowStorage]
) -> None:
    async with asyncio.timeout(TIMEOUT_S), AsyncExitStack() as clients, asyncio.TaskGroup() as tasks:
        async with open_node(replace(in_memory, grace_s=0.01)) as node:
            client = await clients.enter_async_context(connected(node))
            await client.write_schema(SCHEMA)
            asked = tasks.create_task(refusal_of(client))
            await slow_storage.reading.wait()
        assert (await asked).code() in ENDED


async def refusal_of(client: Client) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await client.can("doc:1#view@user:ann")
    return refusal.value


async def test_a_node_told_to_stop_says_that_it_is_leaving(in_memory: NodeSettings) -> None:
    stop = asyncio.Event()
    async with open_node(in_memory) as node, connected(node) as client:
        assert await health_of(client) == HealthCheckResponse.SERVING
        stop.set()
        await node.serve_until(stop)
        assert await health_of(client) == HealthCheckResponse.NOT_SERVING


async def test_an_ended_node_takes_no_calls(in_memory: NodeSettings) -> None:
    async with AsyncExitStack() as clients:
        async with open_node(in_memory) as node:
            client = await clients.enter_async_context(connected(node))
            await client.write_schema(SCHEMA)
        assert (await refusal_of(client)).code() is grpc.StatusCode.UNAVAILABLE
