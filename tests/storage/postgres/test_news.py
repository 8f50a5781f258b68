"""News of a database with many writers: late commits, what happens between two statements, other servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from model.errors import Unavailable
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import Changeset, TupleFilter
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import attributes, head_of, tuples
from tests.conformance.test_news import texts
from tests.storage.postgres.documented import statements_with
from tests.storage.postgres.test_feed import SlowWriter
from tests.support.pgbouncer import pooled
from tests.support.postgres import Databases, PostgresServer, replica_of

TIMEOUT_S = 30.0


class Watch:
    """The statements a store runs, by sort: heads, a look along with them, what was touched."""

    def __init__(self, store: PostgresStorage) -> None:
        self.ran: list[tuple[str, Sequence[object]]] = []
        self.before_touched: Callable[[], Awaitable[object]] | None = None
        pool = store._pools.writer
        self._fetch = pool.fetch
        pool.fetch = self._watched  # type: ignore[method-assign]  # a mock would not know the connection

    @property
    def sorts(self) -> list[str]:
        return [_sort_of(statement) for statement, _ in self.ran]

    async def _watched(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        if "pg_notify" not in statement:
            self.ran.append((statement, arguments))
        if self.before_touched is not None and _sort_of(statement) == "touched":
            await self.before_touched()
        return await self._fetch(statement, *arguments)


def _sort_of(statement: str) -> str:
    return "touched" if "ringward.tuples" in statement else "look" if "ringward.horizon)" in statement else "heads"


@asynccontextmanager
async def opened(uri: str) -> AsyncIterator[PostgresStorage]:
    store = await PostgresStorage.open(PostgresSettings(uri))
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Planned on as the store's connections are."""
    opened_here = await asyncpg.connect(database, server_settings={"jit": "off"})
    yield opened_here
    await opened_here.close()


async def one(store: PostgresStorage, text: str, tenant: str = "t1") -> Snapshot:
    return await store.write(tenant, [Changeset(tuples(text))])


# --- which transactions ---


async def test_what_commits_late_is_told_late_and_once(store: PostgresStorage, database: str) -> None:
    start = await head_of(store)
    old, undone = [await SlowWriter.begin(database, "t1", name) for name in ("old", "undone")]
    await one(store, "doc:young#viewer@user:1")
    first = await store.news("t1", start)
    assert texts(first) == [["doc:young#viewer@user:1"]]
    assert texts(await store.news("t1", first.head.snapshot)) == []
    await old.end("COMMIT")
    await undone.end("ROLLBACK")
    second = await store.news("t1", first.head.snapshot)
    assert texts(second) == [["doc:old#viewer@user:1"]]
    assert texts(await store.news("t1", second.head.snapshot)) == []
    assert texts(await store.news("t1", start)) == [["doc:old#viewer@user:1"], ["doc:young#viewer@user:1"]]


async def test_what_is_committed_between_the_statements_comes_with_the_next_head(
    store: PostgresStorage, database: str
) -> None:
    """Both below the head's newest id and above it."""
    start = await head_of(store)
    late = await SlowWriter.begin(database, "t1", "late")
    await one(store, "doc:1#viewer@user:1")
    watch = Watch(store)

    async def go_on() -> None:
        watch.before_touched = None
        await late.end("COMMIT")
        await one(store, "doc:2#viewer@user:1")
        await store.delete("t1", TupleFilter(entity_ids=["1"]), None)

    watch.before_touched = go_on
    first = await store.news("t1", start)
    assert texts(first) == [["doc:1#viewer@user:1"]]
    second = await store.news("t1", first.head.snapshot)
    assert texts(second) == [["doc:late#viewer@user:1"], ["doc:2#viewer@user:1"], ["doc:1#viewer@user:1"]]


async def test_of_more_than_a_few_that_commit_late_each_is_told_once(store: PostgresStorage, database: str) -> None:
    """With heads in between, some of whose ids in progress belong to others or to nobody."""
    start = since = await head_of(store)
    slow = [await SlowWriter.begin(database, tenant, str(n)) for n in range(6) for tenant in ("t1", "other")]
    told: list[list[str]] = []
    for place, writer in enumerate(reversed(slow)):
        await writer.end("COMMIT" if place % 3 else "ROLLBACK")
        news = await store.news("t1", since)
        told += texts(news)
        since = news.head.snapshot
    assert sorted(told) == sorted(texts(await store.news("t1", start)))
    assert len(told) == 4


# --- statements ---


async def test_all_who_had_their_heads_together_share_one_statement(store: PostgresStorage) -> None:
    snapshots = [await one(store, f"doc:{n}#viewer@user:1", tenant) for n in range(3) for tenant in ("t1", "t2", "t3")]
    watch = Watch(store)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(store.news("t1", snapshots[-1]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked = [
            group.create_task(store.news(tenant, since))
            for since in (snapshots[0], snapshots[3], snapshots[-1])
            for tenant in ("t1", "t2", "t3") * 5
        ]
    assert watch.sorts == ["look", "look", "touched"]
    assert first.result().touches == ()
    tenants, sinces, _ = watch.ran[-1][1]
    assert isinstance(tenants, list)
    assert isinstance(sinces, list)
    assert len(tenants) == len({*zip(tenants, sinces, strict=True)}) == 6
    assert [len(texts(task.result())) for task in asked] == [*(2, 3, 3) * 5, *(1, 2, 2) * 5, *(0, 0, 0) * 5]


async def test_while_nothing_is_written_heads_are_all_that_is_read(store: PostgresStorage) -> None:
    since = await one(store, "doc:1#viewer@user:1")
    for _ in range(2):
        await store.news("t1", since)
    watch = Watch(store)
    for _ in range(3):
        assert (await store.news("t1", since)).touches == ()
    assert watch.sorts == ["heads"] * 3


async def test_while_only_others_write_nothing_is_read_twice(store: PostgresStorage) -> None:
    since = await one(store, "doc:1#viewer@user:1")
    for n in range(3):
        await one(store, f"doc:{n}#viewer@user:1", "other")
        await store.head("t1")
    watch = Watch(store)
    for n in range(3):
        await one(store, f"doc:{n}#viewer@user:2", "other")
        assert texts(await store.news("t1", since)) == []
    assert watch.sorts == ["look"] * 3


# --- what happens between the two ---


@pytest.mark.parametrize("event", ["deleted", "collected", "elsewhere"])
async def test_what_cannot_be_proven_any_more_is_not_told(store: PostgresStorage, event: str) -> None:
    await store.create_tenant("gone", "")
    start = await one(store, "doc:1#viewer@user:1", "gone")
    await store.delete("gone", TupleFilter(), None)
    watch = Watch(store)

    async def happen() -> None:
        watch.before_touched = None
        match event:
            case "deleted":
                await store.delete_tenant("gone")
            case "collected":
                await store.collect_garbage(0)
            case _:  # a table of another history, as another server has
                async with store._pools.writer.transaction() as connection:
                    await connection.execute("CREATE TABLE kept AS SELECT * FROM ringward.horizon")
                    await connection.execute("TRUNCATE ringward.horizon")
                    await connection.execute("INSERT INTO ringward.horizon SELECT * FROM kept")

    watch.before_touched = happen
    assert (await store.news("gone", start)).touches is None


# --- how much ---


async def test_a_tenant_with_too_much_to_tell_does_not_silence_another(store: PostgresStorage) -> None:
    start = await head_of(store)
    await store.write("huge", [Changeset([RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(50_000)])])
    await one(store, "doc:1#viewer@user:1")
    await store.head("t1")
    async with asyncio.TaskGroup() as group:
        huge, small = (group.create_task(store.news(tenant, start)) for tenant in ("huge", "t1"))
    assert huge.result().touches is None
    assert texts(small.result()) == [["doc:1#viewer@user:1"]]


async def test_what_is_too_much_together_is_told_to_one_who_asks_alone(store: PostgresStorage) -> None:
    start = await head_of(store)
    written = [RelationTuple("doc", str(i), "viewer", "user", "1") for i in range(16_000)]
    tenants = ("a", "b", "c", "d")
    for tenant in tenants:
        await store.write(tenant, [Changeset(written)])
    async with asyncio.TaskGroup() as group:
        together = [group.create_task(store.news(tenant, start)) for tenant in tenants]
    assert [task.result().touches for task in together] == [None] * 4
    alone = await store.news("a", start)
    assert alone.touches is not None
    assert [set(touch.items) for touch in alone.touches] == [set(written)]


# --- plans ---


_FILL = """
INSERT INTO ringward.transactions (tenant, id) SELECT 't1', (1000000 + n)::text::xid8 FROM generate_series(1, 50000) n;
INSERT INTO ringward.tuples (tenant, entity_type, entity_id, relation, subject_type, subject_id, subject_relation)
SELECT 't1', 'doc', 'd' || n, 'viewer', 'user', 'u' || n, '' FROM generate_series(1, 20000) AS n;
INSERT INTO ringward.attributes (tenant, entity_type, entity_id, name, kind, value)
SELECT 't1', 'doc', 'd' || n, 'public', 1, 'true' FROM generate_series(1, 20000) AS n
"""
_UNFILL = "DELETE FROM ringward.transactions WHERE id > '1000000'"


@pytest.mark.parametrize("state", ["empty", "filled", "analysed"])
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_transactions_and_rows_are_found_by_index(
    store: PostgresStorage, connection: asyncpg.Connection, state: str, mode: str
) -> None:
    """One tenant has them all, and few transactions wrote them."""
    start = await head_of(store)
    if state != "empty":
        await connection.execute(_FILL)
    if state == "analysed":
        await connection.execute("VACUUM ANALYZE")
    await connection.execute(_UNFILL)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"), attributes("doc:1$size|integer:1"))])
    await store.head("t1")
    watch = Watch(store)
    assert len(texts(await store.news("t1", start))) == 1
    assert watch.sorts == ["look", "touched"]
    for statement, arguments in watch.ran:
        await connection.execute(f"SET plan_cache_mode = '{mode}'; PREPARE watched AS {statement}")
        values = ", ".join(_literal(argument) for argument in arguments)
        plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE watched ({values})"))[0]["Plan"]
        await connection.execute("DEALLOCATE watched")
        for node in _nodes(plan):
            if node.get("Relation Name") in ("tuples", "attributes"):
                assert node["Index Name"].endswith(("_by_creation", "_by_expiry"))
            if node.get("Relation Name") == "transactions" and node["Scan Direction"] == "Forward":  # not the newest
                assert "(id >= " in node["Index Cond"] or "(id = " in node["Index Cond"]


async def test_a_transaction_that_goes_on_for_hours_costs_no_search_through_them(
    store: PostgresStorage, connection: asyncpg.Connection, database: str
) -> None:
    """Its id stays in progress in every head, far below the newest."""
    slow = await SlowWriter.begin(database, "other", "slow")
    await connection.execute(
        "DO $$ BEGIN FOR i IN 1..5000 LOOP INSERT INTO ringward.transactions (tenant) VALUES ('t1'); COMMIT;"
        " END LOOP; END $$"
    )
    since = await head_of(store)
    assert since.xmax - since.xmin > 5000
    await one(store, "doc:1#viewer@user:1", "other")
    watch = Watch(store)
    assert texts(await store.news("t1", since)) == []
    ((statement, arguments),) = watch.ran
    await connection.execute(f"SET plan_cache_mode = 'force_generic_plan'; PREPARE watched AS {statement}")
    values = ", ".join(map(_literal, arguments))
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE watched ({values})")
    assert json.loads(text)[0]["Plan"]["Shared Hit Blocks"] < 30
    await slow.end("COMMIT")


# --- history ---


async def test_a_server_started_again_has_another_history(own_server: PostgresServer) -> None:
    async with opened(own_server.uri()) as store:
        before = await store.news("t1", await one(store, "doc:1#viewer@user:1"))
        again = await store.news("t1", before.head.snapshot)
        own_server.stop()
        own_server.start()
        after = await store.news("t1", before.head.snapshot)
        assert before.history == again.history != after.history


async def test_a_replica_promoted_has_another_history(own_server: PostgresServer) -> None:
    async with opened(own_server.uri()) as store:
        before = await store.news("t1", await one(store, "doc:1#viewer@user:1"))
    with replica_of(own_server) as replica:
        async with opened(replica.uri()) as store:
            with pytest.raises(Unavailable, match="standby"):
                await store.news("t1", before.head.snapshot)
            replica.run("pg_ctl", "-D", replica.folder / "data", "-w", "promote")
            after = await store.news("t1", before.head.snapshot)
            assert before.history != after.history == (await store.news("t1", None)).history


async def test_a_database_put_back_while_the_server_runs_has_another_history(databases: Databases) -> None:
    """Its ids go on, so a head after the next write covers one that had seen what is lost."""
    name, kept = databases.new(), databases.new()
    uri, server = databases.server.uri(name), databases.server
    async with opened(uri) as store:
        before = await store.news("t1", await one(store, "doc:lost#viewer@user:1"))
    databases.remove(name)
    server.execute(f"ALTER DATABASE {kept} RENAME TO {name}")
    async with opened(uri) as store:
        await one(store, "doc:1#viewer@user:1")
        after = await store.news("t1", before.head.snapshot)
        assert after.head.snapshot.covers(before.head.snapshot)
        assert before.history != after.history
    databases.remove(name)


async def test_of_a_head_that_has_lost_commits_nothing_is_told(store: PostgresStorage) -> None:
    seen = await one(store, "doc:1#viewer@user:1")
    ahead = Snapshot.at_commit(seen.xmax + 5)
    for _ in range(2):
        assert (await store.news("t1", ahead)).touches is None
        assert (await store.news("other", ahead)).touches is None


# --- by way of others ---


async def test_news_come_through_a_pooler_and_from_tables_in_partitions(
    connection: asyncpg.Connection, database: str, databases: Databases
) -> None:
    await connection.execute(statements_with("PARTITION BY"))
    with pooled(databases.server, connections=3) as by_way:
        settings = PostgresSettings(by_way.uri(database.rpartition("/")[2]), is_behind_pooler=True)
        store = await PostgresStorage.open(settings)
        try:
            await chain(store)
        finally:
            await store.close()


async def chain(store: PostgresStorage) -> None:
    """Many writers and readers, from head to head; every history is the same."""
    start = await store.news("t1", None)

    async def write(name: int) -> None:
        for n in range(10):
            await one(store, f"doc:{n}#viewer@user:{name}", f"t{name % 2}")

    async def follow() -> list[str]:
        news, told = start, list[str]()
        while len(told) < 20:
            news = await store.news("t1", news.head.snapshot)
            assert news.history == start.history
            told += [text for touch in texts(news) for text in touch]
        return told

    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        following = [group.create_task(follow()) for _ in range(3)]
        for name in range(4):
            group.create_task(write(name))
    expected = sorted(f"doc:{n}#viewer@user:{name}" for n in range(10) for name in (1, 3))
    assert [sorted(task.result()) for task in following] == [expected] * 3


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]


def _literal(texts_: object) -> str:
    assert isinstance(texts_, list)
    return f"ARRAY[{', '.join('NULL' if text is None else repr(text) for text in texts_)}]"
