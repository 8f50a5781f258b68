"""A disk that is full: nothing acknowledged is lost, what can be answered is, and room is enough to go on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import grpc
import pytest

from storage.postgres.settings import PostgresSettings
from tests.integration.postgres.load import Account, ensure_kept, failure_of, load_on, some_done
from tests.integration.postgres.serving import is_serving, serving, until_not_serving, until_serving
from tests.support.client import Client
from tests.support.disk import SmallDisk, small_disk
from tests.support.postgres import PostgresServer, postgres_server

INTERNAL, UNAVAILABLE = grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE
_MIB = 1 << 20
_DATABASE = "small"


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk(64 * _MIB) as mounted:
        yield mounted


@pytest.fixture
def tables_on_disk(disk: SmallDisk) -> Iterator[PostgresServer]:
    """A server whose log is elsewhere."""
    with postgres_server(fsync="on", synchronous_commit="on") as server:
        server.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        server.execute(f"CREATE DATABASE {_DATABASE} TABLESPACE small")
        yield server


@pytest.fixture
def log_on_disk(disk: SmallDisk) -> Iterator[PostgresServer]:
    """A server whose tables are elsewhere."""
    with postgres_server(fsync="on", synchronous_commit="on", log_at=disk.folder) as server:
        yield server


async def test_with_no_room_for_rows_checks_go_on_and_writes_say_whose_move_it_is(
    disk: SmallDisk, tables_on_disk: PostgresServer
) -> None:
    async with serving(PostgresSettings(tables_on_disk.uri(_DATABASE))) as client:
        async with load_on(client) as account:
            await some_done(account)
            disk.fill()
            assert await written_until_refused(client, account) is INTERNAL
            await until_not_serving(client)
            await ensure_kept(client, account)
            assert not await is_serving(client)
            disk.free()
            await until_serving(client)
            await some_done(account)
        account.ensure_clear(INTERNAL)
        await ensure_kept(client, account)


async def test_with_no_room_for_its_log_the_server_falls_and_started_again_it_has_what_it_acknowledged(
    disk: SmallDisk, log_on_disk: PostgresServer
) -> None:
    async with serving(PostgresSettings(log_on_disk.uri())) as client:
        async with load_on(client) as account:
            await some_done(account)
            disk.fill()
            async with asyncio.timeout(60):
                while log_on_disk.is_running:  # it rises again as long as it finds room
                    assert await written_until_refused(client, account) is UNAVAILABLE
            assert not await is_serving(client)
            assert await failure_of(client.can("doc:1#view@user:1")) is UNAVAILABLE
            disk.free()
            await asyncio.to_thread(log_on_disk.start)
            await until_serving(client)
            await some_done(account)
        account.ensure_clear()
        await ensure_kept(client, account)


async def written_until_refused(client: Client, account: Account) -> grpc.StatusCode:
    """Write as much at a time as is allowed until it fails; how it fails."""
    for batch in itertools.count():
        refusals = Account()
        entities = [f"doc:b{batch}-{n}" for n in range(900)]
        if not await refusals.outcome(client.write(*(f"{entity}#viewer@user:1" for entity in entities))):
            refusals.ensure_clear(INTERNAL)
            (status,) = refusals.failures
            return status
        account.kept += entities[::100]
    raise AssertionError("the disk is never full")
