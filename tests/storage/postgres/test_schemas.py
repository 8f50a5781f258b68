"""The order of schema versions when several nodes write them."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from model.errors import Conflict, ErrorCode, InvalidRequest
from storage.base import PageRequest
from storage.postgres.locks import TAKE, locks_on_schemas
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from storage.tokens import token_of


async def test_of_concurrent_replacements_on_two_nodes_one_succeeds(store: PostgresStorage, database: str) -> None:
    other = await PostgresStorage.open(PostgresSettings(database))
    latest = ""
    for _ in range(10):

        async def attempt(node: PostgresStorage, replacing: str = latest) -> str | None:
            try:
                return await node.write_schema("t1", "entity user {}", replacing=replacing)
            except Conflict:
                return None

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(attempt(node)) for node in (store, other) * 4]
        (latest,) = (version for task in tasks if (version := task.result()) is not None)
        assert (await store.head("t1")).schema_version == (await other.head("t1")).schema_version == latest
    await other.close()


async def test_a_version_waits_for_one_being_written_and_comes_after_it(store: PostgresStorage, database: str) -> None:
    """Else one that got its sequence first could commit last, and never be the latest."""
    connection = await asyncpg.connect(database)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(TAKE, *locks_on_schemas("t1"))
    insert = "INSERT INTO ringward.schemas (tenant, version, text, created_at) VALUES ('t1', 'slow', '', now())"
    await connection.execute(insert)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(store.write_schema("t1", "2"))
        assert await store.write_schema("other", "1")
        assert not writing.done()
        await transaction.commit()
    await connection.close()
    listed = (await store.list_schemas("t1", PageRequest(10))).items
    assert [record.version for record in listed] == [writing.result(), "slow"]


async def test_a_token_with_nul_is_a_bad_token(store: PostgresStorage) -> None:
    for listing in (
        store.list_schemas("t1", PageRequest(1, token_of("\0"))),
        store.list_tenants(PageRequest(1, token_of("\0"))),
    ):
        with pytest.raises(InvalidRequest) as caught:
            await listing
        assert caught.value.code == ErrorCode.INVALID_CONTINUOUS_TOKEN
