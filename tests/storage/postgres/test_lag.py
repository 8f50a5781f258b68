"""The lag of a real replica: while it replays, while it does not, and once it has caught up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from model.tuples import RelationTuple
from storage.base import Changeset
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer, migrate, postgres_server, replica_of


@pytest.fixture(scope="module")
def primary() -> Iterator[PostgresServer]:
    with postgres_server(wal_level="replica", max_wal_senders="4", hot_standby="on") as server:
        migrate(server.uri())
        yield server


@pytest.fixture
def replica(primary: PostgresServer) -> Iterator[PostgresServer]:
    with replica_of(primary) as server:
        yield server


@asynccontextmanager
async def opened(primary: PostgresServer, reader_uri: str | None) -> AsyncIterator[PostgresStorage]:
    store = await PostgresStorage.open(PostgresSettings(primary.uri(), reader_uri, reader_timeout_s=1.0))
    try:
        yield store
    finally:
        await store.close()


async def write(store: PostgresStorage, name: str) -> None:
    await store.write("t1", [Changeset((RelationTuple("doc", name, "viewer", "user", "ann", ""),))])


async def lag_of(store: PostgresStorage) -> float:
    lag_s = await store.replica_lag_s()
    assert lag_s is not None
    return lag_s


async def until_caught_up(store: PostgresStorage) -> None:
    async def has_none() -> bool:
        return await lag_of(store) == 0

    await eventually(has_none)


async def test_the_lag_grows_while_the_replica_stands_still_and_ends_when_it_has_caught_up(
    primary: PostgresServer, replica: PostgresServer
) -> None:
    async with opened(primary, replica.uri()) as store:
        await write(store, "first")
        await until_caught_up(store)
        replica.execute("SELECT pg_wal_replay_pause()")
        await write(store, "second")
        seen = [await lag_of(store)]
        for _ in range(3):
            await asyncio.sleep(0.1)
            await write(store, "third")  # does not make it any younger
            seen.append(await lag_of(store))
        assert seen == sorted(seen)
        assert seen[-1] >= 0.3
        replica.execute("SELECT pg_wal_replay_resume()")
        await until_caught_up(store)


async def test_a_replica_that_is_gone_lags_behind_what_is_written(
    primary: PostgresServer, replica: PostgresServer
) -> None:
    async with opened(primary, replica.uri()) as store:
        await until_caught_up(store)
        replica.stop("immediate")
        await write(store, "first")
        await lag_of(store)
        await asyncio.sleep(0.1)
        assert await lag_of(store) >= 0.1
        replica.start()


async def test_without_a_replica_there_is_no_lag(primary: PostgresServer) -> None:
    async with opened(primary, None) as store:
        assert await store.replica_lag_s() is None
