"""One connection before serving: who is waited for, who is not, and what may be shown of an address."""

from __future__ import annotations

import subprocess
import sys

import pytest

from model.errors import Misconfigured, StorageFailed, Unavailable
from storage.postgres.addresses import place_of
from storage.postgres.connecting import is_migrated, open_connection, wait_for_server
from storage.postgres.settings import PostgresSettings
from tests.support.postgres import PostgresServer

NOBODY = PostgresSettings("postgresql://me:hush@127.0.0.1:1/d")


class Pauses:
    """Pauses that take no time."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []

    async def __call__(self, pause_s: float) -> None:
        self.taken_s.append(pause_s)


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("postgres://me:hush@host:5432/db?sslmode=require", "host:5432/db"),
        ("postgres://me:hu@sh@host/db", "host/db"),
        ("postgresql://h1:1,h2:2/db", "h1:1,h2:2/db"),
        ("postgres:///db?host=/run&password=hush", "/db"),
        ("postgres://host", "host"),
    ],
)
def test_of_an_address_only_host_and_database_are_shown(uri: str, place: str) -> None:
    assert place_of(uri) == place


async def test_a_server_that_is_not_there_is_waited_for_with_growing_pauses_and_not_for_ever() -> None:
    pauses = Pauses()
    with pytest.raises(Unavailable) as failure:
        await wait_for_server(NOBODY, 60, pauses)

    assert pauses.taken_s[:4] == [0.1, 0.2, 0.4, 0.8]
    assert 60 <= sum(pauses.taken_s) < 66
    assert max(pauses.taken_s) == 5
    assert "hush" not in str(failure.value)


async def test_a_server_that_comes_ends_the_wait(own_server: PostgresServer) -> None:
    own_server.stop()

    async def come(_: float) -> None:
        own_server.start()

    await wait_for_server(PostgresSettings(own_server.uri()), 60, come)


async def test_what_waiting_cannot_mend_is_told_at_once(own_server: PostgresServer) -> None:
    pauses = Pauses()
    with pytest.raises(StorageFailed):
        await wait_for_server(PostgresSettings(own_server.uri("not_there")), 60, pauses)
    for uri in ("postgresql://me:hush@127.0.0.1:x/d", "postgresql://me:hush@127.0.0.1:1/d?sslmode=x"):
        with pytest.raises(Misconfigured) as failure:
            await wait_for_server(PostgresSettings(uri), 60, pauses)
        assert "hush" not in str(failure.value)
    assert pauses.taken_s == []


async def test_a_connection_works_and_is_the_callers(own_server: PostgresServer) -> None:
    connection = await open_connection(PostgresSettings(own_server.uri()))
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_tables_are_known_to_be_current_missing_or_not_ours_to_see(own_server: PostgresServer) -> None:
    own_server.execute("CREATE DATABASE empty")
    assert await is_migrated(PostgresSettings(own_server.uri()))
    assert not await is_migrated(PostgresSettings(own_server.uri("empty")))
    own_server.execute("UPDATE ringward.alembic_version SET version_num = '0000'")
    assert not await is_migrated(PostgresSettings(own_server.uri()))

    own_server.execute("CREATE ROLE stranger LOGIN")
    stranger = own_server.uri().replace("postgres@", "stranger@")
    with pytest.raises(StorageFailed):
        await is_migrated(PostgresSettings(stranger))


def test_a_node_that_has_nothing_to_migrate_does_not_load_what_migrates(own_server: PostgresServer) -> None:
    start = (
        "import asyncio, sys\n"
        "from node.settings import DatabaseEngine, DatabaseSettings\n"
        "from node.stores import opened_storage\n"
        "from storage.postgres.settings import PostgresSettings\n"
        "async def main(uri):\n"
        "    settings = DatabaseSettings(DatabaseEngine.POSTGRES, postgres=PostgresSettings(uri))\n"
        "    async with opened_storage(settings) as storage:\n"
        "        await storage.ping()\n"
        "asyncio.run(main(sys.argv[1]))\n"
        "print({'alembic', 'sqlalchemy'} & sys.modules.keys() or 'neither')\n"
    )
    command = [sys.executable, "-c", start, own_server.uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "neither"
