"""A server that stops, crashes, turns read-only, kills what runs, has no connection left, under a node at work."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import grpc

from storage.postgres.settings import PostgresSettings
from tests.integration.postgres.load import ensure_kept, failure_of, load_on, some_done
from tests.integration.postgres.serving import is_serving, serving, until_not_serving, until_serving
from tests.support.postgres import PostgresServer

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
PLACES = 10  # twelve connections, two of them reserved
_OURS = "FROM pg_stat_activity WHERE application_name = 'ringward'"


def settings_of(server: PostgresServer) -> PostgresSettings:
    """What fits a server of twelve connections."""
    return PostgresSettings(server.uri(), most_connections=6)


# --- stopped ---


async def test_what_a_stopped_and_a_crashed_server_acknowledged_is_kept_and_the_node_goes_on(
    server: PostgresServer,
) -> None:
    async with serving(settings_of(server)) as client:
        async with load_on(client) as account:
            for mode in ("fast", "immediate"):
                await some_done(account)
                await asyncio.to_thread(server.stop, mode)
                assert not await is_serving(client)
                assert await failure_of(client.write("doc:1#viewer@user:1")) is UNAVAILABLE
                assert await failure_of(client.can("doc:1#view@user:1")) is UNAVAILABLE
                await asyncio.to_thread(server.start)
                await until_serving(client)
            await some_done(account)
        account.ensure_clear()
        await ensure_kept(client, account)


# --- read-only ---


async def test_while_the_database_is_read_only_checks_go_on_and_writes_are_refused(server: PostgresServer) -> None:
    async with serving(settings_of(server)) as client:
        async with load_on(client) as account:
            await some_done(account)
            server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            server.execute("SELECT pg_reload_conf()")
            await until_not_serving(client)
            assert await failure_of(client.write("doc:1#viewer@user:1")) is UNAVAILABLE
            before = len(account.kept)
            await ensure_kept(client, account)
            assert len(account.kept) == before
            server.execute("ALTER SYSTEM RESET default_transaction_read_only", database="template1")
            server.execute("SELECT pg_reload_conf()")
            await until_serving(client)
            await some_done(account)
        account.ensure_clear()
        await ensure_kept(client, account)


async def test_a_primary_that_comes_back_as_a_standby_answers_nothing_at_head_until_it_is_promoted(
    server: PostgresServer,
) -> None:
    async with serving(settings_of(server)) as client:
        token = await client.write("doc:1#viewer@user:1")
        async with load_on(client) as account:
            await some_done(account)
            await asyncio.to_thread(server.stop)
            (server.folder / "data" / "standby.signal").touch()
            await asyncio.to_thread(server.start)
            assert not await is_serving(client)
            assert await failure_of(client.can("doc:1#view@user:1")) is UNAVAILABLE
            assert await failure_of(client.write("doc:1#viewer@user:1")) is UNAVAILABLE
            server.execute("SELECT pg_promote()")
            await until_serving(client)
            await some_done(account)
        account.ensure_clear()
        await ensure_kept(client, account)
        assert await client.can("doc:1#view@user:1", snap_token=token)


# --- killed ---


async def test_amid_statements_cancelled_and_connections_killed_nothing_acknowledged_is_lost(
    server: PostgresServer,
) -> None:
    async with serving(settings_of(server)) as client:
        async with load_on(client) as account:
            for _ in range(20):
                await asyncio.to_thread(server.execute, f"SELECT pg_cancel_backend(pid) {_OURS}")
                await asyncio.to_thread(server.execute, f"SELECT pg_terminate_backend(pid) {_OURS}")
                await some_done(account, more=1)
            await until_serving(client)
        account.ensure_clear()
        await ensure_kept(client, account)


async def test_killed_for_good_a_connection_costs_only_who_used_it(server: PostgresServer) -> None:
    """Once nobody kills any more, nothing fails: no dead connection is left among those kept."""
    async with serving(settings_of(server)) as client:
        async with load_on(client) as account:
            await some_done(account)
            server.execute(f"SELECT pg_terminate_backend(pid) {_OURS}")
        account.ensure_clear()
        async with load_on(client) as after:
            await some_done(after)
        assert not after.failures
        await ensure_kept(client, account)


# --- no connection left ---


async def test_without_a_connection_left_the_node_says_so_and_serves_again_when_there_is_one(
    server: PostgresServer,
) -> None:
    server.execute("CREATE ROLE app LOGIN")  # the places reserved for superusers are not for it
    server.execute("ALTER DATABASE postgres OWNER TO app")
    uri = server.uri().replace("postgres@", "app@")
    async with serving(PostgresSettings(uri, most_connections=6)) as client:
        async with load_on(client) as account:
            await some_done(account)
            others = await all_that_there_are(server, uri)
            assert not await is_serving(client)
            assert await failure_of(client.write("doc:1#viewer@user:1")) is UNAVAILABLE
            assert await failure_of(client.can("doc:1#view@user:1")) is UNAVAILABLE
            for connection in others:
                await connection.close()
            await until_serving(client)
            await some_done(account)
        account.ensure_clear()
        await ensure_kept(client, account)


async def all_that_there_are(server: PostgresServer, uri: str) -> list[asyncpg.Connection]:
    """Every connection there is for those who are no superusers, the node's taken from it."""
    taken: list[asyncpg.Connection] = []
    async with asyncio.timeout(30):
        while len(taken) < PLACES:
            await asyncio.to_thread(server.execute, f"SELECT pg_terminate_backend(pid) {_OURS}")
            with suppress(asyncpg.TooManyConnectionsError):
                while True:
                    taken.append(await asyncpg.connect(uri))
    return taken
