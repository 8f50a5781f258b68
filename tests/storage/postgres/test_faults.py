"""A server that stops, starts, refuses, forgets: every request ends clearly, and service resumes by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
import pytest

from model.errors import AuthzError, ErrorCode, StorageFailed, Unavailable
from storage.base import Changeset
from storage.postgres.pools import Pool
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.conformance.examples import head_of, tuples, tuples_at
from tests.support.postgres import PostgresServer

ANN = "doc:1#viewer@user:ann"
_KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ringward'"


@asynccontextmanager
async def opened(settings: PostgresSettings) -> AsyncIterator[PostgresStorage]:
    store = await PostgresStorage.open(settings)
    try:
        yield store
    finally:
        await store.close()


async def all_fail(store: PostgresStorage, error: type[AuthzError], text: str) -> None:
    """Every sort of call fails so, soon, and without a word of the driver's."""
    for call in (store.head("t1"), store.write("t1", []), store.ping(), store.read_schema("t1", "x")):
        async with asyncio.timeout(10):
            with pytest.raises(error, match=text) as caught:
                await call
        assert caught.value.code in {ErrorCode.EXECUTION, ErrorCode.DATASTORE, None}


# --- stopped and started ---


async def test_stopped_and_started_again_the_store_goes_on(own_server: PostgresServer) -> None:
    async with opened(PostgresSettings(own_server.uri())) as store:
        written = await store.write("t1", [Changeset(tuples(ANN))])
        own_server.stop()
        await all_fail(store, Unavailable, "cannot be reached|broke the connection|starting or stopping")
        own_server.start()
        await store.ping()
        assert await tuples_at(store, written) == [ANN]
        assert await tuples_at(store, await head_of(store)) == [ANN]
        await store.write("t1", [Changeset(tuples("doc:2#viewer@user:ann"))])


async def test_a_restart_nobody_noticed_costs_readers_nothing(own_server: PostgresServer) -> None:
    async with opened(PostgresSettings(own_server.uri(), least_connections=4)) as store:
        written = await store.write("t1", [Changeset(tuples(ANN))])
        own_server.stop()  # blocks the loop: the store hears of neither
        own_server.start()
        assert await tuples_at(store, written) == [ANN]


async def test_crashes_under_load_lose_nothing_acknowledged(own_server: PostgresServer) -> None:
    own_server.configure(synchronous_commit="on", fsync="on")
    own_server.stop()
    own_server.start()
    async with opened(PostgresSettings(own_server.uri(), most_connections=6)) as store:
        acknowledged: list[str] = []
        is_over = asyncio.Event()

        async def write(name: str) -> None:
            n = 0
            while not is_over.is_set():
                n += 1
                with suppress(Unavailable):
                    await store.write("t1", [Changeset(tuples(f"doc:{n}#viewer@user:{name}"))])
                    acknowledged.append(f"doc:{n}#viewer@user:{name}")
                await asyncio.sleep(0.005)

        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(write(name))
            for _ in range(3):
                await asyncio.sleep(0.3)
                await asyncio.to_thread(own_server.stop, "immediate")
                await asyncio.to_thread(own_server.start)
            await asyncio.sleep(0.2)
            is_over.set()
        assert len(acknowledged) > 20
        assert set(acknowledged) <= set(await tuples_at(store, await head_of(store)))


# --- refused ---


async def test_a_server_without_a_connection_left_says_so_and_then_serves(own_server: PostgresServer) -> None:
    async with opened(PostgresSettings(own_server.uri(), least_connections=1)) as store:
        others: list[asyncpg.Connection] = []
        with suppress(asyncpg.TooManyConnectionsError):
            while len(others) < 20:
                others.append(await asyncpg.connect(own_server.uri()))
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(_outcome(store.head(f"t{n}"))) for n in range(3)]
            calls += [group.create_task(_outcome(store.write("t1", []))) for _ in range(6)]
        failures = [str(task.result()) for task in calls if isinstance(task.result(), Unavailable)]
        assert failures
        assert all("has no connection left" in text for text in failures)
        assert not any(isinstance(task.result(), StorageFailed) for task in calls)
        for connection in others:
            await connection.close()
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(store.write("t1", []))


async def _outcome(call: object) -> object:
    try:
        return await call  # type: ignore[misc]  # any coroutine
    except AuthzError as error:
        return error


async def test_a_wrong_password_is_for_the_operator(own_server: PostgresServer) -> None:
    own_server.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    rules = own_server.folder / "data" / "pg_hba.conf"
    rules.write_text("host all guarded all scram-sha-256\n" + rules.read_text())
    own_server.execute("SELECT pg_reload_conf()")
    own_server.execute(
        "GRANT USAGE ON SCHEMA ringward TO guarded; GRANT SELECT ON ALL TABLES IN SCHEMA ringward TO guarded"
    )
    await asyncio.sleep(0.2)
    uri = own_server.uri().replace("postgres@", "guarded:{}@", 1)
    with pytest.raises(StorageFailed, match="refuses the user or the password") as caught:
        await PostgresStorage.open(PostgresSettings(uri.format("wrong-secret")))
    assert "wrong-secret" not in str(caught.value)
    async with opened(PostgresSettings(uri.format("right"))) as store:
        await store.head("t1")
        with pytest.raises(StorageFailed, match="refuses its user"):
            await store.write("t1", [])


async def test_without_tables_it_says_how_to_get_them(own_server: PostgresServer) -> None:
    own_server.execute("CREATE DATABASE bare")
    with pytest.raises(StorageFailed, match="ringward migrate up"):
        await PostgresStorage.open(PostgresSettings(own_server.uri("bare")))


async def test_tables_that_vanish_while_serving_are_told_by_everything(own_server: PostgresServer) -> None:
    async with opened(PostgresSettings(own_server.uri())) as store:
        await store.head("t1")
        own_server.execute("DROP SCHEMA ringward CASCADE")
        await all_fail(store, StorageFailed, "ringward migrate up")


async def test_a_read_only_database_reads_and_a_ping_tells_the_truth(own_server: PostgresServer) -> None:
    async with opened(PostgresSettings(own_server.uri(), lifetime_s=0, lifetime_jitter_s=0)) as store:
        written = await store.write("t1", [Changeset(tuples(ANN))])
        own_server.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        await store.head("t1")  # the connection from before is replaced after this
        with pytest.raises(Unavailable, match="read-only"):
            await store.write("t1", [])
        with pytest.raises(Unavailable, match="read-only"):
            await store.ping()
        assert await tuples_at(store, written) == [ANN]
        own_server.execute("ALTER DATABASE postgres RESET ALL", database="template1")
        await store.ping()
        await store.write("t1", [])


# --- killed ---


async def test_killed_connections_are_replaced(own_server: PostgresServer) -> None:
    async with opened(PostgresSettings(own_server.uri())) as store:
        for _ in range(5):
            written = await store.write("t1", [Changeset(tuples(ANN))])
            own_server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ringward'"
            )
            assert await tuples_at(store, written) == [ANN]
            await store.head("t1")


async def test_a_statement_the_operator_cancels_fails_alone(own_server: PostgresServer) -> None:
    settings = PostgresSettings(own_server.uri())
    pool = await Pool.open(settings.writer_uri, place="PostgreSQL", settings=settings)
    sleeping = asyncio.create_task(pool.fetch("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    own_server.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'")
    with pytest.raises(Unavailable, match="ended the statement"):
        await sleeping
    assert await pool.fetch("SELECT 1")
    await pool.close()


async def test_a_server_that_hangs_is_given_up_after_the_time_of_a_statement(own_server: PostgresServer) -> None:
    settings = PostgresSettings(own_server.uri(), connect_timeout_s=0.5, acquire_timeout_s=0.5)
    async with opened(replace(settings, statement_timeout_s=0.3)) as store:
        with own_server.frozen():
            for _ in range(3):
                async with asyncio.timeout(5):
                    with pytest.raises(Unavailable):
                        await store.head("t1")
        async with asyncio.timeout(10):
            await store.head("t1")
            await store.write("t1", [])
