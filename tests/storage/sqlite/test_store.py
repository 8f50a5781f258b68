"""What the parts of the store do together that no other store promises."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from model.errors import ErrorCode, InvalidRequest, SnapshotExpired, StorageFailed, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from storage.base import Changeset, EntityRead, PageRequest, TupleFilter, Wanted
from storage.sqlite import SqliteSettings, SqliteStorage
from storage.sqlite.writer import Writer
from tests.conformance.examples import head_of, tuples, tuples_at


class Clock:
    """Unix seconds that move when told."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    "foreign",
    [
        Snapshot.at_commit(2),
        Snapshot.at_commit(2**70),
        Snapshot(1, 2),
        Snapshot(1, 1, frozenset({1})),
        Snapshot.at_commit(-1),
    ],
)
async def test_a_snapshot_of_another_database_is_refused(store: SqliteStorage, foreign: Snapshot) -> None:
    await store.write("t1", [])
    with pytest.raises(InvalidRequest, match="another") as caught:
        await store.read("t1", foreign, [])
    assert not isinstance(caught.value, SnapshotExpired)
    with pytest.raises(InvalidRequest, match="another"):
        await store.read_tuples("t1", foreign, TupleFilter(), PageRequest(1))


async def test_commits_are_numbered_one_by_one_across_tenants_and_openings(path: Path) -> None:
    store = await SqliteStorage.open(path)
    assert await head_of(store) == Snapshot.at_commit(0)
    assert await store.write("a", []) == Snapshot.at_commit(1)
    assert await store.write("b", []) == Snapshot.at_commit(2)
    await store.write_schema("a", "")
    assert await store.delete("a", None, None) == Snapshot.at_commit(3)
    await store.collect_garbage(0)
    await store.close()
    store = await SqliteStorage.open(path)
    assert await head_of(store) == Snapshot.at_commit(3)
    assert await store.write("a", []) == Snapshot.at_commit(4)
    await store.close()


async def test_the_horizon_is_the_newest_commit_older_than_the_window() -> None:
    clock = Clock()
    store = await SqliteStorage.open(None, clock=clock)
    snapshots = []
    for i in range(5):
        snapshots.append(await store.write("t1", [Changeset(tuples(f"doc:{i}#viewer@user:1"))]))
        await store.delete("t1", TupleFilter(entity_ids=[str(i)]), None)
        clock.now_s += 10
    report = await store.collect_garbage(25)  # commits were made 50, 40, 30, 20 and 10 seconds ago, in pairs
    assert report.horizon == Snapshot.at_commit(6)
    assert report.tuples_removed == 3
    for i, snapshot in enumerate(snapshots):
        if i < 3:
            with pytest.raises(SnapshotExpired, match=f"commit {2 * i + 1} is too old"):
                await tuples_at(store, snapshot)
        else:
            assert await tuples_at(store, snapshot) == [f"doc:{i}#viewer@user:1"]
    await store.close()


async def test_a_clock_set_back_costs_nobody_a_young_snapshot() -> None:
    clock = Clock()
    store = await SqliteStorage.open(None, clock=clock)
    young = await store.write("t1", [])
    clock.now_s -= 3600
    await store.write("t1", [])
    clock.now_s += 3600 + 10
    assert (await store.collect_garbage(60)).horizon == Snapshot.at_commit(0)
    assert await tuples_at(store, young) == []
    await store.close()


async def test_commits_behind_the_horizon_are_forgotten(store: SqliteStorage) -> None:
    for _ in range(10):
        await store.write("t1", [])
    await store.collect_garbage(0)
    assert store._connections.reading.execute("SELECT number FROM commits").fetchall() == [(10,)]


async def test_writes_beyond_the_bound_are_refused_at_once(path: Path) -> None:
    store = await SqliteStorage.open(path, SqliteSettings(most_waiting_writes=3))
    with store._connections.writing_gate:
        waiting = [asyncio.create_task(store.write("t1", [])) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="3 writes are waiting"):
            await store.write("t1", [])
    await asyncio.wait(waiting)
    await store.write("t1", [])
    await store.close()


class FailsAtCommit(sqlite3.Connection):
    """A connection whose COMMIT meets an I/O error as long as told so."""

    is_failing = True

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if statement == "COMMIT" and self.is_failing:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return super().execute(statement, *parameters)


async def test_an_error_of_the_disk_at_commit_is_reported_and_nothing_published() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=FailsAtCommit)
    connection.execute("CREATE TABLE numbers (number)")
    writer = Writer(connection, gate=Lock(), place="here", most_waiting=10, ensure_in_place=lambda: None)
    published: list[int] = []

    def work(using: sqlite3.Connection) -> int:
        using.execute("INSERT INTO numbers VALUES (1)")
        return 1

    with pytest.raises(StorageFailed, match="the store here could not be read or written") as caught:
        await writer.run(work, publish=published.append)
    assert caught.value.code == ErrorCode.DATASTORE
    assert published == []
    assert connection.execute("SELECT * FROM numbers").fetchall() == []
    connection.is_failing = False
    assert await writer.run(work, publish=published.append) == 1
    assert published == [1]
    await writer.stop(connection.close)


async def turns_during(work: Coroutine[Any, Any, object]) -> int:
    """How often another task got its turn while the work was done."""
    task, turns = asyncio.create_task(work), 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    await task
    return turns


@pytest.mark.parametrize("path_given", [True, False])
async def test_long_reads_leave_the_loop_its_share(path: Path, path_given: bool) -> None:
    store = await SqliteStorage.open(path if path_given else None)
    wide = [RelationTuple("doc", "wide", "viewer", "user", str(i)) for i in range(10_000)]
    many = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(10_000)]
    await store.write("t1", [Changeset(many)])
    snapshot = await store.write("t1", [Changeset(wide)])
    user, viewers = SubjectRef("user", "1"), Wanted(("viewer",), (), ("viewer",))
    all_of_them = PageRequest(50_000)
    for reading in (
        store.read("t1", snapshot, [EntityRead("doc", "wide", user, viewers)]),
        store.read("t1", snapshot, [EntityRead("doc", str(i), user, viewers) for i in range(1000)]),
        store.read_tuples("t1", snapshot, TupleFilter(relation="none"), all_of_them),
        store.read_tuples("t1", snapshot, TupleFilter("doc", ["wide"]), all_of_them),
        store.read_tuples("t1", snapshot, TupleFilter("doc", [str(i) for i in range(1000)]), all_of_them),
    ):
        assert await turns_during(reading) >= 5
    await store.close()


async def test_a_read_the_horizon_passes_between_two_turns_is_refused(store: SqliteStorage) -> None:
    wide = [RelationTuple("doc", "wide", "viewer", "user", str(i)) for i in range(5000)]
    old = await store.write("t1", [Changeset(wide)])
    await store.write("t1", [])
    asked = EntityRead("doc", "wide", SubjectRef("user", "1"), Wanted(subjects=("viewer",)))
    for where in (TupleFilter(), TupleFilter("doc", [*map(str, range(200)), "wide"])):
        for reading in (store.read("t1", old, [asked]), store.read_tuples("t1", old, where, PageRequest(9000))):
            task = asyncio.create_task(reading)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            store._timeline._horizon = 2
            with pytest.raises(SnapshotExpired):
                await task
            store._timeline._horizon = 0


async def test_a_read_the_horizon_passes_while_its_statement_runs_is_refused(store: SqliteStorage) -> None:
    old = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.write("t1", [])
    asked = EntityRead("doc", "1", SubjectRef("user", "1"), Wanted(memberships=("viewer",)))
    page = PageRequest(10)
    for reading in (
        store.read("t1", old, [asked]),
        store.read_tuples("t1", old, TupleFilter(), page),
        store.read_tuples("t1", old, TupleFilter("doc", ["1"]), page),
    ):
        store._connections.reading.set_trace_callback(lambda _: store._timeline.publish_horizon(2))
        with pytest.raises(SnapshotExpired):
            await reading
        store._connections.reading.set_trace_callback(None)
        store._timeline._horizon = 0


async def test_a_store_shows_its_state_in_one_line(path: Path) -> None:
    store = await SqliteStorage.open(path)
    await store.write("t1", [])
    assert repr(store) == f"SqliteStorage({path}, Timeline(horizon=0, head=1))"
    await store.close()
