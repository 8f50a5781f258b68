"""Tables partitioned by tenant as docs/scaling.md tells: same data, same names, one partition for each request."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from model.tuples import RelationTuple, SubjectRef
from storage.base import Changeset, EntityRead, PageRequest, TupleFilter, Wanted
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.storage.postgres.documented import statements_with

ANN = SubjectRef("user", "ann")
TENANTS = tuple(f"tenant{number}" for number in range(5))


def row(document: int) -> RelationTuple:
    return RelationTuple("doc", f"d{document}", "viewer", "user", "ann")


async def names_of(connection: asyncpg.Connection, table: str) -> set[str]:
    """The indexes of a table, and the columns with what they are."""
    found = await connection.fetch(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'ringward' AND tablename = $1 UNION ALL"
        " SELECT format('%s %s %s', column_name, data_type, collation_name) FROM information_schema.columns"
        " WHERE table_schema = 'ringward' AND table_name = $1",
        table,
    )
    return {name for (name,) in found}


async def partitions_used(connection: asyncpg.Connection) -> set[str]:
    """The partitions of tuples that were looked into since counting began."""
    found = await connection.fetch(
        "SELECT relname FROM pg_stat_user_tables WHERE relname ~ '^tuples_[0-9]+$' AND seq_scan + idx_scan > 0"
    )
    return {name for (name,) in found}


async def partition_of(connection: asyncpg.Connection, tenant: str) -> str:
    found = await connection.fetchval(
        "SELECT 'tuples_' || part FROM generate_series(0, 63) AS parts (part)"
        " WHERE satisfies_hash_partition('ringward.tuples'::regclass, 64, part, $1::text)",
        tenant,
    )
    return str(found)


@pytest.fixture
async def partitioned(database: str) -> PostgresSettings:
    """A database with data of some tenants, partitioned thereafter."""
    store = await PostgresStorage.open(PostgresSettings(database))
    for tenant in TENANTS:
        await store.write(tenant, [Changeset(tuples_written=[row(number) for number in range(20)])])
        await store.write(tenant, [Changeset(tuples_deleted=[row(0)])])
    await store.close()
    connection = await asyncpg.connect(database)
    before = {table: await names_of(connection, table) for table in ("tuples", "attributes")}
    block = statements_with("PARTITION BY HASH")
    transaction, _, analyze = block.partition("COMMIT;")
    await connection.execute(f"{transaction}COMMIT;")
    await connection.execute(analyze)
    assert {table: await names_of(connection, table) for table in ("tuples", "attributes")} == before
    await connection.close()
    return PostgresSettings(database)


async def test_what_was_stored_is_there_and_changes_go_on(partitioned: PostgresSettings) -> None:
    store = await PostgresStorage.open(partitioned)
    try:
        for tenant in TENANTS:
            head = (await store.head(tenant)).snapshot
            page = await store.read_tuples(tenant, head, TupleFilter(), PageRequest(100, ""))
            assert list(page.items) == [row(number) for number in range(1, 20)]
            after = await store.write(tenant, [Changeset(tuples_written=[row(0), row(1)], tuples_deleted=[row(2)])])
            page = await store.read_tuples(tenant, after, TupleFilter(), PageRequest(100, ""))
            assert list(page.items) == [row(1), *(row(number) for number in range(3, 20)), row(0)]
            page = await store.read_tuples(tenant, head, TupleFilter(), PageRequest(100, ""))
            assert list(page.items) == [row(number) for number in range(1, 20)]
    finally:
        await store.close()


async def test_a_read_looks_into_the_partition_of_its_tenant_alone(partitioned: PostgresSettings) -> None:
    connection = await asyncpg.connect(partitioned.writer_uri)
    await connection.execute("SELECT pg_stat_reset()")
    store = await PostgresStorage.open(partitioned)
    wanted = Wanted(memberships=("viewer",), usersets=("viewer",), subjects=("viewer",))
    reads = [EntityRead("doc", f"d{number}", ANN, wanted) for number in range(30)]
    facts = await store.read(TENANTS[0], (await store.head(TENANTS[0])).snapshot, reads)
    await store.close()

    assert [number for number in range(30) if facts[number].memberships] == list(range(1, 20))
    async with asyncio.timeout(10):  # the server counts once a backend has ended, and some versions a little later
        while not (used := await partitions_used(connection)):
            await connection.execute("SELECT pg_sleep(0.02)")
    assert used == {await partition_of(connection, TENANTS[0])}
    await connection.close()
