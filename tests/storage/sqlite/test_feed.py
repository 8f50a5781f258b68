"""How the change feed of a file is found, and its edges: the horizon, the published head, the end of a tenant."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import InvalidRequest, SnapshotExpired
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, TupleFilter
from storage.sqlite import SqliteStorage
from tests.conformance.examples import attributes, head_of, tuples
from tests.conformance.test_change_feed import changes_since, commits_of
from tests.storage.sqlite.test_cancellation import cancelled_after
from tests.storage.sqlite.test_plans import plan_of, watching
from tests.storage.sqlite.test_store import Clock, turns_during

TIMEOUT_S = 10.0
_MANY = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(5000)]


async def test_what_the_horizon_leaves_is_told_whole_commit_by_commit() -> None:
    """Before each collection and after it the feed from the horizon on is the same."""
    clock = Clock()
    store = await SqliteStorage.open(None, clock=clock)
    for i in range(6):
        await store.write("t1", [Changeset(tuples(f"doc:{i}#viewer@user:1"), attributes(f"doc:1$size|integer:{i}"))])
        await store.delete("t1", TupleFilter(entity_ids=[str(i - 1)]), None)
        clock.now_s += 10
    whole = await commits_of(store, Snapshot.at_commit(0))
    for horizon, window_s in ((2, 55), (4, 45), (10, 15), (12, 5)):
        report = await store.collect_garbage(window_s)
        assert report.horizon == Snapshot.at_commit(horizon)
        for since in range(horizon, 13):
            assert await commits_of(store, Snapshot.at_commit(since)) == whole[since:]
        with pytest.raises(SnapshotExpired, match=f"commit {horizon - 1} is too old"):
            await store.commits_since("t1", Snapshot.at_commit(horizon - 1), 10)
    await store.close()


async def test_a_commit_that_is_not_published_yet_is_not_told(store: SqliteStorage) -> None:
    for i in range(2):
        await store.write("t1", [Changeset(tuples(f"doc:{i}#viewer@user:1"))])
    store._timeline._head = 1  # the moment between COMMIT and its publication
    assert [commit.snapshot for commit in await commits_of(store, Snapshot.at_commit(0))] == [Snapshot.at_commit(1)]
    assert not store._feed.has_commit_since("t1", Snapshot.at_commit(1))
    store._timeline.publish_head(2)
    assert store._feed.has_commit_since("t1", Snapshot.at_commit(1))


async def test_a_snapshot_of_another_database_is_refused(store: SqliteStorage) -> None:
    for call in (store.commits_since("t1", Snapshot.at_commit(5), 1), store.wait_for_commit("t1", Snapshot(1, 2))):
        with pytest.raises(InvalidRequest, match="another"):
            await call


async def test_a_tuple_deleted_and_written_again_by_one_commit_goes_and_comes(store: SqliteStorage) -> None:
    row = tuples("doc:1#viewer@user:1")
    start = await store.write("t1", [Changeset(row)])
    await store.write("t1", [Changeset((), (), row), Changeset([*tuples("doc:0#viewer@user:1"), *row])])
    assert await changes_since(store, start) == [
        ["-doc:1#viewer@user:1", "+doc:0#viewer@user:1", "+doc:1#viewer@user:1"]
    ]


async def test_attributes_that_only_went_come_before_those_replaced(store: SqliteStorage) -> None:
    first, second = attributes("doc:1$size|integer:1", "doc:2$size|integer:1")
    start = await store.write("t1", [Changeset((), [first, second])])
    await store.write("t1", [Changeset((), attributes("doc:1$size|integer:2"), (), [second.key])])
    assert await changes_since(store, start) == [
        ["-doc:2$size|integer:1", "-doc:1$size|integer:1", "+doc:1$size|integer:2"]
    ]


# --- what it costs ---


async def test_commits_and_their_rows_are_found_by_indexes_without_sorting(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))])
    with watching(store) as watch:
        await store.commits_since("t1", start, 10)
    writing = store._connections.writing
    plan = [
        str(detail)
        for statement in watch.statements
        if "SELECT" in statement
        for *_, detail in writing.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert plan[0] == "SEARCH commits USING COVERING INDEX commits_by_tenant (tenant=? AND rowid>? AND rowid<?)"
    assert sorted(plan_of(store, watch.statements)) == [
        "SEARCH attributes USING INDEX attributes_by_expiry (expired=? AND rowid>?)",
        "SEARCH attributes USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "SEARCH tuples USING INDEX tuples_by_expiry (expired=? AND rowid>?)",
        "SEARCH tuples USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ]
    assert not any(step.startswith("SCAN") or "TEMP" in step for step in plan)


async def test_commits_of_others_cost_a_reader_nothing(store: SqliteStorage) -> None:
    start = await head_of(store)

    async def steps() -> int:
        with watching(store) as watch:
            assert await store.commits_since("t1", start, 10) == []
        return watch.steps

    alone = await steps()
    for _ in range(300):
        await store.write("other", [Changeset(tuples("doc:1#viewer@user:1"))])
    assert await steps() <= alone + 2


async def test_a_huge_commit_leaves_the_loop_its_share(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(_MANY)])
    await store.delete("t1", TupleFilter(), None)
    assert await turns_during(store.commits_since("t1", start, 10)) >= 6


async def test_a_reading_can_be_cancelled_at_every_await(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(_MANY)])
    turns = 0
    while await cancelled_after(turns, store.commits_since("t1", start, 10)):
        assert not store._connections.reading.in_transaction
        turns += 1
    assert turns > 2


# --- what happens while it is read ---


@pytest.mark.parametrize("turns", range(1, 3))
async def test_a_reading_the_horizon_passes_between_two_turns_is_refused(store: SqliteStorage, turns: int) -> None:
    await store.write("t1", [Changeset(_MANY)])
    reading = asyncio.create_task(store.commits_since("t1", Snapshot.at_commit(0), 10))
    for _ in range(turns):
        await asyncio.sleep(0)
    store._timeline.publish_horizon(1)
    with pytest.raises(SnapshotExpired):
        await reading


async def test_a_reading_is_refused_if_its_tenant_is_deleted_meanwhile(store: SqliteStorage) -> None:
    await store.write("gone", [Changeset(_MANY)])

    def delete(statement: str) -> None:
        if "INDEXED BY attributes_by_expiry" in statement:  # all tuples have been read
            store._connections.reading.set_trace_callback(None)
            connection = sqlite3.connect(store._place)
            connection.execute("INSERT INTO deletions_of_tenants VALUES (2, 'gone')")
            connection.commit()
            connection.close()

    store._connections.reading.set_trace_callback(delete)
    with pytest.raises(SnapshotExpired, match="'gone' was deleted in commit 2"):
        await store.commits_since("gone", Snapshot.at_commit(0), 10)


async def test_a_deletion_forgotten_right_before_the_last_look_is_noticed_by_the_horizon(store: SqliteStorage) -> None:
    await store.write("gone", [Changeset(_MANY)])
    looks = 0

    def collect(statement: str) -> None:
        nonlocal looks
        looks += "deletions_of_tenants" in statement
        if looks == 2:  # nothing is read any more; what the deletion refused, the horizon now refuses
            store._timeline.publish_horizon(1)

    store._connections.reading.set_trace_callback(collect)
    with pytest.raises(SnapshotExpired):
        await store.commits_since("gone", Snapshot.at_commit(0), 10)


async def test_deletions_behind_the_horizon_are_forgotten(store: SqliteStorage) -> None:
    await store.create_tenant("gone", "")
    await store.delete_tenant("gone")
    await store.create_tenant("gone", "")
    await store.write("gone", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.delete_tenant("gone")
    count = "SELECT count(*) FROM deletions_of_tenants"
    assert store._connections.reading.execute(count).fetchall() == [(2,)]
    await store.collect_garbage(0)
    assert store._connections.reading.execute(count).fetchall() == [(0,)]
    with pytest.raises(SnapshotExpired):
        await store.commits_since("gone", Snapshot.at_commit(1), 10)


# --- waiting ---


async def test_a_commit_of_another_tenant_does_not_reach_the_loop(
    store: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, woken = await head_of(store), list[str]()
    loop = asyncio.get_running_loop()
    call_soon = loop.call_soon_threadsafe

    def note(callback: Callable[..., object], *arguments: object) -> asyncio.Handle:
        if callback == store._arrivals._wake:
            woken.extend(map(str, arguments))
        return call_soon(callback, *arguments)

    monkeypatch.setattr(loop, "call_soon_threadsafe", note)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        waiting = [group.create_task(store.wait_for_commit(f"t{i}", start)) for i in range(100)]
        await asyncio.sleep(0)
        for _ in range(20):
            await store.write("other", [])
        assert (woken, sum(task.done() for task in waiting)) == ([], 0)
        await store.write("t7", [])
        await waiting[7]
        assert (woken, sum(task.done() for task in waiting)) == (["t7"], 1)
        for i in set(range(100)) - {7}:
            await store.write(f"t{i}", [])
    assert repr(store._arrivals) == "Arrivals(0 tenants waited for)"


async def test_a_commit_between_looking_and_waiting_is_not_missed(store: SqliteStorage) -> None:
    """The writer's thread announces a commit right after the waiter looked and found nothing."""
    start = await head_of(store)

    def look() -> bool:
        found = store._feed.has_commit_since("t1", start)
        store._arrivals.announce("t1")
        return found

    async with asyncio.timeout(TIMEOUT_S):
        await store._arrivals.wait("t1", look)


async def test_a_commit_is_announced_once_it_is_the_head(store: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one who is woken might look too early, find nothing and wait for the next."""
    heads: list[int] = []
    monkeypatch.setattr(store._arrivals, "announce", lambda _: heads.append(store._timeline.head))
    await store.write("t1", [])
    await store.delete("t1", None, None)
    assert heads == [1, 2]


async def test_a_wait_that_is_cancelled_is_forgotten(store: SqliteStorage) -> None:
    assert await cancelled_after(1, store.wait_for_commit("t1", await head_of(store)))
    assert store._arrivals._waiting == {}


# --- files ---


async def test_a_file_of_before_the_feed_gets_what_it_needs_when_it_is_opened(path: Path) -> None:
    store = await SqliteStorage.open(path)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute("DROP INDEX commits_by_tenant")
    connection.execute("DROP TABLE deletions_of_tenants")
    connection.close()
    store = await SqliteStorage.open(path)
    assert await changes_since(store, Snapshot.at_commit(0)) == [["+doc:1#viewer@user:1"]]
    await store.close()
