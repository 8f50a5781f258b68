"""A database restored from a real dump: what it lacks is noticed, and mended without touching the data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial

import asyncpg
import pytest

from model.errors import DeadlineExceeded, StorageFailed, Unavailable
from storage.postgres.connecting import open_connection
from storage.postgres.migrating import Migrations
from storage.postgres.readiness import ensure_ready
from storage.postgres.repair import LIMIT_S, MARGIN, Counter, Repair
from storage.postgres.settings import PostgresSettings
from tests.support.pgbouncer import pooled
from tests.support.postgres import PostgresServer, postgres_server

USED_BEFORE = 5000
VISIBLE = "SELECT count(*) FROM ringward.tuples WHERE pg_visible_in_snapshot(created, pg_current_snapshot())"


@pytest.fixture(scope="module")
def source() -> Iterator[PostgresServer]:
    """A server that has given many ids before it got our data."""
    with postgres_server() as running:
        running.execute(
            f"DO $$ BEGIN FOR _ IN 1..{USED_BEFORE} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )
        running.execute("CREATE DATABASE app")
        yield running


@pytest.fixture
async def restored(source: PostgresServer) -> AsyncIterator[PostgresServer]:
    """A fresh server with a dump of the source, which holds three tuples."""
    connection = await open_connection(PostgresSettings(source.uri("app")))
    await Migrations(partial(open_connection, PostgresSettings(source.uri("app")))).up()
    await connection.execute("TRUNCATE ringward.tuples, ringward.transactions")
    for number in range(3):
        async with connection.transaction():
            await connection.execute("INSERT INTO ringward.transactions (tenant) VALUES ('t1')")
            await connection.execute(
                "INSERT INTO ringward.tuples (tenant, entity_type, entity_id, relation, subject_type, subject_id,"
                f" subject_relation) VALUES ('t1', 'doc', 'd{number}', 'viewer', 'user', 'ann', '')"
            )
    assert await connection.fetchval(VISIBLE) == 3
    await connection.close()
    with fresh_from(source) as server:
        yield server


@contextmanager
def fresh_from(source: PostgresServer) -> Iterator[PostgresServer]:
    dump = source.folder / "app.dump"
    dump.unlink(missing_ok=True)
    source.run("pg_dump", "--format=custom", "--file", dump, source.uri("app"))
    with postgres_server() as server:
        server.execute("CREATE DATABASE app")
        server.run("pg_restore", "--exit-on-error", "--dbname", server.uri("app"), dump)
        yield server


def settings_of(server: PostgresServer) -> PostgresSettings:
    return PostgresSettings(server.uri("app"))


async def fetch(server: PostgresServer, statement: str) -> list[asyncpg.Record]:
    connection = await open_connection(settings_of(server))
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def rows(server: PostgresServer) -> list[str]:
    """Everything stored, as text."""
    found = await fetch(
        server,
        "SELECT t::text FROM ringward.tuples t UNION ALL SELECT t::text FROM ringward.transactions t"
        " UNION ALL SELECT t::text FROM ringward.horizon t UNION ALL SELECT t::text FROM ringward.tenants t ORDER BY 1",
    )
    return [row[0] for row in found]


def told(_: Counter) -> None:
    """A report nobody reads."""


async def test_a_restored_database_is_not_served_from_until_it_is_repaired(restored: PostgresServer) -> None:
    stored = await rows(restored)
    assert (await fetch(restored, VISIBLE))[0][0] == 0
    with pytest.raises(StorageFailed, match="run `ringward repair datastore`"):
        await ensure_ready(partial(fetch, restored))

    before = await Repair(settings_of(restored)).examine()
    assert before.is_behind
    assert before.newest_id > USED_BEFORE
    after = await Repair(settings_of(restored)).run(told)

    await ensure_ready(partial(fetch, restored))
    assert (await fetch(restored, VISIBLE))[0][0] == 3
    assert after.next_id > before.newest_id + MARGIN
    assert await rows(restored) == stored


async def test_a_database_that_needs_no_repair_is_left_alone(source: PostgresServer, restored: PostgresServer) -> None:
    del restored  # wrote to the source
    before = await Repair(settings_of(source)).examine()
    assert not before.is_behind
    assert await Repair(settings_of(source)).run(told) == before


async def test_ids_are_used_up_in_batches_and_each_is_told(restored: PostgresServer) -> None:
    steps: list[int] = []
    before = await Repair(settings_of(restored)).examine()
    await Repair(settings_of(restored), batch_size=700).run(lambda counter: steps.append(counter.missing))

    assert len(steps) == -(-before.missing // 700)
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == 0


async def test_a_lost_connection_is_opened_again_as_often_as_allowed(restored: PostgresServer) -> None:
    losses: list[Counter] = []

    def lose(counter: Counter) -> None:
        if len(losses) < 2:
            losses.append(counter)
            restored.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'")

    with pytest.raises(Unavailable):
        await Repair(settings_of(restored), retries=1).run(lose)
    losses.clear()
    after = await Repair(settings_of(restored), retries=2).run(lose)
    assert len(losses) == 2
    assert after.missing == 0


async def test_after_half_an_hour_it_ends_and_says_how_to_go_on(restored: PostgresServer) -> None:
    times = iter([0.0, 1.0, LIMIT_S])
    steps: list[Counter] = []
    with pytest.raises(DeadlineExceeded, match="transaction ids are still missing; run the repair again"):
        await Repair(settings_of(restored), clock=lambda: next(times)).run(steps.append)
    assert len(steps) == 1


async def test_a_gap_too_wide_to_walk_is_leapt_over_with_the_server_stopped(restored: PostgresServer) -> None:
    far = 3 * 2**32 + 7
    await fetch(restored, f"INSERT INTO ringward.transactions (tenant, id) VALUES ('t1', '{far}')")
    counter = await Repair(settings_of(restored)).examine()
    assert counter.is_behind
    assert counter.newest_id == far

    restored.stop()
    restored.run("pg_resetwal", f"--epoch={counter.epoch_beyond}", f"--pgdata={restored.folder / 'data'}")
    restored.start()
    await ensure_ready(partial(fetch, restored))
    assert (await fetch(restored, VISIBLE))[0][0] == 3


async def test_a_repair_goes_through_pgbouncer(restored: PostgresServer) -> None:
    with pooled(restored) as by_way:
        assert (await Repair(settings_of(by_way)).run(told)).missing == 0
        await ensure_ready(partial(fetch, by_way))


async def test_a_restored_horizon_counts_too(restored: PostgresServer) -> None:
    await fetch(restored, "UPDATE ringward.horizon SET snapshot = '9000000:9000001:9000000'")
    counter = await Repair(settings_of(restored)).examine()
    assert counter.newest_id == 9_000_000
