"""The horizon and what it follows: moments older than the window, whatever the clock does, and one runner at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from model.errors import SnapshotExpired
from model.snapshot import Snapshot
from storage.base import Changeset, CollectionReport, TupleFilter
from storage.postgres import collection
from storage.postgres.collection import Collector
from storage.postgres.snapshots import snapshot_of
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import head_of, tuples
from tests.conformance.test_change_feed import changes_since, commits_of

_MINUTE_S = 60.0


@pytest.fixture
async def raw(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own."""
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


async def grow_older(raw: asyncpg.Connection, seconds: float) -> None:
    """What setting the clock forward would do: all that was noted is so much older. Less than 0 sets it back."""
    await raw.execute("UPDATE ringward.moments SET seen_at = seen_at - $1 * interval '1 second'", seconds)


async def flip(store: PostgresStorage, times: int = 1) -> Snapshot:
    """Write and delete a tuple; the snapshot behind."""
    for _ in range(times):
        await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
        snapshot = await store.delete("t1", TupleFilter(), None)
    return snapshot


async def count(raw: asyncpg.Connection, table: str) -> int:
    return int(await raw.fetchval(f"SELECT count(*) FROM ringward.{table}"))


async def is_answered(store: PostgresStorage, snapshot: Snapshot) -> bool:
    try:
        await store.read("t1", snapshot, [])
        await store.commits_since("t1", snapshot, 1)
    except SnapshotExpired:
        return False
    return True


# --- where the horizon moves to ---


async def test_the_horizon_moves_to_the_newest_moment_older_than_the_window(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    snapshots = []
    for _ in range(4):
        snapshots.append(await flip(store))
        report = await store.collect_garbage(10 * _MINUTE_S)
        assert report.tuples_removed == 0
        await grow_older(raw, 3 * _MINUTE_S)
    await grow_older(raw, 1.5 * _MINUTE_S)  # the moments are 13.5, 10.5, 7.5 and 4.5 minutes old
    report = await store.collect_garbage(10 * _MINUTE_S)
    assert report.tuples_removed == 2
    assert [report.horizon.covers(snapshot) for snapshot in snapshots] == [True, True, False, False]
    assert not await is_answered(store, snapshots[0])
    assert all([await is_answered(store, snapshot) for snapshot in snapshots[2:]])
    assert await count(raw, "moments") == 3  # those to come, and where it stands


async def test_a_write_that_ran_across_a_moment_is_not_behind_it(
    store: PostgresStorage, raw: asyncpg.Connection, database: str
) -> None:
    """It began before the window and committed within it; the snapshot given meanwhile is younger than the window."""
    await flip(store)
    slow = await asyncpg.connect(database)
    await slow.execute("BEGIN")
    await slow.execute("INSERT INTO ringward.transactions (tenant) VALUES ('t1')")
    await flip(store)
    await store.collect_garbage(_MINUTE_S)
    given = await flip(store)
    await slow.execute("COMMIT")
    await slow.close()
    await flip(store)
    await grow_older(raw, 2 * _MINUTE_S)
    report = await store.collect_garbage(_MINUTE_S)
    assert report.tuples_removed == 2
    assert await is_answered(store, given)
    assert [len(commit.changes) for commit in await commits_of(store, given)] == [0, 1, 1]


async def test_a_clock_set_back_costs_nobody_a_snapshot(store: PostgresStorage, raw: asyncpg.Connection) -> None:
    await flip(store)
    await store.collect_garbage(_MINUTE_S)
    await grow_older(raw, -60 * _MINUTE_S)  # noted while the clock was an hour ahead
    given = await flip(store)
    await store.collect_garbage(_MINUTE_S)
    await grow_older(raw, 2 * _MINUTE_S)  # the second moment is old enough, but the first, before it, is not
    report = await store.collect_garbage(_MINUTE_S)
    assert (report.horizon, report.tuples_removed) == (Snapshot(1, 1), 0)
    assert await is_answered(store, given)
    await grow_older(raw, 60 * _MINUTE_S)
    assert (await store.collect_garbage(_MINUTE_S)).tuples_removed == 2


async def test_a_wider_window_later_does_not_move_the_horizon_back(store: PostgresStorage) -> None:
    await flip(store)
    high = (await store.collect_garbage(0)).horizon
    await flip(store)
    assert (await store.collect_garbage(_MINUTE_S)).horizon == high
    assert (await store.collect_garbage(0)).horizon != high


async def test_an_idle_database_is_not_written_to(store: PostgresStorage, raw: asyncpg.Connection) -> None:
    await flip(store)
    await store.collect_garbage(0)
    traces = "SELECT h.xmin::text, h.ctid, m.xmin::text, m.ctid FROM ringward.horizon h, ringward.moments m"
    before = await raw.fetch(traces)  # each writing of a row would leave another
    for window_s in (0, _MINUTE_S, 0):
        await store.collect_garbage(window_s)
    assert await raw.fetch(traces) == before


async def test_ids_used_up_by_others_are_no_part_of_heads_and_horizon(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    last = await flip(store)
    for _ in range(3):
        await raw.fetchval("SELECT pg_current_xact_id()")
    assert (await head_of(store)).xmax == last.xmax
    assert (await store.collect_garbage(0)).horizon.xmax == last.xmax
    assert (await head_of(store)).xmax == last.xmax


# --- what is removed ---


async def test_what_nothing_can_see_any_more_goes_from_every_table(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    await store.create_tenant("gone", "")
    await store.delete_tenant("gone")
    last = await flip(store, times=5)
    await store.collect_garbage(0)
    assert [await count(raw, table) for table in ("tuples", "deletions_of_tenants", "moments")] == [0, 0, 1]
    assert await raw.fetchval("SELECT id FROM ringward.transactions") == last.xmax - 1
    assert await count(raw, "transactions") == 1


async def test_what_a_younger_snapshot_can_see_stays_and_is_told_by_the_feed(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    await flip(store)
    await store.collect_garbage(_MINUTE_S)
    await grow_older(raw, 2 * _MINUTE_S)
    since = await head_of(store)
    await flip(store)
    before = await changes_since(store, since)
    assert (await store.collect_garbage(_MINUTE_S)).tuples_removed == 1
    assert await changes_since(store, since) == before == [["+doc:1#viewer@user:1"], ["-doc:1#viewer@user:1"]]


async def test_much_goes_in_small_steps(store: PostgresStorage) -> None:
    await flip(store, times=10)
    report = await Collector(store._writer, rows_per_step=3).collect(0)
    assert report.tuples_removed == 10


async def test_the_horizon_is_durable_before_anything_is_removed(
    store: PostgresStorage, raw: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = await flip(store)
    with monkeypatch.context() as patch:
        patch.setattr(collection, "_FORGET_DELETIONS", "SELECT 1 / 0 WHERE $1::pg_snapshot IS NOT NULL")
        with pytest.raises(Exception, match="failed"):
            await store.collect_garbage(0)
    assert snapshot_of(await raw.fetchval("SELECT snapshot FROM ringward.horizon")).xmax == last.xmax
    assert await count(raw, "tuples") == 1
    assert (await store.collect_garbage(0)).tuples_removed == 1


async def test_only_one_runner_collects_at_a_time(store: PostgresStorage, raw: asyncpg.Connection) -> None:
    last = await flip(store)
    transaction = raw.transaction()
    await transaction.start()
    assert await raw.fetchval(collection._TRY_LOCK)
    assert await store.collect_garbage(0) == CollectionReport(Snapshot(1, 1), 0, 0)
    await transaction.rollback()
    report = await store.collect_garbage(0)
    assert (report.horizon.xmax, report.tuples_removed) == (last.xmax, 1)


async def test_a_collection_cancelled_anywhere_is_finished_by_the_next(
    store: PostgresStorage, raw: asyncpg.Connection
) -> None:
    for turns in range(0, 60, 6):
        await flip(store)
        task = asyncio.create_task(Collector(store._writer, rows_per_step=1).collect(0))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with asyncio.timeout(10):
        while await count(raw, "tuples"):  # the lock of a cancelled one is let go of behind him
            await store.collect_garbage(0)
    assert await is_answered(store, await head_of(store))
