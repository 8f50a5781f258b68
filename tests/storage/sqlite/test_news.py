"""How news of a file are found, what they cost, and what happens while they are read."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from shutil import copy

import pytest

from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, TupleFilter
from storage.sqlite import SqliteStorage
from tests.conformance.examples import attributes, head_of, tuples
from tests.conformance.test_news import texts
from tests.storage.sqlite.test_cancellation import cancelled_after
from tests.storage.sqlite.test_plans import watching
from tests.storage.sqlite.test_store import turns_during

_MANY = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(5000)]


async def test_at_an_unchanged_head_nothing_is_read(store: SqliteStorage) -> None:
    head = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.head("t1")
    with watching(store) as watch:
        assert (await store.news("t1", head)).touches == ()
    assert watch.statements == []


async def test_commits_and_their_rows_are_found_by_indexes_without_sorting(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))])
    await store.head("t1")
    with watching(store) as watch:
        await store.news("t1", start)
    plan = [
        str(detail)
        for statement in watch.statements
        if "SELECT" in statement
        for *_, detail in store._connections.writing.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert len(plan) == 7
    assert all(step.startswith("SEARCH") for step in plan)


async def test_a_huge_commit_leaves_the_loop_its_share(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(_MANY)])
    await store.delete("t1", TupleFilter(), None)
    assert await turns_during(store.news("t1", start)) >= 6


async def test_of_too_large_a_commit_no_more_is_read_than_shows_it(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset([RelationTuple("doc", str(i), "v", "user", "1") for i in range(60_000)])])
    await store.head("t1")
    with watching(store) as watch:
        assert (await store.news("t1", start)).touches is None
    assert sum("FROM tuples" in statement for statement in watch.statements) <= 41 + 1


async def test_a_reading_can_be_cancelled_at_every_await(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(_MANY)])
    turns = 0
    while await cancelled_after(turns, store.news("t1", start)):
        assert not store._connections.reading.in_transaction
        turns += 1
    assert turns > 2


# --- what happens while they are read ---


async def test_a_commit_that_is_not_published_yet_is_not_told(store: SqliteStorage) -> None:
    start = await head_of(store)
    for i in range(2):
        await store.write("t1", [Changeset(tuples(f"doc:{i}#viewer@user:1"))])
    store._timeline._head = 1  # the moment between COMMIT and its publication
    news = await store.news("t1", start)
    assert (news.head.snapshot, texts(news)) == (Snapshot.at_commit(1), [["doc:0#viewer@user:1"]])
    store._timeline.publish_head(2)
    assert texts(await store.news("t1", news.head.snapshot)) == [["doc:1#viewer@user:1"]]


async def test_a_commit_published_while_the_head_is_read_comes_with_the_next_head(store: SqliteStorage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(_MANY)])
    reading = asyncio.create_task(store.news("t1", start))
    await asyncio.sleep(0)  # the first turn is over
    await store.write("t1", [Changeset(tuples("doc:late#viewer@user:1"))])
    news = await reading
    assert len(texts(news)) == 1
    assert texts(await store.news("t1", news.head.snapshot)) == [["doc:late#viewer@user:1"]]


@pytest.mark.parametrize("turns", range(1, 3))
async def test_what_the_horizon_passes_between_two_turns_is_not_told(store: SqliteStorage, turns: int) -> None:
    await store.write("t1", [Changeset(_MANY)])
    reading = asyncio.create_task(store.news("t1", Snapshot.at_commit(0)))
    for _ in range(turns):
        await asyncio.sleep(0)
    store._timeline.publish_horizon(1)
    assert (await reading).touches is None


async def test_nothing_is_told_of_a_tenant_that_is_deleted_meanwhile(store: SqliteStorage) -> None:
    await store.write("gone", [Changeset(_MANY)])

    def delete(statement: str) -> None:
        if "INDEXED BY attributes_by_expiry" in statement:  # the rows have been read
            store._connections.reading.set_trace_callback(None)
            connection = sqlite3.connect(store._place)
            connection.execute("INSERT INTO deletions_of_tenants VALUES (2, 'gone')")
            connection.commit()
            connection.close()

    store._connections.reading.set_trace_callback(delete)
    assert (await store.news("gone", Snapshot.at_commit(0))).touches is None


# --- history ---


async def test_every_opening_begins_a_history(tmp_path: Path) -> None:
    """A file put back from a copy counts on from an earlier commit, and nothing in it says so."""
    path, kept = tmp_path / "store.db", tmp_path / "copy.db"
    histories: set[str] = set()
    for _ in range(3):
        store = await SqliteStorage.open(path)
        if not histories:
            await store.write("t1", [])
            await store.close()
            copy(path, kept)
            store = await SqliteStorage.open(path)
        await store.write("t1", [])
        histories |= {(await store.news(tenant, None)).history for tenant in ("t1", "t2")}
        await store.close()
        copy(kept, path)
    assert len(histories) == 3
