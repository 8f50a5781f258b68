"""Behind pgbouncer in transaction mode every transaction may run on another connection of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from model.tuples import SubjectRef
from storage.base import Changeset, EntityRead, PageRequest, TupleFilter, Wanted
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import head_of, tuples, tuples_at
from tests.support.eventually import eventually
from tests.support.pgbouncer import pooled
from tests.support.postgres import Databases


@pytest.fixture
def settings(database: str, databases: Databases) -> Iterator[PostgresSettings]:
    with pooled(databases.server, connections=3) as by_way:
        yield PostgresSettings(by_way.uri(database.rpartition("/")[2]), is_behind_pooler=True)


@pytest.fixture
async def store(settings: PostgresSettings) -> AsyncIterator[PostgresStorage]:
    opened = await PostgresStorage.open(settings)
    yield opened
    await opened.close()


async def test_everything_works_with_more_callers_than_connections_of_the_server(store: PostgresStorage) -> None:
    async def work(name: str) -> None:
        for n in range(10):
            snapshot = await store.write(name, [Changeset(tuples(f"doc:{n}#viewer@user:1"))])
            assert len(await tuples_at(store, snapshot, tenant=name)) == n + 1
            read = EntityRead("doc", str(n), SubjectRef("user", "1", ""), Wanted(memberships=("viewer",)))
            (facts,) = await store.read(name, await head_of(store, name), [read])
            assert facts.memberships == {"viewer"}
            version = await store.write_schema(name, "entity user {}")
            assert (await store.head(name)).schema_version == version
        page = await store.read_tuples(name, await head_of(store, name), TupleFilter(), PageRequest(3))
        assert len(page.items) == 3

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for n in range(12):
            group.create_task(work(f"t{n}"))


async def test_cancelled_callers_leave_no_transaction_open(store: PostgresStorage) -> None:
    for round_ in range(20):
        tasks = [
            asyncio.create_task(store.write("t1", [Changeset(tuples(f"doc:{n}#v@user:{round_}"))])) for n in range(6)
        ]
        await asyncio.sleep(0.002 * round_)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def none_is_open() -> bool:
        return bool((await store._pools.writer.fetch(_OPEN))[0][0] == 0)

    await store.write("t1", [])
    await eventually(none_is_open)


_OPEN = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND state <> 'idle'"
)


async def test_watchers_hear_of_commits_by_polling(store: PostgresStorage) -> None:
    since = await head_of(store)
    waiting = asyncio.create_task(store.wait_for_commit("t1", since))
    await asyncio.sleep(0.05)
    await store.write("t1", [Changeset(tuples("doc:1#viewer@user:1"))])
    async with asyncio.timeout(5):
        await waiting
    assert len(await store.commits_since("t1", since, 10)) == 1
