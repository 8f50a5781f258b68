"""Many callers at once, callers who leave, and the end of a store."""

from __future__ import annotations

import asyncio

import pytest

from model.errors import Unavailable
from model.snapshot import Snapshot
from model.tuples import SubjectRef
from storage.base import AttributeFilter, Changeset, EntityRead, PageRequest, Storage, TupleFilter, Wanted
from tests.conformance.examples import attributes, head_of, tuples, tuples_at
from tests.conformance.factories import StoreFactory

_VIEWER = Wanted(memberships=("viewer",))


async def test_concurrent_writers_each_read_their_own_writes(store: Storage) -> None:
    async def work(name: str) -> list[Snapshot]:
        snapshots = []
        for i in range(10):
            text = f"doc:{i}#viewer@user:{name}"
            snapshot = await store.write("t1", [Changeset(tuples(text), attributes(f"doc:{i}$by|string:{name}"))])
            (facts,) = await store.read("t1", snapshot, [EntityRead("doc", str(i), SubjectRef("user", name), _VIEWER)])
            assert facts.memberships == {"viewer"}
            assert (await head_of(store)).covers(snapshot)
            snapshots.append(snapshot)
        return snapshots

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(str(name))) for name in range(20)]
    snapshots = [snapshot for task in tasks for snapshot in task.result()]
    assert len(set(snapshots)) == 200
    head = await head_of(store)
    assert len(await tuples_at(store, head)) == 200
    assert len((await store.read_attributes("t1", head, where=AttributeFilter(), page=PageRequest(100))).items) == 10


async def test_writers_of_one_key_leave_one_row(store: Storage) -> None:
    async def work(i: int) -> None:
        await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes(f"doc:1$n|integer:{i}"))])

    async with asyncio.TaskGroup() as group:
        for i in range(30):
            group.create_task(work(i))
    head = await head_of(store)
    assert await tuples_at(store, head) == ["doc:1#viewer@user:1"]
    assert len((await store.read_attributes("t1", head, where=AttributeFilter(), page=PageRequest(10))).items) == 1


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_write_is_whole_or_absent_and_the_store_goes_on(store: Storage, turns: int) -> None:
    pair = tuples("doc:1#viewer@user:1", "doc:1#viewer@user:2")
    task = asyncio.create_task(store.write("t1", [Changeset(pair)]))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    after = await asyncio.wait_for(store.write("t1", []), 10)
    assert len(await tuples_at(store, after)) in (0, 2)
    assert await tuples_at(store, after) == await tuples_at(store, await head_of(store))
    await store.ping()


async def test_a_store_that_works_answers_a_ping(store: Storage) -> None:
    await store.ping()


async def test_closing_waits_for_what_is_being_written(factory: StoreFactory) -> None:
    store = await factory.open()
    async with asyncio.TaskGroup() as group:
        writes = [group.create_task(store.write("t1", [Changeset(tuples(f"doc:{i}#v@user:1"))])) for i in range(5)]
        await asyncio.sleep(0)  # all writes have begun
        await store.close()
        assert all(task.result() for task in writes)
    if factory.is_durable:
        store = await factory.open()
        assert len(await tuples_at(store, await head_of(store))) == 5
        await store.close()


async def test_closing_twice_is_closing_once(factory: StoreFactory) -> None:
    store = await factory.open()
    async with asyncio.TaskGroup() as group:
        group.create_task(store.close())
        group.create_task(store.close())
    await store.close()


async def test_a_closed_store_says_so(factory: StoreFactory) -> None:
    store = await factory.open()
    snapshot = await store.write("t1", [])
    await store.close()
    for call in (
        store.read("t1", snapshot, []),
        store.read_tuples("t1", snapshot, TupleFilter(), PageRequest(1)),
        store.write("t1", []),
        store.head("t1"),
        store.ping(),
        store.collect_garbage(0),
    ):
        with pytest.raises(Unavailable, match="closed"):
            await call
