"""The change feed: every transaction of a tenant once, in order, with what it changed; and waiting for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise, product

import pytest

from model.errors import SnapshotExpired, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Change, Changeset, Commit, Operation, Storage, TupleFilter
from tests.conformance.examples import attributes, head_of, tuples
from tests.conformance.factories import DURABLE_KINDS, StoreFactory

TIMEOUT_S = 10.0


async def commits_of(store: Storage, since: Snapshot, *, tenant: str = "t1", most: int = 1000) -> list[Commit]:
    """All commits after a snapshot, read in parts of ``most``."""
    found: list[Commit] = []
    while part := await store.commits_since(tenant, since, most):
        assert len(part) <= most
        found += part
        since = part[-1].snapshot
    return found


def texts(changes: Sequence[Change]) -> list[str]:
    """``+`` for what came and ``-`` for what went."""
    return [f"{'+' if change.operation is Operation.CREATE else '-'}{change.item}" for change in changes]


async def changes_since(store: Storage, since: Snapshot, tenant: str = "t1") -> list[list[str]]:
    return [texts(commit.changes) for commit in await commits_of(store, since, tenant=tenant)]


# --- what a commit tells ---


async def test_tuples_come_before_attributes_each_in_order_of_writing(store: Storage) -> None:
    start = await head_of(store)
    first = Changeset(tuples("doc:2#viewer@user:1"), attributes("doc:2$size|integer:2"))
    second = Changeset(tuples("doc:1#viewer@user:1", "doc:0#viewer@user:1"), attributes("doc:1$size|integer:1"))
    await store.write("t1", [first, second])
    assert await changes_since(store, start) == [
        [
            "+doc:2#viewer@user:1",
            "+doc:1#viewer@user:1",
            "+doc:0#viewer@user:1",
            "+doc:2$size|integer:2",
            "+doc:1$size|integer:1",
        ]
    ]


async def test_a_value_replaced_goes_right_before_its_successor_comes(store: Storage) -> None:
    start = await store.write("t1", [Changeset((), attributes("doc:1$size|integer:1", "doc:2$size|integer:1"))])
    await store.write("t1", [Changeset((), attributes("doc:2$size|integer:2", "doc:1$size|integer:1"))])
    assert await changes_since(store, start) == [
        ["-doc:2$size|integer:1", "+doc:2$size|integer:2", "-doc:1$size|integer:1", "+doc:1$size|integer:1"]
    ]


async def test_what_is_deleted_goes_by_key_or_by_filter(store: Storage) -> None:
    written = tuples("doc:1#viewer@user:1", "doc:1#viewer@group:1#member", "doc:2#viewer@user:1")
    values = attributes("doc:1$size|integer:1", "doc:2$label|string:x")
    start = await store.write("t1", [Changeset(written, values)])
    await store.write("t1", [Changeset((), (), written[:1], [values[0].key])])
    await store.delete("t1", TupleFilter(entity_type="doc"), AttributeFilter(names=["label"]))
    assert await changes_since(store, start) == [
        ["-doc:1#viewer@user:1", "-doc:1$size|integer:1"],
        ["-doc:1#viewer@group:1#member", "-doc:2#viewer@user:1", "-doc:2$label|string:x"],
    ]


async def test_a_transaction_that_changes_nothing_is_told_without_changes(store: Storage) -> None:
    start = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    again = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), (), tuples("doc:9#viewer@user:1"))])
    nothing = await store.delete("t1", None, None)
    commits = await commits_of(store, start)
    assert [commit.changes for commit in commits] == [[], []]
    assert all(commit.snapshot.covers(own) for commit, own in zip(commits, (again, nothing), strict=True))


async def test_what_one_transaction_writes_and_deletes_is_never_told(store: Storage) -> None:
    start = await head_of(store)
    row, value = tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1")
    await store.write("t1", [Changeset(row, value, row, [value[0].key])])
    await store.write("t1", [Changeset((), value), Changeset((), attributes("doc:1$size|integer:2"))])
    assert await changes_since(store, start) == [[], ["+doc:1$size|integer:2"]]


async def test_schemas_bundles_and_the_register_of_tenants_are_not_told(store: Storage) -> None:
    start = await head_of(store)
    await store.write_schema("t1", "entity user {}")
    await store.write_bundles("t1", [])
    await store.create_tenant("t9", "")
    assert await changes_since(store, start) == []


async def test_many_changes_of_one_transaction_are_told_whole_and_in_order(store: Storage) -> None:
    written = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(3000)]
    start = await head_of(store)
    middle = await store.write("t1", [Changeset(written)])
    end = await store.delete("t1", TupleFilter(), None)
    came, went = await commits_of(store, start)
    assert came.snapshot.covers(middle)
    assert came.changes == [Change(Operation.CREATE, row) for row in written]
    assert went.snapshot.covers(end)
    assert went.changes == [Change(Operation.DELETE, row) for row in written]


# --- where it begins and how it goes on ---


async def test_the_feed_goes_on_from_every_snapshot_in_parts_of_any_size(store: Storage) -> None:
    snapshots = [await head_of(store)]
    for i in range(7):
        snapshots.append(await store.write("t1", [Changeset(tuples(f"doc:{i}#viewer@user:1"))]))
        snapshots.append(await store.delete("t1", TupleFilter(entity_ids=[str(i - 1)]), None))
    whole = await commits_of(store, snapshots[0])
    for commit, written in zip(whole, snapshots[1:], strict=True):
        assert commit.snapshot.covers(written)  # and perhaps what others finished since, of other tenants
    for place, (given, told) in enumerate(
        zip(snapshots, [snapshots[0], *(commit.snapshot for commit in whole)], strict=True)
    ):
        for since, most in product((given, told), (1, 3, 100)):
            rest = await commits_of(store, since, most=most)
            assert [commit.changes for commit in rest] == [commit.changes for commit in whole[place:]]


async def test_a_tenant_never_written_to_has_a_feed_like_any_other(store: Storage) -> None:
    start = await head_of(store, "new")
    assert await store.commits_since("new", start, 10) == []
    await store.write("other", [])
    assert await store.commits_since("new", start, 10) == []
    written = await store.write("new", [Changeset(tuples("doc:1#viewer@user:1"))])
    (commit,) = await store.commits_since("new", start, 10)
    assert (commit.snapshot.covers(written), texts(commit.changes)) == (True, ["+doc:1#viewer@user:1"])


async def test_nothing_of_other_tenants_is_told_and_their_snapshots_serve_as_well(store: Storage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    theirs = await store.write("other", [Changeset(tuples("doc:2#viewer@user:1"))])
    await store.write("t1", [Changeset(tuples("doc:3#viewer@user:1"))])
    await store.delete("other", TupleFilter(), None)
    assert await changes_since(store, start) == [["+doc:1#viewer@user:1"], ["+doc:3#viewer@user:1"]]
    assert await changes_since(store, theirs) == [["+doc:3#viewer@user:1"]]
    assert await changes_since(store, theirs, "other") == [["-doc:2#viewer@user:1"]]


async def test_under_many_writers_every_transaction_is_told_once_in_the_order_of_snapshots(store: Storage) -> None:
    start = await head_of(store)
    writers, each = 8, 25

    async def write(name: str) -> list[Snapshot]:
        return [await store.write("t1", [Changeset(tuples(f"doc:{i}#viewer@user:{name}"))]) for i in range(each)]

    async def disturb() -> None:
        for _ in range(each):
            await store.write("other", [Changeset(tuples("doc:1#viewer@user:1"))])

    async def follow() -> list[Commit]:
        found: list[Commit] = []
        while len(found) < writers * each:
            since = found[-1].snapshot if found else start
            await store.wait_for_commit("t1", since)
            found += await store.commits_since("t1", since, 7)
        return found

    async with asyncio.timeout(TIMEOUT_S * 3), asyncio.TaskGroup() as group:
        following = [group.create_task(follow()) for _ in range(2)]
        writing = [group.create_task(write(str(name))) for name in range(writers)]
        group.create_task(disturb())
    acknowledged = [snapshot for task in writing for snapshot in task.result()]
    for found in (following[0].result(), following[1].result(), await commits_of(store, start)):
        # a transaction may become visible late, so those told in between need not come in the same order to each
        assert all(later.snapshot.covers(earlier.snapshot) for earlier, later in pairwise(found))
        assert all(found[-1].snapshot.covers(snapshot) for snapshot in acknowledged)
        told = [text for commit in found for text in texts(commit.changes)]
        assert sorted(told) == sorted(f"+doc:{i}#viewer@user:{name}" for i in range(each) for name in range(writers))


# --- where it ends ---


async def test_behind_the_horizon_there_is_no_feed_and_from_it_on_there_is(store: Storage) -> None:
    old = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    new = await store.delete("t1", TupleFilter(), None)
    await store.collect_garbage(0)
    with pytest.raises(SnapshotExpired):
        await store.commits_since("t1", old, 10)
    with pytest.raises(SnapshotExpired):
        await store.wait_for_commit("t1", old)
    await store.write("t1", [Changeset(tuples("doc:2#viewer@user:1"))])
    assert await changes_since(store, new) == [["+doc:2#viewer@user:1"]]


async def test_a_reading_overtaken_by_the_horizon_is_refused_not_cut_short(store: Storage) -> None:
    start = await head_of(store)
    await store.write("t1", [Changeset([RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(6000)])])
    await store.delete("t1", TupleFilter(), None)

    async def read() -> list[int] | None:
        try:
            return [len(commit.changes) for commit in await store.commits_since("t1", start, 10)]
        except SnapshotExpired:
            return None

    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(read()) for _ in range(5)]
        group.create_task(store.collect_garbage(0))
    assert all(task.result() in ([6000, 6000], None) for task in reading)
    assert await read() is None


async def test_what_a_deleted_tenant_had_is_refused_rather_than_left_out(store: Storage) -> None:
    await store.create_tenant("gone", "")
    before = await store.write("gone", [Changeset(tuples("doc:1#viewer@user:1"))])
    elsewhere = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.delete_tenant("gone")
    after = await head_of(store, "gone")
    for since in (before, elsewhere):
        with pytest.raises(SnapshotExpired):
            await store.commits_since("gone", since, 10)
    await store.write("gone", [Changeset(tuples("doc:2#viewer@user:1"))])
    assert await changes_since(store, after, "gone") == [["+doc:2#viewer@user:1"]]
    assert await changes_since(store, before) == [["+doc:1#viewer@user:1"]]


# --- waiting ---


async def test_waiting_ends_with_the_next_commit_for_all_who_wait(store: Storage) -> None:
    start = await head_of(store)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        waiting = [group.create_task(store.wait_for_commit("t1", start)) for _ in range(10)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        await store.write("t1", [])
    assert len(await store.commits_since("t1", start, 10)) == 1


async def test_waiting_for_what_has_come_ends_at_once(store: Storage) -> None:
    start = await head_of(store)
    await store.write("t1", [])
    async with asyncio.timeout(TIMEOUT_S):
        await store.wait_for_commit("t1", start)


async def test_the_end_of_a_tenant_wakes_who_waits_for_it(store: Storage) -> None:
    await store.create_tenant("gone", "")
    start = await head_of(store, "gone")
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        group.create_task(store.wait_for_commit("gone", start))
        await asyncio.sleep(0)
        await store.delete_tenant("gone")


async def test_one_who_stops_waiting_takes_nobody_along(store: Storage) -> None:
    start = await head_of(store)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        leaving, staying = (group.create_task(store.wait_for_commit("t1", start)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        await store.write("t1", [])
        await staying


async def test_closing_ends_waiting_and_reading(factory: StoreFactory) -> None:
    store = await factory.open()
    start = await head_of(store)
    async with asyncio.timeout(TIMEOUT_S):
        waiting = [asyncio.create_task(store.wait_for_commit(tenant, start)) for tenant in ("t1", "t1", "t2")]
        await asyncio.sleep(0)
        await store.close()
        for task in waiting:
            with pytest.raises(Unavailable, match="closed"):
                await task
    for call in (store.wait_for_commit("t1", start), store.commits_since("t1", start, 1)):
        with pytest.raises(Unavailable, match="closed"):
            await call


@pytest.mark.parametrize("factory", DURABLE_KINDS, indirect=True)
async def test_a_feed_goes_on_where_it_was_after_a_new_start(factory: StoreFactory) -> None:
    store = await factory.open()
    start = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.delete("t1", TupleFilter(), None)
    await store.close()
    store = await factory.open()
    await store.write("t1", [Changeset(tuples("doc:2#viewer@user:1"))])
    assert await changes_since(store, start) == [["-doc:1#viewer@user:1"], ["+doc:2#viewer@user:1"]]
    await store.close()
