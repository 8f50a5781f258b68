"""News: the head, and what every transaction touched that it sees and an earlier snapshot does not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from model.attributes import EntityAttribute
from model.errors import Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Change, Changeset, News, PageRequest, Storage, Touch, TupleFilter
from tests.conformance.examples import ALL, attribute_filters, attributes, changesets, tenants, tuple_filters, tuples
from tests.conformance.factories import DURABLE_KINDS, KINDS, Factories, StoreFactory
from tests.conformance.test_change_feed import commits_of

T = TypeVar("T")
Item = RelationTuple | EntityAttribute

TIMEOUT_S = 30.0


def keys_of(changes: Iterable[Change]) -> set[Item]:
    return {item if isinstance(item, RelationTuple) else item.key for _, item in changes}


def texts(news: News) -> list[list[str]]:
    """What each transaction touched, as text, sorted."""
    assert news.touches is not None
    return [sorted(map(_text_of, touch.items)) for touch in news.touches]


def _text_of(item: Item) -> str:
    return str(item) if isinstance(item, RelationTuple) else "{}:{}${}".format(*item)


# --- what is told ---


async def test_what_came_went_or_changed_is_told_by_transaction(store: Storage) -> None:
    written = tuples("doc:1#viewer@user:1", "doc:1#viewer@group:1#member", "doc:2#viewer@user:1")
    start = await store.write("t1", [Changeset(written, attributes("doc:1$size|integer:1", "doc:2$size|integer:1"))])
    await store.write("t1", [Changeset(tuples("doc:3#viewer@user:1"), attributes("doc:1$size|integer:2"))])
    await store.write("t1", [Changeset((), (), written[:1])])
    await store.delete("t1", TupleFilter(entity_ids=["2"]), AttributeFilter(entity_ids=["2"]))
    news = await store.news("t1", start)
    assert texts(news) == [
        ["doc:1$size", "doc:3#viewer@user:1"],
        ["doc:1#viewer@user:1"],
        ["doc:2#viewer@user:1", "doc:2$size"],
    ]
    assert news.head == await store.head("t1")


async def test_a_transaction_is_told_under_its_own_number(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    snapshots = [await store.write("t1", []) for _ in range(3)]
    touches = (await store.news("t1", start)).touches
    assert touches is not None
    for touch, before, own in zip(touches, [start, *snapshots], snapshots, strict=False):
        assert own.sees(touch.xid)
        assert not before.sees(touch.xid)


async def test_a_transaction_that_changes_nothing_is_told_without_items(store: Storage) -> None:
    start = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    row, value = tuples("doc:9#viewer@user:1"), attributes("doc:9$size|integer:1")
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.write("t1", [Changeset(row, value, row, [value[0].key])])
    await store.delete("t1", None, None)
    assert texts(await store.news("t1", start)) == [[], [], []]


async def test_what_one_transaction_touches_twice_is_told_once(store: Storage) -> None:
    row = tuples("doc:1#viewer@user:1")
    start = await store.write("t1", [Changeset(row, attributes("doc:1$size|integer:1"))])
    await store.write("t1", [Changeset((), attributes("doc:1$size|integer:2"), row), Changeset(row)])
    assert texts(await store.news("t1", start)) == [["doc:1#viewer@user:1", "doc:1$size"]]


async def test_without_news_nothing_is_told_and_the_head_stays(store: Storage) -> None:
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    head = await store.head("t1")
    for _ in range(4):  # the way it is found out may differ between the first times
        news = await store.news("t1", head.snapshot)
        assert (news.head, list(news.touches or ())) == (head, [])
        assert news.touches is not None


async def test_who_knows_nothing_yet_is_told_the_head_alone(store: Storage) -> None:
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    news = await store.news("t1", None)
    assert (news.head, news.touches) == (await store.head("t1"), None)
    assert news.history == (await store.news("t1", news.head.snapshot)).history


async def test_nothing_of_other_tenants_is_told(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    await store.write("other", [Changeset(tuples("doc:1#viewer@user:1"))])
    quiet = await store.news("t1", start)
    assert texts(quiet) == []
    await store.write("t1", [Changeset(tuples("doc:2#viewer@user:1"))])
    await store.delete("other", TupleFilter(), None)
    for since in (start, quiet.head.snapshot):
        assert texts(await store.news("t1", since)) == [["doc:2#viewer@user:1"]]
    assert texts(await store.news("other", start)) == [["doc:1#viewer@user:1"]] * 2
    assert texts(await store.news("nobody", start)) == []


async def test_a_new_schema_comes_with_the_head_and_is_no_touch(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    for _ in range(3):
        version = await store.write_schema("t1", "entity user {}")
        news = await store.news("t1", start)
        assert (news.head.schema_version, texts(news)) == (version, [])
    await store.write_bundles("t1", [])
    await store.create_tenant("t9", "")
    assert texts(await store.news("t1", start)) == []


async def test_all_who_ask_together_are_answered_each_from_where_it_is(store: Storage) -> None:
    changes = [[Changeset(tuples(f"doc:{i}#viewer@user:1"))] for i in range(5)]
    snapshots: list[Snapshot | None] = [None, *[await store.write("t1", one) for one in changes]]
    async with asyncio.TaskGroup() as group:
        asked = [(since, group.create_task(store.news("t1", since))) for since in snapshots * 4]
        other = group.create_task(store.news("other", snapshots[1]))
    for since, task in asked:
        if since is None:
            assert task.result().touches is None
        else:
            place = snapshots.index(since)
            assert texts(task.result()) == [[f"doc:{i}#viewer@user:1"] for i in range(place, 5)]
    assert texts(other.result()) == []


# --- where it ends ---


async def test_behind_the_horizon_anything_may_have_been_touched(store: Storage) -> None:
    old = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    new = await store.delete("t1", TupleFilter(), None)
    await store.collect_garbage(0)
    for _ in range(2):
        assert (await store.news("t1", old)).touches is None
        assert (await store.news("other", old)).touches is None
        assert texts(await store.news("t1", new)) == []
    await store.write("t1", [Changeset(tuples("doc:2#viewer@user:1"))])
    assert (await store.news("t1", old)).touches is None
    assert texts(await store.news("t1", new)) == [["doc:2#viewer@user:1"]]


async def test_a_reading_overtaken_by_the_horizon_tells_all_or_nothing(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    written = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(6000)]
    await store.write("t1", [Changeset(written)])
    await store.delete("t1", TupleFilter(), None)
    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(store.news("t1", start)) for _ in range(5)]
        group.create_task(store.collect_garbage(0))
    for task in reading:
        touches = task.result().touches
        assert touches is None or [set(touch.items) for touch in touches] == [set(written)] * 2
    assert (await store.news("t1", start)).touches is None


async def test_of_a_tenant_deleted_since_anything_may_have_been_touched(store: Storage) -> None:
    await store.create_tenant("gone", "")
    before = await store.write("gone", [Changeset(tuples("doc:1#viewer@user:1"))])
    elsewhere = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.delete_tenant("gone")
    after = await store.news("gone", before)
    assert after.touches is None
    assert (await store.news("gone", elsewhere)).touches is None
    assert texts(await store.news("t1", before)) == [["doc:1#viewer@user:1"]]
    assert texts(await store.news("gone", after.head.snapshot)) == []
    await store.write("gone", [Changeset(tuples("doc:2#viewer@user:1"))])
    assert texts(await store.news("gone", after.head.snapshot)) == [["doc:2#viewer@user:1"]]


async def test_too_many_items_are_not_told(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    written = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(20_000)]
    middle = await store.write("t1", [Changeset(written)])
    news = await store.news("t1", start)
    assert news.touches is not None
    assert [set(touch.items) for touch in news.touches] == [set(written)]
    await store.write("t1", [Changeset(tuples("doc:one_more#viewer@user:1"))])
    assert (await store.news("t1", start)).touches is None
    assert texts(await store.news("t1", middle)) == [["doc:one_more#viewer@user:1"]]


async def test_too_many_transactions_are_not_told(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    first = await store.write("t1", [])
    for _ in range(999):
        await store.write("t1", [])
    assert len(texts(await store.news("t1", start))) == 1000
    await store.write("t1", [])
    assert (await store.news("t1", start)).touches is None
    assert len(texts(await store.news("t1", first))) == 1000


@pytest.mark.parametrize(
    "foreign",
    [
        Snapshot(2**40, 2**40),
        Snapshot(2**40 + 1, 2**40 + 1),
        Snapshot(1, 2**40 + 1, frozenset({1})),
        Snapshot(7, 3),
        Snapshot(3, 5, frozenset({1, 9})),
        Snapshot(0, 0),
        Snapshot(-5, -5),
    ],
)
async def test_a_snapshot_from_elsewhere_tells_nothing_and_fails_nobody(store: Storage, foreign: Snapshot) -> None:
    start = await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.write("t1", [Changeset(tuples("doc:2#viewer@user:1"))])
    async with asyncio.TaskGroup() as group:
        good, bad = (group.create_task(store.news("t1", since)) for since in (start, foreign))
    assert texts(good.result()) == [["doc:2#viewer@user:1"]]
    assert bad.result().head == good.result().head
    assert not bad.result().touches or bad.result().head.snapshot.covers(foreign)


async def test_a_closed_store_has_no_news(factory: StoreFactory) -> None:
    store = await factory.open()
    snapshot = await store.write("t1", [])
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.news("t1", snapshot)


@pytest.mark.parametrize("turns", range(8))
async def test_one_who_leaves_takes_nobody_along(store: Storage, turns: int) -> None:
    start = await store.write("t1", [])
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    asking = [asyncio.create_task(store.news("t1", start)) for _ in range(3)]
    for _ in range(turns):
        await asyncio.sleep(0)
    asking[0].cancel()
    async with asyncio.timeout(TIMEOUT_S):
        await asyncio.wait(asking)
        for task in asking[1:]:
            assert texts(task.result()) == [["doc:1#viewer@user:1"]]
        assert texts(await store.news("t1", start)) == [["doc:1#viewer@user:1"]]


@pytest.mark.parametrize("factory", DURABLE_KINDS, indirect=True)
async def test_after_a_new_start_what_was_written_before_is_still_told(factory: StoreFactory) -> None:
    store = await factory.open()
    start = await store.news("t1", None)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    await store.close()
    store = await factory.open()
    news = await store.news("t1", start.head.snapshot)
    assert texts(news) == [["doc:1#viewer@user:1"]]
    await store.close()


# --- from head to head ---


async def chained(store: Storage, start: Snapshot, *, until: asyncio.Event) -> list[Touch]:
    """All touches told from head to head; each with the first head that sees it."""
    found: list[Touch] = []
    since = start
    while True:
        is_last = until.is_set()
        news = await store.news("t1", since)
        assert news.touches is not None
        assert news.head.snapshot.covers(since)
        for touch in news.touches:
            assert news.head.snapshot.sees(touch.xid)
            assert not since.sees(touch.xid)
        found += news.touches
        since = news.head.snapshot
        if is_last:
            return found
        await asyncio.sleep(0)


async def test_under_many_writers_each_write_is_told_once_with_the_first_head_that_sees_it(store: Storage) -> None:
    start = (await store.head("t1")).snapshot
    is_done = asyncio.Event()

    async def write(name: str) -> list[tuple[str, Snapshot]]:
        written = []
        for i in range(20):
            text = f"doc:{i}#viewer@user:{name}"
            written.append((text, await store.write("t1", [Changeset(tuples(text))])))
            await store.write("other", [Changeset(tuples(text))])
        return written

    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        following = [group.create_task(chained(store, start, until=is_done)) for _ in range(3)]
        async with asyncio.TaskGroup() as writers:
            writing = [writers.create_task(write(str(name))) for name in range(8)]
        is_done.set()
    acknowledged = dict(one for task in writing for one in task.result())
    for task in following:
        told = [(str(item), touch.xid) for touch in task.result() for item in touch.items]
        assert sorted(text for text, _ in told) == sorted(acknowledged)
        assert all(acknowledged[text].sees(number) for text, number in told)


# --- whatever is written ---


class Newsreading(RuleBasedStateMachine):
    """Between every two heads seen, news are what the feed and the states themselves tell."""

    kind = ""
    factories: Factories

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.resources = ExitStack()
        self.heads: dict[str, list[Snapshot]] = {"t1": [], "other": []}
        self.deleted: dict[str, Snapshot] = {}
        self.horizon = Snapshot.at_commit(0)
        self.store: Storage

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        factory = self.resources.enter_context(self.factories.of(self.kind))
        self.store = self.run(factory.open())
        for tenant in self.heads:
            self.look(tenant)

    @rule(tenant=tenants, changes=st.lists(changesets, max_size=3))
    def write(self, tenant: str, changes: list[Changeset]) -> None:
        self.run(self.store.write(tenant, changes))

    @rule(tenant=tenants, where=st.none() | tuple_filters, named=st.none() | attribute_filters)
    def delete(self, tenant: str, where: TupleFilter | None, named: AttributeFilter | None) -> None:
        self.run(self.store.delete(tenant, where, named))

    @rule(tenant=tenants)
    def recreate_tenant(self, tenant: str) -> None:
        if tenant not in {item.id for item in self.run(self.store.list_tenants(PageRequest(10))).items}:
            self.run(self.store.create_tenant(tenant, ""))
        self.run(self.store.delete_tenant(tenant))
        self.deleted[tenant] = self.run(self.store.head(tenant)).snapshot

    @rule(window_s=st.sampled_from([0, 3600]))
    def collect(self, window_s: float) -> None:
        self.horizon = self.run(self.store.collect_garbage(window_s)).horizon

    @rule(tenant=tenants)
    def look(self, tenant: str) -> None:
        self.heads[tenant].append(self.run(self.store.head(tenant)).snapshot)

    @precondition(lambda self: self.heads["t1"])
    @rule(data=st.data(), tenant=tenants)
    def ask(self, data: st.DataObject, tenant: str) -> None:
        since = data.draw(st.sampled_from(self.heads[tenant]))
        news = self.run(self.store.news(tenant, since))
        head = news.head
        assert head == self.run(self.store.head(tenant))
        is_kept = since.covers(self.horizon) and since.covers(self.deleted.get(tenant, since))
        if news.touches is None:
            assert not is_kept
            return
        assert is_kept
        commits = self.run(commits_of(self.store, since, tenant=tenant))
        assert [set(touch.items) for touch in news.touches] == [keys_of(commit.changes) for commit in commits]
        differing = self.run(self.state(tenant, since)) ^ self.run(self.state(tenant, head.snapshot))
        assert {item if isinstance(item, RelationTuple) else item[0] for item in differing} <= {
            item for touch in news.touches for item in touch.items
        }

    async def state(self, tenant: str, snapshot: Snapshot) -> set[RelationTuple | tuple[EntityAttribute, object]]:
        rows = await self.store.read_tuples(tenant, snapshot, TupleFilter(), ALL)
        values = await self.store.read_attributes(tenant, snapshot, AttributeFilter(), ALL)
        return {*rows.items, *((one.key, one.value) for one in values.items)}

    def teardown(self) -> None:
        if self.heads["t1"]:
            self.run(self.store.close())
        self.runner.close()
        self.resources.close()


@pytest.mark.parametrize("kind", KINDS)
def test_any_news_are_what_feed_and_states_tell(kind: str, factories: Factories) -> None:
    machine = type("NewsreadingOfKind", (Newsreading,), {"kind": kind, "factories": factories})
    limits = settings(
        max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(machine, settings=limits)
