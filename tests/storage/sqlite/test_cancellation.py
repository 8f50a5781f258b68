"""Callers who leave: at every await, before and after their transaction has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from sqlite3 import Connection
from threading import Event
from typing import Any

import pytest

from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, EntityRead, PageRequest, TupleFilter, Wanted
from storage.sqlite import SqliteStorage
from storage.sqlite.changes import apply_changesets
from tests.conformance.examples import head_of, tuples, tuples_at

_PAIR = tuples("doc:1#viewer@user:1", "doc:1#viewer@user:2")


async def cancelled_after(turns: int, work: Coroutine[Any, Any, object]) -> bool:
    """Start the work, let the loop turn so often, cancel it; True if it was still running then."""
    task = asyncio.create_task(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    was_running = task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is was_running
    return was_running


async def test_a_write_cancelled_before_it_began_never_happens(store: SqliteStorage) -> None:
    with store._connections.writing_gate:  # the thread waits before BEGIN
        first = asyncio.create_task(store.write("t1", []))
        await asyncio.sleep(0)
        assert await cancelled_after(2, store.write("t1", [Changeset(_PAIR)]))
    before = await first
    after = await store.write("t1", [])
    assert await tuples_at(store, after) == []
    assert after.xmax == before.xmax + 1


async def test_a_write_cancelled_after_it_began_happens_whole_and_is_published(store: SqliteStorage) -> None:
    begun, may_end = Event(), Event()

    def work(connection: Connection, number: int) -> None:
        apply_changesets(connection, tenant="t1", number=number, changesets=[Changeset(_PAIR[:1])])
        begun.set()
        may_end.wait(10)
        connection.execute("INSERT INTO bundles VALUES ('t1', 'late', '{}')")

    writing = asyncio.create_task(store._commit("t1", work))
    assert await asyncio.to_thread(begun.wait, 10)
    writing.cancel()
    await asyncio.wait([writing])
    assert writing.cancelled()
    assert await head_of(store) == Snapshot.at_commit(0)
    may_end.set()
    await store.ping()  # behind it in the queue
    assert await tuples_at(store, await head_of(store)) == [str(_PAIR[0])]
    assert store._connections.reading.execute("SELECT name FROM bundles").fetchall() == [("late",)]


async def test_a_wide_read_can_be_cancelled_at_every_await(store: SqliteStorage) -> None:
    await store.write("t1", [Changeset([RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(5000)])])
    wide = [RelationTuple("doc", "wide", "viewer", "user", str(i)) for i in range(5000)]
    snapshot = await store.write("t1", [Changeset(wide)])
    readings: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: store.read_tuples("t1", snapshot, TupleFilter(relation="viewer"), PageRequest(10_000)),
        lambda: store.read_tuples(
            "t1", snapshot, TupleFilter("doc", [str(i) for i in range(500)]), PageRequest(10_000)
        ),
        lambda: store.read("t1", snapshot, [EntityRead("doc", "wide", wide[0].subject, Wanted(subjects=("viewer",)))]),
    ]
    for reading in readings:
        turns = 0
        while await cancelled_after(turns, reading()):
            assert not store._connections.reading.in_transaction
            later = await store.write("t1", [Changeset(tuples(f"doc:new#viewer@user:{turns}"))])
            assert f"doc:new#viewer@user:{turns}" in await tuples_at(store, later, TupleFilter("doc", ["new"]))
            turns += 1
        assert turns > 2


async def test_a_cancelled_close_closes_all_the_same(path: Path) -> None:
    store = await SqliteStorage.open(path)
    with store._connections.writing_gate:
        write = asyncio.create_task(store.write("t1", [Changeset(_PAIR)]))
        await asyncio.sleep(0)
        assert await cancelled_after(2, store.close())
    await store.close()
    await write
    store = await SqliteStorage.open(path)
    assert len(await tuples_at(store, await head_of(store))) == 2
    await store.close()


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancelled_collection_leaves_the_rest_for_the_next(store: SqliteStorage, turns: int) -> None:
    await store.write("t1", [Changeset([RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(3000)])])
    head = await store.delete("t1", TupleFilter(), None)
    await cancelled_after(turns, store.collect_garbage(0))
    await store.collect_garbage(0)
    assert store._connections.reading.execute("SELECT count(*) FROM tuples").fetchall() == [(0,)]
    assert await tuples_at(store, head) == []
