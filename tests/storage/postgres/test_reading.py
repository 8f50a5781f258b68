"""Reads at snapshots: what is refused, and what a replica may answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from model.errors import InvalidRequest, SnapshotExpired, Unavailable
from model.snapshot import Snapshot
from storage.base import Changeset, TupleFilter
from storage.postgres.pools import Pools
from storage.postgres.reading import SnapshotReads
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import head_of, tuples, tuples_at
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer, migrate, postgres_server, replica_of
from tests.support.processes import free_port

ANN = "doc:1#viewer@user:ann"
BEN = "doc:1#viewer@user:ben"
FIVE_ROWS = "SELECT n FROM generate_series(1, 5) AS n WHERE pg_visible_in_snapshot('3'::xid8, {at}) AND n > $2"


async def answers(pools: Pools, snapshot: Snapshot) -> list[int]:
    return [row["n"] for row in await SnapshotReads(pools).fetch(snapshot, FIVE_ROWS, 2)]


# --- one server ---


@pytest.fixture
async def pools(database: str) -> AsyncIterator[Pools]:
    opened = await Pools.open(PostgresSettings(database))
    yield opened
    await opened.close()


async def test_a_statement_gives_its_own_rows_in_its_own_order(pools: Pools) -> None:
    assert await answers(pools, Snapshot.at_commit(700)) == [3, 4, 5]
    rows = await SnapshotReads(pools).fetch(Snapshot.at_commit(700), FIVE_ROWS + " ORDER BY n DESC LIMIT 2", 0)
    assert [row[0] for row in rows] == [5, 4]
    assert await SnapshotReads(pools).fetch(Snapshot.at_commit(700), FIVE_ROWS, 100) == []


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (Snapshot.at_commit(10**9), "given by another database: the newest transaction here is"),
        (Snapshot(0, 5), "another kind of database"),
        (Snapshot(5, 2**63), "another kind of database"),
    ],
)
async def test_snapshots_of_others_are_refused(pools: Pools, snapshot: Snapshot, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        await answers(pools, snapshot)


async def test_a_snapshot_behind_the_horizon_is_refused(pools: Pools) -> None:
    async with pools.writer.transaction() as connection:
        await connection.execute("UPDATE ringward.horizon SET snapshot = '700:703:701'")
    assert await answers(pools, Snapshot(700, 703, frozenset({701}))) == [3, 4, 5]
    for old in (
        Snapshot.at_commit(701),
        Snapshot(700, 703, frozenset({701, 702})),
        Snapshot(600, 703, frozenset({600})),
    ):
        with pytest.raises(SnapshotExpired, match="too old: history before transaction 703"):
            await answers(pools, old)


async def test_a_snapshot_that_sees_what_still_runs_is_not_answered_yet(pools: Pools) -> None:
    async with pools.writer.transaction() as connection:
        own = await connection.fetchval("SELECT pg_current_xact_id()")
        with pytest.raises((Unavailable, InvalidRequest)):
            await answers(pools, Snapshot.at_commit(own))
    assert await answers(pools, Snapshot.at_commit(own)) == [3, 4, 5]


# --- a replica ---


@pytest.fixture(scope="module")
def primary() -> Iterator[PostgresServer]:
    with postgres_server(wal_level="replica", max_wal_senders="4", hot_standby="on") as server:
        migrate(server.uri())
        yield server


@pytest.fixture(scope="module")
def replica(primary: PostgresServer) -> Iterator[PostgresServer]:
    with replica_of(primary) as server:
        yield server


@asynccontextmanager
async def opened(primary: PostgresServer, reader_uri: str) -> AsyncIterator[PostgresStorage]:
    store = await PostgresStorage.open(PostgresSettings(primary.uri(), reader_uri))
    try:
        yield store
    finally:
        await store.close()


async def replayed(primary: PostgresServer, replica: PostgresServer) -> None:
    """Return once the replica has all that was written."""
    writing, reading = await asyncpg.connect(primary.uri()), await asyncpg.connect(replica.uri())
    try:
        # a transaction that has begun and ended since makes the standby's view pass all before it
        await writing.execute("CREATE TABLE IF NOT EXISTS passed (n int); INSERT INTO passed VALUES (1)")
        end = await writing.fetchval("SELECT pg_current_wal_insert_lsn()")  # commits are not written at once here

        async def has_come() -> bool:
            return bool(await reading.fetchval("SELECT pg_last_wal_replay_lsn() >= $1", end))

        await eventually(has_come)
    finally:
        await writing.close()
        await reading.close()


async def test_a_replica_that_has_replayed_enough_answers(primary: PostgresServer, replica: PostgresServer) -> None:
    async with opened(primary, replica.uri()) as store:
        snapshot = await store.write("fresh", [Changeset(tuples(ANN))])
        await replayed(primary, replica)
        busy = store._pools.writer
        async with asyncio.TaskGroup() as group:
            held = [group.create_task(busy.fetch("SELECT pg_sleep(5)")) for _ in range(20)]
            await asyncio.sleep(0.1)
            async with asyncio.timeout(4.5):  # the writer has no connection left: only the replica can have answered
                assert await tuples_at(store, snapshot, tenant="fresh") == [ANN]
            assert not held[-1].done()


async def test_with_replay_paused_everything_is_answered_exactly(
    primary: PostgresServer, replica: PostgresServer
) -> None:
    async with opened(primary, replica.uri()) as store:
        old = await store.write("paused", [Changeset(tuples(ANN))])
        await replayed(primary, replica)
        replica.execute("SELECT pg_wal_replay_pause()")
        try:
            for _ in range(20):
                new = await store.write("paused", [Changeset(tuples(BEN), tuples_deleted=tuples(ANN))])
                assert await tuples_at(store, new, tenant="paused") == [BEN]
                assert await tuples_at(store, await head_of(store, "paused"), tenant="paused") == [BEN]
                assert await tuples_at(store, old, tenant="paused") == [ANN]
                again = await store.write("paused", [Changeset(tuples(ANN), tuples_deleted=tuples(BEN))])
                assert await tuples_at(store, again, tenant="paused") == [ANN]
        finally:
            replica.execute("SELECT pg_wal_replay_resume()")


async def test_a_replica_is_never_ahead_of_itself_under_writers(
    primary: PostgresServer, replica: PostgresServer
) -> None:
    """Grants and revokes by many writers, each read back at once at the snapshot it returned and at the head."""

    async def change(store: PostgresStorage, name: str) -> None:
        for n in range(30):
            granted = await store.write("lag", [Changeset(tuples(f"doc:1#viewer@user:{name}{n}"))])
            assert f"doc:1#viewer@user:{name}{n}" in await tuples_at(store, granted, tenant="lag")
            revoked = await store.delete("lag", TupleFilter(subject_ids=[f"{name}{n}"]), None)
            assert f"doc:1#viewer@user:{name}{n}" not in await tuples_at(store, revoked, tenant="lag")
            head = await head_of(store, "lag")
            assert f"doc:1#viewer@user:{name}{n}" not in await tuples_at(store, head, tenant="lag")

    async with opened(primary, replica.uri()) as store, asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(change(store, name))


async def test_a_dead_replica_is_left_alone_and_comes_back_when_it_lives(primary: PostgresServer) -> None:
    with replica_of(primary) as replica:
        async with opened(primary, replica.uri()) as store:
            snapshot = await store.write("dead", [Changeset(tuples(ANN))])
            assert await tuples_at(store, snapshot, tenant="dead") == [ANN]
            replica.stop("immediate")
            for _ in range(5):
                assert await tuples_at(store, snapshot, tenant="dead") == [ANN]
            await store.ping()
            replica.start()
            store._reads._ask_again_at = 0.001  # as if it had rested long enough
            assert await tuples_at(store, snapshot, tenant="dead") == [ANN]
            assert store._reads._ask_again_at == 0.0


async def test_a_replica_that_hangs_costs_one_reader_its_patience_and_the_rest_nothing(primary: PostgresServer) -> None:
    with socket.socket() as silent:  # takes connections and never says a word
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        settings = PostgresSettings(primary.uri(), uri, reader_timeout_s=2.0, connect_timeout_s=2.0)
        store = await PostgresStorage.open(settings)
        snapshot = await store.write("hung", [Changeset(tuples(ANN))])
        assert await tuples_at(store, snapshot, tenant="hung") == [ANN]
        async with asyncio.timeout(1.5):
            assert await tuples_at(store, snapshot, tenant="hung") == [ANN]
        await store.close()


async def test_no_replica_at_the_start_is_no_reason_not_to_serve(primary: PostgresServer) -> None:
    async with opened(primary, f"postgresql://postgres@127.0.0.1:{free_port()}/postgres") as store:
        snapshot = await store.write("none", [Changeset(tuples(ANN))])
        assert await tuples_at(store, snapshot, tenant="none") == [ANN]


async def test_a_standby_given_as_the_writer_gives_no_heads_and_takes_no_writes(replica: PostgresServer) -> None:
    store = await PostgresStorage.open(PostgresSettings(replica.uri()))
    with pytest.raises(Unavailable, match="standby"):
        await store.head("t1")
    with pytest.raises(Unavailable, match="read-only"):
        await store.write("t1", [Changeset(tuples(ANN))])
    with pytest.raises(Unavailable, match="read-only"):
        await store.ping()
    await store.close()
