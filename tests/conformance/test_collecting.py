"""Garbage collection: the horizon, what it refuses, and what it must never change."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from model.errors import SnapshotExpired
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, PageRequest, Storage, TupleFilter
from tests.conformance.examples import ALL, attributes, attributes_at, head_of, tuples, tuples_at
from tests.conformance.factories import DURABLE_KINDS, StoreFactory


async def history(store: Storage) -> tuple[Snapshot, Snapshot]:
    """The snapshots before and after everything was deleted or replaced."""
    old = await store.write(
        "t1", [Changeset(tuples("doc:1#viewer@user:1", "doc:2#viewer@user:1"), attributes("doc:1$size|integer:1"))]
    )
    await store.write("t1", [Changeset((), attributes("doc:1$size|integer:2"))])
    return old, await store.delete("t1", TupleFilter(entity_ids=["1"]), None)


async def test_history_younger_than_the_window_is_kept(store: Storage) -> None:
    old, _ = await history(store)
    report = await store.collect_garbage(3600)
    assert (report.tuples_removed, report.attributes_removed) == (0, 0)
    assert old.covers(report.horizon)
    assert len(await tuples_at(store, old)) == 2


async def test_history_behind_the_horizon_is_removed_and_refused(store: Storage) -> None:
    old, new = await history(store)
    report = await store.collect_garbage(0)
    assert (report.tuples_removed, report.attributes_removed) == (1, 1)
    assert report.horizon.covers(new)
    with pytest.raises(SnapshotExpired):
        await store.read("t1", old, [])
    with pytest.raises(SnapshotExpired):
        await store.read_tuples("t1", old, TupleFilter(), ALL)
    with pytest.raises(SnapshotExpired):
        await store.read_attributes("t1", old, AttributeFilter(), ALL)


async def test_the_head_reads_the_same_before_and_after(store: Storage) -> None:
    _, new = await history(store)
    for _ in range(2):
        for snapshot in (new, await head_of(store)):
            assert await tuples_at(store, snapshot) == ["doc:2#viewer@user:1"]
            assert await attributes_at(store, snapshot) == ["doc:1$size|integer:2"]
        await store.collect_garbage(0)
    after = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    assert await tuples_at(store, after) == ["doc:2#viewer@user:1", "doc:1#viewer@user:1"]


async def test_the_horizon_never_moves_back(store: Storage) -> None:
    old, _ = await history(store)
    high = (await store.collect_garbage(0)).horizon
    await store.write("t1", [])
    assert (await store.collect_garbage(3600)).horizon.covers(high)
    with pytest.raises(SnapshotExpired):
        await tuples_at(store, old)


@pytest.mark.parametrize("factory", DURABLE_KINDS, indirect=True)
async def test_the_horizon_outlives_the_process(factory: StoreFactory) -> None:
    store = await factory.open()
    old, new = await history(store)
    await store.collect_garbage(0)
    await store.close()
    store = await factory.open()
    with pytest.raises(SnapshotExpired):
        await tuples_at(store, old)
    assert await tuples_at(store, new) == ["doc:2#viewer@user:1"]
    assert (await head_of(store)).covers(new)
    await store.close()


async def test_collecting_an_empty_store_does_nothing(store: Storage) -> None:
    report = await store.collect_garbage(0)
    assert (report.tuples_removed, report.attributes_removed) == (0, 0)
    assert (await head_of(store)).covers(report.horizon)


async def test_more_garbage_than_one_step_removes_goes_in_one_pass(store: Storage) -> None:
    await store.write("t1", [Changeset([RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(2500)])])
    await store.delete("t1", TupleFilter(), None)
    assert (await store.collect_garbage(0)).tuples_removed == 2500


async def test_a_paged_read_overtaken_by_the_horizon_is_refused_not_cut_short(store: Storage) -> None:
    written = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(6000)]
    old = await store.write("t1", [Changeset(written)])
    await store.delete("t1", TupleFilter(), None)

    async def read() -> int | None:
        try:
            page = await store.read_tuples("t1", old, TupleFilter(relation="viewer"), PageRequest(10_000))
        except SnapshotExpired:
            return None
        return len(page.items)

    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(read()) for _ in range(5)]
        group.create_task(store.collect_garbage(0))
    assert {task.result() for task in reading} <= {6000, None}
    assert await read() is None


async def test_collecting_beside_reads_and_writes_disturbs_neither(store: Storage) -> None:
    async def write(name: str) -> None:
        for i in range(20):
            snapshot = await store.write(name, [Changeset(tuples(f"doc:1#viewer@user:{i}"))])
            await store.delete(name, TupleFilter(subject_ids=[str(i - 1)]), None)
            with suppress(SnapshotExpired):
                assert f"doc:1#viewer@user:{i}" in await tuples_at(store, snapshot, tenant=name)
            assert await tuples_at(store, await head_of(store), tenant=name) == [f"doc:1#viewer@user:{i}"]

    async def collect() -> None:
        for _ in range(20):
            await store.collect_garbage(0)

    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c"):
            group.create_task(write(name))
        group.create_task(collect())
        group.create_task(collect())
