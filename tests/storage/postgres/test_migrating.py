"""Migrations: forward and back, one at a time whoever starts at once, all of a call's steps or none."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from model.errors import InvalidRequest, StorageFailed, Unavailable
from model.tuples import RelationTuple
from storage.base import Bundle, Changeset
from storage.postgres import steps
from storage.postgres.connecting import open_connection
from storage.postgres.migrating import Migrations
from storage.postgres.readiness import ensure_ready, ensure_server_supported
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.storage.postgres.documented import statements_with
from tests.support.pgbouncer import pooled
from tests.support.postgres import PostgresServer, postgres_server

NAMES = itertools.count(1)
ALL = tuple(steps.files_by_number())

STEP = """
from alembic import op

revision = "{number:04d}"
down_revision = {before!r}


def upgrade() -> None:
    op.execute("CREATE TABLE ringward.made_by_{number} (x int)")
    {then}


def downgrade() -> None:
    op.execute("DROP TABLE ringward.made_by_{number}")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def uri(server: PostgresServer) -> str:
    """The address of a new database."""
    name = f"empty{next(NAMES)}"
    server.execute(f"CREATE DATABASE {name}")
    return server.uri(name)


@pytest.fixture
def three_steps(tmp_path: Path) -> Path:
    """A folder of steps of which the third fails after it has made a table."""
    folder = tmp_path / "with spaces, 100%"
    folder.mkdir()
    for number in (1, 2, 3):
        then = 'op.execute("SELECT 1 / 0")' if number == 3 else "pass"
        before = f"{number - 1:04d}" if number > 1 else None
        text = STEP.format(number=number, before=before, then=then)
        (folder / f"{number:04d}_made.py").write_text(text, encoding="utf-8")
    return folder


def migrations(uri: str, *, patience_s: float = 60.0, folder: Path = steps.FOLDER) -> Migrations:
    connect = partial(open_connection, PostgresSettings(uri))
    return Migrations(connect, patience_s=patience_s, folder=folder)


@asynccontextmanager
async def connected(uri: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await open_connection(PostgresSettings(uri))
    try:
        yield connection
    finally:
        await connection.close()


async def tables(uri: str) -> set[str]:
    """The tables there are, but for the two that keep the version."""
    async with connected(uri) as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ringward'")
    return {row[0] for row in rows} - {"alembic_version", "migrations"}


async def shape(uri: str) -> list[str]:
    """Every column and every index."""
    async with connected(uri) as connection:
        rows = await connection.fetch(
            "SELECT format('%s %s %s', table_name, column_name, data_type) FROM information_schema.columns"
            " WHERE table_schema = 'ringward' UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'ringward'"
        )
    return sorted(row[0] for row in rows)


def numbers(changed: object) -> list[int]:
    assert isinstance(changed, list | tuple)
    return [step.number for step in changed]


async def test_an_empty_database_gets_everything_once(uri: str) -> None:
    assert [step.applied_at for step in await migrations(uri).status()] == [None] * len(ALL)
    assert await tables(uri) == set()

    assert numbers(await migrations(uri).up()) == list(ALL)
    assert {"tuples", "attributes", "transactions", "horizon", "schemas", "tenants", "bundles"} <= await tables(uri)
    assert numbers(await migrations(uri).up()) == []
    assert all(step.applied_at for step in await migrations(uri).status())
    async with connected(uri) as connection:
        await ensure_ready(connection.fetch)


async def test_down_and_up_again_makes_the_same(uri: str) -> None:
    await migrations(uri).up()
    before = await shape(uri)

    assert numbers(await migrations(uri).reset()) == list(reversed(ALL))
    assert await tables(uri) == set()
    assert numbers(await migrations(uri).down()) == []
    assert numbers(await migrations(uri).up()) == list(ALL)
    assert await shape(uri) == before


async def test_steps_go_up_and_down_to_a_number(uri: str, three_steps: Path) -> None:
    custom = migrations(uri, folder=three_steps)

    assert numbers(await custom.up(2)) == [1, 2]
    assert numbers(await custom.up(1)) == []
    assert numbers(await custom.down()) == [2]
    assert numbers(await custom.up(2)) == [2]
    assert numbers(await custom.down(1)) == [2]
    assert [bool(step.applied_at) for step in await custom.status()] == [True, False, False]
    with pytest.raises(InvalidRequest, match="at 1, so it cannot go down to 2"):
        await custom.down(2)
    with pytest.raises(InvalidRequest, match="no migration 4; they go from 1 to 3"):
        await custom.up(4)


async def test_a_step_that_fails_leaves_everything_as_it_was_before_the_call(uri: str, three_steps: Path) -> None:
    custom = migrations(uri, folder=three_steps)
    await custom.up(1)

    with pytest.raises(StorageFailed) as failure:
        await custom.up()
    assert "division" not in str(failure.value)
    assert await tables(uri) == {"made_by_1"}
    assert numbers(await custom.up(2)) == [2]


async def test_of_ten_that_start_at_once_one_migrates_and_all_find_it_done(uri: str) -> None:
    async def start() -> int:
        changed = await migrations(uri).up()
        async with connected(uri) as connection:
            await ensure_ready(connection.fetch)
        return len(changed)

    async with asyncio.TaskGroup() as group:
        nodes = [group.create_task(start()) for _ in range(10)]
    assert sorted(node.result() for node in nodes) == [0] * 9 + [len(ALL)]


async def test_behind_pgbouncer_it_is_the_same(server: PostgresServer, uri: str) -> None:
    with pooled(server) as by_way:
        way = by_way.uri(uri.rpartition("/")[2])
        async with asyncio.TaskGroup() as group:
            nodes = [group.create_task(migrations(way).up()) for _ in range(6)]
        assert sorted(len(node.result()) for node in nodes) == [0] * 5 + [len(ALL)]
        for _ in range(5):
            assert numbers(await migrations(way).reset()) == list(reversed(ALL))
            assert numbers(await migrations(way).up()) == list(ALL)


async def test_who_waits_too_long_for_another_says_so_and_changes_nothing(uri: str) -> None:
    async with connected(uri) as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(x'72696E6777617264'::bigint)")
        with pytest.raises(Unavailable, match="another node is migrating"):
            await migrations(uri, patience_s=0.05).up()
        assert [step.applied_at for step in await migrations(uri).status()] == [None] * len(ALL)
    assert numbers(await migrations(uri).up()) == list(ALL)


async def test_a_database_of_a_newer_version_is_left_alone(uri: str) -> None:
    await migrations(uri).up()
    async with connected(uri) as connection:
        await connection.execute("UPDATE ringward.alembic_version SET version_num = '9999'")
        before = await shape(uri)
        for attempt in (
            migrations(uri).up(),
            migrations(uri).down(),
            migrations(uri).reset(),
            migrations(uri).status(),
        ):
            with pytest.raises(StorageFailed, match=r"at migration 9999.*run the version that"):
                await attempt
        with pytest.raises(StorageFailed, match="at migration 9999"):
            await ensure_ready(connection.fetch)
    assert await shape(uri) == before


async def test_tables_that_are_not_there_or_too_old_are_not_served_from(uri: str) -> None:
    async with connected(uri) as connection:
        with pytest.raises(StorageFailed, match=r"at migration 0 of .*ringward migrate up"):
            await ensure_ready(connection.fetch)
        await migrations(uri).up()
        await migrations(uri).reset()
        with pytest.raises(StorageFailed, match=r"at migration 0 of .*ringward migrate up"):
            await ensure_ready(connection.fetch)


async def test_a_user_who_may_not_make_a_schema_is_told_what_it_needs_and_can_be_given_one(
    server: PostgresServer, uri: str
) -> None:
    name = uri.rpartition("/")[2]
    server.execute(f"CREATE ROLE poor_{name} LOGIN; REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    server.execute(f"GRANT CONNECT ON DATABASE {name} TO poor_{name}")
    poor = migrations(uri.replace("//postgres@", f"//poor_{name}@"))

    with pytest.raises(StorageFailed, match="must own the schema ringward"):
        await poor.up()
    server.execute(f"CREATE SCHEMA ringward AUTHORIZATION poor_{name}", name)
    assert numbers(await poor.up()) == list(ALL)


async def test_the_grants_that_are_documented_are_enough_to_serve(server: PostgresServer, uri: str) -> None:
    await migrations(uri).up()
    name = uri.rpartition("/")[2]
    server.execute(f"CREATE ROLE app_{name} LOGIN")
    server.execute(statements_with("GRANT USAGE").replace("TO app", f"TO app_{name}"), name)
    plain = uri.replace("//postgres@", f"//app_{name}@")

    assert numbers(await migrations(plain).up()) == []
    store = await PostgresStorage.open(PostgresSettings(plain))
    row = RelationTuple("doc", "1", "viewer", "user", "ann")
    try:
        await store.write("t1", [Changeset(tuples_written=[row])])
        await store.write("t1", [Changeset(tuples_deleted=[row])])
        await store.write_schema("t1", "entity user {}")
        await store.create_tenant("t2", "second")
        await store.delete_tenant("t2")
        await store.write_bundles("t1", [Bundle("b", (), ())])
        await store.collect_garbage(0)
        await store.ping()
    finally:
        await store.close()


async def test_a_server_that_is_not_there_is_unavailable(uri: str) -> None:
    with pytest.raises(Unavailable):
        await migrations("postgresql://postgres@127.0.0.1:1/x").up()
    with pytest.raises(StorageFailed, match="does not have the database"):
        await migrations(f"{uri}-not").up()


def test_a_server_too_old_is_refused_by_its_version() -> None:
    with pytest.raises(StorageFailed, match="PostgreSQL 12 is too old: ringward needs 13"):
        ensure_server_supported(120022)
    ensure_server_supported(130000)
    ensure_server_supported(180001)


def test_steps_are_numbered_without_gaps_and_carry_their_numbers() -> None:
    assert list(ALL) == list(range(1, len(ALL) + 1))
    for number, file in steps.files_by_number().items():
        text = (steps.FOLDER / file).read_text(encoding="utf-8")
        assert f'revision = "{number:04d}"' in text
        assert f'down_revision = "{number - 1:04d}"' in text or number == 1
