"""The database server of a run: there once it is asked for, with a database for each system, and gone at the end."""

from __future__ import annotations

import asyncpg
import pytest

from bench.harness.systems.database import Database, own_database, settle
from tests.support.postgres import PostgresServer


async def found(server: PostgresServer, question: str, database: str = "postgres") -> object:
    connection = await asyncpg.connect(server.uri(database))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_server_is_durable_and_gone_at_the_end() -> None:
    with Database() as database:
        assert database.server is database.server
        assert "running" in repr(database)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await found(database.server, f"SHOW {setting}") == "on"
        server = database.server
    with pytest.raises(OSError, match=r".*"):
        await asyncpg.connect(server.uri())


async def test_each_system_has_a_database_that_is_new_and_then_dropped_even_while_in_use() -> None:
    there = "SELECT count(*) FROM pg_database WHERE datname = 'one-system'"
    with Database() as database:
        for _ in range(2):
            with own_database(database.server, "one-system"):
                assert await found(database.server, there) == 1
                connection = await asyncpg.connect(database.server.uri("one-system"))
                await connection.execute("CREATE TABLE notes (note text)")
                await connection.execute("INSERT INTO notes SELECT generate_series(1, 1000)")
                settle(database.server, "one-system")
                statistics = "SELECT reltuples::int FROM pg_class WHERE relname = 'notes'"
                assert await found(database.server, statistics, "one-system") == 1000
            assert await found(database.server, there) == 0
            connection.terminate()
