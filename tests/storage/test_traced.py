"""Reads as spans of the call they are for; and no more than a look for a call that is not traced."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from model.errors import SnapshotExpired
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from storage.base import (
    AttributeFilter,
    Changeset,
    EntityRead,
    KnownEntities,
    PageRequest,
    TupleFilter,
    Wanted,
)
from storage.sqlite import SqliteStorage
from storage.traced import TracedReads
from tests.support.traces import KeptTraces

ROW = RelationTuple.parse("doc:1#viewer@user:ann")
READ = EntityRead("doc", "1", SubjectRef("user", "ann"), Wanted(memberships=("viewer",)))


@pytest_asyncio.fixture
async def store() -> AsyncIterator[SqliteStorage]:
    store = await SqliteStorage.open(None)
    yield store
    await store.close()


async def everything_of(reads: TracedReads | SqliteStorage, snapshot: Snapshot) -> list[object]:
    """What each sort of read gives."""
    return [
        await reads.read("t1", snapshot, [READ, READ]),
        await reads.list_ids("t1", snapshot, [KnownEntities("doc")], beyond="", about=10),
        await reads.read_tuples("t1", snapshot, TupleFilter("doc"), PageRequest(5)),
        await reads.read_attributes("t1", snapshot, AttributeFilter("doc"), PageRequest(5)),
        (await reads.news("t1", None)).head,
    ]


async def test_what_is_read_is_the_same_and_the_trace_tells_of_it(store: SqliteStorage) -> None:
    snapshot = await store.write("t1", [Changeset((ROW,))])
    traces = KeptTraces()
    with traces.call():
        found = await everything_of(TracedReads(store), snapshot)
    assert found == await everything_of(store, snapshot)
    names = ["storage.read", "storage.list", "storage.tuples", "storage.attributes", "storage.head"]
    assert traces.names == [*names, "call"]
    items = [traces.notes(name).get("ringward.items") for name in names]
    assert items == [2, 1, 5, 5, None]


async def test_the_head_tells_how_much_came_since_it_was_last_read(store: SqliteStorage) -> None:
    snapshot = await store.write("t1", [Changeset((ROW,))])
    await store.write("t1", [Changeset(tuples_deleted=(ROW,))])
    traces = KeptTraces()
    with traces.call():
        await TracedReads(store).news("t1", snapshot)
    assert traces.notes("storage.head") == {"ringward.transactions": 1}


async def test_without_a_trace_the_stores_own_answer_is_awaited(store: SqliteStorage) -> None:
    snapshot = await store.write("t1", [Changeset((ROW,))])
    reads = TracedReads(store)
    assert await everything_of(reads, snapshot) == await everything_of(store, snapshot)
    reading = reads.read("t1", snapshot, [READ])
    assert str(SqliteStorage.read.__qualname__) in repr(reading), "nothing stands between"
    await reading


async def test_what_fails_fails_in_the_trace_too(store: SqliteStorage) -> None:
    class Expired(SqliteStorage):
        async def read(self, *_: object) -> None:  # type: ignore[override]  # for whatever is asked
            raise SnapshotExpired("too old")

    store.__class__ = Expired
    traces = KeptTraces()
    with pytest.raises(SnapshotExpired), traces.call():
        await TracedReads(store).read("t1", Snapshot.at_commit(1), [READ])
    assert [span.status.description for span in traces.ended] == ["too old", "too old"]
