"""Clocks that jump, of the server and of nodes: what is so does not change with the hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from proto.base.v1 import service_pb2 as pb
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.clients.running_node import running_node
from tests.integration.postgres.load import ensure_kept, load_on, some_done
from tests.integration.postgres.serving import SCHEMA, is_serving, revoke, serving
from tests.support.client import TENANT, Client
from tests.support.faketime import SetClock, set_clock
from tests.support.postgres import PostgresServer, postgres_server

DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED
_HOUR_S = 3600
_WINDOW_S = 600.0
_WITHOUT_VIEWERS = "entity user {}\nentity doc {\n relation viewer @user\n permission view = viewer not viewer\n}"


@pytest.fixture
def clock() -> Iterator[SetClock]:
    with set_clock() as made:
        yield made


@pytest.fixture
def server(clock: SetClock) -> Iterator[PostgresServer]:
    """A server that lives by the clock."""
    variables = tuple(f"{name}={value}" for name, value in clock.environment.items())
    with postgres_server(environment=variables) as running:
        yield running


# --- of the server ---


async def test_while_the_servers_clock_jumps_every_answer_is_right_and_none_is_late(
    server: PostgresServer, clock: SetClock
) -> None:
    async with serving(PostgresSettings(server.uri())) as client:
        async with load_on(client) as account:
            for ahead_s in (_HOUR_S, -_HOUR_S, 24 * _HOUR_S, 0):
                await some_done(account, more=10)
                clock.set(ahead_s)
                assert await is_serving(client)
            await some_done(account, more=10)
        account.ensure_clear()
        assert DEADLINE_EXCEEDED not in account.failures  # a transaction may, by its clock, be over its time
        await ensure_kept(client, account)


async def test_a_clock_that_jumps_ahead_costs_no_token_from_after_the_last_collection(
    server: PostgresServer, clock: SetClock
) -> None:
    """And one that jumps back costs none at all: what is old is told by the order of collections."""
    async with serving(PostgresSettings(server.uri())) as client, collecting(server) as collect:
        old = await client.write("doc:1#viewer@user:old")
        await revoke(client, "doc:1", "old")
        await collect()
        young = await client.write("doc:1#viewer@user:young")
        await revoke(client, "doc:1", "young")

        for ahead_s in (_HOUR_S, 0, -_HOUR_S):
            clock.set(ahead_s)
            await collect()
            assert await client.can("doc:1#view@user:young", snap_token=young)
            assert not await client.can("doc:1#view@user:old", snap_token=young)
            assert not await client.can("doc:1#view@user:young")
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await client.can("doc:1#view@user:old", snap_token=old)
            assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@asynccontextmanager
async def collecting(server: PostgresServer) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """A call that collects what is older than ten minutes."""
    store = await PostgresStorage.open(PostgresSettings(server.uri()))
    try:
        yield lambda: store.collect_garbage(_WINDOW_S)
    finally:
        await store.close()


# --- of a node ---


async def test_while_a_nodes_clock_jumps_calls_keep_their_time_and_the_last_schema_written_counts(
    database: str, clock: SetClock, tmp_path: Path
) -> None:
    """Versions carry the time of their making, and yet it is their order that counts."""
    where = ("--database-engine=postgres", f"--database-uri={database}")
    with running_node(*where, home=tmp_path, environment=clock.environment) as addresses:
        async with grpc.aio.insecure_channel(addresses.grpc) as channel:
            client = Client(channel)
            await client.write_schema(SCHEMA)
            async with load_on(client) as account:
                for ahead_s in (_HOUR_S, -_HOUR_S, 0):
                    await some_done(account, more=10)
                    clock.set(ahead_s)
                    await asyncio.sleep(0.2)
                await some_done(account, more=10)
            assert not account.failures
            account.ensure_clear()
            await ensure_kept(client, account)

            clock.set(_HOUR_S)
            first = await client.write_schema(_WITHOUT_VIEWERS)
            assert not await client.can(f"{account.kept[0]}#view@user:1")
            clock.set(-_HOUR_S)
            second = await client.write_schema(SCHEMA)
            assert second < first
            assert await client.can(f"{account.kept[0]}#view@user:1")
            listed = await client.call("Schema.List", pb.SchemaListRequest(tenant_id=TENANT, page_size=2))
            assert [schema.version for schema in listed.schemas] == [second, first]
            assert listed.head == second
