"""Pools and stores over a database of the test's own, and servers that may be stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.support.postgres import PostgresServer, migrate, postgres_server


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Five connections at most, three may wait for half a second."""
    settings = PostgresSettings(database, most_connections=5, most_waiting=3, acquire_timeout_s=0.5)
    opened = await Pool.open(database, place="PostgreSQL", settings=settings)
    yield opened
    await opened.close()


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStorage]:
    opened = await PostgresStorage.open(PostgresSettings(database))
    yield opened
    await opened.close()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server of the test's own, with our tables in the database postgres; the test may stop and spoil it."""
    with postgres_server(max_connections="12", superuser_reserved_connections="2") as server:
        migrate(server.uri())
        yield server
