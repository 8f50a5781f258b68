"""The feed of a database with many writers and nodes: late commits, long histories, and how waiters are woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from model.errors import InvalidRequest, SnapshotExpired, Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, Commit, TupleFilter
from storage.postgres import feed
from storage.postgres.arrivals import Arrivals
from storage.postgres.connecting import open_connection
from storage.postgres.feed import ChangeReader
from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import attributes, head_of, tuples
from tests.conformance.history import State
from tests.conformance.test_change_feed import changes_since, commits_of, texts

TIMEOUT_S = 10.0
_NEVER_S = 1000.0


@pytest.fixture
async def other(database: str) -> AsyncIterator[PostgresStorage]:
    """A second node on the database of ``store``."""
    opened = await PostgresStorage.open(PostgresSettings(database))
    yield opened
    await opened.close()


class SlowWriter:
    """A write that is begun, and committed when the test says so."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    async def begin(cls, database: str, tenant: str, entity_id: str) -> SlowWriter:
        connection = await asyncpg.connect(database)
        await connection.execute("BEGIN")
        await connection.execute("INSERT INTO ringward.transactions (tenant) VALUES ($1)", tenant)
        await connection.execute(
            "INSERT INTO ringward.tuples (tenant, entity_type, entity_id, relation, subject_type, subject_id,"
            " subject_relation) VALUES ($1, 'doc', $2, 'viewer', 'user', '1', '')",
            tenant,
            entity_id,
        )
        return cls(connection)

    async def end(self, word: str) -> None:
        await self._connection.execute(word)
        await self._connection.close()


def replayed(commits: list[Commit], state: State) -> State:
    for commit in commits:
        for change in commit.changes:
            state.replay(change)
    return state


async def state_of(database: str, tenant: str) -> set[str]:
    """What is live, read from the tables by hand."""
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(
        "SELECT entity_type, entity_id, relation, subject_type, subject_id, subject_relation FROM ringward.tuples"
        " WHERE tenant = $1 AND expired = '9223372036854775807'",
        tenant,
    )
    await connection.close()
    return {str(RelationTuple(*row)) for row in rows}


# --- in which order, and from where to go on ---


async def test_a_commit_that_comes_late_is_told_late_and_once(store: PostgresStorage, database: str) -> None:
    start = await head_of(store)
    old = await SlowWriter.begin(database, "t1", "old")
    undone = await SlowWriter.begin(database, "t1", "undone")
    await store.write("t1", [Changeset(tuples("doc:young#viewer@user:1"))])
    (young,) = await store.commits_since("t1", start, 10)
    assert texts(young.changes) == ["+doc:young#viewer@user:1"]
    assert await store.commits_since("t1", young.snapshot, 10) == []
    await old.end("COMMIT")
    await undone.end("ROLLBACK")
    await store.write("t1", [Changeset(tuples("doc:younger#viewer@user:1"))])
    late, younger = await store.commits_since("t1", young.snapshot, 10)
    assert texts(late.changes) == ["+doc:old#viewer@user:1"]
    assert texts(younger.changes) == ["+doc:younger#viewer@user:1"]
    assert late.snapshot.covers(young.snapshot)
    assert younger.snapshot.covers(late.snapshot)
    assert await store.commits_since("t1", younger.snapshot, 10) == []
    assert await changes_since(store, start) == [[f"+doc:{name}#viewer@user:1"] for name in ("old", "young", "younger")]


async def test_who_waits_is_woken_by_a_commit_that_comes_late(store: PostgresStorage, database: str) -> None:
    old = await SlowWriter.begin(database, "t1", "old")
    since = await store.write("t1", [])
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        group.create_task(store.wait_for_commit("t1", since))
        await asyncio.sleep(0.1)
        await old.end("COMMIT")  # by hand, so that only polling can tell
    assert await changes_since(store, since) == [["+doc:old#viewer@user:1"]]


async def test_replaying_the_feed_gives_the_state_whatever_is_written_at_once_on_two_nodes(
    store: PostgresStorage, other: PostgresStorage, database: str
) -> None:
    """Writers of the same few keys, filters among them: every change fits what was told before it."""
    start = await head_of(store)
    done = asyncio.Event()

    async def write(node: PostgresStorage, name: int) -> None:
        for i in range(12):
            rows = tuples(*(f"doc:{(name + i * k) % 5}#viewer@user:{k}" for k in range(4)))
            values = attributes(f"doc:{i % 3}$n|integer:{name}")
            await node.write("t1", [Changeset(rows[:3], values, rows[2:]), Changeset(rows[3:])])
            await node.write("t1", [Changeset((), (), rows[:1], [values[0].key])])
            if i % 4 == name % 4:
                await node.delete("t1", TupleFilter(entity_ids=[str(i % 5)]), AttributeFilter(entity_ids=["0"]))

    async def follow(node: PostgresStorage, most: int) -> list[Commit]:
        found: list[Commit] = []
        since = start
        while True:
            is_last = done.is_set()
            part = await node.commits_since("t1", since, most)
            assert len(part) <= most
            for commit in part:
                assert commit.snapshot.covers(since)
                since = commit.snapshot
            found += part
            if is_last and not part:
                return found
            await asyncio.sleep(0)

    async with asyncio.timeout(60), asyncio.TaskGroup() as followers:
        following = [followers.create_task(follow(node, most)) for node, most in ((store, 1), (other, 7), (other, 100))]
        async with asyncio.TaskGroup() as writers:
            for name in range(8):
                writers.create_task(write((store, other)[name % 2], name))
        done.set()
    states = [replayed(task.result(), State()) for task in following]
    assert {str(item) for item in states[0].tuples} == await state_of(database, "t1")
    assert all({*state.tuples} == {*states[0].tuples} for state in states)
    assert all(state.attributes == states[0].attributes for state in states)
    assert all(len(task.result()) == 8 * 12 * 2 + 8 * 3 for task in following)


async def test_what_others_did_since_does_not_make_snapshots_longer(store: PostgresStorage) -> None:
    start = await head_of(store)
    for i in range(40):
        await store.write("t1" if i % 20 == 10 else "other", [])
    snapshots = [commit.snapshot for commit in await commits_of(store, start)]
    assert [snapshot.in_progress for snapshot in snapshots] == [frozenset()] * 2


async def test_a_snapshot_that_sees_what_runs_or_what_is_yet_to_come_is_refused(
    store: PostgresStorage, database: str
) -> None:
    head = await store.write("t1", [])
    beyond = Snapshot.at_commit(head.xmax + 1000)
    with pytest.raises(InvalidRequest, match="another database"):
        await store.commits_since("t1", beyond, 1)
    with pytest.raises(InvalidRequest, match="another database"):
        await store.wait_for_commit("t1", beyond)
    slow = await SlowWriter.begin(database, "t1", "slow")
    after = await store.write("t1", [])
    with pytest.raises(Unavailable, match="still runs"):
        await store.commits_since("t1", Snapshot(after.xmax, after.xmax), 1)
    await slow.end("ROLLBACK")


# --- how much at a time ---


async def test_a_reading_ends_with_the_commit_that_reaches_enough_rows(
    store: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_ENOUGH_ROWS", 1200)
    start = await head_of(store)
    sizes = [700, 0, 700, 3000, 5, 0, 1300, 0]
    for number, size in enumerate(sizes):
        rows = [RelationTuple("doc", f"{number}-{i}", "viewer", "user", "1") for i in range(size)]
        await store.write("t1", [Changeset(rows)])
    found, since = list[list[int]](), start
    while part := await store.commits_since("t1", since, 100):
        found.append([len(commit.changes) for commit in part])
        since = part[-1].snapshot
    assert found == [[700, 0, 700], [3000, 5, 0], [1300, 0]]


async def test_a_tenant_deleted_while_its_feed_is_read_is_told_whole_or_refused(store: PostgresStorage) -> None:
    await store.create_tenant("gone", "")
    start = await head_of(store, "gone")
    await store.write("gone", [Changeset([RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(3000)])])

    async def read() -> int | None:
        try:
            return sum([len(commit.changes) for commit in await store.commits_since("gone", start, 10)])
        except SnapshotExpired:
            return None

    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(read()) for _ in range(4)]
        group.create_task(store.delete_tenant("gone"))
    assert {task.result() for task in reading} <= {3000, None}
    assert await read() is None


# --- waiting ---


@pytest.fixture
async def arrivals(pool: Pool, database: str) -> AsyncIterator[Arrivals]:
    """Woken by notifications alone."""
    made = Arrivals(pool, connect=partial(open_connection, PostgresSettings(database)), poll_s=_NEVER_S)
    yield made
    await made.close()


async def listening(database: str, count: int = 1) -> list[int]:
    """The processes of those who listen, once there are so many."""
    connection = await asyncpg.connect(database)
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    async with asyncio.timeout(TIMEOUT_S):
        while len(rows := await connection.fetch(query)) < count:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    await connection.close()
    return [row["pid"] for row in rows]


async def test_a_commit_on_another_node_wakes_those_who_wait_for_its_tenant_and_nobody_else(
    arrivals: Arrivals, pool: Pool, other: PostgresStorage, database: str
) -> None:
    reader = ChangeReader(pool, arrivals)
    start = await head_of(other)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        waiting = [group.create_task(reader.wait_for_commit(f"t{i}", start)) for i in range(6)]
        await listening(database)
        await other.write("elsewhere", [])
        await other.write("t3", [])
        await waiting[3]
        assert sum(task.done() for task in waiting) == 1
        for i in set(range(6)) - {3}:
            await other.write(f"t{i}", [])
    assert repr(arrivals) == "Arrivals(0 tenants waited for)"


async def test_tenants_of_any_name_are_notified_of(
    arrivals: Arrivals, pool: Pool, other: PostgresStorage, database: str
) -> None:
    start = await head_of(other)
    tenant = "ä'\n" * 4000  # longer than a notification may be
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        group.create_task(ChangeReader(pool, arrivals).wait_for_commit("x" + tenant[:100], start))
        await listening(database)
        await other.write("x" + tenant[:100], [])
    arrivals.announce(tenant)


async def test_a_commit_of_this_node_wakes_at_once_without_any_notification(pool: Pool, store: PostgresStorage) -> None:
    async def refuse() -> asyncpg.Connection:
        raise Unavailable("no connections here")

    arrivals = Arrivals(pool, connect=refuse, poll_s=_NEVER_S)
    start = await head_of(store)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        waiting = group.create_task(ChangeReader(pool, arrivals).wait_for_commit("t1", start))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        arrivals.announce("t1")
    await arrivals.close()


async def test_where_no_notification_arrives_polling_finds_what_came(pool: Pool, other: PostgresStorage) -> None:
    async def refuse() -> asyncpg.Connection:
        raise Unavailable("no connections here")

    arrivals = Arrivals(pool, connect=refuse, poll_s=0.01)
    start = await head_of(other)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        waiting, staying = (
            group.create_task(ChangeReader(pool, arrivals).wait_for_commit(name, start)) for name in ("t1", "t2")
        )
        await asyncio.sleep(0.1)
        await other.write("t1", [])
        await waiting
        assert not staying.done()
        await other.write("t2", [])
    await arrivals.close()


async def test_one_who_waits_behind_the_horizon_is_woken_and_refused(pool: Pool, other: PostgresStorage) -> None:
    async def refuse() -> asyncpg.Connection:
        raise Unavailable("no connections here")

    arrivals = Arrivals(pool, connect=refuse, poll_s=0.01)
    reader = ChangeReader(pool, arrivals)
    start = await head_of(other)
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        waiting = group.create_task(reader.wait_for_commit("t1", start))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await other.write("t2", [])
        await other.collect_garbage(0)
    with pytest.raises(SnapshotExpired):
        await reader.wait_for_commit("t1", start)
    await arrivals.close()


async def test_a_lost_connection_for_notifications_is_opened_again_and_nothing_is_missed(
    pool: Pool, other: PostgresStorage, database: str
) -> None:
    arrivals = Arrivals(pool, connect=partial(open_connection, PostgresSettings(database)), poll_s=0.05)
    reader = ChangeReader(pool, arrivals)
    since = await head_of(other)
    admin = await asyncpg.connect(database)
    async with asyncio.timeout(TIMEOUT_S * 2):
        for _ in range(3):
            waiting = asyncio.create_task(reader.wait_for_commit("t1", since))
            (pid,) = await listening(database)
            await admin.execute("SELECT pg_terminate_backend($1)", pid)
            since = await other.write("t1", [])
            await waiting
            assert len(await reader.commits_since("t1", since, 1)) == 0
    await admin.close()
    await arrivals.close()


async def test_a_wait_that_is_cancelled_is_forgotten_and_closing_ends_all_that_runs(
    arrivals: Arrivals, pool: Pool, other: PostgresStorage, database: str
) -> None:
    start = await head_of(other)
    task = asyncio.create_task(ChangeReader(pool, arrivals).wait_for_commit("t1", start))
    await listening(database)
    task.cancel()
    await asyncio.wait([task])
    assert arrivals._waiting == {}
    for _ in range(2):
        await arrivals.close()
        assert arrivals._work is not None
        assert arrivals._work.done()  # and with it the group of all it runs
    with pytest.raises(Unavailable, match="closed"):
        await ChangeReader(pool, arrivals).wait_for_commit("t1", start)
